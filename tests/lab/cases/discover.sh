#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# nodes: array alpha beta gamma
# timeout: 2400
#
# Hosts that no configuration names: found by DNS-SD through real avahi-daemons, used when they have shown that they have the cluster's
# key, and told of when they are not used.
# shellcheck source=tests/lab/lib/lab.sh
. "$SW_TOP/tests/lab/lib/lab.sh"
# shellcheck source=tests/lab/lib/avahi.sh
. "$SW_TOP/tests/lab/lib/avahi.sh"
# shellcheck source=tests/lab/lib/reservation.sh
. "$SW_TOP/tests/lab/lib/reservation.sh"

BETA=$(lab_address beta lan) GAMMA=$(lab_address gamma lan)
FOUND=/run/swpath/found-hosts.json

LAB_KNOWN=
LAB_CLUSTER_KEYS='discover = "dns-sd"'
LAB_HOSTS="alpha beta"

# The paths of alpha's unit, by name.
paths_of_alpha() {
	on alpha - <<<"pathctl status --json sw0 | jq -r '[.units[0].paths[] | if .label == \"\" then .kind else .label end] | join(\",\")'"
}

two_find_each_other() {
	avahi_start alpha beta
	hosts_start
	tells 60 alpha 'beta .* yes yes found by dns-sd' peers
	tells 60 beta 'alpha .* yes yes found by dns-sd' peers
	on alpha pathctl status /dev/sw0
	writes_begin
	cut alpha san
	host_waits_for 120 alpha sw_is sw0 active 1
	on alpha writer_flows sw0 50 60
	heal alpha san
	host_settles alpha
	writes_went_on
}

# gamma_announces [GROUP]: with what is in LAB_KEYS.
gamma_announces() {
	on gamma - <<<'pathd_stop; : >"$PATHD_LOG"'
	LAB_CLUSTER_KEYS+=${1:+$'\n'"group = \"$1\""}
	LAB_HOSTS="alpha beta gamma" host_start gamma
}

another_key() {
	local other=$SW_RUN/other host
	avahi_start gamma
	for host in alpha beta gamma; do
		psktool -u $host -p "$other" >/dev/null
	done
	LAB_KEYS=$other gamma_announces
	logs 60 alpha "peer gamma at $GAMMA.*: .*not the same key"
	logs 60 gamma "peer alpha at .*: .*not the same key"
	tells 60 alpha 'gamma .* no no gamma at .*not the same key.*; found by dns-sd' peers
	holds_for 5 eval '[ "$(paths_of_alpha)" = direct,beta ]'
	expect_eq 1 "$(on alpha - <<<"grep -c 'peer gamma at $GAMMA' \"\$PATHD_LOG\"")" "lines"
}

another_group() {
	gamma_announces other
	logs 60 alpha "announced host 'swpath gamma' at $GAMMA.*: it is of the group 'other', this host of 'swpath'"
	logs 60 gamma "announced host 'swpath alpha' at .*: it is of the group 'swpath', this host of 'other'"
	tells 60 alpha 'beta .* yes yes' peers
	expect_not eval 'on alpha pathctl peers | grep gamma'
	holds_for 5 eval '[ "$(paths_of_alpha)" = direct,beta ]'
}

# How often alpha's connection to beta was made.
connections() {
	on alpha - <<<'grep -c "nbd0 .*appeared" "$PATHD_LOG"'
}

put_right() {
	local before
	before=$(connections)
	gamma_announces
	LAB_HOSTS="alpha beta gamma"
	host_has_all_paths gamma 120
	host_has_all_paths alpha 120
	host_has_all_paths beta 120
	expect_eq direct,beta,gamma "$(paths_of_alpha)" "alpha's paths"
	expect_eq "$before" "$(connections)" "connections to beta"
}

avahi_dies() {
	LAB_HOSTS="alpha beta gamma"
	writes_begin
	avahi_kill alpha
	tells 30 alpha 'hosts are not found: avahi-daemon does not run: start it' peers
	logs 10 alpha 'hosts are not found: avahi-daemon does not run: start it'
	tells 60 alpha 'beta .* yes yes found by dns-sd' peers
	holds_for 10 on alpha path_is_usable 1
	# Those that it has found are not forgotten with pathd either.
	reconfigure alpha
	host_has_all_paths alpha 120
	tells 30 alpha 'hosts are not found: avahi-daemon does not run: start it' peers
	on alpha writer_flows sw0 50 60
	avahi_start alpha
	logs 60 alpha 'hosts are looked for'
	expect_not eval 'on alpha pathctl peers | grep "not found"'
	# One that knows nobody finds alpha again.
	on gamma - <<-END
		pathd_stop
		rm $FOUND
		pathd_run
	END
	tells 60 gamma 'alpha .* yes yes found by dns-sd' peers
	host_has_all_paths gamma 120
	writes_went_on
}

# alpha_knows_beta [SED...]: and nobody else, because no avahi announces gamma. What cases before left on the disk is void.
alpha_knows_beta() {
	local host
	avahi_stop gamma
	for host in alpha beta gamma; do
		on $host - <<<"pathd_stop; rm -f $FOUND"
	done
	reservations_forgotten
	for host in gamma beta; do
		reconfigure $host "$@"
	done
	reconfigure alpha "$@" "\$a [[cluster.peer]]\nname = \"beta\"\naddress = \"$BETA\""
	host_settles alpha
	expect_eq direct,beta "$(paths_of_alpha)" "alpha's paths"
}

served_by_beta_that_dies() {
	cut alpha san
	host_waits_for 120 alpha sw_is sw0 active 1
	on alpha writer_flows sw0 50 60
	kill_node beta
	host_waits_for 60 alpha sw_is sw0 state verify
	on alpha holds_for 5 sw_is sw0 state verify
	avahi_start gamma
}

beta_dies() {
	alpha_knows_beta
	writes_begin
	served_by_beta_that_dies
	host_waits_for 120 alpha sw_is sw0 active 2
	on alpha writer_flows sw0 50 60
	tells 60 alpha 'gamma .* yes yes found by dns-sd' peers
	heal alpha san
	host_waits_for 120 alpha path_is_usable 0
	writes_went_on
}

with_a_reservation() {
	start_node beta
	host_waits_for 120 beta test -b /dev/sw0
	alpha_knows_beta 's/^reservations=.*/reservations=false/'
	reservation_begins alpha beta
	host_waits_for 60 alpha path_is_usable 1
	reservation_survives served_by_beta_that_dies
}

test_case "two hosts that name no other find each other, and each is served by the other" two_find_each_other
test_case "a host with another key is found and not used, and both say why" another_key
test_case "a host of another group is not used, and both say why" another_group
test_case "put right, it is found and used, and what was there is left alone" put_right
test_case "avahi-daemon killed: told, nothing else changes, and hosts are found again when it is back" avahi_dies
test_case "alpha knows beta alone, which is killed: on through gamma, which is found then, nothing lost" beta_dies
test_case "the same with a reservation made through the unit: it holds (P7)" with_a_reservation
