#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# faults.sh - in a VM: the longest I/O of a writer when the active one of two paths to a SCSI disk
#   error  refuses every command at once (device offline)
#   hang   swallows every command, those of error recovery too, while the other path is healthy
# over two SCSI paths, and over one SCSI path and one that a peer serves:
#   mpath         dm-multipath with multipathd as Debian configures them, two SCSI paths
#   sw            sw with pathd, two SCSI paths
#   mpath-served  a dm-multipath map alone, SCSI and served: multipathd takes no network block device
#   sw-served     sw with pathd, SCSI and served
# Same disk, writer and faults for all. Prints
#   fault PRODUCT FAULT LONGEST_MS I/OS ERRORS
# only if the checker found every acknowledged write, through the product and through both paths.
#
# Linux 6.12: its scsi_debug can hang one of two paths to the same store; that of 6.1 hangs all or none.
# shellcheck source=tests/vm/lib/sw.sh
. "$SW_LIB/sw.sh"
# shellcheck source=tests/vm/lib/pathd.sh
. "$SW_LIB/pathd.sh"

# --- the disk and its faults ---
scsi_address() { basename "$(readlink -f "/sys/block/${1#/dev/}/device")"; }
hang_rules() { echo "/sys/kernel/debug/scsi_debug/$(scsi_address "$1")/error"; }

path_break() { # FAULT DEVICE
	case $1 in
	error) echo offline >"/sys/block/${2#/dev/}/device/state" ;;
	# type 0: no answer; count 1: from now on; 0xff: whatever the command
	hang) echo "0 1 0xff" >"$(hang_rules "$2")" ;;
	esac
}

path_mend() { # FAULT DEVICE
	[ "$1" != hang ] || echo "- 0 0xff" >"$(hang_rules "$2")"
	wait_until 60 path_answers "$2"
}

path_answers() {
	local state=/sys/block/${1#/dev/}/device/state
	[ "$(<"$state")" = running ] || echo running >"$state"
	dd if="$1" of=/dev/null bs=4k count=1 iflag=direct
}

# --- dm-multipath ---
mpath_start() {
	modprobe -a dm-multipath dm-service-time
	# Debian's find_multipaths is "strict": a disk is taken once its name was written down.
	multipath -a "${SCSI_DEBUG[0]}" >/dev/null
	defer mpath_stop
	multipathd
	wait_until 60 mpath_is_complete
	unit=/dev/mapper/$(mpath_name)
	wait_until 20 test -b "$unit"
}

mpath_name() { dmsetup ls --target multipath | cut -f1; }
mpath_is_complete() { [ "$(dmsetup status --target multipath | grep -o ' A 0 ' | wc -l)" -eq 2 ]; }
mpath_active() {
	multipathd show maps json |
		jq -r '.maps[0].path_groups[] | select(.dm_st == "active") | "/dev/" + .paths[0].dev'
}
mpath_is_gone() { ! multipathd show daemon; }

mpath_stop() {
	multipathd shutdown >/dev/null
	wait_until 30 mpath_is_gone
	dmsetup remove --retry "$(mpath_name)"
}

# --- dm-multipath over a SCSI path and a served one ---
mpath_served_start() {
	modprobe -a nbd dm-multipath dm-round-robin
	peer_create beta
	peer_serve beta "${SCSI_DEBUG[1]}"
	peer_attach beta nbd0
	# Two groups, so that the served path waits until the other has failed, as with sw.
	dmsetup create served --table "0 $(blockdev --getsz "${SCSI_DEBUG[0]}") multipath 2 queue_mode bio 0 2 1 \
		round-robin 0 1 1 ${SCSI_DEBUG[0]} 1 round-robin 0 1 1 /dev/nbd0 1"
	defer dmsetup remove --retry served
	unit=/dev/mapper/served
}

mpath_served_active() {
	# The first group's state: A is active.
	[ "$(dmsetup status served | grep -Eo '\b[AED] 0 1 ' | head -n 1)" = "A 0 1 " ] && echo "${SCSI_DEBUG[0]}" || echo /dev/nbd0
}

# --- sw ---
# Defaults, but for the fence: the writes that a failed path leaves in doubt are taken as fenced once
# that path has drained. The second path is given as lines of the configuration.
sw_unit() {
	modprobe -a nbd dm-sw
	defer pathd_clean
	mkdir -p /etc/swpath
	cat >/etc/swpath/swpath.toml <<-END
		[unit.sw0]
		wwid = "$(<"/sys/block/${SCSI_DEBUG[0]#/dev/}/device/wwid")"
		fence = "drain"
		[[unit.sw0.path]]
		kind = "direct"
		name = "first"
		hctl = "$(scsi_address "${SCSI_DEBUG[0]}")"
		[[unit.sw0.path]]
		$1
	END
	: >"$PATHD_LOG"
	pathd_start
	unit=/dev/sw0
}

sw_start() {
	sw_unit "kind = \"direct\"
name = \"second\"
hctl = \"$(scsi_address "${SCSI_DEBUG[1]}")\""
}

sw_served_start() {
	peer_create beta
	peer_serve beta "${SCSI_DEBUG[1]}"
	sw_unit "kind = \"served\"
name = \"beta\"
server = \"$(peer_address beta):10809\"
export = \"disk\""
}

sw_active() {
	echo "/dev/$(basename "$(readlink "/sys/dev/block/$(sw_path_get sw0 "$(sw_get sw0 active)" device)")")"
}
sw_served_active() { sw_active; }

# --- a case ---
# The shell that watches must not be what the writer waits for.
writer_first() {
	local task
	for task in /proc/"$(<"$SW_RUN/writer.bench.pid")"/task/*; do
		renice -n -20 -p "${task##*/}" >/dev/null
	done
}

longest_io() { # PRODUCT FAULT
	local product=${1//-/_} fault=$2 active
	scsi_debug_create dev_size_mb=16 delay=1
	"${product}_start"
	active=$("${product}_active")
	writer_start bench "$unit" --duty 100 --depth 4 --reads 30 --allow-errors
	writer_first
	slowly_until 60 writer_has_done bench 1000
	path_break "$fault" "$active"
	slowly_until 200 writer_has_done bench $(($(writer_ios bench) + 1000))
	expect [ "$("${product}_active")" != "$active" ]
	writer_stop bench
	path_mend "$fault" "$active"
	writer_verify bench "$unit" "${SCSI_DEBUG[@]}"
	echo "fault $1 $fault $(writer_get bench longest_ms) $(writer_get bench ops) $(writer_get bench errors)"
}

# Two minutes without an answer are a figure here, not a complaint.
echo 0 >/proc/sys/kernel/hung_task_timeout_secs
# multipathd loads the handler for ALUA, which then attaches itself to each disk: dm-multipath keeps it for the whole map, and refuses
# the network block device, which can have none. So the map with a served path comes first.
[ $# -gt 0 ] || set -- mpath-served mpath sw sw-served
for product in "$@"; do
	for fault in error hang; do
		# The SCSI layer decides how long, as with two SCSI paths.
		[ "$product $fault" != "mpath-served hang" ] || continue
		test_case "longest I/O: $product, $fault" longest_io "$product" "$fault"
	done
done
