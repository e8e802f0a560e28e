#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# kernels: 6.1
# timeout: 900
#
# Hosts and a disk with real reservations: a server that is dead, its pathd too, is shut out of the disk by its key; and what a peer
# refuses.
# shellcheck source=tests/vm/lib/sw.sh
. "$SW_LIB/sw.sh"
# shellcheck source=tests/vm/lib/pathd.sh
. "$SW_LIB/pathd.sh"
# shellcheck source=tests/vm/lib/iscsi.sh
. "$SW_LIB/iscsi.sh"
# shellcheck source=tests/vm/lib/cluster.sh
. "$SW_LIB/cluster.sh"

cluster() {
	local host
	cluster_create "$(session_hctl a)" "$(cat "/sys/block/${SESSION_DEV[a]}/device/wwid")" "$1" 'reservations=true' 'stall="5s"'
	for host in "${CLUSTER_HOSTS[@]}"; do
		host_config "$host" 'reservations=true'
	done
}

a_dead_server_is_shut_out() {
	local key_beta
	cluster "beta=$(session_hctl b)"
	cluster_start
	expect_eq 2 "$(keys "${SESSION_DEV[a]}" | wc -l)" "keys of both hosts"
	pathctl switch sw0 beta
	wait_until 30 sw_is sw0 active 1
	writer_start sw0 /dev/sw0 --span $((64 << 10))
	writer_flows sw0 50
	host_kill_all beta
	wait_until 90 sw_is sw0 active 0
	expect_less 0 "$(history_last doubt)" "writes in doubt"
	expect_eq preempt-abort "$(history_last method)" "method"
	key_beta=$(history_last evidence | grep -o '^0x[0-9a-f]*')
	note "proof: $(history_last method) $(history_last evidence)"
	if keys "${SESSION_DEV[a]}" | grep -q "$key_beta"; then fail "the server's key is still there"; fi
	writer_flows sw0 100 60
	writer_stop sw0
	expect_eq 0 "$(writer_get sw0 errors)" "errors"
	writer_verify sw0 "/dev/${SESSION_DEV[a]}"
	# Nothing of beta's gets to the disk, until its pathd is back and knows that nothing is left.
	if dd if=/dev/zero "of=/dev/${SESSION_DEV[b]}" bs=4096 count=1 seek=4096 oflag=direct status=none; then
		fail "a write of the dead server's nexus got through"
	fi
	host_run beta
	wait_until 90 path_is_usable 1
	expect_eq 2 "$(keys "${SESSION_DEV[a]}" | wc -l)" "keys of both hosts again"
}

# Alpha has no path of its own then: the other server shuts the dead one out.
by_another_server() {
	cluster "beta=$(session_hctl b),gamma=$(session_hctl c)"
	cluster_start
	expect_eq 3 "$(keys "${SESSION_DEV[a]}" | wc -l)" "keys of the three hosts"
	pathctl switch sw0 beta
	wait_until 30 sw_is sw0 active 1
	echo offline >"/sys/block/${SESSION_DEV[a]}/device/state"
	wait_until 60 monitor_is sw0 0 failed
	writer_start sw0 /dev/sw0 --span $((64 << 10))
	writer_flows sw0 50
	host_kill_all beta
	wait_until 90 sw_is sw0 active 2
	expect_less 0 "$(history_last doubt)" "writes in doubt"
	expect_eq preempt-abort "$(history_last method)" "method"
	note "proof: $(history_last method) $(history_last evidence)"
	expect_match 'by=gamma' "$(history_last evidence)"
	writer_flows sw0 100 60
	writer_stop sw0
	expect_eq 0 "$(writer_get sw0 errors)" "errors"
	echo running >"/sys/block/${SESSION_DEV[a]}/device/state"
	writer_verify sw0 "/dev/${SESSION_DEV[a]}"
}

lio_target iqn.2026-01.org.example:disk fileio "$SW_RUN/disk.img" 3260
sessions_open iqn.2026-01.org.example:disk a:3260 b:3260 c:3260
test_case "a server that is dead with its pathd is shut out of the disk, and the unit goes on" a_dead_server_is_shut_out
test_case "from a dead server to another one, which shuts it out" by_another_server
