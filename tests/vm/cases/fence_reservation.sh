#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# kernels: 6.1
# timeout: 900
#
# A switch with writes in doubt between two direct paths is proved by real reservations: LIO as an iSCSI target, two sessions with initiator names of
# their own, so two I_T nexuses. A third one is another host.
# shellcheck source=tests/vm/lib/sw.sh
. "$SW_LIB/sw.sh"
# shellcheck source=tests/vm/lib/pathd.sh
. "$SW_LIB/pathd.sh"
# shellcheck source=tests/vm/lib/iscsi.sh
. "$SW_LIB/iscsi.sh"

show() {
	echo "--- $1"
	sg_persist -n -i -k "/dev/${SESSION_DEV[b]}" || true
	sg_persist -n -i -r "/dev/${SESSION_DEV[b]}" || true
}

the_old_path_is_preempted() {
	local key_a
	reservations_rig
	show "before"
	expect_eq 2 "$(keys "${SESSION_DEV[b]}" | wc -l)" "keys of both paths"
	writer_start sw0 /dev/sw0 --span $((8 << 20))
	writer_flows sw0
	# I/O ends in errors at once; an administrator's word, so pathd leaves it so.
	echo offline >"/sys/block/${SESSION_DEV[a]}/device/state"
	wait_until 60 sw_is sw0 active 1
	writer_flows sw0
	writer_stop sw0
	show "after"
	expect_eq preempt-abort "$(history_last method)" "method"
	history_last evidence
	expect_eq 1 "$(keys "${SESSION_DEV[b]}" | wc -l)" "keys"
	key_a=$(history_last evidence | grep -o '^0x[0-9a-f]*')
	if keys "${SESSION_DEV[b]}" | grep -q "$key_a"; then fail "the old key is still there"; fi
	sg_persist -n -i -r "/dev/${SESSION_DEV[b]}" | grep -qi 'registrants only' || fail "no reservation"
	writer_verify sw0 "/dev/${SESSION_DEV[b]}"

	# What the old nexus sends now is rejected. Without pathd, which would take the path in again.
	pathd_kill
	echo running >"/sys/block/${SESSION_DEV[a]}/device/state"
	wait_until 20 dd "if=/dev/${SESSION_DEV[a]}" of=/dev/null bs=4096 count=1 iflag=direct status=none
	if dd if=/dev/zero "of=/dev/${SESSION_DEV[a]}" bs=4096 count=1 seek=4096 oflag=direct status=none; then
		fail "a write of the old nexus got through"
	fi
	# And a new pathd gives it its key again, and then uses it.
	pathd_run
	wait_until 60 path_is_usable 0
	expect_eq 2 "$(keys "${SESSION_DEV[b]}" | wc -l)" "keys of both paths again"
}

recovery_tmo_is() {
	[ "$(cat "/sys/block/${SESSION_DEV[$1]}/device/../../iscsi_session"/session*/recovery_tmo)" = "$2" ]
}

# No error comes, only silence: the session fails, its device is blocked and at last taken offline.
a_cut_session_is_preempted() {
	reservations_rig
	pathctl switch sw0 a 2>/dev/null || true
	wait_until 30 sw_is sw0 active 0
	# So few blocks that each is written again before the cut heals.
	writer_start sw0 /dev/sw0 --span $((64 << 10))
	writer_flows sw0
	iptables -I INPUT -i lo -p tcp --dport 3260 -j DROP
	defer iptables -F INPUT
	iptables -I INPUT -i lo -p tcp --sport 3260 -j DROP
	wait_until 90 sw_is sw0 active 1
	expect_eq preempt-abort "$(history_last method)" "method"
	writer_flows sw0 200 90
	# What the old session still sends must find the log as it stands.
	writer_stop sw0
	# Its target will not say, so nobody waits until the initiator has found that out.
	expect pathd_said 'cutting the iSCSI session'
	note "I/O held $(($(history_last drain_us) / 1000)) ms for the drain"
	wait_until 60 grep -qE 'blocked|transport-offline' "/sys/block/${SESSION_DEV[a]}/device/state"
	iptables -F INPUT
	# Logged in again, with its key again.
	wait_until 120 path_is_usable 0
	expect_eq 2 "$(keys "${SESSION_DEV[b]}" | wc -l)" "keys"
	wait_until 20 recovery_tmo_is a 4
	writer_verify sw0 "/dev/${SESSION_DEV[b]}"
}

write_refused() {
	dd if=/dev/urandom of=/dev/mapper/sw0 bs=4096 count=1 oflag=direct conv=notrunc status=none 2>&1 && return 1
	true
}

another_host_preempts() {
	local key before
	reservations_rig
	before="$(sw_get sw0 active) $(sw_get sw0 epoch)"
	# Without pathd, which would ask for its keys again.
	pathd_kill
	sg_persist -n -o -G -S 0xc0ffee "/dev/${SESSION_DEV[c]}"
	defer sg_persist -n -o -C -K 0xc0ffee "/dev/${SESSION_DEV[c]}"
	for key in $(keys "${SESSION_DEV[c]}" | grep -v c0ffee); do
		sg_persist -n -o -A -K 0xc0ffee -S "$key" -T 5 "/dev/${SESSION_DEV[c]}"
	done
	sg_persist -n -o -R -K 0xc0ffee -T 5 "/dev/${SESSION_DEV[c]}" || true
	show "another host has the disk"
	expect_eq 1 "$(keys "${SESSION_DEV[c]}" | wc -l)" "keys"
	expect_match 'Invalid exchange' "$(write_refused)"
	expect_match 'Invalid exchange' "$(write_refused)"
	expect_eq "$before" "$(sw_get sw0 active) $(sw_get sw0 epoch)" "active path and epoch"
	expect_eq online "$(sw_get sw0 state)" "state"
}

# What sg_persist does to a unit it does to the disk, through the direct path of the moment.
reservations_by_sg_io() {
	unit_create sw0 "" "direct:/dev/${SESSION_DEV[a]}" "direct:/dev/${SESSION_DEV[b]}"
	sg_persist -n -o -G -S 0xabc /dev/mapper/sw0
	expect_eq 0xabc "$(keys "${SESSION_DEV[c]}")" "keys"
	expect_eq 0xabc "$(keys mapper/sw0)" "keys through the unit"
	sg_persist -n -o -R -K 0xabc -T 1 /dev/mapper/sw0
	expect_match 'Write Exclusive' "$(sg_persist -n -i -r "/dev/${SESSION_DEV[c]}")"
	expect_eq "$(sg_persist -n -i -r "/dev/${SESSION_DEV[c]}")" "$(sg_persist -n -i -r /dev/mapper/sw0)" "reservation"
	expect dd if=/dev/urandom of=/dev/mapper/sw0 bs=4096 count=1 oflag=direct conv=notrunc status=none
	expect_not dd if=/dev/urandom "of=/dev/${SESSION_DEV[c]}" bs=4096 count=1 oflag=direct conv=notrunc status=none
	sg_persist -n -o -L -K 0xabc -T 1 /dev/mapper/sw0
	sg_persist -n -o -G -K 0xabc -S 0 /dev/mapper/sw0
	expect_eq "" "$(keys "${SESSION_DEV[c]}")" "keys"
}

# The configuration, or the array, names a disk that is not the unit's.
no_key_on_another_disk() {
	local foreign lun device
	reservations_rig
	lun=$(session_hctl b)
	lun=${lun%:*}:1
	pathd_kill
	lio_lun iqn.2026-01.org.example:disk 1 fileio "$SW_RUN/other.img"
	iscsiadm -m session --rescan >/dev/null
	wait_until 30 test -d "/sys/class/scsi_device/$lun/device/block"
	foreign=$(ls "/sys/class/scsi_device/$lun/device/block")
	sed -i "s/$(session_hctl b)/$lun/" /etc/swpath/swpath.toml
	pathd_run
	wait_until 60 path_is_usable 0
	wait_until 30 eval "pathctl status sw0 | tr -s ' \\n' ' ' | grep -q 'another disk, naa'"
	holds_for 5 no_keys_on "$foreign"
	expect_not path_is_usable 1
	expect_eq "" "$(sg_persist -n -i -r "/dev/$foreign" | grep -o 'Key=.*')" "reservation on the other disk"
	# The registration that another user has there is not touched by the unit's switches and fences.
	sg_persist -n -o -G -S 0xabc "/dev/$foreign"
	for device in a b; do
		echo offline >"/sys/block/${SESSION_DEV[$device]}/device/state"
	done
	dd if=/dev/zero of=/dev/sw0 bs=4096 count=1 oflag=direct status=none &
	wait_until 30 sw_is sw0 state verify
	holds_for 5 sw_is sw0 state verify
	expect_eq 0xabc "$(keys "$foreign")" "keys on the other disk"
	for device in a b; do
		echo running >"/sys/block/${SESSION_DEV[$device]}/device/state"
	done
	sg_persist -n -o -G -K 0xabc -S 0 "/dev/$foreign"
	wait_until 60 sw_is sw0 state online
	expect wait $!
	expect_eq 0 "$(sw_get sw0 active)" "active path"
}

no_keys_on() {
	[ -z "$(keys "$1")" ]
}

lio_target iqn.2026-01.org.example:disk fileio "$SW_RUN/disk.img" 3260 3261
sessions_open iqn.2026-01.org.example:disk a:3260 b:3261 c:3261
test_case "an old path with writes in doubt is preempted, aborted and shut out" the_old_path_is_preempted
test_case "an iSCSI session that is cut off in silence is preempted too (P1, P2, P6)" a_cut_session_is_preempted
test_case "a host that another one has preempted gets its errors, and tries no other path (P5)" another_host_preempts
test_case "reservations by SG_IO through a unit are the disk's own (P7)" reservations_by_sg_io
test_case "no key goes to a disk that is not the unit's, and none there is touched (P3, P7)" no_key_on_another_disk
