#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# fence.sh [ROUNDS=5] - in a VM: what a fence by reservations costs inside the pause of a switch. An iSCSI disk of LIO with two direct
# paths; the active one goes offline under a writer, ROUNDS times each with
#   prove   reservations = true: the old nexus is preempted and aborted before the other path is opened
#   drain   no fence at all
# and, as the least that a fence can cost, the commands alone from one program:
#   raw     PREEMPT AND ABORT of another nexus's key, then READ KEYS
# Prints
#   fence ROUND prove|drain|raw US
# where US is the phase "prove" of the certificate, or the commands' time. A case fails unless the checker found every acknowledged write.
# shellcheck source=tests/vm/lib/sw.sh
. "$SW_LIB/sw.sh"
# shellcheck source=tests/vm/lib/pathd.sh
. "$SW_LIB/pathd.sh"
# shellcheck source=tests/vm/lib/iscsi.sh
. "$SW_LIB/iscsi.sh"

rounds=${1:-5}

# So often in a row it is damped, but for a person's word.
is_back() { # PATH
	path_is_usable "$1" && return
	pathctl reinstate sw0 "$1"
	return 1
}

measure() { # prove|drain
	local round names=(a b) active method=drained
	if [ "$1" = prove ]; then
		method=preempt-abort
		reservations_rig
	else
		reservations_rig false drain
	fi
	writer_start sw0 /dev/sw0 --span $((8 << 20))
	for round in $(seq "$rounds"); do
		writer_flows sw0
		active=$(sw_get sw0 active)
		echo offline >"/sys/block/${SESSION_DEV[${names[active]}]}/device/state"
		wait_until 60 sw_is sw0 active $((1 - active))
		writer_flows sw0
		expect_eq "$method" "$(history_last method)" "method"
		echo "fence $round $1 $(history_last prove_us)"
		echo running >"/sys/block/${SESSION_DEV[${names[active]}]}/device/state"
		wait_until 60 is_back "$active"
	done
	writer_lost_nothing sw0 "/dev/${SESSION_DEV[b]}"
}

raw() {
	local round
	sg_persist -n -o -I -S 0xc1 "/dev/${SESSION_DEV[c]}" >/dev/null
	for round in $(seq "$rounds"); do
		# It is told first that it was preempted.
		sg_turs "/dev/${SESSION_DEV[a]}" >/dev/null 2>&1 || true
		sg_persist -n -o -I -S 0xa1 "/dev/${SESSION_DEV[a]}" >/dev/null
		echo "fence $round raw $("${BASH_SOURCE[0]%/*}/preempt.py" "/dev/${SESSION_DEV[c]}" 0xc1 0xa1)"
	done
	sg_persist -n -o -C -K 0xc1 "/dev/${SESSION_DEV[c]}" >/dev/null
}

lio_target iqn.2026-01.org.example:disk fileio "$SW_RUN/disk.img" 3260 3261
sessions_open iqn.2026-01.org.example:disk a:3260 b:3261 c:3261
test_case "the commands alone" raw
test_case "without a fence" measure drain
test_case "with a fence by reservations" measure prove
