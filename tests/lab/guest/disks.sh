# shellcheck shell=bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# disks.sh - the disks of the lab, in its nodes.
#
#   array_serve         a LUN of one iSCSI target for each of the array's disks
#   host_attach         a session to it, once the array is there; `disk_of N` is there when it returns
#   disk_of LUN         prints the name of the disk here: sdX
#   disk_wwid_of LUN    ... and of the disk anywhere, as swpath.toml wants it

# shellcheck disable=SC2154 # node is node.sh's
LAB_IQN=iqn.2026-01.org.example:lab

array_serve() {
	local disk lun=0
	modprobe virtio_blk
	udevadm settle --timeout=30
	for disk in /dev/vd?; do
		if [ $lun -eq 0 ]; then
			LIO_ADDRESS=$(lab_address array san) lio_target $LAB_IQN iblock "$disk" 3260
		else
			lio_lun $LAB_IQN $lun iblock "$disk"
		fi
		lun=$((lun + 1))
	done
}

host_attach() {
	mkdir -p /run/lock/iscsi
	echo "InitiatorName=iqn.2026-01.org.example:$node" >/etc/iscsi/initiatorname.iscsi
	modprobe -a iscsi_tcp sd_mod sg nbd
	iscsid -f >"$SW_RUN/iscsid.log" 2>&1 &
	wait_until 300 array_login
	wait_until 60 disk_of 0
	udevadm settle --timeout=30
}

array_login() {
	[ -z "$(iscsiadm -m session 2>/dev/null)" ] || return 0
	timeout 30 iscsiadm -m discovery -t st -p "$(lab_address array san)"
	timeout 30 iscsiadm -m node -T $LAB_IQN --login
}

disk_of() {
	local block
	for block in /sys/class/iscsi_session/session*/device/target*/*:*:*:"$1"/block/sd*; do
		[ -d "$block" ] && echo "${block##*/}" && return
	done
	return 1
}

disk_wwid_of() {
	cat "/sys/block/$(disk_of "$1")/device/wwid"
}
