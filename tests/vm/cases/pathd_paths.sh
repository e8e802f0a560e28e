#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# kernels: 6.1
# also: 6.12
# timeout: 900
#
# pathd builds a unit and keeps it through what happens to its paths.
# shellcheck source=tests/vm/lib/sw.sh
. "$SW_LIB/sw.sh"
# shellcheck source=tests/vm/lib/pathd.sh
. "$SW_LIB/pathd.sh"

start() {
	pathd_rig "$@"
	pathd_start
	expect_eq 0 "$(sw_get sw0 active)" "active path"
}

builds_unit() {
	start
	expect_eq "8:0" "$(sw_path_get sw0 0 device | sed 's/:.*/:0/')" "a SCSI disk"
	expect_match '^43:' "$(sw_path_get sw0 1 device)"
	expect_match 'fence drain' "$(dmsetup table sw0)"
	expect_match ' stall_ms 3000 ' "$(dmsetup table sw0)"
	expect_eq "$(cat "$SW_RUN/pathd.wwid")" "$(dmsetup info -c --noheadings -o uuid sw0 | sed 's/^SW-//')"
}

no_daemon_needed_on_the_way() {
	# A ticket lives for three intervals.
	start 'check_interval="10s"'
	writer_start sw0 /dev/sw0 --span $((8 << 20))
	wait_until 30 path_is_usable 1
	pathd_kill
	disk_offline 0
	wait_until 10 sw_is sw0 active 1
	writer_flows sw0
	writer_stop sw0
	writer_verify sw0 "$(disk_dev 1)"
}

error_and_failback() {
	start
	writer_start sw0 /dev/sw0 --span $((8 << 20))
	disk_fail 0
	wait_until 20 sw_is sw0 active 1
	writer_flows sw0
	wait_until 20 sw_path_is sw0 0 state failed
	disk_heal 0
	wait_until 60 sw_is sw0 active 0
	expect_eq failback "$(history_last reason)"
	writer_flows sw0
	writer_stop sw0
	expect_eq 0 "$(writer_get sw0 errors)" "errors"
	writer_verify sw0 "$(disk_dev 0)" "$(disk_dev 1)"
	tells_what_happened
}

# The certificate of a failback has the proof of identity that it rests on, and the picture has all of it.
tells_what_happened() {
	local last picture=$SW_RUN/sw0.svg
	last=$(pathctl history sw0 --json | jq -c '.units[0].history[-1]')
	expect_eq "vpd83+capacity+medium" "$(jq -r .identity <<<"$last")" "identity"
	expect_match '^20..-..-..T' "$(jq -r .proved <<<"$last")"
	expect_match '^[0-9]+$' "$(jq -r .prove_us <<<"$last")"
	# It is over when all that was held has been sent on, after the switch was told of.
	expect_eq "$(history_last release_us)" "$(jq -r .release_us <<<"$last")" "release_us"
	pathctl history sw0 --svg - >"$picture"
	expect python3 -c 'import sys, xml.etree.ElementTree as tree; tree.parse(sys.argv[1])' "$picture"
	expect grep -q '>failback<' "$picture"
	expect grep -q 'identity: vpd83+capacity+medium' "$picture"
	expect_not grep -q 'No samples' "$picture"
	# At least the unit's coming up, the failure of the path, the switch and the way back.
	expect_less 4 "$(printf '{"method":"io.swpath.Control.Flight","parameters":{"unit":"sw0"}}\0' |
		socat -t 5 - UNIX-CONNECT:/run/swpath/pathd.sock | tr -d '\0' | jq '.parameters.samples | length')" "samples"
}

hang_within_stall_budget() {
	start
	writer_start sw0 /dev/sw0 --span $((8 << 20))
	disk_hang 0
	wait_until 60 sw_is sw0 active 1
	writer_flows sw0
	writer_stop sw0
	expect_eq 0 "$(writer_get sw0 errors)" "errors"
	# Budget 3 s; what is above it is the VM's slowness in error handling.
	expect_less "$(writer_get sw0 longest_ms)" 12000 "longest I/O in ms"
	disk_heal 0
	wait_until 60 sw_is sw0 active 0
	writer_verify sw0 "$(disk_dev 0)" "$(disk_dev 1)"
}

deleted_and_rescanned() {
	start
	writer_start sw0 /dev/sw0 --span $((8 << 20))
	disk_delete 0
	wait_until 30 sw_is sw0 active 1
	wait_until 60 sw_path_is sw0 0 state absent
	writer_flows sw0
	disk_rescan 0
	wait_until 60 sw_path_is sw0 0 state ready
	wait_until 60 sw_is sw0 active 0
	writer_flows sw0
	writer_stop sw0
	expect_eq 0 "$(writer_get sw0 errors)" "errors"
	writer_verify sw0 "$(disk_dev 0)" "$(disk_dev 1)"
}

server_dies_and_returns() {
	start
	peer_kill beta
	wait_until 60 sw_path_is sw0 1 state absent
	peer_restart beta
	wait_until 60 path_is_usable 1
	expect_eq 0 "$(sw_get sw0 active)" "active path"
}

served_hang() {
	start
	writer_start sw0 /dev/sw0 --span $((8 << 20))
	disk_fail 0
	wait_until 20 sw_is sw0 active 1
	writer_flows sw0
	peer_stall beta
	disk_heal 0
	wait_until 60 sw_is sw0 active 0
	writer_flows sw0
	writer_stop sw0
	expect_eq 0 "$(writer_get sw0 errors)" "errors"
	peer_continue beta
	wait_until 60 path_is_usable 1
	# What the stalled server had taken in may still land; that is what the fence of the next
	# version is for. Here fence=drain was asked for, so only the errors are judged.
}

both_down_one_returns() {
	start
	writer_start sw0 /dev/sw0 --span $((8 << 20))
	peer_kill beta
	wait_until 60 sw_path_is sw0 1 state absent
	disk_fail 0
	wait_until 30 sw_is sw0 state verify
	disk_heal 0
	wait_until 60 sw_is sw0 state online
	writer_flows sw0
	writer_stop sw0
	expect_eq 0 "$(writer_get sw0 errors)" "errors"
	writer_verify sw0 "$(disk_dev 0)"
}

both_gone_one_returns() {
	start
	writer_start sw0 /dev/sw0 --span $((8 << 20))
	peer_kill beta
	wait_until 60 sw_path_is sw0 1 state absent
	disk_delete 0
	wait_until 30 sw_is sw0 state verify
	disk_rescan 0
	wait_until 60 sw_is sw0 state online
	writer_flows sw0
	writer_stop sw0
	expect_eq 0 "$(writer_get sw0 errors)" "errors"
	writer_verify sw0 "$(disk_dev 0)"
}

up_on_served_alone() {
	pathd_rig
	disk_offline 0
	pathd_run
	wait_until 60 sw_is sw0 state online
	expect_eq 1 "$(sw_get sw0 active)" "active path"
	expect_eq absent "$(sw_path_get sw0 0 state)"
	disk_heal 0
	wait_until 60 sw_is sw0 active 0
}

# As on a host with two HBAs: nobody has written which disk is which path.
both_of_this_host() {
	local first
	disks_heal
	defer pathd_clean
	: >"$PATHD_LOG"
	mkdir -p /etc/swpath
	printf '[defaults]\ndirect_paths = 2\ncheck_interval = "1s"\nfailback = {policy="auto",interval="1s",stable="2s"}\n[unit.sw0]\nwwid = "%s"\n' \
		"$(disk_wwid 0)" >/etc/swpath/swpath.toml
	pathd_start
	first=0
	[ "$(sw_path_get sw0 0 device)" = "$(cat "/sys/block/$(disk_name 0)/dev")" ] || first=1
	expect_eq "$(cat "/sys/block/$(disk_name $((1 - first)))/dev")" "$(sw_path_get sw0 1 device)" "the second path"
	writer_start sw0 /dev/sw0 --span $((8 << 20))
	disk_offline $first
	wait_until 20 sw_is sw0 active 1
	writer_flows sw0
	disk_heal $first
	wait_until 60 sw_is sw0 active 0
	writer_flows sw0
	writer_stop sw0
	expect_eq 0 "$(writer_get sw0 errors)" "errors"
	writer_verify sw0 "$(disk_dev 0)" "$(disk_dev 1)"
}

swap_paths() {
	local file=/etc/swpath/swpath.toml
	awk '/^\[\[unit/ { part++ } { text[part + 0] = text[part + 0] $0 "\n" } END { printf "%s%s%s", text[0], text[2], text[1] }' \
		$file >$file.new
	mv $file.new $file
}

table_begins_with() {
	[ "$(sw_path_get sw0 0 kind)" = "$1" ]
}

other_paths_in_the_middle() {
	start 'fence="prove"'
	pathd_use 1
	writer_start sw0 /dev/sw0 --span $((64 << 10))
	writer_flows sw0
	peer_stall beta
	wait_until 60 sw_is sw0 phase prove
	expect_less 0 "$(sw_get sw0 doubt)" "writes in doubt"
	swap_paths
	expect_not pathctl reload
	expect_match 'sw0: writes are in doubt, or on their way: its paths are not changed' "$(cat "$SW_RUN/output")"
	expect table_begins_with direct
	# Who restarts pathd instead has the paths of the file, but the direct one is not taken for the one that was left.
	pathd_kill
	pathd_run
	wait_until 30 pathd_said 'the paths were changed while writes are in doubt'
	wait_until 30 table_begins_with served
	holds_for 5 sw_is sw0 state verify
	expect_match 'the paths were changed meanwhile' "$(pathctl status sw0 | tr -s ' \n' ' ')"
	peer_kill beta
	wait_until 30 pathctl fenced sw0 --i-am-sure
	wait_until 30 sw_is sw0 active 1
	writer_flows sw0 400
	writer_stop sw0
	expect_eq 0 "$(writer_get sw0 errors)" "errors"
	writer_verify sw0 "$(disk_dev 0)"
	# While nothing is in doubt the order is as people want it, and no I/O is held for that.
	peer_restart beta
	wait_until 60 path_is_usable 0
	pathd_use 1
	writer_start sw0 /dev/sw0 --span $((64 << 10))
	expect_eq 1 "$(sw_get sw0 active)"
	local mv
	mv=$(sw_get sw0 mv)
	expect pathctl pin sw0
	swap_paths
	expect pathctl reload
	wait_until 30 table_begins_with direct
	expect_eq 0 "$(sw_get sw0 active)" "active path"
	expect_eq "$mv" "$(sw_get sw0 mv)" "mount verifications"
	writer_stop sw0
	expect_eq 0 "$(writer_get sw0 errors)" "errors"
}

disk_create 32
# What lives by what the kernel below does: SCSI error handling, the end of an NBD connection, uevents.
test_case "pathd builds a unit over a direct and a served path" builds_unit
test_case "an erroring path is left, comes back, and is failed back to" error_and_failback
test_case "a hung SCSI path gives up by the limits that pathd set" hang_within_stall_budget
test_case "a deleted device becomes absent and returns by a rescan" deleted_and_rescanned
test_case "a server that died is connected again" server_dies_and_returns
test_case "a stalled server is left, and connected again when it answers" served_hang
# A case costs half a minute: what is all pathd's own is seen on one kernel.
if [ "$SW_KERNEL" != 6.12 ]; then
	test_case "killed pathd: the kernel switches alone with its ticket" no_daemon_needed_on_the_way
	test_case "both paths fail: I/O is held until one answers" both_down_one_returns
	test_case "both devices vanish: I/O is held until one returns" both_gone_one_returns
	test_case "a unit comes up on the served path alone" up_on_served_alone
	test_case "paths are not taken for others whose numbers they get while writes are in doubt (P2)" other_paths_in_the_middle
	test_case "a unit of which nobody wrote the paths has both of this host's, and uses one for the other" both_of_this_host
fi
