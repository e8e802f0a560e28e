#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# kernels: 6.1
# timeout: 900
#
# Hosts that know each other: alpha keeps the unit, beta, and once gamma, serve their own direct paths to the same disk. A switch to,
# from and by a peer needs nobody: the peer attests, exports, revokes, and carries out the fence through its nexus.
# shellcheck source=tests/vm/lib/sw.sh
. "$SW_LIB/sw.sh"
# shellcheck source=tests/vm/lib/pathd.sh
. "$SW_LIB/pathd.sh"
# shellcheck source=tests/vm/lib/cluster.sh
. "$SW_LIB/cluster.sh"

# So few blocks that each is written again soon after a switch.
SPAN=$((64 << 10))

cluster() {
	disks_heal
	cluster_create "$(pathd_hctl 0)" "$(disk_wwid 0)" "${1:-beta=$(pathd_hctl 1)}" "${@:2}"
}

ends_without_harm() {
	writer_flows sw0 100 60
	stops_without_harm
}

# stops_without_harm [PATH_NO=0]. What comes late must find the log as it stands: I/O that went on would write over it.
stops_without_harm() {
	writer_stop sw0
	expect_eq 0 "$(writer_get sw0 errors)" "errors"
	note "held $(writer_get sw0 longest_ms) ms; proof: $(history_last method) $(history_last evidence)"
	writer_verify sw0 "$(disk_dev "${1:-0}")"
	pathctl history sw0
}

members_are() {
	[ "$(pathctl peers --json | jq -r '.phase + " " + (.members | join(","))')" = "$1" ]
}

servers_are() {
	[ "$(pathctl status sw0 --json | jq -r '[.units[0].servers[].host] | join(",")')" = "$1" ]
}

# CLIENT STATE of each export of beta's that has been used.
beta_serves() {
	[ "$(host_pathctl beta exports --json |
		jq -r '.exports[] | select(.requests > 0) | .client + " " + .state')" = "$1" ]
}

explained() {
	pathctl explain "$1" | tr -s ' \n' ' '
}

to_a_peer_and_back() {
	cluster
	cluster_start
	wait_until 30 members_are "complete alpha,beta"
	note "$(pathctl peers)"
	# Known before it is needed.
	wait_until 30 servers_are beta
	writer_start sw0 /dev/sw0 --span $SPAN
	pathctl switch sw0 beta
	wait_until 30 sw_is sw0 active 1
	writer_flows sw0 50
	expect_less 0 "$(disk_get 1 writes)" "writes through beta"
	wait_until 20 beta_serves "alpha open"
	note "$(host_pathctl beta exports)"
	expect_match 'Peer beta attests the disk .* I/O goes over served beta, though direct' "$(explained sw0)"
	expect_match 'LOGICAL UNIT RESET through served beta.*beta revokes its export' "$(explained sw0)"
	expect_match "leads to the same disk at $(pathd_hctl 2), and is not used" "$(explained "$(disk_dev 2)")"
	note "$(pathctl explain sw0)"
	pathctl failback sw0
	wait_until 30 sw_is sw0 active 0
	ends_without_harm
}

# Beta serves, and its data vanish; its pathd is still there to be asked.
beta_is_cut_off() {
	writer_start sw0 /dev/sw0 --span $SPAN
	writer_flows sw0 50
	peer_exec beta iptables -I INPUT -p tcp --dport 10809 -j DROP
	wait_until 60 sw_is sw0 active "$1"
	expect_eq export-revoked "$(history_last method)" "method"
	expect_less 0 "$(history_last doubt)" "writes in doubt"
}

# The bytes of requests that TCP has for beta's server, of the connection that pathd has closed, too.
on_its_way() {
	ss -Hatn "dst $(peer_address beta) and dport = :10809" | awk '{ n += $3 } END { print n + 0 }'
}

nothing_is_on_its_way() {
	[ "$(on_its_way)" -eq 0 ]
}

writes_by_beta_are() {
	[ "$(disk_get 1 writes)" -eq "$1" ]
}

# Beta is heard again, and with it what TCP has kept of the old connection: it gets to nobody, or into an export that is revoked. The
# writer has stopped, so whatever is written through beta now is such a write.
beta_comes_back() {
	local writes
	writes=$(disk_get 1 writes)
	expect_less 4096 "$(on_its_way)" "bytes on their way"
	peer_exec beta iptables -F
	wait_until 120 nothing_is_on_its_way
	holds_for 2 writes_by_beta_are "$writes"
	wait_until 60 path_is_usable 1
	expect_eq "$writes" "$(disk_get 1 writes)" "writes through beta"
	writer_verify sw0 "$(disk_dev 0)"
}

a_cut_export_is_revoked() {
	cluster
	cluster_start
	pathctl switch sw0 beta
	wait_until 30 sw_is sw0 active 1
	beta_is_cut_off 0
	ends_without_harm
	# It gets a new export, in a later epoch.
	beta_comes_back
	pathctl switch sw0 beta
	wait_until 30 sw_is sw0 active 1
}

the_direct_path_is_fenced_by_the_peer() {
	cluster
	cluster_start
	writer_start sw0 /dev/sw0 --span $SPAN
	writer_flows sw0 50
	disk_hang_keeping_writes 0
	wait_until 90 sw_is sw0 active 1
	expect_less 0 "$(history_last doubt)" "writes in doubt"
	expect_eq lu-reset "$(history_last method)" "method"
	expect_eq reset,by=beta "$(history_last evidence)" "evidence"
	writer_flows sw0 200 60
	# What the disk had been given is gone from it; else it would land over newer data now.
	expect_eq 0 "$(disk_get 0 ghosts)" "writes that the disk still has"
	stops_without_harm 1
	disk_ghosts_land 0
	writer_verify sw0 "$(disk_dev 1)"
	disk_heal 0
}

# With no direct path left, and beta's data cut off: beta revokes, gamma serves.
from_server_to_server() {
	cluster "beta=$(pathd_hctl 1),gamma=$(pathd_hctl 2)"
	cluster_start
	pathctl switch sw0 beta
	wait_until 30 sw_is sw0 active 1
	disk_fail 0
	wait_until 60 monitor_is sw0 0 failed
	beta_is_cut_off 2
	writer_flows sw0 100 60
	expect_less 0 "$(disk_get 2 writes)" "writes through gamma"
	disk_heal 0
	ends_without_harm
	beta_comes_back
}

# By its administrator's word, while alpha uses it.
a_server_is_told_to_serve_no_more() {
	cluster
	cluster_start
	writer_start sw0 /dev/sw0 --span $SPAN
	pathctl switch sw0 beta
	wait_until 30 sw_is sw0 active 1
	writer_flows sw0 50
	host_config beta enabled=false
	host_pathctl beta reload
	wait_until 60 sw_is sw0 active 0
	wait_until 30 beta_serves "alpha drained"
	note "proof: $(history_last method) $(history_last evidence)"
	writer_flows sw0 50
	# And it may serve again.
	host_config beta
	host_pathctl beta reload
	wait_until 60 path_is_usable 1
	pathctl switch sw0 beta
	wait_until 30 sw_is sw0 active 1
	writer_flows sw0 50
	pathctl failback sw0
	wait_until 30 sw_is sw0 active 0
	ends_without_harm
}

# As one line: status folds long ones.
status_says() {
	pathctl status sw0 | tr -s ' \n' ' ' | grep -Eq "$1"
}

# What beta's path leads to changes: DISK_FUNCTION VALUE, and the kernel of beta sees it anew.
beta_leads_to() {
	disk_delete 1
	"$1" 1 "$2"
	disk_rescan 1
}

# Its power was off: it knows of the disk what the disk says.
beta_boots() {
	host_kill_all beta
	rm -rf "$(host_dir beta)"/run/*
	: >"$(host_dir beta)/log"
	host_start beta
}

stays_out() {
	! path_is_usable 1 && sw_is sw0 active 0
}

beta_asks() {
	[ -n "$(ss -Htn state established "sport = :10808 and dst $(peer_address beta)")" ]
}

beta_asks_no_more() {
	! beta_asks
}

beta_answers() {
	[ "$(pathctl peers --json | jq -r '.peers[] | select(.name == "beta") | .reachable')" = "$1" ]
}

# Alpha has nothing to send on the connection that beta asks by: only TCP itself can find out.
a_host_vanishes() {
	cluster
	cluster_start
	wait_until 30 beta_asks
	peer_blackhole beta
	wait_until 60 beta_asks_no_more
	wait_until 30 beta_answers false
	peer_heal beta
	wait_until 60 beta_answers true
	wait_until 60 beta_asks
	wait_until 30 members_are "complete alpha,beta"
	wait_until 60 path_is_usable 1
}

host_serves_anew() { # PID that does not any more
	local server
	server=$(host_server beta)
	[ -n "$server" ] && [ "$server" != "$1" ]
}

in_trouble() {
	! path_is_usable "$1"
}

is_killed() {
	[ "$(awk '/^State:/ { print $2 }' "/proc/$1/status")" = Z ]
}

# Its thread waits for the disk in the kernel, and cannot be killed: it keeps what the process had open.
a_server_dies_with_its_disk_hanging() {
	local server
	cluster
	cluster_start
	server=$(host_server beta)
	disk_freeze 1
	wait_until 60 in_trouble 1
	kill -KILL "$server"
	wait_until 20 is_killed "$server"
	wait_until 60 host_serves_anew "$server"
	expect is_killed "$server"
	expect host_said beta 'was killed and does not end'
	expect sw_is sw0 active 0
	disk_thaw 1
	wait_until 60 [ ! -e "/proc/$server" ]
	wait_until 60 path_is_usable 1
}

# Both kinds of another disk behind beta, while alpha writes. One of another name is beta's to keep out. One of the same name, a copy,
# beta takes for the disk if it has never seen that: alpha, which has, compares all that it says of itself.
a_peer_with_another_disk() {
	local writes
	cluster
	cluster_start
	writer_start sw0 /dev/sw0 --span $SPAN
	writer_flows sw0
	writes=$(disk_get 1 writes)
	beta_leads_to disk_swap 2
	wait_until 60 stays_out
	wait_until 30 status_says 'beta has no direct path that is proved'
	holds_for 4 stays_out
	beta_leads_to disk_swap 1
	wait_until 60 path_is_usable 1

	beta_leads_to disk_copy on
	wait_until 60 stays_out
	beta_boots
	wait_until 60 status_says 'beta has another disk: '
	note "$(pathctl status sw0)"
	holds_for 4 stays_out
	expect_not pathctl switch sw0 beta
	expect_eq "$writes" "$(disk_get 1 writes)" "writes through beta"
	beta_leads_to disk_copy off
	beta_boots
	wait_until 60 path_is_usable 1
	pathctl switch sw0 beta
	wait_until 30 sw_is sw0 active 1
	ends_without_harm
}

disk_create 32 3
test_case "a unit goes to a peer and back, and loses nothing" to_a_peer_and_back
test_case "a server that is not heard any more is revoked by its pathd, and the unit goes on" a_cut_export_is_revoked
test_case "a direct path that hangs with writes inside is fenced through the peer's nexus" the_direct_path_is_fenced_by_the_peer
test_case "from one server to another: the first revokes, the second serves" from_server_to_server
test_case "a host that is told to serve no more ends its exports, and its client goes on (P1)" a_server_is_told_to_serve_no_more
test_case "a server that dies while its disk hangs is followed by another (P5)" a_server_dies_with_its_disk_hanging
test_case "a host that vanishes without a word is noticed on both sides, and is one again when it is back" a_host_vanishes
test_case "a peer that has another disk, of the same name too, is no path (P3)" a_peer_with_another_disk
