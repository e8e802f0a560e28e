#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# timeout: 1500
#
# pathd's marks in the real lock manager: what both hosts tell of a bus, and what becomes of that when the lock manager is not there,
# when who holds a lock is killed, when there is no quorum, and when a host is dead. No switch waits for any of it.
# shellcheck source=tests/lab/lib/lab.sh
. "$SW_TOP/tests/lab/lib/lab.sh"
# shellcheck source=tests/lab/lib/quorum.sh
. "$SW_TOP/tests/lab/lib/quorum.sh"

# shellcheck disable=SC2016 # no variable
BUS='$17$B'
MARK='.buses[0] | "\(.bus) \(.lock) \(.marked) \(.shared) \(.serves) \(.server) \(.epoch) \(.disk)"'

hints() { # HOST JQ-FILTER
	on "$1" pathctl hints --json | jq -r "$2"
}

hints_are() { # HOST JQ-FILTER WANTED
	[ "$(hints "$1" "$2")" = "$3" ]
}

hints_match() { # HOST JQ-FILTER REGEX
	[[ $(hints "$1" "$2") =~ $3 ]]
}

hints_show() {
	echo "--- hints of $1"
	on "$1" pathctl hints
}

marks_are_alike() {
	local mark
	mark=$(hints alpha "$MARK")
	hints_are beta "$MARK" "$mark"
}

both_know() {
	local host
	for host in alpha beta; do
		wait_until 120 hints_are "$host" '"\(.state) \(.trouble)"' 'ready '
		wait_until 60 hints_are "$host" '[.ports[] | "\(.bus) \(.given) \(.shared)"] | join(",")' "$BUS true true"
		wait_until 60 hints_are "$host" '.buses[0] | "\(.held) \(.marked) \(.shared)"' 'true true true'
	done
	wait_until 60 marks_are_alike
}

# Alpha's cable to the array pulled: how long until it goes on through beta.
pull_ms() {
	local began
	began=$(now_ms)
	cut alpha san
	host_waits_for 90 alpha sw_is sw0 active 1
	echo $(($(now_ms) - began))
}

nobody_manages_locks() {
	local host
	for host in alpha beta; do
		wait_until 60 hints_are "$host" .state down
		wait_until 60 hints_match "$host" .trouble "join lock space 'swpath'.*dlm_controld"
	done
	hints_show alpha
	writes_begin
	pull_ms >"$SW_RUN/pull_ms"
	note "without a lock manager: away in $(cat "$SW_RUN/pull_ms") ms"
	heal alpha san
	host_settles alpha
	writes_went_on 4
}

the_lock_manager_comes() {
	quorum_start
	both_know
	hints_show alpha
	hints_show beta
	expect_eq "dlm swpath 1" "$(hints alpha '"\(.engine) \(.lockspace) \(.number)"')" "alpha"
	expect_eq "dlm swpath 2" "$(hints beta '"\(.engine) \(.lockspace) \(.number)"')" "beta"
	expect_match '^.17.B swbus.17.B true true true [12] [0-9]+ [0-9a-f]{16}$' "$(hints alpha "$MARK")" "the mark"
	expect_match 'shared, another host has told of a disk there that is here too' "$(hints alpha '.ports[0].text')" "why on alpha"
	expect_match 'shared, another host has told of a disk there that is here too' "$(hints beta '.ports[0].text')" "why on beta"
	expect_eq "1" "$(for host in alpha beta; do hints $host '.buses[0].own'; done | grep -c true)" "hosts whose mark it is"
}

# Somebody has been told that the value is not valid.
is_invalid() {
	local host
	for host in alpha beta; do
		! on "$host" pathd_said 'hints: bus .* its mark is not valid: it was left half-written' || return 0
	done
	return 1
}

# A third holder.
killed_with_exclusive() {
	local epoch
	both_know
	epoch=$(hints alpha '.buses[0].epoch')
	defer locks_show alpha
	locks_killed_in_exclusive alpha "swbus$BUS" wait_for 100 is_invalid
	both_know
	hints_show beta
	expect_less "$epoch" "$(hints alpha '.buses[0].epoch')" "epoch"
}

is_replaced() { # HOST PID
	hints_match "$1" '"\(.state) \(.process)"' '^ready [1-9]' && ! hints_are "$1" .process "$2"
}

its_process_is_killed() {
	local before mark
	both_know
	mark=$(hints alpha "$MARK")
	before=$(hints alpha .process)
	on alpha kill -KILL "$before"
	wait_until 60 is_replaced alpha "$before"
	both_know
	expect_eq "$mark" "$(hints alpha "$MARK")" "the mark"
	on alpha pathd_said 'hints: no lock space: its process .* has ended'
	expect_eq 1 "$(on alpha pgrep -c -x swpath-lockspac)" "processes"
}

is_stopped() {
	hints_match "$1" '"\(.state) \(.trouble)"' '^stopped .*quorum'
}

is_ready() {
	hints_are "$1" '"\(.state) \(.trouble)"' 'ready '
}

# pathd tells the mark from memory: another holder asks the lock manager.
lock_manager_has() { # MARK
	locks_start alpha
	locks_say alpha "hold swbus$BUS"
	locks_tell 60 alpha "^held .* valid 5357[0-9a-f]*${1##* }"
	on alpha - <<-'END'
		kill "$(cat /run/locks.pid)"
		wait_until 30 process_is_gone "$(cat /run/locks.pid)"
	END
}

# Alone, alpha has no quorum: an administrator says that one vote is enough.
one_vote_is_enough() {
	on alpha corosync-quorumtool -e 1
	wait_until 90 is_ready alpha
}

no_quorum() {
	local ms mark
	both_know
	mark=$(hints alpha "$MARK")
	defer hints_show alpha
	writes_begin
	on beta pkill -KILL -x corosync
	wait_until 90 is_stopped alpha
	hints_show alpha
	ms=$(pull_ms)
	note "without quorum: away in $ms ms"
	# What it takes without a lock manager, and what a busy machine adds.
	expect_less "$ms" "$(($(cat "$SW_RUN/pull_ms") + 10000))" "ms without quorum"
	on alpha writer_flows sw0 50 60
	heal alpha san
	host_settles alpha
	expect is_stopped alpha
	one_vote_is_enough
	expect_eq "$mark" "$(hints alpha "$MARK")" "the mark"
	lock_manager_has "$mark"
	writes_went_on 4
}

# Beta's kernel does not let another dlm_controld have what the last one left: it boots.
comes_back() {
	local mark
	mark=$(hints alpha "$MARK")
	defer hints_show alpha
	defer hints_show beta
	reboot_node beta
	corosync_start beta
	lock_manager_start beta
	both_know
	expect_eq "$mark" "$(hints beta "$MARK")" "the mark"
}

is_alone() {
	[ "$(quorum_members alpha)" = "$(lab_address alpha lan)" ]
}

a_host_is_killed() {
	local mark
	both_know
	mark=$(hints alpha "$MARK")
	defer hints_show alpha
	writes_begin
	kill_node beta
	wait_until 60 is_alone
	one_vote_is_enough
	expect_eq "$mark" "$(hints alpha "$MARK")" "the mark"
	lock_manager_has "$mark"
	expect_eq "true true" "$(hints alpha '"\(.ports[0].shared) \(.buses[0].held)"')" "alpha"
	writes_went_on 4
}

LAB_MAJORITY=yes
LAB_HINTS_KEYS="engine = \"dlm\"
[[hints.bus]]
port = \"host*\"
name = \"$BUS\""
# shellcheck disable=SC2119 # with its defaults
hosts_start
test_case "without a lock manager both hosts say so, and alpha goes through beta when its cable is pulled" nobody_manages_locks
test_case "the lock manager comes: both hosts hold the bus, tell one mark of it, and know it to be shared" the_lock_manager_comes
test_case "a holder killed with EX leaves a mark that is not valid: it is said, not trusted, and left anew" killed_with_exclusive
test_case "the process of alpha's lock space is killed: it is replaced, and holds what it held" its_process_is_killed
test_case "no quorum: alpha says so, its cable pulled waits for nothing, and the mark goes on with the quorum" no_quorum
test_case "beta boots: it finds the mark that there was" comes_back
test_case "beta is killed: its mark outlives it" a_host_is_killed
