# shellcheck shell=bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# many_disks.sh - up to thousands of disks of 1 MiB in a VM: `. "$SW_LIB/sw.sh"` first.
#
#   udev_lean                    udev does for a disk what the products need, and no more
#   disks_create COUNT HOSTS     COUNT test disks behind each of HOSTS hosts of theirs, whose numbers are in `hosts` then.
#                                The Nth, from 0, is LUN N, and has the WWID that disk_wwid_of N prints
#   disks_of HOST                their directories
#   disks_remove

# What is run for each of thousands of devices and is nothing of either product: a process for each disk's identity, a look for what
# is on it, links. What both need is left, and the identity, which the kernel has.
udev_lean() {
	local rules
	mkdir -p /run/udev/rules.d
	for rules in /usr/lib/udev/rules.d/*.rules; do
		case ${rules##*/} in
		50-udev-default.rules | 55-dm.rules | 56-dm-mpath.rules | *swpath-map.rules | 59-swpath-nondisk.rules | 95-dm-notify.rules) ;;
		*) ln -sf /dev/null "/run/udev/rules.d/${rules##*/}" ;;
		esac
	done
	# multipathd takes the first for the name, and no disk without the second.
	# shellcheck disable=SC2016 # for udev
	echo 'SUBSYSTEM=="block", KERNEL=="sd*", ATTRS{wwid}=="?*", ENV{ID_SERIAL}="$attr{wwid}", ENV{ID_WWN}="$attr{wwid}"' \
		>/run/udev/rules.d/60-bench.rules
	udevadm control --reload
}

hosts=()
disks_create() {
	modprobe -a sd_mod sg
	modprobe sw-testdisk size_mb=1 hosts="$2" luns="$1" || fail "no test disk"
	mapfile -t hosts < <(cd /sys/kernel/debug/sw-testdisk && printf '%s\n' [0-9]* | sort -n)
	slowly_until 300 disks_are_there "$1"
	udevadm settle --timeout=600
}
disks_of() {
	ls -d /sys/class/scsi_host/host"$1"/device/target*/*/block/*
}
disks_are_there() { # COUNT
	local host
	for host in "${hosts[@]}"; do
		[ "$(disks_of "$host" | wc -l)" = "$1" ] || return
	done
}
disk_wwid_of() {
	printf 'naa.6053570000000000%016x\n' $(($1 + 1))
}
disks_remove() {
	unload_module sw_testdisk
}
