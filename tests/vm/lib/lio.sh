# shellcheck shell=bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# lio.sh - a disk with real reservations: LIO as an iSCSI target, two sessions with initiator names of their own, so two I_T nexuses.
# `. "$SW_LIB/lio.sh"` after sw.sh. (Not tcm_loop: its PREEMPT AND ABORT deadlocks Linux 6.1.)
#
#   lio_create                      the target and its disk of 64 MiB
#   sessions_open                   the sessions a and b; their devices go to DEV_a and DEV_b ("sda")
#   hctl_of DEV                     prints its HCTL
#   keys DEV                        prints the registered keys, a line for each, sorted

TARGET=iqn.2026-01.org.example:disk
LIO=/sys/kernel/config/target

lio_create() {
	local tpg=$LIO/iscsi/$TARGET/tpgt_1 store=$LIO/core/fileio_0/disk
	modprobe configfs
	mountpoint -q /sys/kernel/config || mount -t configfs configfs /sys/kernel/config
	# LIO keeps what is to outlive a loss of power here, and refuses APTPL without it.
	mkdir -p /etc/target/pr /etc/target/alua
	modprobe -a target_core_mod target_core_file iscsi_target_mod iscsi_tcp sd_mod sg
	truncate -s 64M "$SW_RUN/disk.img"
	mkdir -p "$store"
	echo "fd_dev_name=$SW_RUN/disk.img,fd_dev_size=$((64 << 20))" >"$store/control"
	echo 5c1a2b3c-4d5e-6f70-8192-a3b4c5d6e7f8 >"$store/wwn/vpd_unit_serial"
	echo 1 >"$store/enable"
	mkdir -p "$tpg/lun/lun_0" "$tpg/np/127.0.0.1:3260"
	ln -s "$store" "$tpg/lun/lun_0/disk"
	echo 0 >"$tpg/attrib/authentication"
	echo 0 >"$tpg/attrib/demo_mode_write_protect"
	echo 1 >"$tpg/attrib/generate_node_acls"
	echo 1 >"$tpg/attrib/cache_dynamic_acls"
	echo 1 >"$tpg/enable"
}

sessions_open() {
	local name
	mkdir -p /run/lock/iscsi
	iscsid -f >"$SW_RUN/iscsid.log" 2>&1 &
	disown
	for name in a b; do
		wait_until 20 iscsiadm -m iface -I "i$name" --op=new
		iscsiadm -m iface -I "i$name" --op=update -n iface.initiatorname -v "iqn.2026-01.org.example:host$name"
		iscsiadm -m discovery -t st -p 127.0.0.1 -I "i$name" >/dev/null
		iscsiadm -m node -T "$TARGET" -p 127.0.0.1 -I "i$name" --login >/dev/null
		wait_until 30 session_device "$name"
	done
	# shellcheck disable=SC2034 # for the script
	DEV_a=$(session_device a)
	# shellcheck disable=SC2034
	DEV_b=$(session_device b)
	udevadm settle --timeout=20
}

session_device() {
	local session
	for session in /sys/class/iscsi_session/session*; do
		[ "$(cat "$session/initiatorname")" = "iqn.2026-01.org.example:host$1" ] || continue
		basename "$(echo "$session"/device/target*/*/block/sd*)" | grep -v '\*'
		return
	done
	return 1
}

hctl_of() {
	basename "$(readlink -f "/sys/block/$1/device")"
}

keys() {
	sg_persist -n -i -k "/dev/$1" | sed -n 's/^ *\(0x[0-9a-f]*\) *$/\1/p' | sort
}
