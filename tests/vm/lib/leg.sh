# shellcheck shell=bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# leg.sh - a dm-linear named NAME before a device, to be used as a unit's path. Cheaper than a sick SCSI
# disk and exact in time, but only the kernel target can be tested so: a leg has no VPD pages, no command
# time-out and no error handler. Its hang ends when it is healed and never by itself.
#
#   leg_create NAME DEVICE    /dev/mapper/NAME, all of DEVICE
#   leg_hang NAME             bios are held (suspended without a flush)
#   leg_error NAME            bios fail with EIO; those of a hang too
#   leg_heal NAME             works again; bios of a hang go on
#   leg_dev NAME              prints MAJ:MIN

leg_create() {
	dmsetup create "$1" --table "0 $(blockdev --getsz "$2") linear $2 0"
	defer leg_remove "$1"
	echo "0 $(blockdev --getsz "$2") linear $2 0" >"$SW_RUN/leg.$1"
}

leg_remove() {
	leg_heal "$1"
	timeout 30 dmsetup remove --retry "$1"
}

leg_hang() {
	dmsetup suspend --noflush --nolockfs "$1"
}

leg_error() {
	dmsetup suspend --noflush --nolockfs "$1"
	dmsetup load "$1" --table "0 $(blockdev --getsz "/dev/mapper/$1") error"
	dmsetup resume --noudevsync "$1"
}

leg_heal() {
	dmsetup suspend --noflush --nolockfs "$1"
	dmsetup load "$1" <"$SW_RUN/leg.$1"
	dmsetup resume --noudevsync "$1"
}

leg_dev() {
	dmsetup info -c --noheadings --separator : -o major,minor "$1"
}
