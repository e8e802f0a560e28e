# shellcheck shell=bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# disk.sh - one disk behind several SCSI hosts. PATH_NO is 0 for the first host, 1 for the second.
#
#   disk_create [size_mb=64] [hosts=2] [wwid=1]   loads the test disk (tests/vm/kmod), waits for its devices
#   disk_dev PATH_NO                  prints /dev/sdX: ask again after disk_rescan
#   disk_name PATH_NO                 prints sdX; fails if the path has no device
#   disk_wwid PATH_NO                 prints the WWID as the kernel has it
#   disk_set PATH_NO KNOB VALUE       any knob of tests/vm/kmod/td-host.c
#   disk_get PATH_NO KNOB
#   disk_hang PATH_NO                 commands are swallowed: they end by time-out, abort and reset.
#                                     All of them are, so the error handler takes the device offline
#   disk_hang_keeping_writes PATH_NO  the same, and disk_ghosts_land lets the swallowed writes happen later
#   disk_ghosts_land PATH_NO
#   disk_freeze PATH_NO, disk_thaw PATH_NO   who submits I/O to its device sleeps; undo it in the same case
#   disk_fail PATH_NO                 every command ends in a transport error
#   disk_conflict PATH_NO             reads and writes end in RESERVATION CONFLICT
#   disk_answers PATH_NO WORD [EVERY=1]   each EVERYth command is answered by recovered (executed, with a
#                                     word of warning), busy, full (TASK SET FULL), not-ready, aborted or late
#                                     (aborted because its time was up: a command duration limit)
#   disk_heal PATH_NO                 undoes the five above, and offline
#   disks_heal                        every path healthy, true to the disk and with its device, no bad block:
#                                     for a case that shares the disk of its file
#   disk_offline PATH_NO              through sysfs, as an administrator would: I/O fails at once
#   disk_delete PATH_NO               the device vanishes
#   disk_rescan PATH_NO               scans the host and waits for its device
#   disk_reread PATH_NO               the kernel asks the present device anew: size, protection, names
#   disk_write_protect PATH_NO on|off   what the disk says; the kernel sees it after disk_reread
#   disk_swap PATH_NO WWID            another disk answers on this path; the kernel's own copy of the name
#                                     stays until disk_delete and disk_rescan
#   disk_copy PATH_NO on|off          another disk of the same NAA name: a copy that kept it. As above
#   disk_resize PATH_NO MB            as above; at most the size it was created with
#   disk_bad_block PATH_NO BLOCK|none   this 512-byte block gives MEDIUM ERROR
#   disk_timeout PATH_NO SECONDS      the kernel's command time-out
#
#   scsi_debug_create [PARAMETER...]  stock scsi_debug instead, two hosts, one store: prints nothing, sets
#                                     SCSI_DEBUG to the devices. Its faults are global to its hosts.

disk_create() {
	local size_mb=${1:-64} hosts=${2:-2} wwid=${3:-1} host
	modprobe -a sd_mod sg
	modprobe sw-testdisk "size_mb=$size_mb" "hosts=$hosts" "wwid=$wwid" || fail "no test disk"
	defer disk_remove
	DISK_HOSTS=()
	for host in $(cd /sys/kernel/debug/sw-testdisk && printf '%s\n' [0-9]* | sort -n); do
		DISK_HOSTS+=("$host")
	done
	for ((host = 0; host < hosts; host++)); do
		wait_until 20 disk_is_there "$host"
	done
	udevadm settle --timeout=120
	DISK_TRUTH=$(disk_claims 0)
}

# What a path says of the disk.
disk_claims() {
	local knob
	for knob in wwid blocks wp copy; do
		disk_get "$1" "$knob"
	done
}

disk_remove() {
	local host
	for host in "${!DISK_HOSTS[@]}"; do
		disk_set "$host" mode 0
		disk_set "$host" eh_fails 0
	done
	unload_module sw_testdisk
}

# udev's workers may still look at the devices.
unload_module() {
	local end=$(($(now_ms) + 30000))
	until rmmod "$1" 2>/dev/null; do
		if [ "$(now_ms)" -gt "$end" ]; then
			rmmod "$1"
			return
		fi
		udevadm settle --timeout=5
	done
}

disk_name() {
	local dir
	for dir in /sys/class/scsi_host/host"${DISK_HOSTS[$1]}"/device/target*/*/block/*; do
		if [ -d "$dir" ]; then
			echo "${dir##*/}"
			return
		fi
	done
	return 1
}

disk_dev() {
	local name
	name=$(disk_name "$1") || return
	echo "/dev/$name"
}

disk_is_there() {
	local dev
	dev=$(disk_dev "$1") && [ -b "$dev" ] && [ "$(blockdev --getsize64 "$dev")" -gt 0 ]
}

disk_sysfs() {
	local dir
	for dir in /sys/class/scsi_host/host"${DISK_HOSTS[$1]}"/device/target*/*:*:*:*; do
		if [ -d "$dir" ]; then
			echo "$dir"
			return
		fi
	done
	return 1
}

disk_wwid() {
	cat "$(disk_sysfs "$1")/wwid"
}

disk_set() {
	echo "$3" >"/sys/kernel/debug/sw-testdisk/${DISK_HOSTS[$1]}/$2"
}

disk_get() {
	cat "/sys/kernel/debug/sw-testdisk/${DISK_HOSTS[$1]}/$2"
}

disk_hang() { disk_set "$1" mode 1; }
disk_hang_keeping_writes() { disk_set "$1" mode 2; }
disk_fail() { disk_set "$1" mode 3; }
disk_conflict() { disk_set "$1" mode 4; }

disk_answers() {
	local -A modes=([recovered]=5 [busy]=6 [full]=7 [not-ready]=8 [aborted]=9 [late]=10)
	[ -n "${modes[$2]}" ] || fail "disk_answers: no answer '$2'"
	disk_set "$1" every "${3:-1}"
	disk_set "$1" mode "${modes[$2]}"
}

disk_freeze() { disk_set "$1" frozen 1; }
disk_thaw() { disk_set "$1" frozen 0; }

disk_ghosts_land() { disk_set "$1" ghosts 1; }

disk_heal() {
	local dir
	disk_set "$1" mode 0
	dir=$(disk_sysfs "$1") || return 0
	if [ "$(cat "$dir/state")" = offline ]; then
		echo running >"$dir/state"
	fi
}

disks_heal() {
	local host truth
	mapfile -t truth <<<"$DISK_TRUTH"
	for host in "${!DISK_HOSTS[@]}"; do
		disk_bad_block "$host" none
		disk_heal "$host"
		# The kernel may have believed it.
		if [ "$(disk_claims "$host")" != "$DISK_TRUTH" ]; then
			disk_set "$host" wwid "${truth[0]}"
			disk_set "$host" blocks "${truth[1]}"
			disk_set "$host" wp "${truth[2]}"
			disk_set "$host" copy "${truth[3]}"
			[ ! -e "/dev/$(disk_name "$host")" ] || disk_delete "$host"
		fi
		disk_is_there "$host" || disk_rescan "$host"
		disk_default_limits "$host"
	done
}

# The kernel's own time-outs, whatever a killed pathd has left.
disk_default_limits() {
	local dir
	dir=$(disk_sysfs "$1")
	echo 30 >"$dir/timeout"
	echo 10 >"$dir/eh_timeout"
	echo 5 | tee "$dir"/scsi_disk/*/max_retries >/dev/null
	echo off >"/sys/class/scsi_host/host${DISK_HOSTS[$1]}/eh_deadline"
}

disk_offline() {
	echo offline >"$(disk_sysfs "$1")/state"
}

disk_delete() {
	echo 1 >"$(disk_sysfs "$1")/delete"
}

disk_rescan() {
	echo '- - -' >"/sys/class/scsi_host/host${DISK_HOSTS[$1]}/scan"
	wait_until 20 disk_is_there "$1"
	udevadm settle --timeout=120
}

disk_reread() {
	echo 1 >"$(disk_sysfs "$1")/rescan"
}

disk_write_protect() {
	case $2 in
	on) disk_set "$1" wp 1 ;;
	off) disk_set "$1" wp 0 ;;
	*) fail "disk_write_protect: on or off, not '$2'" ;;
	esac
}

disk_swap() { disk_set "$1" wwid "$2"; }
disk_resize() { disk_set "$1" blocks "$(($2 * 2048))"; }

disk_copy() {
	case $2 in
	on) disk_set "$1" copy 1 ;;
	off) disk_set "$1" copy 0 ;;
	*) fail "disk_copy: on or off, not '$2'" ;;
	esac
}

disk_bad_block() {
	if [ "$2" = none ]; then
		disk_set "$1" medium 18446744073709551615
	else
		disk_set "$1" medium "$2"
	fi
}

disk_timeout() {
	echo "$2" >"$(disk_sysfs "$1")/timeout"
}

scsi_debug_devices() {
	local dir
	for dir in /sys/bus/pseudo/drivers/scsi_debug/adapter*/host*/target*/*/block/*; do
		[ ! -d "$dir" ] || echo "/dev/${dir##*/}"
	done
}

scsi_debug_has() {
	[ "$(scsi_debug_devices | wc -l)" -ge "$1" ]
}

scsi_debug_create() {
	modprobe -a sd_mod sg
	modprobe scsi_debug add_host=2 vpd_use_hostno=0 num_tgts=1 max_luns=1 delay=0 dev_size_mb=64 "$@"
	defer unload_module scsi_debug
	wait_until 20 scsi_debug_has 2
	# shellcheck disable=SC2034 # for the script
	mapfile -t SCSI_DEBUG < <(scsi_debug_devices)
	udevadm settle --timeout=120
}
