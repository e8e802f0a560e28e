#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# kernels: 6.1
# timeout: 600
#
# Other people's tests: libiscsi's iscsi-test-cu, which speaks iSCSI and so cannot be pointed at a unit. Its tests of reservations are
# run against the target that our own tests of reservations use, for a baseline: LIO answers those itself, so behind a unit they would
# say nothing of it. Its tests of data are run against LIO over the disk and against LIO over a unit on the same disk, which switches
# meanwhile, and must end alike.
# shellcheck source=tests/vm/lib/sw.sh
. "$SW_LIB/sw.sh"
# shellcheck source=tests/vm/lib/pathd.sh
. "$SW_LIB/pathd.sh"
# shellcheck source=tests/vm/lib/iscsi.sh
. "$SW_LIB/iscsi.sh"

RESERVATIONS=(PrinReadKeys PrinServiceactionRange PrinReportCapabilities ProutRegister ProutReserve ProutClear ProutPreempt)
DATA=(Read16 Write10 WriteSame10 Unmap)

# What became of each suite, a line each, goes to $SW_RUN/$1: its name, tests run, passed, failed.
test_cu() {
	local name=$1 iqn=$2 suite
	shift 2
	: >"$SW_RUN/$name"
	for suite in "$@"; do
		timeout 120 iscsi-test-cu -d -n -t "ALL.$suite" "iscsi://127.0.0.1:3260/$iqn/0" >"$SW_RUN/cu" 2>&1 || true
		awk -v suite="$suite" '$1 == "tests" { print suite, $3, $4, $5 }' "$SW_RUN/cu" >>"$SW_RUN/$name"
		tail -n 1 "$SW_RUN/$name"
	done
}

# Every suite of those in $SW_RUN/$1 ran, and no test of them failed.
all_passed() {
	expect_eq "$2" "$(wc -l <"$SW_RUN/$1")" "suites that ran"
	expect_eq "" "$(awk '$2 == 0 || $2 != $3 || $4 != 0' "$SW_RUN/$1")" "suites with a failure"
}

baseline() {
	requires_command iscsi-test-cu
	lio_target iqn.2026-01.org.example:pr fileio "$SW_RUN/pr.img" 3260
	defer lio_remove iqn.2026-01.org.example:pr
	test_cu pr iqn.2026-01.org.example:pr "${RESERVATIONS[@]}"
	all_passed pr ${#RESERVATIONS[@]}
}

over() {
	lio_target iqn.2026-01.org.example:data iblock "$2" 3260
	test_cu "$1" iqn.2026-01.org.example:data "${DATA[@]}"
	lio_remove iqn.2026-01.org.example:data
}

switch_on_and_on() {
	local i to
	for ((i = 1; i <= 200; i++)); do
		to=$((i % 2))
		ticket $to
		sw_message sw0 switch $to cooperative
		wait_until 20 sw_is sw0 active $to
		[ ! -e "$SW_RUN/enough" ] || return 0
	done
}

alike() {
	requires_command iscsi-test-cu
	disks_heal
	over disk "$(disk_dev 0)"
	two_path_unit "fence drain"
	rm -f "$SW_RUN/enough"
	switch_on_and_on &
	over unit /dev/mapper/sw0
	touch "$SW_RUN/enough"
	wait $!
	note "$(($(sw_get sw0 epoch) - 1)) switches meanwhile"
	expect diff "$SW_RUN/disk" "$SW_RUN/unit"
	all_passed unit ${#DATA[@]}
}

disk_create 32
test_case "iscsi-test-cu's tests of reservations pass on the target that ours use" baseline
test_case "iscsi-test-cu's tests of data end alike over a disk and over a unit that switches" alike
