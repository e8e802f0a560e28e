#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# kernels: 6.1
#
# Tables and messages of the target: what is accepted comes back as it was, what is malformed is
# refused with a text of its own and changes nothing.
# shellcheck source=tests/vm/lib/sw.sh
. "$SW_LIB/sw.sh"

SECTORS=65536

# refuses_table TEXT WORDS...: the table does not load, and the kernel's log says why.
refuses_table() {
	local text=$1
	shift
	expect_not dmsetup create swbad --table "0 $SECTORS sw $*"
	expect klog_has "sw: $text"
}

malformed_tables() {
	disk_create 32
	local a b
	a=$(disk_dev 0)
	b=$(disk_dev 1)
	modprobe dm-sw
	refuses_table 'number of feature words is missing or not 0 to 64'
	refuses_table 'number of feature words is missing or not 0 to 64' "many 1 direct $a"
	refuses_table 'fewer feature words than their number says' "9 fence drain"
	refuses_table 'unknown feature' "2 fense drain 1 direct $a"
	refuses_table 'feature lacks its value' "1 fence 1 direct $a"
	refuses_table "fence must be 'prove' or 'drain'" "2 fence wait 1 direct $a"
	refuses_table 'mv_timeout_s must be 1 to 16777215 seconds' "2 mv_timeout_s 0 1 direct $a"
	refuses_table 'stall_ms must be 0 \(never\) or 100 to 600000 milliseconds' "2 stall_ms 99 1 direct $a"
	refuses_table 'witness must be 0 to 64 records' "2 witness 65 1 direct $a"
	refuses_table 'epoch must be a number from 1' "2 epoch 0 1 direct $a"
	refuses_table 'number of paths is missing or not 1 to 8' "0"
	refuses_table 'number of paths is missing or not 1 to 8' "0 9 direct $a"
	refuses_table 'fewer paths than their number says' "0 2 direct $a"
	refuses_table "a path's kind must be 'direct' or 'served'" "0 1 mirror $a"
	refuses_table "a path's device does not exist or cannot be opened" "0 1 direct /dev/nosuch"
	refuses_table 'the same device is named by two paths' "0 2 direct $a served $a"
	refuses_table 'words after the last path' "0 2 direct $a served $b direct"
	SECTORS=999999 refuses_table "a path's device is smaller than the unit" "0 1 direct $a"
	mkfs.ext4 -q "$b"
	mkdir -p "$SW_RUN/mnt"
	mount "$b" "$SW_RUN/mnt"
	defer umount "$SW_RUN/mnt"
	refuses_table "a path's device is in use \(mounted, or held by another driver\)" "0 2 direct $a served $b"
	expect_not dmsetup info swbad
}

other_block_size() {
	disk_create 32
	requires_module null_blk
	modprobe null_blk nr_devices=1 gb=1 bs=4096
	defer rmmod null_blk
	modprobe dm-sw
	refuses_table "the paths' devices differ in their logical block size" \
		"0 2 direct $(disk_dev 0) served /dev/nullb0"
}

round_trip() {
	disk_create 32
	local table
	table="0 $SECTORS sw 11 mv_timeout_s 60 stall_ms 0 fence drain witness 4 epoch 9 hold 3 direct $(leg_number 0) served - served $(leg_number 1)"
	modprobe dm-sw
	dmsetup create sw0 --uuid SW-test --table "$table" --noudevsync
	defer unit_remove sw0
	expect_eq "$table" "$(dmsetup table sw0)"
	expect_eq verify "$(sw_get sw0 state)"
	expect_eq load "$(sw_get sw0 reason)"
	expect_eq 9 "$(sw_get sw0 epoch)"
	expect_eq absent "$(sw_path_get sw0 1 state)"
	# "hold" waits for a proof; a ticket is one.
	sw_message sw0 ticket 0 9 60000
	expect_eq online "$(sw_get sw0 state)"
	# Loaded again it is the same unit: online, and no epoch was lost.
	unit_reload sw0 "$(dmsetup table sw0)"
	expect_eq "$table" "$(dmsetup table sw0)"
	expect_eq online "$(sw_get sw0 state)"
	expect_eq 9 "$(sw_get sw0 epoch)"
}

leg_number() {
	cat "/sys/block/$(disk_name "$1")/dev"
}

defaults_are_not_written() {
	disk_create 32
	modprobe dm-sw
	dmsetup create sw0 --uuid SW-test --table \
		"0 $SECTORS sw 8 mv_timeout_s 3600 stall_ms 5000 fence prove epoch 1 1 direct $(disk_dev 0)"
	defer unit_remove sw0
	expect_eq "0 $SECTORS sw 0 1 direct $(leg_number 0)" "$(dmsetup table sw0)"
}

# The status without the words that time alone changes. One question: programs start slowly here.
decisive_status() {
	local i word
	sw_status sw0
	for i in "${!sw_unit_words[@]}"; do
		word=${sw_unit_words[i]}
		[[ $word == *_ms ]] || echo "$word=${sw_now[i + 1]}"
	done
	for i in 0 1; do
		word=$((sw_now[0] + 3 + i * sw_now[sw_now[0] + 2]))
		echo "${sw_now[*]:word:6} ${sw_now[word + 7]}"
	done
}

# refuses_message TEXT ERROR WORDS...
refuses_message() {
	local text=$1 error=$2 before
	shift 2
	before=$(decisive_status)
	expect_match "$error" "$(sw_message sw0 "$@" 2>&1 && echo accepted)"
	expect klog_has "sw: $text"
	expect_eq "$before" "$(decisive_status)" "status after '$*'"
}

malformed_messages() {
	disk_create 32
	unit_create sw0 "" "direct:$(disk_dev 0)" "served:$(disk_dev 1)"
	local invalid='Invalid argument' stale='Stale file handle'
	refuses_message "unknown message 'bogus'" "$invalid" bogus
	refuses_message "message 'ticket' takes 3 to 3 words, not 1" "$invalid" ticket 0
	refuses_message "message 'commit' takes 4 to 4 words, not 5" "$invalid" commit 0 1 operator e x
	refuses_message "message 'ticket': 'x' is not the index of a path" "$invalid" ticket x 1 1
	refuses_message "message 'ticket': '8' is not the index of a path" "$invalid" ticket 8 1 1
	refuses_message "message 'ticket': 'x' is not an epoch" "$invalid" ticket 0 x 1
	refuses_message "message 'ticket': '3600001' is not a life of up to 3600000 ms" "$invalid" ticket 0 1 3600001
	refuses_message "message 'commit': 'magic' is not a fence method" "$invalid" commit 0 1 magic e
	refuses_message "message 'commit': 'ticket' is not a fence method" "$invalid" commit 0 1 ticket e
	refuses_message "message 'commit': '.*' is not evidence of less than 64 bytes" "$invalid" \
		commit 0 1 operator "$(printf 'e%.0s' {1..64})"
	# Three of device-mapper's quotes: a blank, a tab and the end of a line.
	refuses_message "message 'commit': 'two words' is not evidence of one word" "$invalid" \
		commit 0 1 operator 'two\ words'
	refuses_message "message 'commit': 'tab.*bed' is not evidence of one word" "$invalid" \
		commit 0 1 operator $'tab\\\tbed'
	refuses_message "message 'commit': 'broken" "$invalid" commit 0 1 operator $'broken\\\nline'
	refuses_message "message 'reject': 'ugly' is not a reason" "$invalid" reject 0 1 ugly
	refuses_message "message 'switch': 'gently' is not 'cooperative' or 'forced'" "$invalid" switch 1 gently
	refuses_message "message 'ticket' refused: there is no such path, or it is absent" 'No such device' ticket 2 1 1
	refuses_message "message 'ticket' refused: it is for another epoch, or a mount verification that is over" \
		"$stale" ticket 1 2 1000
	refuses_message "message 'commit' refused: it is for another epoch" "$stale" commit 0 1 operator e
	refuses_message "message 'reject' refused: it is for another epoch" "$stale" reject 5 1 identity
	refuses_message "message 'reject' refused: not in this state or phase" 'resource busy' reject 0 0 identity
	refuses_message "message 'switch' refused: the path has no live ticket" 'key not available' switch 1 cooperative
	refuses_message "message 'switch' refused: it is so already" 'already in progress' switch 0 forced
	refuses_message "message 'release' refused: it is so already" 'already in progress' release
	refuses_message "message 'abort' refused: it is so already" 'already in progress' abort
	refuses_message "message 'retry' refused: it is so already" 'already in progress' retry
	refuses_message "message 'reinstate' refused: it is so already" 'already in progress' reinstate 1
	sw_message sw0 fail 1
	refuses_message "message 'ticket' refused: the path is not ready: reinstate it first" 'Link has been severed' \
		ticket 1 1 1000
}

stale_commit() {
	disk_create 32
	unit_create sw0 "fence drain" "direct:$(disk_dev 0)" "served:$(disk_dev 1)"
	sw_message sw0 switch 1 forced
	wait_until 5 sw_is sw0 phase prove
	local mv
	mv=$(sw_get sw0 mv)
	refuses_message "message 'commit' refused: it is for another epoch, or a mount verification that is over" \
		'Stale file handle' commit $((mv - 1)) 1 none-needed late
	sw_message sw0 commit "$mv" 1 none-needed in-time
	expect_eq online "$(sw_get sw0 state)"
	refuses_message "message 'commit' refused: it is for another epoch, or a mount verification that is over" \
		'Stale file handle' commit "$mv" 0 none-needed again
}

offline_path_loads() {
	disk_create 32
	disk_offline 0
	modprobe dm-sw
	dmsetup create sw0 --uuid SW-test --table "0 $SECTORS sw 0 2 direct $(disk_dev 0) served $(disk_dev 1)"
	defer unit_remove sw0
	expect_eq absent "$(sw_path_get sw0 0 state)"
	expect_eq offline "$(sw_path_get sw0 0 reason)"
	expect_eq 1 "$(sw_get sw0 active)"
	expect dd if=/dev/urandom of=/dev/mapper/sw0 bs=4096 count=8 oflag=direct status=none
	# The table still names it, so loading it again after the repair takes it in.
	disk_heal 0
	unit_reload sw0 "$(dmsetup table sw0)"
	expect_eq ready "$(sw_path_get sw0 0 state)"
	expect_eq 1 "$(sw_get sw0 active)"
}

absent_path_loads() {
	disk_create 32
	modprobe dm-sw
	dmsetup create sw0 --uuid SW-test --table "0 $SECTORS sw 0 2 direct - served $(disk_dev 1)"
	defer unit_remove sw0
	expect_eq 1 "$(sw_get sw0 active)"
	expect dd if=/dev/urandom of=/dev/mapper/sw0 bs=4096 count=8 oflag=direct status=none
	unit_reload sw0 "0 $SECTORS sw 0 2 direct $(disk_dev 0) served $(disk_dev 1)"
	expect_eq ready "$(sw_path_get sw0 0 state)"
	expect_eq 1 "$(sw_get sw0 active)"
}

write_protected_path_is_absent() {
	disk_create 32
	disk_write_protect 0 on
	disk_reread 0
	modprobe dm-sw
	dmsetup create sw0 --uuid SW-test --table "0 $SECTORS sw 0 2 direct $(disk_dev 0) served $(disk_dev 1)"
	defer unit_remove sw0
	expect_eq absent "$(sw_path_get sw0 0 state)"
	expect_eq write-protected "$(sw_path_get sw0 0 reason)"
	expect_eq 1 "$(sw_get sw0 active)"
}

no_path_at_all() {
	modprobe dm-sw
	dmsetup create sw0 --uuid SW-test --noudevsync --table "0 $SECTORS sw 2 mv_timeout_s 2 2 direct - served -"
	defer unit_remove sw0
	expect_eq verify "$(sw_get sw0 state)"
	expect_eq no-path "$(sw_get sw0 reason)"
	wait_until 10 sw_is sw0 state failed
	expect_eq mv-timeout "$(sw_get sw0 reason)"
}

module_unloads() {
	disk_create 32
	unit_create sw0 "" "direct:$(disk_dev 0)" "served:$(disk_dev 1)"
	expect_not rmmod dm_sw
	dmsetup remove --retry sw0
	local i
	for ((i = 0; i < 5; i++)); do
		expect rmmod dm_sw
		expect modprobe dm-sw
	done
}

test_case "every malformed table is refused with its own text" malformed_tables
test_case "paths with different block sizes are refused" other_block_size
test_case "the table that is shown loads the same unit again" round_trip
test_case "settings at their default are not written" defaults_are_not_written
test_case "every malformed message is refused with its own text and changes nothing (P9)" malformed_messages
test_case "a late commit gets ESTALE (P9)" stale_commit
test_case "a unit loads with its direct path offline" offline_path_loads
test_case "a unit loads with its direct path absent, and takes it in later" absent_path_loads
test_case "a write-protected path is not opened" write_protected_path_is_absent
test_case "a unit without any path holds, and not longer than mv_timeout (P6)" no_path_at_all
test_case "the module unloads when no unit is there, and only then" module_unloads
