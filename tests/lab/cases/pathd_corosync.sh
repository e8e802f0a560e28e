#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# nodes: array alpha beta gamma
# timeout: 1200
#
# pathd with engine = "corosync" on real corosync: who is a member, what becomes of a host whose corosync or swpath-members is killed or
# stands still, and that a switch never waits for either.
# shellcheck source=tests/lab/lib/lab.sh
. "$SW_TOP/tests/lab/lib/lab.sh"
# shellcheck source=tests/lab/lib/quorum.sh
. "$SW_TOP/tests/lab/lib/quorum.sh"

ALL="alpha beta gamma"

# "complete alpha beta": the phase, the members.
members_of() {
	on "$1" pathctl peers --json | jq -r '.phase + " " + (.members | join(" "))'
}

are_together() {
	local host
	for host in "$@"; do
		[ "$(members_of "$host")" = "complete $*" ] || return
	done
}

has_left() {
	[ "$(members_of "$1")" = "no membership " ]
}

trouble_of() {
	on "$1" pathctl peers --json | jq -r .trouble
}

trouble_is() {
	[[ $(trouble_of "$1") =~ $2 ]]
}

peers_show() {
	echo "--- peers of $1"
	on "$1" pathctl peers
}

# To beta and back on alpha: how long it takes.
switch_ms() {
	on alpha - <<-'END' | tail -n 1
		began=$(date +%s%3N)
		timeout 30 pathctl switch sw0 beta
		wait_until 30 sw_is sw0 active 1
		timeout 30 pathctl switch sw0 direct
		wait_until 30 sw_is sw0 active 0
		echo $(($(date +%s%3N) - began))
	END
}

# An order waits for nobody, so it takes what it takes when nothing is wrong, and what a busy machine adds (4 s were seen); who waited
# for corosync would do so for 30 s. That no step of pathd's takes a second is a unit test's.
switch_at_once() {
	local ms
	ms=$(switch_ms)
	note "$1: there and back in $ms ms"
	expect_less "$ms" "$(($(cat "$SW_RUN/switch_ms") + 10000))" "ms $1"
}

they_come_together() {
	local host
	# shellcheck disable=SC2086 # a word each
	wait_until 120 are_together $ALL
	for host in $ALL; do
		expect_eq corosync "$(on "$host" pathctl peers --json | jq -r .engine)" "engine of $host"
		expect_eq "" "$(trouble_of "$host")" "trouble of $host"
	done
	peers_show alpha
	switch_ms >"$SW_RUN/switch_ms"
	note "undisturbed: there and back in $(cat "$SW_RUN/switch_ms") ms"
}

corosync_is_killed() {
	defer peers_show alpha
	writes_begin
	on alpha pkill -KILL -x corosync
	wait_until 60 has_left alpha
	wait_until 60 trouble_is alpha 'corosync does not answer'
	wait_until 60 are_together beta gamma
	switch_at_once "without corosync"
	corosync_start alpha
	# shellcheck disable=SC2086
	wait_until 120 are_together $ALL
	expect_eq "" "$(trouble_of alpha)" "trouble"
	writes_went_on 4
}

corosync_stands_still() {
	defer peers_show alpha
	writes_begin
	on alpha pkill -STOP -x corosync
	wait_until 60 has_left alpha
	wait_until 60 trouble_is alpha 'has not answered for 5 s'
	wait_until 60 are_together beta gamma
	switch_at_once "corosync stands still"
	on alpha pkill -CONT -x corosync
	# shellcheck disable=SC2086
	wait_until 120 are_together $ALL
	writes_went_on 4
}

# is_replaced HOST PID: another swpath-members runs there, and no other.
is_replaced() {
	[[ $(on "$1" pgrep -x swpath-members) =~ ^[0-9]+$ ]] && [ "$(on "$1" pgrep -x swpath-members)" != "$2" ]
}

the_process_is_killed_or_stands_still() {
	local signal before
	defer peers_show alpha
	writes_begin
	for signal in KILL STOP; do
		before=$(on alpha pgrep -x swpath-members)
		on alpha pkill "-$signal" -x swpath-members
		switch_at_once "after SIG$signal to swpath-members"
		wait_until 60 is_replaced alpha "$before"
		# shellcheck disable=SC2086
		wait_until 120 are_together $ALL
	done
	writes_went_on 4
}

pathd_is_killed() {
	local rounds
	rounds=$(on alpha pathctl peers --json | jq .rounds)
	on beta pkill -KILL -x pathd
	wait_until 60 are_together alpha gamma
	on beta pathd_run
	# shellcheck disable=SC2086
	wait_until 120 are_together $ALL
	expect_less "$rounds" "$(on alpha pathctl peers --json | jq .rounds)" "rounds of alpha"
	expect_eq 1 "$(on beta pgrep -c -x swpath-members)" "processes on beta"
}

lan_is_cut() {
	cut gamma lan
	wait_until 120 are_together alpha beta
	wait_until 120 are_together gamma
	heal gamma lan
	# shellcheck disable=SC2086
	wait_until 120 are_together $ALL
}

gamma_restarts_as() {
	cat >"$LAB/gamma/share/swpath.toml"
	on gamma - <<-'END'
		pkill -TERM -x pathd
		is_gone() { ! pgrep -x pathd >/dev/null; }
		wait_until 30 is_gone
		cp "$LAB_SHARE/swpath.toml" /etc/swpath/swpath.toml
		pathd_run
	END
}

two_have_one_name() {
	defer peers_show gamma
	gamma_restarts_as <<-END
		[cluster]
		name = "beta"
		key_file = "/etc/swpath/keys"
		plain = true
		listen = "$(lab_address gamma lan)"
		engine = "corosync"
		[[cluster.peer]]
		name = "alpha"
		address = "$(lab_address alpha lan)"
	END
	wait_until 120 trouble_is gamma "both have the name 'beta'"
	wait_until 120 trouble_is alpha "both have the name 'beta'"
	wait_until 120 are_together alpha beta
	has_left gamma
	gamma_restarts_as <"$LAB/gamma/share/etc/swpath/swpath.toml"
	# shellcheck disable=SC2086
	wait_until 120 are_together $ALL
	expect_eq "" "$(trouble_of alpha)" "trouble"
}

LAB_CLUSTER_KEYS='engine = "corosync"'
# shellcheck disable=SC2046 # a word each
corosync_start $(hosts)
hosts_start
test_case "three hosts come together through corosync" they_come_together
test_case "corosync is killed on one host: it says why, its unit goes on, a switch does not wait; it comes back" corosync_is_killed
test_case "corosync stands still on one host: the same" corosync_stands_still
test_case "swpath-members is killed, or stands still: nobody waits for it, and it is replaced" the_process_is_killed_or_stands_still
test_case "pathd is killed and is back: a round without it, and one with it" pathd_is_killed
test_case "lan is cut and healed: both sides are complete alone, and together" lan_is_cut
test_case "a second host with the same name is refused, and both are told" two_have_one_name
