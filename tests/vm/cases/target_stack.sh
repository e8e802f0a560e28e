#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# kernels: 6.1
# timeout: 900
# memory: 1536
#
# What people put on a unit: file systems and LVM, through switches.
# shellcheck source=tests/vm/lib/sw.sh
. "$SW_LIB/sw.sh"

stack_unit() {
	disk_create "$1"
	unit_create sw0 "fence drain" "direct:$(disk_dev 0)" "served:$(disk_dev 1)"
}

# twenty_switches COMMAND...: COMMAND runs all the time; every fifth switch is by an error.
twenty_switches() {
	local i to load
	"$@" &
	load=$!
	for ((i = 1; i <= 20; i++)); do
		to=$((i % 2))
		sw_path_is sw0 $to state ready || sw_message sw0 reinstate $to
		sw_message sw0 ticket $to "$(sw_get sw0 epoch)" 60000
		if [ $((i % 5)) -eq 0 ]; then
			disk_fail $((1 - to))
		else
			sw_message sw0 switch $to cooperative
		fi
		wait_until 20 sw_is sw0 active $to
		disk_heal $((1 - to))
	done
	touch "$SW_RUN/enough"
	wait $load || fail "the load failed ($?)"
	rm "$SW_RUN/enough"
	expect_eq 21 "$(sw_get sw0 epoch)"
}

# Files with their checksums, written and synced until it is enough.
write_files() {
	local n=0
	while [ ! -e "$SW_RUN/enough" ] && [ $n -lt 4000 ]; do
		n=$((n + 1))
		head -c $((4096 + n * 511 % 60000)) /dev/urandom >"$1/file$((n % 40))"
		sync -d "$1/file$((n % 40))"
		sha256sum "$1/file$((n % 40))" >"$SW_RUN/sums.$((n % 40))"
	done
	echo "             $n files written and synced"
	[ $n -gt 0 ]
}

on_file_system() {
	local type=$1 device=/dev/mapper/sw0
	shift
	requires_command "mkfs.$type"
	requires_module "$type"
	stack_unit "${FS_MB:-64}"
	"mkfs.$type" "$@" $device >/dev/null
	mkdir -p "$SW_RUN/mnt"
	mount -t "$type" $device "$SW_RUN/mnt"
	defer umount "$SW_RUN/mnt"
	twenty_switches write_files "$SW_RUN/mnt"
	umount "$SW_RUN/mnt"
	mount -t "$type" $device "$SW_RUN/mnt"
	expect sha256sum --quiet -c "$SW_RUN"/sums.*
	umount "$SW_RUN/mnt"
	rm "$SW_RUN"/sums.*
	mount -t "$type" $device "$SW_RUN/mnt"
}

ext4() {
	on_file_system ext4 -q
	umount "$SW_RUN/mnt"
	expect e2fsck -fn /dev/mapper/sw0
	mount /dev/mapper/sw0 "$SW_RUN/mnt"
}

xfs() {
	FS_MB=320 on_file_system xfs -q
	umount "$SW_RUN/mnt"
	expect xfs_repair -n /dev/mapper/sw0
	mount /dev/mapper/sw0 "$SW_RUN/mnt"
}

lvm() {
	requires_command pvcreate
	stack_unit 64
	# The legs hold the same label: LVM must be told to look at the unit alone (docs/guide.md).
	local only='devices { filter=["a|/dev/mapper/sw0|","r|.*|"] use_devicesfile=0 }'
	pvcreate -q --config "$only" /dev/mapper/sw0
	vgcreate -q --config "$only" vg0 /dev/mapper/sw0
	lvcreate -q --config "$only" -y -L 32M -n lv0 vg0
	defer vgchange -q -an --config "$only" vg0
	writer_start lv0 /dev/vg0/lv0 --span $((16 << 20)) --depth 4
	twenty_switches true
	writer_flows lv0
	writer_stop lv0
	expect_eq 0 "$(writer_get lv0 errors)"
	writer_verify lv0 /dev/vg0/lv0
}

# Passes until it is enough; each verifies what it wrote.
run_fio() {
	local n=0
	while [ ! -e "$SW_RUN/enough" ] && [ $n -lt 200 ]; do
		n=$((n + 1))
		fio --name=verify --filename=/dev/mapper/sw0 --ioengine=libaio --direct=1 --iodepth=16 --rw=randrw \
			--bsrange=4k-64k --verify=crc32c --verify_fatal=1 --do_verify=1 --size=16m --randseed=$n \
			--output="$SW_RUN/fio" || return
	done
	echo "             $n passes of fio --verify"
}

fio_verify() {
	requires_command fio
	stack_unit 64
	twenty_switches run_fio
	expect_match 'err= 0' "$(<"$SW_RUN/fio")"
}

test_case "ext4 through 20 switches, then fsck is clean (P1)" ext4
test_case "xfs through 20 switches, then xfs_repair is clean (P1)" xfs
test_case "an LVM volume through 20 switches (P1, P5)" lvm
test_case "fio --verify through 20 switches (P1, P5)" fio_verify
