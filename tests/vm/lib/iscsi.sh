# shellcheck shell=bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# iscsi.sh - LIO as an iSCSI target in this VM, with real persistent reservations, and sessions to it: after
# sw.sh and pathd.sh. (Not tcm_loop: its PREEMPT AND ABORT deadlocks Linux 6.1.)
#
#   lio_target IQN fileio FILE|iblock DEVICE PORT...   a target with LUN 0, at 127.0.0.1 or LIO_ADDRESS; FILE is made, 64 MiB
#   lio_lun IQN N fileio FILE|iblock DEVICE   one LUN more
#   lio_remove IQN                    a target with one LUN
#   sessions_open IQN NAME:PORT...    sessions with initiator names of their own, each an I_T nexus; their
#                                     devices go to SESSION_DEV[NAME], as sdX
#   reservations_rig [false [FENCE]]  sw0 over the sessions a and b, two direct paths, fence="prove" (or FENCE)
#                                     by reservations (false: they are the users'); pathd started
#   keys DEVICE                       the keys that are registered, as 0x...
#
# The target itself lives as long as the VM: sessions that end with it leave the initiator trying.

LIO=/sys/kernel/config/target
declare -A SESSION_DEV

lio_target() {
	local iqn=$1 kind=$2 what=$3 tpg=$LIO/iscsi/$1/tpgt_1 port
	shift 3
	modprobe configfs
	mountpoint -q /sys/kernel/config || mount -t configfs configfs /sys/kernel/config
	# LIO keeps what is to outlive a loss of power here, and refuses APTPL without it.
	mkdir -p /etc/target/pr /etc/target/alua
	modprobe -a target_core_mod target_core_file target_core_iblock iscsi_target_mod iscsi_tcp sd_mod sg
	lio_lun "$iqn" 0 "$kind" "$what"
	for port in "$@"; do
		mkdir -p "$tpg/np/${LIO_ADDRESS:-127.0.0.1}:$port"
	done
	echo 0 >"$tpg/attrib/authentication"
	echo 0 >"$tpg/attrib/demo_mode_write_protect"
	echo 1 >"$tpg/attrib/generate_node_acls"
	echo 1 >"$tpg/attrib/cache_dynamic_acls"
	echo 1 >"$tpg/enable"
}

lio_lun() {
	local iqn=$1 lun=$2 kind=$3 what=$4 tpg=$LIO/iscsi/$1/tpgt_1 name=${1##*:} store
	[ "$lun" -eq 0 ] || name+=-$lun
	store=$LIO/core/${kind}_$lun/$name
	mkdir -p "$store"
	case $kind in
	fileio)
		truncate -s 64M "$what"
		echo "fd_dev_name=$what,fd_dev_size=$((64 << 20))" >"$store/control"
		;;
	iblock) echo "udev_path=$what" >"$store/control" ;;
	esac
	[ "$lun" -eq 0 ] || iqn+=-$lun
	echo "5c1a2b3c-4d5e-6f70-8192-$(echo "$iqn" | md5sum | command cut -c1-12)" >"$store/wwn/vpd_unit_serial"
	echo 1 >"$store/enable"
	mkdir -p "$tpg/lun/lun_$lun"
	ln -s "$store" "$tpg/lun/lun_$lun/disk"
}

lio_remove() {
	local tpg=$LIO/iscsi/$1/tpgt_1
	echo 0 >"$tpg/enable"
	rm "$tpg/lun/lun_0/disk"
	rmdir "$tpg/lun/lun_0" "$tpg"/np/* "$tpg" "$LIO/iscsi/$1" "$LIO"/core/*/"${1##*:}"
}

sessions_open() {
	local iqn=$1 name port
	shift
	mkdir -p /run/lock/iscsi
	iscsid -f >"$SW_RUN/iscsid.log" 2>&1 &
	disown
	for name in "$@"; do
		port=${name#*:} name=${name%:*}
		wait_until 20 iscsiadm -m iface -I "i$name" --op=new
		iscsiadm -m iface -I "i$name" --op=update -n iface.initiatorname -v "iqn.2026-01.org.example:host$name"
		iscsiadm -m discovery -t st -p "127.0.0.1:$port" -I "i$name" >/dev/null
		iscsiadm -m node -T "$iqn" -p "127.0.0.1:$port" -I "i$name" --login >/dev/null
		wait_until 30 session_device "$name"
		SESSION_DEV[$name]=$(session_device "$name")
	done
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

session_hctl() {
	basename "$(readlink -f "/sys/block/${SESSION_DEV[$1]}/device")"
}

reservations_rig() {
	local name
	[ -s /etc/machine-id ] || skip "no /etc/machine-id"
	: >"$PATHD_LOG"
	mkdir -p /etc/swpath
	{
		cat <<-END
			[unit.sw0]
			wwid = "$(cat "/sys/block/${SESSION_DEV[a]}/device/wwid")"
			fence = "${2:-prove}"
			reservations = ${1:-true}
			stall = "5s"
			check_interval = "1s"
			failback = { policy = "manual", stable = "1s" }
		END
		for name in a b; do
			printf '[[unit.sw0.path]]\nkind = "direct"\nname = "%s"\nhctl = "%s"\n' "$name" "$(session_hctl "$name")"
		done
	} >/etc/swpath/swpath.toml
	defer pathd_clean
	pathd_start
}

keys() {
	sg_persist -n -i -k "/dev/$1" | sed -n 's/^ *\(0x[0-9a-f]*\) *$/\1/p' | sort
}
