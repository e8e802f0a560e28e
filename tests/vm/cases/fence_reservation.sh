#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# kernels: 6.1
# timeout: 900
#
# A switch with writes in doubt between two direct paths is proved by real reservations: LIO as an iSCSI target, two sessions with initiator names of
# their own, so two I_T nexuses. (Not tcm_loop: its PREEMPT AND ABORT deadlocks Linux 6.1.)
# shellcheck source=tests/vm/lib/sw.sh
. "$SW_LIB/sw.sh"
# shellcheck source=tests/vm/lib/pathd.sh
. "$SW_LIB/pathd.sh"

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

# The sessions a and b; their devices go to DEV_a and DEV_b.
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
	DEV_a=$(session_device a)
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

config_two_direct() {
	mkdir -p /etc/swpath
	cat >/etc/swpath/swpath.toml <<-END
		[unit.sw0]
		wwid = "$(cat "/sys/block/$DEV_a/device/wwid")"
		fence = "prove"
		reservations = true
		stall = "5s"
		check_interval = "1s"
		failback = { policy = "manual", stable = "1s" }
		[[unit.sw0.path]]
		kind = "direct"
		name = "a"
		hctl = "$(hctl_of "$DEV_a")"
		[[unit.sw0.path]]
		kind = "direct"
		name = "b"
		hctl = "$(hctl_of "$DEV_b")"
	END
}

keys() {
	sg_persist -n -i -k "/dev/$1" | sed -n 's/^ *\(0x[0-9a-f]*\) *$/\1/p' | sort
}

show() {
	echo "--- $1"
	sg_persist -n -i -k "/dev/$DEV_b" || true
	sg_persist -n -i -r "/dev/$DEV_b" || true
}

the_old_path_is_preempted() {
	local key_a
	[ -s /etc/machine-id ] || skip "no /etc/machine-id"
	: >"$PATHD_LOG"
	config_two_direct
	defer pathd_clean
	pathd_start
	show "before"
	expect_eq 2 "$(keys "$DEV_b" | wc -l)" "keys of both paths"
	writer_start sw0 /dev/sw0 --span $((8 << 20))
	writer_flows sw0
	# I/O ends in errors at once; an administrator's word, so pathd leaves it so.
	echo offline >"/sys/block/$DEV_a/device/state"
	wait_until 60 sw_is sw0 active 1
	writer_flows sw0
	writer_stop sw0
	show "after"
	expect_eq preempt-abort "$(history_last method)" "method"
	history_last evidence
	expect_eq 1 "$(keys "$DEV_b" | wc -l)" "keys"
	key_a=$(history_last evidence | grep -o '^0x[0-9a-f]*')
	if keys "$DEV_b" | grep -q "$key_a"; then fail "the old key is still there"; fi
	sg_persist -n -i -r "/dev/$DEV_b" | grep -qi 'registrants only' || fail "no reservation"
	writer_verify sw0 "/dev/$DEV_b"

	# What the old nexus sends now is rejected. Without pathd, which would take the path in again.
	pathd_kill
	echo running >"/sys/block/$DEV_a/device/state"
	wait_until 20 dd "if=/dev/$DEV_a" of=/dev/null bs=4096 count=1 iflag=direct status=none
	if dd if=/dev/zero "of=/dev/$DEV_a" bs=4096 count=1 seek=4096 oflag=direct status=none; then
		fail "a write of the old nexus got through"
	fi
	# And a new pathd gives it its key again, and then uses it.
	pathd_run
	wait_until 60 path_is_usable 0
	expect_eq 2 "$(keys "$DEV_b" | wc -l)" "keys of both paths again"
}

lio_create
sessions_open
test_case "an old path with writes in doubt is preempted, aborted and shut out" the_old_path_is_preempted
