#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# kernels: 6.1
#
# udev's rules: what a unit is called, when it is scanned, and that nobody sees its legs.
# shellcheck source=tests/vm/lib/sw.sh
. "$SW_LIB/sw.sh"
# shellcheck source=tests/vm/lib/pathd.sh
. "$SW_LIB/pathd.sh"

property() {
	udevadm info --query=property --property="$2" --value --name="$1"
}

property_is() {
	[ "$(property "$1" "$2")" = "$3" ]
}

# The disk that a link leads to, as dm-0 or sda; nothing if there is no such link.
leads_to() {
	local target
	target=$(readlink -e "$1") && echo "${target##*/}"
}

links_to() {
	[ "$(leads_to "$1")" = "$2" ]
}

# A new ext4 file system on the disk, which udev has seen.
disk_with_ext4() {
	mkfs.ext4 -q -F -U random -O ^has_journal "$(disk_dev 0)"
	FS_UUID=$(blkid -p -s UUID -o value "$(disk_dev 0)")
	trigger "$(disk_dev 0)" "$(disk_dev 1)"
}

trigger() {
	udevadm trigger --settle --action=change "$@"
}

# What pathd does with a leg.
mark_legs() {
	local dev
	mkdir -p /run/swpath/legs
	for dev in "$@"; do
		echo sw0 >"/run/swpath/legs/$(lsblk -dno MAJ:MIN "$dev" | tr -d ' ')"
	done
	defer rm -rf /run/swpath/legs
	trigger "$@"
}

# Reads of a unit since it was made.
reads_of() {
	awk '{ print $1 }' "/sys/block/$(leads_to "/dev/$1")/stat"
}

# unit_create, with the UUID that pathd gives it.
unit_create_as_pathd() {
	modprobe dm-sw
	timeout 20 dmsetup create "$1" --uuid "SW-$(disk_wwid 0)" --table "$(unit_table "$@")"
	defer unit_remove "$1"
}

give_ticket() {
	sw_message "$1" ticket "$2" "$(sw_get "$1" epoch)" 60000
}

unmarked_legs_are_seen() {
	disk_with_ext4
	expect_eq ext4 "$(property "$(disk_dev 0)" ID_FS_TYPE)"
	expect_eq ext4 "$(property "$(disk_dev 1)" ID_FS_TYPE)"
}

marked_legs_are_hidden() {
	local dev
	disk_with_ext4
	mark_legs "$(disk_dev 0)" "$(disk_dev 1)"
	for dev in "$(disk_dev 0)" "$(disk_dev 1)"; do
		expect_match '^(sw_path|mpath)_member$' "$(property "$dev" ID_FS_TYPE)"
		expect_eq '' "$(property "$dev" ID_FS_UUID)"
		expect_eq 0 "$(property "$dev" SYSTEMD_READY)"
		expect_eq '' "$(lsblk -dno UUID "$dev")"
	done
	expect_not test -e "/dev/disk/by-uuid/$FS_UUID"
	rm /run/swpath/legs/*
	trigger "$(disk_dev 0)"
	expect_eq ext4 "$(property "$(disk_dev 0)" ID_FS_TYPE)"
}

legs_hidden_by_wwid() {
	disk_with_ext4
	mkdir -p /etc/udev/rules.d
	cat >/etc/udev/rules.d/58-swpath-legs.rules <<-END
		SUBSYSTEM!="block", GOTO="swpath_legs_end"
		ATTRS{wwid}=="$(disk_wwid 0)", ENV{SW_LEG}="1"
		LABEL="swpath_legs_end"
	END
	defer rm /etc/udev/rules.d/58-swpath-legs.rules
	udevadm control --reload
	disk_delete 0
	disk_rescan 0
	expect_match '^(sw_path|mpath)_member$' "$(property "$(disk_dev 0)" ID_FS_TYPE)"
	expect_eq 0 "$(property "$(disk_dev 0)" SYSTEMD_READY)"
}

names_of_a_unit() {
	local wwn
	disk_with_ext4
	wwn=/dev/disk/by-id/wwn-0x$(disk_wwid 0 | cut -d. -f2)
	unit_create_as_pathd sw0 '' "direct:$(disk_dev 0)" "direct:$(disk_dev 1)"
	local dm
	dm=$(leads_to /dev/mapper/sw0)
	expect links_to /dev/sw0 "$dm"
	expect links_to "$wwn" "$dm"
	expect links_to "/dev/disk/by-uuid/$FS_UUID" "$dm"
	expect links_to "/dev/disk/by-id/dm-uuid-SW-$(disk_wwid 0)" "$dm"
	expect_eq 1 "$(property /dev/sw0 SYSTEMD_READY)"
	expect_match "$dm" "$(lsblk -no KNAME "$(disk_dev 0)")"
	expect_eq sw "$(lsblk -dno TYPE /dev/sw0)"
	timeout 20 dmsetup remove --retry sw0
	wait_until 10 test ! -e /dev/sw0
}

scanned_when_first_online() {
	disk_with_ext4
	mark_legs "$(disk_dev 0)" "$(disk_dev 1)"
	unit_create_as_pathd sw0 hold "direct:$(disk_dev 0)" "direct:$(disk_dev 1)"
	expect_eq verify "$(sw_get sw0 state)"
	expect test -b /dev/sw0
	expect_eq 0 "$(property /dev/sw0 SYSTEMD_READY)"
	expect_eq '' "$(property /dev/sw0 ID_FS_TYPE)"
	expect_eq 0 "$(reads_of sw0)"
	give_ticket sw0 0
	wait_until 10 sw_is sw0 state online
	wait_until 20 property_is /dev/sw0 ID_FS_TYPE ext4
	expect_eq 1 "$(property /dev/sw0 SYSTEMD_READY)"
	expect links_to "/dev/disk/by-uuid/$FS_UUID" "$(leads_to /dev/sw0)"
}

resume_while_held() {
	disk_with_ext4
	unit_create_as_pathd sw0 '' "direct:$(disk_dev 0)" "direct:$(disk_dev 1)"
	sw_message sw0 hold
	wait_until 10 sw_is sw0 state held
	timeout 20 dmsetup suspend --noflush --nolockfs sw0
	expect timeout 20 dmsetup resume sw0
	expect_eq held "$(sw_get sw0 state)"
	expect_eq ext4 "$(property /dev/sw0 ID_FS_TYPE)"
	expect_eq 1 "$(property /dev/sw0 SYSTEMD_READY)"
	expect links_to "/dev/disk/by-uuid/$FS_UUID" "$(leads_to /dev/sw0)"
	trigger /dev/sw0
	expect_eq ext4 "$(property /dev/sw0 ID_FS_TYPE)"
	sw_message sw0 release
}

switches_are_not_scanned() {
	local reads
	disk_with_ext4
	unit_create_as_pathd sw0 '' "direct:$(disk_dev 0)" "direct:$(disk_dev 1)"
	udevadm settle --timeout=20
	reads=$(reads_of sw0)
	give_ticket sw0 1
	sw_message sw0 switch 1 cooperative
	wait_until 10 sw_is sw0 active 1
	sw_message sw0 fail 0
	udevadm settle --timeout=20
	expect_eq "$reads" "$(reads_of sw0)"
	expect_eq ext4 "$(property /dev/sw0 ID_FS_TYPE)"
	expect links_to "/dev/disk/by-uuid/$FS_UUID" "$(leads_to /dev/sw0)"
}

new_content_is_scanned() {
	disk_with_ext4
	mark_legs "$(disk_dev 0)" "$(disk_dev 1)"
	unit_create_as_pathd sw0 '' "direct:$(disk_dev 0)" "direct:$(disk_dev 1)"
	mkfs.xfs -q -f /dev/sw0 2>/dev/null || mkfs.ext4 -q -F -L fresh /dev/sw0
	wait_until 20 property_is_not /dev/sw0 ID_FS_UUID "$FS_UUID"
	expect_not test -e "/dev/disk/by-uuid/$FS_UUID"
}

property_is_not() {
	[ "$(property "$1" "$2")" != "$3" ]
}

lvm_sees_the_unit_only() {
	local config='devices { external_device_info_source="udev" }'
	requires_command vgcreate
	wipefs -qa "$(disk_dev 0)"
	mark_legs "$(disk_dev 0)" "$(disk_dev 1)"
	unit_create_as_pathd sw0 '' "direct:$(disk_dev 0)" "direct:$(disk_dev 1)"
	expect pvcreate --config "$config" -y /dev/sw0
	expect vgcreate --config "$config" -y vg0 /dev/sw0
	defer vgremove --config "$config" -ff -y vg0
	trigger "$(disk_dev 0)" "$(disk_dev 1)"
	expect_eq 1 "$(pvs --config "$config" --noheadings -o pv_name 2>/dev/null | wc -l)"
	expect_match '/dev/(sw0|mapper/sw0|dm-)' \
		"$(pvs --config "$config" --noheadings -o pv_name 2>/dev/null)"
	expect lvcreate --config "$config" -y -Wn -L 16M -n lv0 vg0
	expect test -b /dev/vg0/lv0
}

multipath_takes_no_leg() {
	requires_command multipath
	mark_legs "$(disk_dev 0)" "$(disk_dev 1)"
	unit_create_as_pathd sw0 '' "direct:$(disk_dev 0)" "direct:$(disk_dev 1)"
	multipath -v1 >/dev/null 2>&1 || true
	expect_eq '' "$(dmsetup ls --target multipath | grep -v 'No devices' || true)"
	expect_eq online "$(sw_get sw0 state)"
}

# The disk had partitions before it was a unit's: udev has seen them when pathd marks it.
partitions_of_a_leg_are_hidden() {
	local part uuid
	# No pathd has been here yet.
	rm -f /etc/udev/rules.d/58-swpath-legs.rules /run/udev/rules.d/58-swpath-legs-now.rules /run/swpath/legs/*
	udevadm control --reload
	trigger "$(disk_dev 0)"
	trigger "$(disk_dev 1)"
	wipefs -qa "$(disk_dev 0)"
	# One partition of Linux, 32768 sectors from 2048 on.
	printf '\0\0\0\0\x83\0\0\0\0\x08\0\0\0\x80\0\0' | dd of="$(disk_dev 0)" bs=1 seek=446 conv=notrunc status=none
	printf '\x55\xaa' | dd of="$(disk_dev 0)" bs=1 seek=510 conv=notrunc status=none
	for part in "$(disk_dev 0)" "$(disk_dev 1)"; do blockdev --rereadpt "$part"; done
	udevadm settle --timeout=20
	part=$(disk_dev 0)1
	mkfs.ext4 -q -F -U random "$part"
	uuid=$(blkid -p -s UUID -o value "$part")
	trigger "$part"
	wait_until 20 property_is "$part" ID_FS_UUID "$uuid"
	pathd_rig
	pathd_start
	wait_until 20 property_is "$part" SYSTEMD_READY 0
	expect_eq '' "$(property "$part" ID_FS_UUID)"
	wait_until 20 test ! -e "/dev/disk/by-uuid/$uuid"
}

# What a pathd that was killed leaves behind when its disk goes before the next one starts.
left_over_mark_hides_nobody() {
	local loop
	disk_with_ext4
	truncate -s 16M "$SW_RUN/foreign.img"
	mkfs.ext4 -q -F "$SW_RUN/foreign.img"
	modprobe loop
	loop=$(losetup --find --show "$SW_RUN/foreign.img")
	defer losetup --detach "$loop"
	mark_legs "$loop" "$(disk_dev 0)"
	expect_eq sw_path_member "$(property "$loop" ID_FS_TYPE)"
	expect_eq 0 "$(property "$loop" SYSTEMD_READY)"
	pathd_rig
	pathd_start
	wait_until 30 property_is "$loop" ID_FS_TYPE ext4
	expect_eq '' "$(property "$loop" SYSTEMD_READY)"
	expect_match '^(sw_path|mpath)_member$' "$(property "$(disk_dev 0)" ID_FS_TYPE)"
}

# One disk for all cases: they begin with a file system of their own.
disk_create 64

test_case "an unmarked disk is scanned (so that the next tests mean something)" unmarked_legs_are_seen
test_case "a marked leg is hidden from blkid, by-uuid and systemd, and seen again when unmarked" marked_legs_are_hidden
test_case "a leg is hidden by its WWID as soon as it appears, without pathd" legs_hidden_by_wwid
test_case "a unit has /dev/swN, and its links win against those of its legs" names_of_a_unit
test_case "a unit that starts held is not scanned until it is first online" scanned_when_first_online
test_case "resume of a unit that holds returns and keeps its links" resume_while_held
test_case "a switch and a failed path cause no scan and lose no link" switches_are_not_scanned
test_case "a new file system on a unit is seen" new_content_is_scanned
test_case "LVM sees the unit and none of its legs" lvm_sees_the_unit_only
test_case "multipath takes no leg of a unit" multipath_takes_no_leg
test_case "a mark that a dead pathd has left hides no other disk for longer than until the next one starts" left_over_mark_hides_nobody
test_case "the partitions of a leg are hidden with it, those that were there before pathd too" partitions_of_a_leg_are_hidden
