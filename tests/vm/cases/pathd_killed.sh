#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# kernels: 6.1
# timeout: 1500
#
# pathd is killed (SIGKILL) in every phase of a mount verification, while the unit is built, while it is held, after it failed. The kernel
# keeps its promises alone, and a new pathd takes over from what it reads.
# shellcheck source=tests/vm/lib/sw.sh
. "$SW_LIB/sw.sh"
# shellcheck source=tests/vm/lib/pathd.sh
. "$SW_LIB/pathd.sh"

start() {
	pathd_rig "$@"
	pathd_start
	writer_start sw0 /dev/sw0 --span $((8 << 20))
}

takes_over() {
	pathd_start_again
	writer_flows sw0
	writer_stop sw0
	expect_eq 0 "$(writer_get sw0 errors)" "errors"
}

pathd_start_again() {
	pathd_run
	wait_until 60 sw_is sw0 state online
}

hangs_inside() {
	[ "$(sw_path_get sw0 0 inflight)" -gt 0 ]
}

in_drain() {
	start
	disk_hang 0
	# The commands inside are waited for; the direct path's own limits end them.
	wait_until 5 hangs_inside
	sw_message sw0 switch 1 forced
	wait_until 10 sw_is sw0 phase drain
	pathd_kill
	wait_until 60 eval '! sw_is sw0 phase drain'
	disk_heal 0
	takes_over
	writer_verify sw0 "$(disk_dev 1)"
}

in_flush() {
	start 'failback={policy="manual"}'
	writer_stop sw0
	# udev reads what was written to; a read that hangs would be drained first.
	udevadm settle --timeout=20
	disk_hang 0
	sw_message sw0 switch 1 cooperative
	wait_until 10 sw_is sw0 phase flush
	pathd_kill
	wait_until 60 eval '! sw_is sw0 phase flush'
	disk_heal 0
	writer_verify sw0 "$(disk_dev 1)"
	pathd_start_again
	writer_start sw0 /dev/sw0 --span $((8 << 20))
	takes_over_running
	writer_verify sw0 "$(disk_dev 1)"
}

# pathd's own history, not the kernel's.
history_tells() { # METHOD
	[ "$(pathctl history sw0 --json | jq -r '.source + " " + .units[0].history[-1].method')" = "pathd $1" ]
}

after_mv_timeout() {
	pathd_rig 'mv_timeout="3s"'
	pathd_start
	writer_start sw0 /dev/sw0 --span $((8 << 20)) --allow-errors
	peer_kill beta
	wait_until 60 sw_path_is sw0 1 state absent
	disk_fail 0
	wait_until 60 sw_is sw0 state failed
	wait_until 20 history_tells none
	pathd_kill
	disk_heal 0
	holds_for 2 sw_is sw0 state failed
	pathd_start_again
	writer_flows sw0
	writer_stop sw0
	expect_less 0 "$(writer_get sw0 errors)" "errors"
	writer_verify sw0 "$(disk_dev 0)"
}

in_prove_without_a_path() {
	start
	peer_kill beta
	wait_until 60 sw_path_is sw0 1 state absent
	disk_fail 0
	wait_until 30 sw_is sw0 phase prove
	pathd_kill
	disk_heal 0
	# Nobody is there to prove the path: the unit holds.
	holds_for 3 sw_is sw0 state verify
	takes_over
	expect_eq 0 "$(sw_get sw0 active)" "active path"
	writer_verify sw0 "$(disk_dev 0)"
}

in_prove_for_want_of_a_fence() {
	start 'fence="prove"'
	disk_fail 0
	wait_until 30 sw_is sw0 phase prove
	expect_less 0 "$(sw_get sw0 doubt)" "writes in doubt"
	pathd_kill
	pathd_run
	holds_for 3 sw_is sw0 state verify
	wait_until 30 eval 'pathctl status sw0 | grep -q "in doubt"'
	# The same direct path needs no fence: the SCSI layer ended each command first.
	disk_heal 0
	wait_until 60 sw_is sw0 state online
	expect_eq 0 "$(sw_get sw0 active)" "active path"
	writer_flows sw0
	writer_stop sw0
	expect_eq 0 "$(writer_get sw0 errors)" "errors"
	writer_verify sw0 "$(disk_dev 0)" "$(disk_dev 1)"
}

while_it_builds() {
	local i
	pathd_rig
	for i in 1 2 3 4 5 6; do
		pathd_run
		# A different moment each time: at the first sign of a leg, of the unit, of its first path.
		case $i in
		1) wait_until 30 pathd_said 'appeared' ;;
		2) wait_until 30 test -e /run/swpath/settings ;;
		3) wait_until 30 connections_are 1 ;;
		4) wait_until 30 pathd_said 'create sw0' ;;
		5) wait_until 30 dmsetup info sw0 ;;
		6) wait_until 30 sw_is sw0 state online ;;
		esac
		pathd_kill
	done
	pathd_start
	expect_eq 0 "$(sw_get sw0 active)" "active path"
	expect connections_are 1
}

connections_are() {
	[ "$(find /sys/block/nbd*/ -maxdepth 1 -name backend | wc -l)" -eq "$1" ]
}

while_held() {
	start
	pathctl hold sw0
	wait_until 10 sw_is sw0 phase operator
	pathd_kill
	pathd_run
	wait_until 30 monitor_is sw0 0 ok
	expect_eq held "$(sw_get sw0 state)" "state"
	pathctl release sw0
	takes_over_running
}

# A unit is kept, whatever has become of what an earlier pathd wrote down.
without_its_state() {
	start
	writer_stop sw0
	pathd_stop
	rm -f /run/swpath/unit-sw0.json
	mkdir /run/swpath/unit-sw0.json
	pathd_run
	wait_until 30 pathd_said 'sw0: what an earlier pathd left cannot be read'
	wait_until 60 monitor_is sw0 0 ok
	pathd_stop
	rmdir /run/swpath/unit-sw0.json
	head -c 100000 /dev/zero >/run/swpath/unit-sw0.json
	pathd_run
	wait_until 60 monitor_is sw0 0 ok
	pathctl pin sw0
	expect_eq 0 "$(jq .pinned /run/swpath/unit-sw0.json)" "the state is written again"
	writer_start sw0 /dev/sw0 --span $((8 << 20))
	takes_over_running
}

takes_over_running() {
	wait_until 60 sw_is sw0 state online
	writer_flows sw0
	writer_stop sw0
	expect_eq 0 "$(writer_get sw0 errors)" "errors"
}

disk_create 32
test_case "killed in drain: the kernel drains alone" in_drain
test_case "killed in flush: the kernel ends the wait alone" in_flush
test_case "killed in prove, no path left: held until a new pathd proves one" in_prove_without_a_path
test_case "killed in prove, no fence: held, and the same path needs none" in_prove_for_want_of_a_fence
test_case "killed at any step of building: the next one finishes, with one connection" while_it_builds
test_case "killed while an operator holds the unit: still held, release works" while_held
test_case "without what an earlier pathd wrote down: the unit is kept" without_its_state
test_case "killed after mv_timeout: a new pathd revives the unit when its path is back" after_mv_timeout
