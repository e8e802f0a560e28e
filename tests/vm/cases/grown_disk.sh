#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# kernels: 6.1
# timeout: 600
#
# The array makes a disk larger while a unit is on it: that is the same disk still, and the unit has the part of it that it had.
# shellcheck source=tests/vm/lib/sw.sh
. "$SW_LIB/sw.sh"
# shellcheck source=tests/vm/lib/pathd.sh
. "$SW_LIB/pathd.sh"
# shellcheck source=tests/vm/lib/cluster.sh
. "$SW_LIB/cluster.sh"

MB=$((1 << 20))

# The disk has so many MiB by these ways, and the kernel knows it.
disk_is() { # MB HOST...
	local mb=$1 host
	shift
	for host in "$@"; do
		disk_resize "$host" "$mb"
		disk_reread "$host"
		wait_until 10 disk_has "$host" "$((mb * MB))"
	done
}

disk_has() {
	[ "$(blockdev --getsize64 "$(disk_dev "$1")")" = "$2" ]
}

disk_says() { # MB HOST...: the kernel has not asked again
	local mb=$1 host
	shift
	for host in "$@"; do
		disk_resize "$host" "$mb"
	done
}

unit_has() {
	[ "$(blockdev --getsize64 /dev/sw0)" = "$1" ] && [ "$(pathctl status sw0 --json | jq '.units[0].size_bytes')" = "$1" ]
}

# Of several checks of each path none may find fault with it.
is_in_use() {
	holds_for 5 sw_is sw0 active 0
	wait_until 30 path_is_usable 0
	wait_until 30 path_is_usable 1
	expect unit_has "$((16 * MB))"
}

ends_well() {
	writer_flows sw0
	writer_stop sw0
	expect_eq 0 "$(writer_get sw0 errors)" "errors"
	writer_verify sw0 "$(disk_dev 1)"
}

grows_in_use() {
	pathd_rig 'check_interval="1s"'
	pathd_start
	writer_start sw0 /dev/sw0 --span $((8 * MB))
	disk_says 32 0 1
	is_in_use
	disk_is 32 0 1
	is_in_use
	# To the server and back.
	disk_fail 0
	wait_until 30 sw_is sw0 active 1
	disk_heal 0
	wait_until 60 sw_is sw0 active 0
	# A new pathd has the table alone to know the size by.
	pathd_kill
	pathd_run
	is_in_use
	ends_well
}

peer_exports() {
	[ "$(lsblk -bdno SIZE "/dev/block/$(sw_path_get sw0 1 device)")" = "$1" ]
}

# What beta attests, and what a new server of its gives out, is all that the disk has.
grows_behind_a_peer() {
	disks_heal
	cluster_create "$(pathd_hctl 0)" "$(disk_wwid 0)" "beta=$(pathd_hctl 1)"
	cluster_start
	writer_start sw0 /dev/sw0 --span $((8 * MB))
	pathctl switch sw0 beta
	wait_until 30 sw_is sw0 active 1
	disk_is 32 0 1
	holds_for 5 sw_is sw0 active 1
	pathctl failback sw0
	wait_until 30 sw_is sw0 active 0
	host_kill_all beta
	host_start beta
	wait_until 60 peer_exports "$((32 * MB))" # or what is usable may be the dead server's connection yet
	wait_until 60 path_is_usable 1
	pathctl switch sw0 beta
	wait_until 30 sw_is sw0 active 1
	writer_flows sw0
	pathctl failback sw0
	is_in_use
	ends_well
}

disk_create 32
disk_is 16 0 1
# What a case begins with.
DISK_TRUTH=$(disk_claims 0)
test_case "a disk that grows under its unit stays in use, and the unit keeps its size (P5)" grows_in_use
test_case "a disk that grows behind a peer is served, and the unit keeps its size (P5)" grows_behind_a_peer
