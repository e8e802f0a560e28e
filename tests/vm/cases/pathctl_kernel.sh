#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# kernels: 6.1
# timeout: 900
#
# pathctl where there is no pathd: what it shows is what the kernel says, and its orders to the kernel
# (--kernel) do what they say.
# shellcheck source=tests/vm/lib/sw.sh
. "$SW_LIB/sw.sh"

two_path_unit() {
	disk_create 32
	unit_create sw0 "$1" "direct:$(disk_dev 0)" "served:$(disk_dev 1)"
}

ticket() {
	sw_message sw0 ticket "$1" "$(sw_get sw0 epoch)" 60000
}

# Runs pathctl and keeps what it wrote: $out, $err, $status.
ctl() {
	status=0
	pathctl "$@" >"$SW_RUN/out" 2>"$SW_RUN/err" || status=$?
	out=$(<"$SW_RUN/out")
	err=$(<"$SW_RUN/err")
}

without_device_mapper() {
	expect_not test -d /sys/module/dm_mod
	ctl status
	expect_eq 3 "$status"
	expect_match 'the kernel has no device-mapper' "$err"
	expect_match 'hint: .modprobe dm-sw' "$err"
}

without_target() {
	modprobe dm-mod
	ctl status
	expect_eq 0 "$status"
	expect_eq "" "$out"
	expect_match 'pathd is not running .*this is what the kernel says' "$err"
	expect_match 'there is no unit' "$err"
}

shows_the_kernel() {
	two_path_unit ""
	ticket 1
	ctl status sw0
	expect_eq 0 "$status"
	expect_match '^/dev/sw0  online' "$out"
	expect_match "active +direct +$(disk_name 0) +scsi [0-9:]+ +ok" "$out"
	expect_match "standby +served +$(disk_name 1) " "$out"
	expect_match 'hint: start it with' "$err"
	for name in /dev/sw0 "$(dmsetup info -c --noheadings -o major,minor sw0)" "/dev/dm-$(dmsetup info -c --noheadings -o minor sw0)"; do
		ctl list "$name"
		expect_eq 0 "$status" "$name"
		expect_match '^sw0 +online' "$(tail -n 1 "$SW_RUN/out")"
	done
	ctl status --json
	expect_eq kernel "$(jq -r .source "$SW_RUN/out")"
	expect_eq online "$(jq -r '.units[0].state' "$SW_RUN/out")"
	expect_eq "$(blockdev --getsize64 /dev/mapper/sw0)" "$(jq -r '.units[0].size_bytes' "$SW_RUN/out")"
	ctl status sw9
	expect_eq 4 "$status"
	expect_match 'the units are: sw0' "$err"
	ctl check
	expect_eq 1 "$status"
	expect_match '^SWPATH WARNING' "$out"
}

# What the kernel does not say is not taken for good.
says_nothing_of_a_unit() {
	two_path_unit ""
	ticket 1
	dmsetup create sw9 --notable -u SW-naa.6001405000000009
	ctl status sw9
	expect_eq 0 "$status" "$err"
	expect_match '^/dev/sw9  waiting: the kernel has no table of it' "$out"
	expect_eq waiting "$(pathctl status --json sw9 2>/dev/null | jq -r '.units[0].state')"
	ctl check
	expect_eq 2 "$status" "$out"
	expect_match '^SWPATH CRITICAL - 1 of 2 units online: sw9 is waiting' "$out"
	ctl hold --kernel sw9
	expect_eq 6 "$status" "$err"
	dmsetup remove sw9
	expect_not dmsetup info sw9
}

switches() {
	two_path_unit ""
	ctl switch --kernel sw0 1
	expect_eq 6 "$status" "no proof yet"
	expect_match 'no live proof' "$err"
	ticket 1
	ctl switch --kernel --dry-run sw0 "$(disk_name 1)"
	expect_eq "dmsetup message sw0 0 switch 1 cooperative operator" "$out"
	expect sw_is sw0 active 0
	ctl switch --kernel sw0 "$(disk_name 1)"
	expect_eq 0 "$status" "$err"
	expect_match 'sw0: .* direct .* to served .*: operator\. I/O held' "$out"
	expect sw_is sw0 active 1
	ctl switch --kernel sw0 1
	expect_eq 0 "$status"
	expect_match 'already active' "$out"
	ctl --ascii history sw0
	expect_match 'direct sd[a-z] -> served sd[a-z]: operator' "$(tr -s ' \n' ' ' <"$SW_RUN/out")"
	ctl history sw0 --svg "$SW_RUN/sw0.svg"
	expect_eq 0 "$status" "$err"
	expect_match 'pathd is not running .*; the picture has what the kernel remembers' "$err"
	expect python3 -c 'import sys, xml.etree.ElementTree as tree; tree.parse(sys.argv[1])' "$SW_RUN/sw0.svg"
	expect grep -q '>operator<' "$SW_RUN/sw0.svg"
	expect grep -q 'No samples: pathd is not running' "$SW_RUN/sw0.svg"
	expect_eq operator "$(pathctl history --json 2>/dev/null | jq -r '.units[0].history[-1].reason_code')"
}

holds_and_releases() {
	two_path_unit ""
	ctl hold --kernel sw0
	expect_eq 0 "$status" "$err"
	wait_until 5 sw_is sw0 state held
	dd if=/dev/mapper/sw0 of=/dev/null bs=4096 count=1 iflag=direct status=none &
	wait_until 5 test_held
	ctl status sw0
	expect_match '^/dev/sw0  held for .*: by an operator' "$out"
	expect_match 'held +1 I/O \(4.0 KiB\); fails at' "$out"
	expect_match 'pathctl release sw0' "$out"
	ctl hold --kernel sw0
	expect_match 'held already' "$out"
	ctl switch --kernel sw0 1
	expect_eq 6 "$status"
	ctl release --kernel sw0
	expect_eq 0 "$status" "$err"
	wait "$!"
	expect sw_is sw0 state online
}

test_held() {
	[ "$(sw_get sw0 held_bios)" -gt 0 ]
}

fails_and_revives() {
	two_path_unit ""
	ctl fail --kernel sw0 0
	expect_eq 6 "$status" "the only path with a proof"
	ctl fail --kernel --force sw0 0
	expect_eq 0 "$status" "$err"
	wait_until 5 sw_is sw0 phase prove
	ctl status sw0
	expect_match '^/dev/sw0  verifying for' "$out"
	expect_match 'waits for +proof of identity' "$out"
	ctl check sw0
	expect_eq 2 "$status"
	ctl abort --kernel sw0
	expect_eq 0 "$status" "$err"
	ctl status sw0
	expect_match '^/dev/sw0  failed for' "$out"
	expect_match 'pathctl retry sw0' "$out"
	ctl retry --kernel --no-wait sw0
	expect_eq 0 "$status" "$err"
	ctl reinstate --kernel sw0 0
	expect_eq 0 "$status" "$err"
	ticket 1
	wait_until 5 sw_is sw0 state online
}

answers_while_a_path_hangs() {
	disk_create 32
	leg_create leg0 "$(disk_dev 0)"
	unit_create sw0 "stall_ms 0" direct:/dev/mapper/leg0 "served:$(disk_dev 1)"
	leg_hang leg0
	dd if=/dev/mapper/sw0 of=/dev/null bs=4096 count=1 iflag=direct status=none &
	wait_until 5 test_in_flight
	local start
	start=$(now_ms)
	ctl status sw0
	expect_eq 0 "$status"
	expect_match '(^|[^0-9])1 in flight' "$out"
	# Generous: the machine is emulated. A pathctl that waited for the path would wait for ever.
	expect_less $(($(now_ms) - start)) 5000
	leg_heal leg0
	wait "$!"
}

test_in_flight() {
	[ "$(sw_path_get sw0 0 inflight)" -gt 0 ]
}

not_root() {
	two_path_unit ""
	ctl_as_nobody status
	expect_eq 5 "$status"
	expect_match 'root only' "$err"
	expect_match 'hint: try it with sudo' "$err"
	ctl_as_nobody hold --kernel sw0
	expect_eq 5 "$status"
}

ctl_as_nobody() {
	status=0
	setpriv --reuid nobody --regid nogroup --clear-groups pathctl "$@" >"$SW_RUN/out" 2>"$SW_RUN/err" || status=$?
	out=$(<"$SW_RUN/out")
	err=$(<"$SW_RUN/err")
}

test_case "without device-mapper it says so, and how to get it" without_device_mapper
test_case "without a unit it says so" without_target
test_case "without pathd, reading verbs show the kernel's state and say so" shows_the_kernel
test_case "a unit that the kernel says nothing of is not called well" says_nothing_of_a_unit
test_case "a switch is refused without proof, and done with it" switches
test_case "hold and release hold and release" holds_and_releases
test_case "fail, abort and retry take a unit down and up again" fails_and_revives
test_case "status answers while a path hangs" answers_while_a_path_hangs
test_case "who is not root is told so" not_root
