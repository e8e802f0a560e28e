#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# kernels: 6.1
# also: 6.12
#
# Every helper of tests/vm/lib does what it says: the other tests stand on that.
# shellcheck source=tests/vm/lib/sw.sh
. "$SW_LIB/sw.sh"

read_block() {
	dd if="$1" of=/dev/null bs=4096 count=1 iflag=direct status=none
}

write_block() {
	dd if=/dev/urandom of="$1" bs=4096 count=1 oflag=direct status=none
}

two_paths() {
	expect_eq "$(disk_wwid 0)" "$(disk_wwid 1)"
	expect_not test "$(disk_dev 0)" = "$(disk_dev 1)"
	write_block "$(disk_dev 0)"
	expect cmp -n 4096 "$(disk_dev 0)" "$(disk_dev 1)"
	disk_fail 0
	expect_not read_block "$(disk_dev 0)"
	expect read_block "$(disk_dev 1)"
	disk_heal 0
	expect read_block "$(disk_dev 0)"
}

hung_path() {
	disk_timeout 0 1
	disk_hang_keeping_writes 0
	write_block "$(disk_dev 0)" &
	local writer=$!
	wait_until 5 counter_is_positive 0 swallowed
	expect read_block "$(disk_dev 1)"
	wait_until 60 counter_is_positive 0 aborts
	disk_heal 0
	wait "$writer" || true
	disk_heal 0
	expect read_block "$(disk_dev 0)"
	disk_timeout 0 30
}

counter_is_positive() {
	[ "$(disk_get "$1" "$2")" -gt 0 ]
}

ghost() {
	dd if=/dev/zero of="$(disk_dev 0)" bs=4096 count=1 oflag=direct status=none
	disk_timeout 0 1
	disk_hang_keeping_writes 0
	write_block "$(disk_dev 0)" &
	local writer=$!
	wait_until 5 counter_is_positive 0 ghosts
	expect cmp -n 4096 "$(disk_dev 1)" /dev/zero
	disk_ghosts_land 0
	blockdev --flushbufs "$(disk_dev 1)"
	expect_not cmp -n 4096 "$(disk_dev 1)" /dev/zero
	disk_heal 0
	wait "$writer" || true
	disk_heal 0
	disk_timeout 0 30
}

deleted_path() {
	disk_delete 1
	expect_not disk_name 1
	disk_rescan 1
	expect read_block "$(disk_dev 1)"
}

lying_path() {
	disk_swap 1 0x99
	expect_match 0000000000000099 "$(sg_inq -p 0x83 "$(disk_dev 1)")"
	expect_match 0000000000000001 "$(sg_inq -p 0x83 "$(disk_dev 0)")"
	disk_delete 1
	disk_rescan 1
	expect_not test "$(disk_wwid 0)" = "$(disk_wwid 1)"
	disk_swap 1 1
	disk_copy 1 on
	expect_match 0000000000000001 "$(sg_inq -p 0x83 "$(disk_dev 1)")"
	expect_match 0000000100000001 "$(sg_inq -p 0x83 "$(disk_dev 1)")"
	expect_match 0000000100000001 "$(sg_inq -p 0x80 "$(disk_dev 1)")"
	disk_copy 1 off
	expect_match 0000000000000001 "$(sg_inq -p 0x80 "$(disk_dev 1)")"
	disk_resize 0 8
	disk_reread 0
	expect_eq $((8 << 20)) "$(blockdev --getsize64 "$(disk_dev 0)")"
	disk_write_protect 0 on
	disk_reread 0
	expect_eq 1 "$(blockdev --getro "$(disk_dev 0)")"
	disk_write_protect 0 off
	disk_resize 0 16
	disk_reread 0
	expect_eq 0 "$(blockdev --getro "$(disk_dev 0)")"
	disk_delete 1
	disk_rescan 1
	expect_eq "$(disk_wwid 0)" "$(disk_wwid 1)"
}

medium_and_reservation() {
	disk_bad_block 0 0
	expect_not read_block "$(disk_dev 0)"
	expect klog_has 'critical medium error'
	disk_bad_block 0 none
	disk_conflict 0
	expect_not read_block "$(disk_dev 0)"
	expect klog_has 'reservation conflict'
	disk_heal 0
}

leg() {
	leg_create leg0 "$(disk_dev 0)"
	expect read_block /dev/mapper/leg0
	leg_hang leg0
	read_block /dev/mapper/leg0 &
	local reader=$!
	holds_for 1 test -d "/proc/$reader"
	leg_heal leg0
	expect wait "$reader"
	leg_error leg0
	expect_not read_block /dev/mapper/leg0
	leg_heal leg0
	expect read_block /dev/mapper/leg0
}

peer() {
	peer_create beta
	peer_serve beta "$(disk_dev 1)"
	peer_attach beta nbd0 3
	write_block "$(disk_dev 0)"
	# Past the cache of nbd0: udev reads a device when it appears, maybe before the write.
	expect cmp -n 4096 "$(disk_dev 0)" <(dd if=/dev/nbd0 bs=4096 count=1 iflag=direct status=none)
	peer_stall beta
	read_block /dev/nbd0 &
	local reader=$!
	holds_for 1 test -d "/proc/$reader"
	peer_continue beta
	expect wait "$reader"
	peer_blackhole beta from
	expect_not read_block /dev/nbd0
	peer_heal beta
	peer_detach nbd0
	peer_restart beta
	peer_attach beta nbd0 3
	expect read_block /dev/nbd0
	peer_kill beta
	expect_not read_block /dev/nbd0
}

unit_and_writer() {
	leg_create leg0 "$(disk_dev 0)"
	leg_create leg1 "$(disk_dev 1)"
	unit_create sw0 "fence drain" direct:/dev/mapper/leg0 direct:/dev/mapper/leg1
	expect_eq online "$(sw_get sw0 state)"
	expect_eq drain "$(sw_get sw0 fence)"
	expect_eq "$(leg_dev leg1)" "$(sw_path_get sw0 1 device)"
	expect_eq online "$(sw_field sw0 2)"
	writer_start sw0 /dev/mapper/sw0 --reads 20
	writer_flows sw0 100
	writer_stop sw0
	expect_eq 0 "$(writer_get sw0 errors)"
	writer_verify sw0 /dev/mapper/sw0 "$(disk_dev 0)" "$(disk_dev 1)"
	dd if=/dev/zero of="$(disk_dev 0)" bs=1M count=16 oflag=direct status=none
	expect_not eval "(writer_verify sw0 $(disk_dev 1))"
}

disk_create 16

test_case "two paths lead to one disk, and one can fail alone" two_paths
test_case "one path hangs while the other works" hung_path
test_case "a write that was given up can land later" ghost
test_case "a deleted path comes back by a scan" deleted_path
test_case "a path can lie about name, size and protection" lying_path
test_case "a path can report medium errors and reservation conflicts" medium_and_reservation
test_case "a leg hangs, fails and heals" leg
test_case "a peer serves the disk, stalls, vanishes and comes back" peer
test_case "a unit is created, read and written, and a damaged disk is noticed" unit_and_writer
