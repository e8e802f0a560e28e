#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# kernels: 6.1
# timeout: 900
#
# A switch with writes in doubt between two direct paths is proved by real reservations: LIO as an iSCSI target, two sessions with initiator names of
# their own, so two I_T nexuses. (Not tcm_loop: its PREEMPT AND ABORT deadlocks Linux 6.1.)
# shellcheck source=tests/vm/lib/sw.sh
. "$SW_LIB/sw.sh"
# shellcheck source=tests/vm/lib/pathd.sh
. "$SW_LIB/pathd.sh"
# shellcheck source=tests/vm/lib/lio.sh
. "$SW_LIB/lio.sh"

config_two_direct() {
	mkdir -p /etc/swpath
	cat >/etc/swpath/swpath.toml <<-END
		[unit.sw0]
		wwid = "$(cat "/sys/block/$DEV_a/device/wwid")"
		fence = "prove"
		reservations = true
		stall = "5s"
		check_interval = "1s"
		failback = { policy = "manual", stable = "1s" }
		[[unit.sw0.path]]
		kind = "direct"
		name = "a"
		hctl = "$(hctl_of "$DEV_a")"
		[[unit.sw0.path]]
		kind = "direct"
		name = "b"
		hctl = "$(hctl_of "$DEV_b")"
	END
}

show() {
	echo "--- $1"
	sg_persist -n -i -k "/dev/$DEV_b" || true
	sg_persist -n -i -r "/dev/$DEV_b" || true
}

the_old_path_is_preempted() {
	local key_a
	[ -s /etc/machine-id ] || skip "no /etc/machine-id"
	: >"$PATHD_LOG"
	config_two_direct
	defer pathd_clean
	pathd_start
	show "before"
	expect_eq 2 "$(keys "$DEV_b" | wc -l)" "keys of both paths"
	writer_start sw0 /dev/sw0 --span $((8 << 20))
	writer_flows sw0
	# I/O ends in errors at once; an administrator's word, so pathd leaves it so.
	echo offline >"/sys/block/$DEV_a/device/state"
	wait_until 60 sw_is sw0 active 1
	writer_flows sw0
	writer_stop sw0
	show "after"
	expect_eq preempt-abort "$(history_last method)" "method"
	history_last evidence
	expect_eq 1 "$(keys "$DEV_b" | wc -l)" "keys"
	key_a=$(history_last evidence | grep -o '^0x[0-9a-f]*')
	if keys "$DEV_b" | grep -q "$key_a"; then fail "the old key is still there"; fi
	sg_persist -n -i -r "/dev/$DEV_b" | grep -qi 'registrants only' || fail "no reservation"
	writer_verify sw0 "/dev/$DEV_b"

	# What the old nexus sends now is rejected. Without pathd, which would take the path in again.
	pathd_kill
	echo running >"/sys/block/$DEV_a/device/state"
	wait_until 20 dd "if=/dev/$DEV_a" of=/dev/null bs=4096 count=1 iflag=direct status=none
	if dd if=/dev/zero "of=/dev/$DEV_a" bs=4096 count=1 seek=4096 oflag=direct status=none; then
		fail "a write of the old nexus got through"
	fi
	# And a new pathd gives it its key again, and then uses it.
	pathd_run
	wait_until 60 path_is_usable 0
	expect_eq 2 "$(keys "$DEV_b" | wc -l)" "keys of both paths again"
}

lio_create
sessions_open
test_case "an old path with writes in doubt is preempted, aborted and shut out" the_old_path_is_preempted
