#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# kernels: 6.1
# also: 6.12
# timeout: 900
#
# The kernel target alone, no daemon: when it leaves a path, when it goes on by itself, when it holds.
# shellcheck source=tests/vm/lib/sw.sh
. "$SW_LIB/sw.sh"

disk_create 32

# A write that ends in an error or in none, in the background: its exit status is in $SW_RUN/write.
write_behind() {
	rm -f "$SW_RUN/write"
	{
		status=0
		dd if=/dev/urandom of=/dev/mapper/sw0 bs=4096 count=1 oflag=direct status=none \
			2>"$SW_RUN/write.err" || status=$?
		echo "$status" >"$SW_RUN/write"
	} &
}

write_ended() {
	[ -e "$SW_RUN/write" ] && [ "$(<"$SW_RUN/write")" -eq "$1" ]
}

error_switch() {
	two_path_unit "fence drain"
	ticket 1
	writer_start sw0 /dev/mapper/sw0 --span $((8 << 20))
	disk_offline 0
	wait_until 10 sw_is sw0 active 1
	writer_flows sw0
	expect_eq failed "$(sw_path_get sw0 0 state)"
	expect_eq 2 "$(sw_get sw0 epoch)"
	writer_stop sw0
	writer_verify sw0 /dev/mapper/sw0 "$(disk_dev 1)"
	expect klog_has 'sw sw0: mount verification: direct sd[a-z]: [a-z]+; held [0-9]+, [0-9]+ in flight, [0-9]+ writes in doubt'
	expect klog_has 'sw sw0: online on served sd[a-z] \(was direct sd[a-z]\)'
}

hang_switch() {
	two_path_unit "fence drain stall_ms 2000"
	disk_timeout 0 2
	echo 0 >"/sys/class/scsi_disk/$(basename "$(readlink "/sys/block/$(disk_name 0)/device")")/max_retries"
	ticket 1
	writer_start sw0 /dev/mapper/sw0 --span $((8 << 20)) --depth 8
	disk_hang 0
	wait_until 30 sw_is sw0 active 1
	writer_flows sw0
	writer_stop sw0
	writer_verify sw0 /dev/mapper/sw0 "$(disk_dev 1)"
}

stall_is_noticed_in_time() {
	disks_heal
	leg_create leg0 "$(disk_dev 0)"
	unit_create sw0 "stall_ms 1000" direct:/dev/mapper/leg0 "served:$(disk_dev 1)"
	ticket 1
	# Undone before the unit: a unit over a hung leg cannot be removed.
	defer leg_heal leg0
	leg_hang leg0
	write_behind
	wait_until 5 test_in_flight
	local start
	start=$(now_ms)
	wait_until 20 sw_is sw0 state verify
	expect_eq stall "$(sw_get sw0 reason)"
	expect_eq drain "$(sw_get sw0 phase)"
	note "noticed $(($(now_ms) - start)) ms after it was seen in flight, budget 1000 ms"
	# It cannot be sent again before the old path gave it back.
	holds_for 1 sw_is sw0 active -
	leg_heal leg0
	wait_until 5 sw_is sw0 active 1
	wait_until 5 write_ended 0
	expect_eq 0 "$(sw_path_get sw0 0 errors)"
}

test_in_flight() {
	[ "$(sw_path_get sw0 0 inflight)" -gt 0 ]
}

slow_is_not_dead() {
	disks_heal
	leg_create leg0 "$(disk_dev 0)"
	unit_create sw0 "stall_ms 20000" direct:/dev/mapper/leg0 "served:$(disk_dev 1)"
	ticket 1
	# Undone before the unit: a unit over a hung leg cannot be removed.
	defer leg_heal leg0
	leg_hang leg0
	write_behind
	wait_until 5 test_in_flight
	holds_for 1 sw_is sw0 state online
	leg_heal leg0
	wait_until 5 write_ended 0
	expect_eq 0 "$(sw_path_get sw0 1 switches)"
}

# Nothing but the unit knows that its path has drained: it sleeps in the submission of its own flush.
flush_that_cannot_be_submitted() {
	two_path_unit "fence drain stall_ms 10000"
	ticket 1
	# Undone before the unit, which waits for its flush.
	defer disk_thaw 0
	disk_freeze 0
	sw_message sw0 switch 1 cooperative
	write_behind
	wait_until 8 sw_is sw0 held_bios 1
	expect_eq flush "$(sw_get sw0 phase)"
	wait_until 30 sw_is sw0 active 1
	expect_eq stall "$(sw_path_get sw0 0 reason)"
	wait_until 5 write_ended 0
	expect_eq 0 "$(sw_get sw0 held_bios)"
	# Nor does a later hold wait for it.
	sw_message sw0 hold
	write_behind
	wait_until 5 sw_is sw0 held_bios 1
	sw_message sw0 release
	wait_until 5 write_ended 0
	disk_thaw 0
	sw_message sw0 reinstate 0
	ticket 0
	sw_message sw0 switch 0 cooperative
	wait_until 10 sw_is sw0 active 0
	expect dd if=/dev/mapper/sw0 of=/dev/null bs=4096 count=1 iflag=direct status=none
}

deleted_path() {
	two_path_unit "fence drain"
	ticket 1
	writer_start sw0 /dev/mapper/sw0 --span $((8 << 20))
	disk_delete 0
	wait_until 10 sw_is sw0 active 1
	writer_flows sw0
	writer_stop sw0
	writer_verify sw0 /dev/mapper/sw0
}

host_removed() {
	two_path_unit "fence drain"
	ticket 1
	writer_start sw0 /dev/mapper/sw0 --span $((8 << 20))
	local host
	host=$(basename "$(readlink -f "/sys/class/scsi_host/host${DISK_HOSTS[0]}/device")")
	disk_delete 0
	wait_until 10 sw_is sw0 active 1
	writer_flows sw0
	# It comes back under another name, and only a reload makes it the path again.
	disk_rescan 0
	unit_reload sw0 "$(unit_table sw0 "fence drain" "direct:$(disk_dev 0)" "served:$(disk_dev 1)")"
	expect_eq served "$(sw_path_get sw0 "$(sw_get sw0 active)" kind)"
	expect_eq ready "$(sw_path_get sw0 0 state)"
	ticket 0
	sw_message sw0 switch 0 cooperative failback
	wait_until 10 sw_is sw0 active 0
	writer_flows sw0
	writer_stop sw0
	writer_verify sw0 /dev/mapper/sw0 "$(disk_dev 0)" "$(disk_dev 1)"
	note "host was $host"
}

write_in_doubt_is_held() {
	two_path_unit ""
	ticket 1
	disk_fail 0
	write_behind
	wait_until 10 sw_is sw0 phase prove
	expect_eq 1 "$(sw_get sw0 doubt)"
	expect_eq 1 "$(sw_get sw0 held_bios)"
	holds_for 1 sw_is sw0 state verify
	local mv
	mv=$(sw_get sw0 mv)
	expect_not sw_message sw0 commit "$mv" 1 none-needed x
	expect_not sw_message sw0 commit "$mv" 1 drained x
	expect_eq verify "$(sw_get sw0 state)"
	sw_message sw0 commit "$mv" 1 lu-reset reset-by-peer
	wait_until 5 write_ended 0
	expect_eq 1 "$(sw_get sw0 active)"
	expect_eq 0 "$(sw_get sw0 doubt)"
	expect_match " 0 1 error lu-reset .* 1 4096 1 reset-by-peer" "$(sw_message sw0 history | tail -1)"
}

reads_are_never_in_doubt() {
	two_path_unit ""
	ticket 1
	disk_fail 0
	expect dd if=/dev/mapper/sw0 of=/dev/null bs=4096 count=1 iflag=direct status=none
	expect_eq 1 "$(sw_get sw0 active)"
	expect_match " 0 1 [a-z]+ ticket " "$(sw_message sw0 history | tail -1)"
}

holds_without_a_live_ticket() {
	two_path_unit "fence drain"
	ticket 1 100
	wait_until 5 sw_path_is sw0 1 ticket_ms 0
	disk_fail 0
	write_behind
	wait_until 10 sw_is sw0 phase prove
	holds_for 1 sw_is sw0 state verify
	expect_not sw_message sw0 ticket 1 7 60000
	ticket 1
	wait_until 5 sw_is sw0 active 1
	wait_until 5 write_ended 0
}

both_down_then_one_returns() {
	two_path_unit "fence drain"
	ticket 1
	writer_start sw0 /dev/mapper/sw0 --span $((8 << 20))
	disk_fail 1
	disk_fail 0
	wait_until 20 sw_path_is sw0 1 state failed
	wait_until 10 sw_is sw0 phase prove
	holds_for 1 sw_is sw0 state verify
	disk_heal 0
	sw_message sw0 commit "$(sw_get sw0 mv)" 0 drained medium-read
	wait_until 10 sw_is sw0 active 0
	writer_flows sw0
	writer_stop sw0
	disk_heal 1
	writer_verify sw0 /dev/mapper/sw0 "$(disk_dev 1)"
}

mv_timeout_ends_in_errors_and_retry_revives() {
	two_path_unit "mv_timeout_s 2"
	disk_fail 0
	write_behind
	wait_until 10 sw_is sw0 state failed
	expect_eq mv-timeout "$(sw_get sw0 reason)"
	wait_until 5 write_ended 1
	expect_match 'Input/output error' "$(<"$SW_RUN/write.err")"
	expect_not dd if=/dev/mapper/sw0 of=/dev/null bs=4096 count=1 iflag=direct status=none
	disk_heal 0
	sw_message sw0 retry
	expect_eq verify "$(sw_get sw0 state)"
	# The write that failed may still happen: it stays in doubt.
	expect_eq 1 "$(sw_get sw0 doubt)"
	sw_message sw0 commit "$(sw_get sw0 mv)" 0 none-needed same-direct-path
	expect_eq online "$(sw_get sw0 state)"
	expect dd if=/dev/urandom of=/dev/mapper/sw0 bs=4096 count=1 oflag=direct status=none
	expect klog_has 'sw sw0: mount verification ended: mv-timeout after [0-9]+ ms'
}

medium_error_goes_up() {
	two_path_unit "fence drain"
	ticket 1
	disk_bad_block 0 80
	expect_not dd if=/dev/mapper/sw0 of=/dev/null bs=4096 skip=10 count=1 iflag=direct status=none
	expect_eq 0 "$(sw_get sw0 active)"
	expect_eq 0 "$(sw_get sw0 mv)"
	expect_eq 0 "$(sw_path_get sw0 0 errors)"
	expect dd if=/dev/mapper/sw0 of=/dev/null bs=4096 skip=11 count=1 iflag=direct status=none
}

reservation_conflict_goes_up() {
	two_path_unit "fence drain"
	ticket 1
	disk_conflict 0
	expect_not dd if=/dev/urandom of=/dev/mapper/sw0 bs=4096 count=1 oflag=direct status=none
	expect_eq 0 "$(sw_get sw0 active)"
	expect_eq 0 "$(sw_get sw0 mv)"
}

operators_hold() {
	two_path_unit ""
	writer_start sw0 /dev/mapper/sw0 --span $((8 << 20)) --depth 4
	sw_message sw0 hold
	wait_until 5 sw_is sw0 phase operator
	wait_until 5 sw_is sw0 held_bios 4
	expect_eq 0 "$(sw_path_get sw0 0 inflight)"
	sw_message sw0 release
	writer_flows sw0
	writer_stop sw0
	writer_verify sw0 /dev/mapper/sw0
	expect_eq 1 "$(sw_get sw0 epoch)"
}

fifty_switches() {
	disks_heal
	unit_create sw0 "fence drain" "direct:$(disk_dev 0)" "served:$(disk_dev 1)"
	writer_start sw0 /dev/mapper/sw0 --span $((16 << 20)) --depth 8 --reads 30 --fsync-every 50
	local i to manner
	for ((i = 1; i <= 50; i++)); do
		to=$((i % 2))
		sw_path_is sw0 $to state ready || sw_message sw0 reinstate $to
		ticket $to
		manner=cooperative
		[ $((i % 3)) -ne 0 ] || manner=forced
		if [ $((i % 5)) -eq 0 ]; then
			disk_fail $((1 - to))
		else
			sw_message sw0 switch $to $manner
		fi
		wait_until 10 sw_is sw0 active $to
		writer_flows sw0 5
		disk_heal $((1 - to))
	done
	expect_eq 51 "$(sw_get sw0 epoch)"
	writer_stop sw0
	writer_verify sw0 /dev/mapper/sw0 "$(disk_dev 0)" "$(disk_dev 1)"
	note "longest I/O over 50 switches: $(writer_get sw0 longest_ms) ms"
}

a_hold_after_retry_ends_too() {
	two_path_unit "mv_timeout_s 2"
	sw_message sw0 fail 0
	wait_until 10 sw_is sw0 state failed
	# Long enough for the unit to have become idle: nothing is in flight, and nothing is held.
	holds_for 3 sw_is sw0 state failed
	sw_message sw0 retry
	write_behind
	wait_until 15 sw_is sw0 state failed
	expect_eq mv-timeout "$(sw_get sw0 reason)"
	wait_until 5 write_ended 1
}

test_case "an error on the active path switches to the one with a ticket (P1, P5)" error_switch
test_case "a hung path is left when its commands time out (P6)" hang_switch
test_case "a stall is noticed within its budget, and drained before the switch (P4, P6)" stall_is_noticed_in_time
test_case "a slow path is not left before the stall budget is spent" slow_is_not_dead
test_case "a flush that sleeps in its submission keeps no I/O (P6)" flush_that_cannot_be_submitted
test_case "a path that is deleted under I/O is left (P5)" deleted_path
test_case "a path that comes back under another name is taken in by a reload" host_removed
test_case "a write in doubt is held until a method proves it harmless (P2)" write_in_doubt_is_held
test_case "a read error needs no proof" reads_are_never_in_doubt
test_case "without a live ticket the unit holds, with one it goes on (P3)" holds_without_a_live_ticket
test_case "both paths down: held I/O goes on when one returns (P1, P5)" both_down_then_one_returns
test_case "mv_timeout ends in EIO, and retry revives the unit (P6)" mv_timeout_ends_in_errors_and_retry_revives
test_case "a hold that a retry began ends with its time, too (P6)" a_hold_after_retry_ends_too
test_case "a medium error goes up and causes no switch (P5)" medium_error_goes_up
test_case "a reservation conflict goes up and causes no switch (P5)" reservation_conflict_goes_up
test_case "an operator's hold stops I/O and loses none of it" operators_hold
test_case "50 switches under verified writes, not one error (P1, P4, P5)" fifty_switches
