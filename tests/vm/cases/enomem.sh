#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# kernels: debug
#
# Memory that is refused: each allocation of the calls that make, ask, tell and end a unit fails once.
# shellcheck source=tests/vm/lib/sw.sh
. "$SW_LIB/sw.sh"

swept() {
	local failslab=/sys/kernel/debug/failslab pages=/sys/kernel/debug/fail_page_alloc
	disks_heal
	modprobe dm-sw
	# Those that may wait for memory as well, and of one page.
	echo N >$failslab/ignore-gfp-wait
	echo N >$pages/ignore-gfp-wait
	echo 0 >$pages/min-order
	# Each failure would be told, with a stack.
	echo 0 >$failslab/verbose
	echo 0 >$pages/verbose
	defer unit_remove nomem
	"$SW_LIB/fail_nth.py" "$(unit_table sw0 "$1" "direct:$(disk_dev 0)" "served:$(disk_dev 1)")" >"$SW_RUN/said" 2>&1 ||
		fail "$(<"$SW_RUN/said")"
	note "$(<"$SW_RUN/said")"
}

disk_create 32
test_case "every allocation of a unit's life may fail: ENOMEM, and nothing changed (P1, P8)" swept "fence drain"
test_case "... with witness records" swept "fence prove witness 64"
test_case "the module is unloaded after all that" modprobe -r dm-sw
