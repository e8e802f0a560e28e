#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# demo.sh - what `./dev demo` shows, in a VM: one disk over a SCSI path of its own and an NBD path
# through a peer; verified writes run while the direct path fails, hangs, vanishes and comes back.
# shellcheck source=tests/vm/lib/sw.sh
. "$SW_LIB/sw.sh"
# shellcheck source=tests/vm/lib/pathd.sh
. "$SW_LIB/pathd.sh"

say() {
	printf '\n=== %s\n' "$*"
}

status() {
	echo "\$ pathctl status /dev/sw0"
	pathctl status /dev/sw0
}

# left DOING...: does it, waits until the served path carries I/O, then mends the path, waits for failback.
left_and_back() {
	local mend=$1
	shift
	"$@"
	wait_until 60 sw_is sw0 active 1
	writer_flows sw0 50 60
	status
	say "the direct path works again: failback"
	$mend
	wait_until 90 sw_is sw0 active 0
	writer_flows sw0 50 60
	status
}

errors() {
	say "(a) the direct path gives errors"
	left_and_back "disk_heal 0" disk_fail 0
}

hangs() {
	say "(b) the direct path hangs: commands go in, nothing comes back"
	left_and_back "disk_heal 0" disk_hang 0
}

vanishes() {
	say "(c) the direct path is deleted, as by a pulled HBA, and comes back"
	left_and_back returns disk_delete 0
}

# Three faults within a minute: pathd would not trust the path again for a while. A person may say otherwise.
returns() {
	disk_rescan 0
	wait_until 60 answers
	echo "\$ pathctl reinstate sw0 direct"
	pathctl reinstate sw0 direct
}

answers() {
	monitor_is sw0 0 ok || monitor_is sw0 0 checking || monitor_is sw0 0 damped
}

demo() {
	say "one disk: sda through this host's SCSI, nbd0 through the peer beta; pathd makes /dev/sw0 of them"
	echo "    fence=drain: where a write is in doubt, the unit takes a completed drain for proof that it"
	echo "    cannot happen any more. Proving it (fence=prove) is the next version's work."
	pathd_rig 'stall="5s"'
	pathd_start
	status
	say "verified writes begin"
	writer_start sw0 /dev/sw0 --span $((16 << 20)) --depth 4
	errors
	hangs
	vanishes
	say "what happened"
	pathctl history /dev/sw0
	writer_stop sw0
	writer_verify sw0 /dev/sw0 "$(disk_dev 0)" "$(disk_dev 1)"
	say "longest I/O $(writer_get sw0 longest_ms) ms, $(writer_get sw0 ops) I/Os: 0 lost, $(writer_get sw0 errors) errors"
}

disk_create 32
test_case "a unit keeps its writes through an error, a hang and a deletion" demo
