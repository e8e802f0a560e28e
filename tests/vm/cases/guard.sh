#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# kernels: 6.1
# timeout: 300
#
# Nobody but pathd is to use a leg. What the kernel keeps out, and who is named by pathctl and in the log if the kernel does not.
# shellcheck source=tests/vm/lib/sw.sh
. "$SW_LIB/sw.sh"
# shellcheck source=tests/vm/lib/pathd.sh
. "$SW_LIB/pathd.sh"

start() {
	# shellcheck disable=SC2119 # with its defaults
	pathd_rig
	mkdir -p /etc/swpath/conf.d
	printf '[daemon]\nguard_interval = "1s"\n' >/etc/swpath/conf.d/guard.toml
	pathd_start
}

# PID COMMAND DEVICE WRITE of each that has a leg open; "-" for the kernel's.
openers() {
	pathctl status sw0 --json | jq -r '.units[0].opened_by[] | "\(.pid // "-") \(.command) \(.device) \(.write)"'
}

named() {
	openers | grep -Fxq -e "$1"
}

not_named() {
	! openers | grep -Eq "$1"
}

status_has() {
	pathctl status sw0 | tr -s ' \n' ' ' | grep -Fq "$1"
}

# Under its own name: a shell that redirects opens the file as itself, before there is a program.
keeps_open() { # DEVICE FLAG
	exec python3 -c 'import os, sys, time; os.open(sys.argv[1], getattr(os, sys.argv[2])); time.sleep(300)' "$@"
}

opens_exclusively() {
	python3 -c 'import os, sys; os.open(sys.argv[1], os.O_RDONLY | os.O_EXCL)' "$1"
}

keeps_out() {
	start
	expect_not opens_exclusively "$(disk_dev 0)"
	expect_not mount -t ext4 "$(disk_dev 0)" /mnt
	opens_exclusively "$(disk_dev 2)" # no path of the table: nothing claims it
}

names_processes() {
	local leg reader writer
	start
	leg=$(disk_name 0)
	keeps_open "/dev/$leg" O_RDONLY &
	reader=$!
	keeps_open "/dev/$leg" O_RDWR &
	writer=$!
	defer kill "$reader" "$writer"
	wait_until 20 named "$reader python3 $leg false"
	wait_until 20 named "$writer python3 $leg true"
	expect status_has "python3 (process $writer) writes $leg since"
	expect pathd_said "python3 \(process $reader\) has $leg open for reading, past the unit"
	expect pathd_said "python3 \(process $writer\) has $leg open for writing, past the unit"
	kill "$reader" "$writer"
	wait_until 20 not_named python3
	expect pathd_said "python3 \(process $reader\) has $leg open for reading no more"
	expect pathd_said "python3 \(process $writer\) has $leg open for writing no more"
	# pathd's own descriptors, and the unit's claim, are nobody's business.
	expect not_named "pathd|sw0"
}

# Device-mapper's devices share their claim, so it keeps none of them out.
names_mappings() {
	local leg spare number
	start
	leg=$(disk_name 0) spare=$(disk_name 2)
	defer remove_mappings
	dmsetup create onleg --table "0 2048 linear /dev/$leg 0"
	dmsetup create onspare --table "0 2048 linear /dev/$spare 0"
	number=$(basename "$(readlink -f /dev/mapper/onspare)")
	wait_until 20 named "- $number (onspare) $spare true"
	expect status_has "$number (onspare) writes $spare since"
	expect pathd_said "$number \(onspare\) uses $spare, past the unit"
	wait_until 20 named "- $(basename "$(readlink -f /dev/mapper/onleg)") (onleg) $leg true"
	remove_mappings
	wait_until 20 not_named 'onleg|onspare'
	expect pathd_said "$number \(onspare\) uses $spare no more"
	expect pathd_said "\(onleg\) uses $leg no more"
}

# The kernel lets swap have what no table claims.
names_swap() {
	local spare said status=0
	start
	spare=$(disk_name 2)
	mkswap "/dev/$spare" >/dev/null
	swapon "/dev/$spare"
	defer swapoff -a
	wait_until 20 named "- swap $spare true"
	expect pathd_said "swap uses $spare, past the unit"
	said=$(pathctl check) || status=$?
	expect_eq 1 "$status" "status of check"
	expect_match '^SWPATH WARNING - 1 of 1 unit online; ' "$said" "check"
	expect_match "sw0: swap writes $spare, past the unit" "$said" "check"
	swapoff -a
	wait_until 20 not_named swap
	expect pathd_said "swap uses $spare no more"
	expect_eq "" "$(pathctl check | grep swap || true)" "check"
}

remove_mappings() {
	local name
	udevadm settle --timeout=20
	for name in onleg onspare; do
		dmsetup remove --retry "$name" 2>/dev/null || ! dmsetup info "$name" >/dev/null 2>&1
	done
}

disk_create 32 3
test_case "a leg cannot be mounted or opened for oneself" keeps_out
test_case "who has a leg open is named in status and log until it has gone" names_processes
test_case "mappings on a leg and on a spare one are named" names_mappings
test_case "swap on a spare leg is named, and pathctl check warns of it" names_swap
