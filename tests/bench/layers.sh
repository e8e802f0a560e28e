# shellcheck shell=bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# layers.sh - sourced in the VM: what is put on top of the same null_blk, one at a time.
# The standby path is a second null_blk, so that each product is compared as it is used: with two paths.
set -euo pipefail

# shellcheck disable=SC2034 # for the script
readonly layers="raw linear sw mpath-bio mpath-rq"

# load_disks QUEUES IRQMODE: /dev/nullb0 and /dev/nullb1; irqmode 0 ends an I/O where it was submitted, 2 in a timer's interrupt
load_disks() {
	modprobe null_blk nr_devices=2 gb=1 bs=512 queue_mode=2 submit_queues="$1" irqmode="$2"
	local module
	for module in dm-mod dm-sw dm-multipath dm-service-time; do
		modprobe "$module"
	done
	sectors=$(blockdev --getsz /dev/nullb0)
}

table_of() {
	local group="service-time 0 1 1" # what multipathd writes when nothing is configured
	case $1 in
	linear) echo "0 $sectors linear /dev/nullb0 0" ;;
	sw-witness) echo "0 $sectors sw 2 witness 16 2 direct /dev/nullb0 served /dev/nullb1" ;;
	sw) echo "0 $sectors sw 0 2 direct /dev/nullb0 served /dev/nullb1" ;;
	mpath-bio) echo "0 $sectors multipath 2 queue_mode bio 0 2 1 $group /dev/nullb0 1 $group /dev/nullb1 1" ;;
	mpath-rq) echo "0 $sectors multipath 0 0 2 1 $group /dev/nullb0 1 $group /dev/nullb1 1" ;;
	esac
}

# put_on LAYER [NAME]: sets `disk`
put_on() {
	local name=${2:-bench}
	if [ "$1" = raw ]; then
		disk=/dev/nullb0
		return
	fi
	table_of "$1" | dmsetup create "$name" --noudevsync --noudevrules
	disk=/dev/$(dmsetup info -c --noheadings -o blkdevname "$name")
	[ "$(blockdev --getsz "$disk")" = "$sectors" ]
}

take_off() {
	[ "$1" = raw ] || dmsetup remove --noudevsync --retry "${2:-bench}"
}
