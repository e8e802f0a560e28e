#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# kernels: 6.1 6.12
#
# I/O that its sender polls for, as io_uring does for fast disks.
# shellcheck source=tests/vm/lib/sw.sh
. "$SW_LIB/sw.sh"

nullb=/sys/kernel/config/nullb

# null_create NAME QUEUES DELAY_NS: a disk with QUEUES queues that are polled and as many that interrupt after DELAY_NS.
null_create() {
	mkdir "$nullb/$1"
	defer rmdir "$nullb/$1"
	null_set "$1" size 64
	null_set "$1" memory_backed 1
	null_set "$1" submit_queues "$2"
	null_set "$1" poll_queues "$2"
	null_set "$1" irqmode 2
	null_set "$1" completion_nsec "$3"
	null_set "$1" power 1
	defer null_set "$1" power 0
}

null_set() {
	echo "$3" >"$nullb/$1/$2"
}

# polled_unit FEATURES: sw0 over "fast", which has more queues than its other path, "slow".
polled_unit() {
	requires_command fio
	requires_module null_blk
	modprobe null_blk nr_devices=0
	defer unload_module null_blk
	null_create fast 2 10000
	null_create slow 1 50000000
	unit_create sw0 "$1" direct:/dev/fast served:/dev/slow
	expect_eq 1 "$(cat "/sys/block/$(basename "$(readlink -f /dev/mapper/sw0)")/queue/io_poll")" "the unit can be polled"
	# Its reads would be held, or fail, before those of a case.
	udevadm settle
}

# polled read|write OPTION...: I/Os that are polled for, one after the other.
polled() {
	timeout 60 fio --name=polled --filename=/dev/mapper/sw0 --ioengine=io_uring --hipri=1 --direct=1 --rw="rand$1" \
		--bs=4k --size=256k "${@:2}"
}

flows() {
	polled_unit "fence drain"
	expect polled write --number_ios=100
	expect polled read --number_ios=100
	expect_eq 0 "$(sw_get sw0 mv)" "mount verifications"
}

waits_while_held() {
	local way job
	polled_unit "fence drain"
	for way in read write; do
		sw_message sw0 hold
		wait_until 5 sw_is sw0 phase operator
		polled $way --number_ios=10 >"$SW_RUN/polled" 2>&1 &
		job=$!
		wait_until 20 sw_is sw0 held_bios 1
		holds_for 1 kill -0 $job
		sw_message sw0 release
		wait $job || fail "a polled $way during a hold: $(cat "$SW_RUN/polled")"
	done
}

# The number of the queue that it was polled on is none of the next path's: who polled that would bring the kernel down.
goes_down_the_next_path() {
	polled_unit "fence drain"
	ticket 1
	# Those that end in a batch end well for null_blk, errors and all; those of a scheduler end one by one.
	echo mq-deadline >/sys/block/fast/queue/scheduler
	polled write --time_based --runtime=8 >"$SW_RUN/polled" 2>&1 &
	local job=$!
	wait_until 20 fast_was_written 100
	null_set fast badblocks "+0-511"
	wait_until 10 sw_is sw0 active 1
	wait $job || fail "polled writes over a switch: $(cat "$SW_RUN/polled")"
	expect_eq 1 "$(sw_path_get sw0 0 errors)" "path errors"
}

fast_was_written() {
	local writes
	read -r _ _ _ _ writes _ </sys/block/fast/stat
	[ "$writes" -ge "$1" ]
}

test_case "polled I/O flows" flows
test_case "a polled bio waits while I/O is held and ends well after it (P5)" waits_while_held
test_case "a polled bio that failed goes down the next path, and nobody polls it there (P4)" goes_down_the_next_path
