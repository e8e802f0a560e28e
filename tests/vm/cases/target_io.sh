#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# kernels: 6.1 6.12
#
# Every kind of I/O through the target, before and after a switch.
# shellcheck source=tests/vm/lib/sw.sh
. "$SW_LIB/sw.sh"

disk_create 32

switch_to() {
	sw_path_is sw0 "$1" state ready || sw_message sw0 reinstate "$1"
	ticket "$1"
	sw_message sw0 switch "$1" "${2:-cooperative}"
	wait_until 10 sw_is sw0 active "$1"
}

# counts_up PATH COUNTER COMMAND...: the disk's counter on that path grows by the command.
counts_up() {
	local path=$1 counter=$2 before
	shift 2
	before=$(disk_get "$path" "$counter")
	"$@"
	expect_less "$before" "$(disk_get "$path" "$counter")" "$counter on path $path"
}

flush() {
	dd if=/dev/zero of=/dev/mapper/sw0 bs=4096 count=1 oflag=direct conv=fsync,notrunc status=none
}

fua() {
	dd if=/dev/zero of=/dev/mapper/sw0 bs=4096 count=1 oflag=direct,dsync conv=notrunc status=none
}

flush_and_fua() {
	two_path_unit "fence drain"
	counts_up 0 flushes flush
	counts_up 0 fua fua
	switch_to 1
	counts_up 1 flushes flush
	counts_up 1 fua fua
}

fua_is_kept_by_a_retry() {
	two_path_unit "fence drain"
	sw_message sw0 ticket 1 1 60000
	disk_fail 0
	# Fails on the first path and is sent again: the second must see FUA, as it was first given.
	counts_up 1 fua fua
	expect_eq 1 "$(sw_get sw0 active)"
}

cooperative_switch_flushes() {
	two_path_unit ""
	dd if=/dev/urandom of=/dev/mapper/sw0 bs=4096 count=4 oflag=direct status=none
	counts_up 0 flushes switch_to 1 cooperative
	expect_match '^2 1 0 1 operator ticket ' "$(sw_message sw0 history | tail -1)"
}

discards() {
	two_path_unit "fence drain"
	dd if=/dev/urandom of=/dev/mapper/sw0 bs=4096 count=64 oflag=direct status=none
	counts_up 0 discards blkdiscard -o 65536 -l 65536 /dev/mapper/sw0
	switch_to 1
	counts_up 1 discards blkdiscard -o 131072 -l 65536 /dev/mapper/sw0
	expect blkdiscard -z -o 0 -l 65536 /dev/mapper/sw0
	expect cmp -n 65536 /dev/mapper/sw0 /dev/zero
}

no_discard_unless_every_path_can() {
	disks_heal
	dmsetup create plain --table "0 65536 linear $(disk_dev 1) 0"
	defer dmsetup remove --retry plain
	requires_module brd
	modprobe brd rd_nr=1 rd_size=32768
	defer rmmod brd
	unit_create sw0 "fence drain" "direct:$(disk_dev 0)" served:/dev/ram0
	if [ "$(cat /sys/block/ram0/queue/discard_max_bytes)" -gt 0 ]; then
		skip "brd of this kernel can discard"
	fi
	expect_eq 0 "$(cat "/sys/block/$(basename "$(readlink -f /dev/mapper/sw0)")/queue/discard_max_bytes")"
	expect_not blkdiscard -o 0 -l 65536 /dev/mapper/sw0
	expect_eq 0 "$(sw_get sw0 mv)"
}

discard_in_doubt() {
	two_path_unit ""
	sw_message sw0 ticket 1 1 60000
	disk_fail 0
	# -f: no look at what is there, which would be the first to fail.
	blkdiscard -f -o 65536 -l 65536 /dev/mapper/sw0 &
	local discard=$!
	wait_until 10 sw_is sw0 phase prove
	expect_less 0 "$(sw_get sw0 doubt)" "a discard changes the disk: doubt"
	sw_message sw0 commit "$(sw_get sw0 mv)" 1 operator i-am-sure
	expect wait $discard
}

large_bios_are_sent_again_whole() {
	two_path_unit "fence drain"
	sw_message sw0 ticket 1 1 60000
	dd if=/dev/urandom of="$SW_RUN/data" bs=1M count=8 status=none
	disk_fail 0
	# A bio of 1 MiB is split below: all of its parts must come again.
	dd if="$SW_RUN/data" of=/dev/mapper/sw0 bs=1M oflag=direct conv=notrunc status=none
	expect cmp -n $((8 << 20)) "$SW_RUN/data" "$(disk_dev 1)"
	expect_eq 1 "$(sw_get sw0 active)"
}

nowait() {
	requires_command fio
	two_path_unit "fence drain"
	sw_message sw0 hold
	wait_until 5 sw_is sw0 phase operator
	# It would wait, so it comes back at once with EAGAIN.
	expect_match 'Resource temporarily unavailable' "$(timeout 20 fio --name=nowait --filename=/dev/mapper/sw0 \
		--ioengine=pvsync2 --nowait=1 --direct=1 --rw=randread --bs=4k --number_ios=1 --size=1m 2>&1 || true)"
	expect_eq 0 "$(sw_get sw0 held_bios)"
	sw_message sw0 release
	expect timeout 20 fio --name=wait --filename=/dev/mapper/sw0 --ioengine=pvsync2 --direct=1 --rw=randread \
		--bs=4k --number_ios=10 --size=1m
}

late_command() {
	two_path_unit "fence drain"
	[ -e "$(disk_sysfs 0)/cdl_supported" ] || skip "this kernel knows no command duration limits"
	ticket 1
	disk_answers 0 late
	expect_match 'Timer expired' "$(dd if=/dev/mapper/sw0 of=/dev/null bs=4096 count=1 iflag=direct 2>&1 || true)"
	expect_eq 0 "$(sw_get sw0 active)" "active path"
	expect_eq 0 "$(sw_get sw0 mv)" "mount verifications"
	expect_eq 0 "$(sw_path_get sw0 0 errors)" "path errors"
}

ioctls() {
	requires_command sg_inq
	two_path_unit "fence drain"
	expect sg_turs /dev/mapper/sw0
	expect_match "$(disk_wwid 0 | sed 's/naa\.//')" "$(sg_vpd --page=di --raw /dev/mapper/sw0 | od -An -tx1 | tr -d ' \n')"
	switch_to 1
	# A command would reach the network block device of a served path, not the disk.
	expect_not sg_turs /dev/mapper/sw0
	switch_to 0
	sw_message sw0 hold
	sg_turs /dev/mapper/sw0 &
	local turs=$!
	holds_for 1 kill -0 $turs
	sw_message sw0 release
	expect wait $turs
	sw_message sw0 fail 0
	wait_until 5 sw_is sw0 state verify
	sw_message sw0 abort
	expect_not sg_turs /dev/mapper/sw0
}

witnesses() {
	disks_heal
	unit_create sw0 "fence drain stall_ms 200 witness 4" "direct:$(disk_dev 0)" "served:$(disk_dev 1)"
	local i
	for ((i = 1; i <= 6; i++)); do
		wait_until 10 test_witness_takes $i
	done
	expect_eq "32 40 48 24" "$(sw_message sw0 witness | awk '{ print $1 }' | sort -n | tr '\n' ' ' |
		awk '{ print $2, $3, $4, $1 }')"
	# What is overwritten is forgotten, or replaced.
	dd if=/dev/urandom of=/dev/mapper/sw0 bs=4096 seek=3 count=1 oflag=direct conv=notrunc status=none
	dd if=/dev/urandom of=/dev/mapper/sw0 bs=4096 seek=3 count=4 oflag=direct conv=notrunc status=none
	local sector bytes crc age before
	while read -r sector bytes crc age; do
		note "sector $sector, $bytes bytes, $crc, $age ms"
		expect_eq "$crc" "$(dd if="$(disk_dev 1)" bs=512 skip="$sector" count=$((bytes / 512)) iflag=direct \
			status=none | swstamp crc32c)"
	done < <(sw_message sw0 witness)
	before=$(witnessed)
	expect_less 0 "$(wc -l <<<"$before")" "records"
	dmsetup table sw0 | dmsetup reload sw0
	dmsetup resume sw0
	expect_eq "$before" "$(witnessed)" "records after a reload"
}

# Without their age.
witnessed() {
	sw_message sw0 witness | cut -d ' ' -f 1-3
}

# One write after a tick is sampled.
test_witness_takes() {
	dd if=/dev/urandom of=/dev/mapper/sw0 bs=4096 seek="$1" count=1 oflag=direct conv=notrunc status=none
	sw_message sw0 witness | grep -q "^$(($1 * 8)) "
}

reservation_answer() {
	"$SW_LIB/reserve.py" "$1" register 0 0x11 | cut -d: -f2-
}

reservation_before_the_first_path() {
	disks_heal
	modprobe dm-sw
	# udev, which would read it, is not waited for.
	dmsetup create sw0 --uuid SW-test-sw0 --noudevsync \
		--table "$(unit_table sw0 hold "served:$(disk_dev 1)" "direct:$(disk_dev 0)")"
	defer unit_remove sw0
	expect_eq load "$(sw_get sw0 reason)"
	local unit
	unit=/dev/$(dmsetup info -c --noheadings -o blkdevname sw0)
	# The test disk knows no reservations: what it says comes back, and not that all is well.
	expect_match 'register: ' "$(reservation_answer "$(disk_dev 0)")"
	expect_eq "$(reservation_answer "$(disk_dev 0)")" "$(reservation_answer "$unit")"
}

test_case "flush and FUA reach the disk, after a switch too (P1)" flush_and_fua
test_case "a write that is sent again keeps its FUA" fua_is_kept_by_a_retry
test_case "a cooperative switch flushes the path that it leaves" cooperative_switch_flushes
test_case "discard and write zeroes go down the active path" discards
test_case "discard is not offered unless every path can do it" no_discard_unless_every_path_can
test_case "a discard that failed is in doubt like a write (P2)" discard_in_doubt
test_case "large bios that were split below are sent again whole (P1, P4)" large_bios_are_sent_again_whole
test_case "REQ_NOWAIT ends in EAGAIN while I/O is held" nowait
test_case "a command whose time was up comes back as that and causes no switch (P5)" late_command
test_case "ioctls go to a direct path only, and wait while I/O is held" ioctls
test_case "checksums of acknowledged writes are true or absent, and a reload keeps them" witnesses
test_case "a reservation before the first path is open reaches the direct one (P7)" reservation_before_the_first_path
