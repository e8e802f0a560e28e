#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# kernels: 6.1
# also: 6.12
#
# What device-mapper does with a unit that holds I/O: suspend, resume, reload, remove.
# shellcheck source=tests/vm/lib/sw.sh
. "$SW_LIB/sw.sh"

disk_create 32

# A unit that holds the writes of a writer, because its only path is failed.
held_unit() {
	disks_heal
	unit_create sw0 "fence drain" "direct:$(disk_dev 0)" "served:$(disk_dev 1)"
	writer_start sw0 /dev/mapper/sw0 --span $((8 << 20)) --depth 4
	sw_message sw0 fail 0
	wait_until 10 sw_is sw0 phase prove
	wait_until 10 sw_is sw0 held_bios 4
}

goes_on() {
	sw_path_is sw0 1 state ready || sw_message sw0 reinstate 1
	sw_message sw0 ticket 1 "$(sw_get sw0 epoch)" 60000
	wait_until 10 sw_is sw0 active 1
	writer_flows sw0
	writer_stop sw0
	writer_verify sw0 /dev/mapper/sw0 "$(disk_dev 0)"
}

noflush_suspend() {
	held_unit
	dmsetup suspend --noflush sw0
	expect_eq 0 "$(sw_get sw0 held_bios)"
	expect_eq verify "$(sw_get sw0 state)"
	dmsetup resume --noudevsync sw0
	wait_until 10 sw_is sw0 held_bios 4
	goes_on
}

flush_suspend() {
	held_unit
	dmsetup suspend --nolockfs sw0 &
	local suspend=$!
	holds_for 1 kill -0 $suspend
	expect_eq 4 "$(sw_get sw0 held_bios)"
	sw_message sw0 ticket 1 "$(sw_get sw0 epoch)" 60000
	wait_until 10 sw_is sw0 active 1
	wait $suspend
	dmsetup resume --noudevsync sw0
	writer_flows sw0
	writer_stop sw0
	writer_verify sw0 /dev/mapper/sw0
}

interrupted_suspend() {
	held_unit
	dmsetup suspend --nolockfs sw0 &
	local suspend=$!
	holds_for 1 kill -0 $suspend
	kill -TERM $suspend
	wait $suspend || true
	expect_eq 4 "$(sw_get sw0 held_bios)"
	goes_on
}

reload_while_held() {
	held_unit
	local mv
	mv=$(sw_get sw0 mv)
	dmsetup suspend --noflush --nolockfs sw0
	dmsetup load sw0 --table "$(unit_table sw0 "fence drain mv_timeout_s 99" "direct:$(disk_dev 0)" "served:$(disk_dev 1)")"
	dmsetup resume --noudevsync sw0
	expect_eq verify "$(sw_get sw0 state)"
	expect_eq "$mv" "$(sw_get sw0 mv)"
	expect_eq failed "$(sw_path_get sw0 0 state)"
	wait_until 10 sw_is sw0 held_bios 4
	goes_on
}

reload_with_a_write_in_doubt() {
	disks_heal
	unit_create sw0 "" "direct:$(disk_dev 0)" "served:$(disk_dev 1)"
	disk_fail 0
	dd if=/dev/urandom of=/dev/mapper/sw0 bs=4096 count=1 oflag=direct status=none &
	local write=$!
	wait_until 10 sw_is sw0 phase prove
	dmsetup suspend --noflush --nolockfs sw0
	dmsetup load sw0 --table "$(unit_table sw0 "" "direct:$(disk_dev 0)" "served:$(disk_dev 1)")"
	dmsetup resume --noudevsync sw0
	wait_until 10 sw_is sw0 held_bios 1
	expect_eq 1 "$(sw_get sw0 doubt)"
	sw_message sw0 ticket 1 "$(sw_get sw0 epoch)" 60000
	holds_for 1 sw_is sw0 state verify
	sw_message sw0 commit "$(sw_get sw0 mv)" 1 operator i-am-sure
	expect wait $write
}

bad_reload() {
	held_unit
	expect_not dmsetup load sw0 --table "0 65536 sw 0 1 direct /dev/nosuch"
	expect_eq 4 "$(sw_get sw0 held_bios)"
	goes_on
}

reload_without_the_active_path() {
	disks_heal
	unit_create sw0 "fence drain" "direct:$(disk_dev 0)" "served:$(disk_dev 1)"
	writer_start sw0 /dev/mapper/sw0 --span $((8 << 20))
	dmsetup suspend --noflush --nolockfs sw0
	dmsetup load sw0 --table "$(unit_table sw0 "fence drain" direct:- "served:$(disk_dev 1)")"
	dmsetup resume --noudevsync sw0
	expect_eq path-gone "$(sw_get sw0 reason)"
	goes_on
}

remove_while_held() {
	held_unit
	# In use: refused, and nothing is lost by the attempt.
	expect_not dmsetup remove sw0
	expect_eq 4 "$(sw_get sw0 held_bios)"
	goes_on
}

forced_remove_while_held() {
	held_unit
	timeout 60 dmsetup remove --force --noudevsync sw0 || true
	# The error target took the unit's place: the held writes come back, with errors.
	expect_eq error "$(dmsetup table sw0 | cut -d' ' -f3)"
	writer_flows sw0
	writer_end sw0
	expect timeout 30 dmsetup remove --retry sw0
}

idle_remove_while_held() {
	disks_heal
	unit_create sw0 "" "direct:$(disk_dev 0)" "served:$(disk_dev 1)"
	sw_message sw0 fail 0
	wait_until 10 sw_is sw0 phase prove
	expect timeout 30 dmsetup remove sw0
}

suspend_loop_under_switches() {
	disks_heal
	unit_create sw0 "fence drain" "direct:$(disk_dev 0)" "served:$(disk_dev 1)"
	writer_start sw0 /dev/mapper/sw0 --span $((8 << 20)) --depth 8
	local i to
	for ((i = 1; i <= 8; i++)); do
		to=$((i % 2))
		sw_message sw0 ticket $to "$(sw_get sw0 epoch)" 60000
		sw_message sw0 switch $to cooperative
		if [ $((i % 4)) -eq 0 ]; then
			dmsetup suspend --nolockfs sw0
		else
			dmsetup suspend --noflush --nolockfs sw0
		fi
		[ $((i % 3)) -ne 0 ] || dmsetup load sw0 --table "$(dmsetup table sw0)"
		dmsetup resume --noudevsync sw0
		wait_until 10 sw_is sw0 active $to
	done
	expect_eq 9 "$(sw_get sw0 epoch)"
	writer_flows sw0
	writer_stop sw0
	writer_verify sw0 /dev/mapper/sw0 "$(disk_dev 0)" "$(disk_dev 1)"
}

reload_without_the_path_that_a_switch_leaves() {
	disks_heal
	leg_create leg0 "$(disk_dev 0)"
	unit_create sw0 "stall_ms 0" direct:/dev/mapper/leg0 "served:$(disk_dev 1)"
	defer leg_heal leg0
	leg_hang leg0
	sw_message sw0 ticket 1 1 1000
	sw_message sw0 switch 1 cooperative
	wait_until 10 sw_is sw0 phase flush
	wait_until 10 sw_path_is sw0 1 ticket_ms 0
	leg_heal leg0
	wait_until 10 sw_is sw0 phase prove
	dmsetup suspend --noflush --nolockfs sw0
	dmsetup load sw0 --table "$(unit_table sw0 "stall_ms 0" direct:- "served:$(disk_dev 1)")"
	dmsetup resume --noudevsync sw0
	expect_eq prove "$(sw_get sw0 phase)"
	ticket 1
	wait_until 10 sw_is sw0 active 1
}

is_suspended() {
	[ "$(dmsetup info -c --noheadings -o suspended "$1")" = Suspended ]
}

is_resumed() {
	[ "$(dmsetup info -c --noheadings -o suspended "$1")" = Active ]
}

# A flush hangs on the path that a switch has left. It is old, and all I/O is on the other path.
flush_that_hangs() {
	disks_heal
	leg_create leg0 "$(disk_dev 0)"
	unit_create sw0 "stall_ms 3000" direct:/dev/mapper/leg0 "served:$(disk_dev 1)"
	# Undone before the unit, which waits for its flush.
	defer leg_heal leg0
	ticket 1
	leg_hang leg0
	sw_message sw0 switch 1 cooperative
	wait_until 10 sw_is sw0 active 1
	expect_eq stall "$(sw_path_get sw0 0 reason)"
	expect_eq 1 "$(sw_path_get sw0 0 inflight)" "the flush"
	writer_start sw0 /dev/mapper/sw0 --span $((8 << 20))
}

suspend_while_a_flush_hangs() {
	flush_that_hangs
	# Whoever waits in the kernel cannot be killed: not waited for here.
	dmsetup suspend --noflush --nolockfs sw0 &
	wait_until 10 is_suspended sw0
	dmsetup resume --noudevsync sw0 &
	writer_flows sw0
	expect_eq 1 "$(sw_path_get sw0 0 inflight)" "the flush"
	leg_heal leg0
	wait_until 10 sw_path_is sw0 0 inflight 0
	expect_eq 1 "$(sw_get sw0 active)"
	writer_lost_nothing sw0 /dev/mapper/sw0 "$(disk_dev 0)"
}

reload_while_a_flush_hangs() {
	local resume mv
	flush_that_hangs
	mv=$(sw_get sw0 mv)
	dmsetup suspend --noflush --nolockfs sw0 &
	wait_until 10 is_suspended sw0
	dmsetup load sw0 --table "$(unit_table sw0 "stall_ms 4000" direct:/dev/mapper/leg0 "served:$(disk_dev 1)")"
	dmsetup resume --noudevsync sw0 &
	resume=$!
	wait_until 10 is_resumed sw0
	writer_flows sw0
	# The old table holds the device open until its flush is back.
	holds_for 1 kill -0 $resume
	leg_heal leg0
	wait_until 10 process_is_gone $resume
	expect_eq online "$(sw_get sw0 state)"
	expect_eq "$mv" "$(sw_get sw0 mv)"
	writer_lost_nothing sw0 /dev/mapper/sw0 "$(disk_dev 0)"
}

test_case "a noflush suspend keeps held I/O, and resume holds it again (P4)" noflush_suspend
test_case "a suspend that flushes waits for the end of the hold" flush_suspend
test_case "a suspend that is interrupted leaves the hold as it was" interrupted_suspend
test_case "a reload while held keeps the mount verification and the I/O (P1, P9)" reload_while_held
test_case "a reload does not forget a write in doubt (P2)" reload_with_a_write_in_doubt
test_case "a reload that is refused changes nothing" bad_reload
test_case "a reload without the active path holds until another is proved (P3)" reload_without_the_active_path
test_case "a reload without the path that a switch leaves holds, too" reload_without_the_path_that_a_switch_leaves
test_case "a suspend does not wait for a flush that hangs on a path which was left (P6)" suspend_while_a_flush_hangs
test_case "a reload does not keep I/O waiting for such a flush (P6)" reload_while_a_flush_hangs
test_case "remove of a unit in use is refused while held, nothing lost" remove_while_held
test_case "a forced remove ends held I/O in errors" forced_remove_while_held
test_case "remove of an idle unit that holds works" idle_remove_while_held
test_case "8 suspends, some with a reload, in the middle of switches (P1, P4)" suspend_loop_under_switches
