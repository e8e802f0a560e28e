#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# kernels: 6.1
# timeout: 600
#
# Faults that the kernel target meets without a daemon (the fault table of docs/testing.md).
# shellcheck source=tests/vm/lib/sw.sh
. "$SW_LIB/sw.sh"

disk_create 32

begin() {
	two_path_unit "$1"
	ticket 1
	writer_start sw0 /dev/mapper/sw0 --span $((8 << 20))
	writer_flows sw0
}

write_one() {
	dd if=/dev/urandom of=/dev/mapper/sw0 bs=4096 count=1 oflag=direct conv=notrunc status=none
}

# It would take six aborts of one command in a row.
aborted_now_and_then() {
	begin "fence drain"
	disk_answers 0 aborted 10
	writer_flows sw0 100
	expect_eq 0 "$(sw_get sw0 active)" "active path"
	expect_eq 0 "$(sw_path_get sw0 0 errors)" "path errors"
	writer_lost_nothing sw0 /dev/mapper/sw0
}

# A readahead that SCSI does not repeat says nothing of the path.
readahead_aborted() {
	two_path_unit "fence drain"
	ticket 1
	disk_answers 0 aborted 2
	expect dd if=/dev/mapper/sw0 of=/dev/null bs=64k count=64 status=none
	expect_eq 0 "$(sw_get sw0 active)" "active path"
	expect_eq 0 "$(sw_path_get sw0 0 errors)" "path errors"
}

turns_write_protected() {
	two_path_unit "fence drain"
	ticket 1
	write_one
	disk_write_protect 0 on
	expect_match 'Remote I/O error' "$(write_one 2>&1 || true)"
	expect dd if=/dev/mapper/sw0 of=/dev/null bs=4096 count=1 iflag=direct status=none
	expect_eq 0 "$(sw_get sw0 active)" "active path"
	expect_eq 0 "$(sw_get sw0 mv)" "mount verifications"
	disk_write_protect 0 off
	expect write_one
}

adapter_removed() {
	scsi_debug_create dev_size_mb=32
	unit_create sw0 "fence drain" "direct:${SCSI_DEBUG[1]}" "served:${SCSI_DEBUG[0]}"
	ticket 1
	writer_start sw0 /dev/mapper/sw0 --span $((8 << 20))
	writer_flows sw0
	echo -1 >/sys/bus/pseudo/drivers/scsi_debug/add_host
	wait_until 10 sw_is sw0 active 1
	expect_eq 1 "$(scsi_debug_devices | wc -l)" "devices"
	writer_lost_nothing sw0 /dev/mapper/sw0 "${SCSI_DEBUG[0]}"
}

# Both without a cache when the unit is loaded: one then has one, and its flushes must not get lost above it.
cache_appears() {
	local flushes
	disks_heal
	for path in 0 1; do
		disk_set $path wce 0
		disk_reread $path
		expect_eq "write through" "$(cat "/sys/block/$(disk_name $path)/queue/write_cache")"
		defer disk_reread $path
		defer disk_set $path wce 1
	done
	two_path_unit "fence drain"
	ticket 1
	disk_set 1 wce 1
	disk_reread 1
	expect_eq "write back" "$(cat "/sys/block/$(disk_name 1)/queue/write_cache")"
	sw_message sw0 switch 1 cooperative
	wait_until 10 sw_is sw0 active 1
	flushes=$(disk_get 1 flushes)
	dd if=/dev/zero of=/dev/mapper/sw0 bs=4096 count=1 oflag=direct conv=fsync,notrunc status=none
	expect_less "$flushes" "$(disk_get 1 flushes)" "flushes"
}

loaded_again_and_again() {
	local i
	for i in {1..5}; do
		two_path_unit "fence drain"
		ticket 1
		[ $((i % 2)) -eq 0 ] || disk_fail 0
		expect dd if=/dev/urandom of=/dev/mapper/sw0 bs=4096 count=8 oflag=direct status=none
		unit_remove sw0
		timeout 30 rmmod dm_sw
	done
}

cpus_come_and_go() {
	local cpu=/sys/devices/system/cpu/cpu1/online i to
	[ -e $cpu ] || skip "one CPU"
	begin "fence drain"
	defer eval "echo 1 >$cpu"
	for i in {1..6}; do
		to=$((i % 2))
		echo $((1 - to)) >$cpu
		ticket $to
		sw_message sw0 switch $to cooperative
		wait_until 10 sw_is sw0 active $to
		writer_flows sw0 5
	done
	writer_lost_nothing sw0 /dev/mapper/sw0 "$(disk_dev 0)"
}

over_itself() {
	two_path_unit "fence drain"
	expect_not dmsetup load sw0 --table "$(unit_table sw0 "" direct:/dev/mapper/sw0 "served:$(disk_dev 1)")"
	expect klog_has "sw: a path's device is the unit itself"
	expect dd if=/dev/mapper/sw0 of=/dev/null bs=4096 count=1 iflag=direct status=none
}

# The order of a bad shutdown: paths first, then the file system.
paths_gone_before_umount() {
	local begin
	two_path_unit "fence drain mv_timeout_s 3"
	mkfs.ext4 -q /dev/mapper/sw0
	mkdir -p "$SW_RUN/mnt"
	mount /dev/mapper/sw0 "$SW_RUN/mnt"
	defer eval "umount $SW_RUN/mnt 2>/dev/null || true"
	head -c 1M /dev/urandom >"$SW_RUN/mnt/dirty"
	disk_fail 0
	disk_fail 1
	begin=$(now_ms)
	timeout 60 umount "$SW_RUN/mnt" || fail "umount hangs or fails"
	expect_less $(($(now_ms) - begin)) 30000 "ms of umount, with mv_timeout of 3 s"
	expect_eq failed "$(sw_get sw0 state)" "state"
	timeout 30 dmsetup remove --retry sw0
	disks_heal
}

# The other way round than ghost.sh: the direct path gives its writes up, and the target still has them.
gives_up_and_they_land() {
	begin ""
	disk_timeout 0 2
	echo 0 >"$(disk_sysfs 0)/scsi_disk/$(basename "$(disk_sysfs 0)")/max_retries"
	disk_hang_keeping_writes 0
	wait_until 60 sw_is sw0 phase prove
	expect_less 0 "$(sw_get sw0 doubt)" "writes in doubt"
	expect_less 0 "$(disk_get 0 ghosts)" "writes that the disk still has"
	holds_for 1 sw_is sw0 state verify
	disk_ghosts_land 0
	expect_eq 0 "$(disk_get 0 ghosts)" "writes that the disk still has"
	sw_message sw0 commit "$(sw_get sw0 mv)" 1 operator array-is-quiet
	wait_until 10 sw_is sw0 active 1
	writer_lost_nothing sw0 "$(disk_dev 1)"
}

test_case "commands aborted now and then are hidden by SCSI's retries: no switch (P5)" aborted_now_and_then
test_case "a readahead whose command is aborted is repeated: no switch (P5)" readahead_aborted
test_case "a disk that turns write-protected: the error goes up, no switch (P5)" turns_write_protected
test_case "a whole adapter is removed under I/O (P1, P5)" adapter_removed
test_case "a write cache that appears after loading gets its flushes (P1)" cache_appears
test_case "the module is loaded 5 times, with I/O and switches between (P4)" loaded_again_and_again
test_case "CPUs go and come in the middle of switches (P1, P4)" cpus_come_and_go
test_case "a unit over itself is refused" over_itself
test_case "umount without any path ends, and not later than mv_timeout allows (P6)" paths_gone_before_umount
test_case "writes that land after the direct path gave them up: held until then (P1, P2)" gives_up_and_they_land
