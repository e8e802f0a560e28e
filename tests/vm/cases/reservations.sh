#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# kernels: 6.1
# timeout: 900
#
# Reservations that users make through a unit hold over its switches, and are given up when they are preempted (P7). A disk of LIO, whose
# nexuses are a and b, two paths of this host; or a, this host's, and b, its peer beta's. c is a host that has nothing to do with swpath.
# shellcheck source=tests/vm/lib/sw.sh
. "$SW_LIB/sw.sh"
# shellcheck source=tests/vm/lib/pathd.sh
. "$SW_LIB/pathd.sh"
# shellcheck source=tests/vm/lib/iscsi.sh
. "$SW_LIB/iscsi.sh"
# shellcheck source=tests/vm/lib/cluster.sh
. "$SW_LIB/cluster.sh"

KEY=0xa11ce1 KEY_2=0xa11ce2 KEY_BETA=0xbe7a KEY_C=0xc0ffee

# All keys away: what a case leaves is not the next one's.
disk_clear() {
	local dev=/dev/${SESSION_DEV[c]}
	echo running >"/sys/block/${SESSION_DEV[a]}/device/state"
	sg_turs "$dev" >/dev/null 2>&1 || true
	sg_persist -n -o -I -S $KEY_C "$dev" >/dev/null
	sg_persist -n -o -C -K $KEY_C "$dev" >/dev/null
	expect_eq 0 "$(keys "${SESSION_DEV[c]}" | wc -l)" "keys"
}

keys_are() { # KEY... as they are on the disk, sorted
	local wanted=
	[ $# -eq 0 ] || wanted=$(printf '%s\n' "$@" | sort)
	[ "$(keys "${SESSION_DEV[c]}")" = "$wanted" ]
}

# Type and holder, as any host sees them. The first answers after a reset are that there was one.
reservation() {
	local dev=/dev/${SESSION_DEV[c]} i
	for ((i = 0; i < 5; i++)); do
		! sg_turs "$dev" >/dev/null 2>&1 || break
	done
	sg_persist -n -i -r "$dev" | grep -E 'Key=|type:|NO reservation' | tr -s ' \n' ' '
	sg_persist -n -i -s "$dev" | grep -A 8 'Reservation holder' | grep -m 1 -Eo 'iqn.*'
}

may_write() {
	dd if=/dev/zero "of=$1" bs=4096 count=1 seek=8192 oflag=direct status=none 2>/dev/null
}

# A UNIT ATTENTION is news, not a refusal; the kernel hands it to the caller, and the other paths' is often that of one's own release.
# While pathd loads a table the unit is suspended, and device-mapper's answer is EAGAIN.
reserve() {
	local answer i
	for ((i = 0; i < 5; i++)); do
		answer=$("$SW_LIB/reserve.py" "$@") && return
		[[ $answer == *"SCSI status 0x2" || $answer == *EAGAIN* ]] || break
		pause 0.1
	done
	echo "$answer"
	return 1
}

two_direct() {
	disk_clear
	reservations_rig false
	wait_until 60 path_is_usable 0
	wait_until 60 path_is_usable 1
}

back_to_the_first_path() {
	echo running >"/sys/block/${SESSION_DEV[a]}/device/state"
	wait_until 60 path_is_usable 0
	pathd_use 0
	writer_flows sw0 50
	writer_stop sw0
	expect_eq 0 "$(writer_get sw0 errors)" "errors"
	writer_verify sw0 /dev/sw0
}

holds_over_a_switch() { # RESERVATION
	writer_start sw0 /dev/sw0 --span $((64 << 10))
	writer_flows sw0 50
	echo offline >"/sys/block/${SESSION_DEV[a]}/device/state"
	wait_until 60 sw_is sw0 active 1
	writer_flows sw0 50 60
	expect_eq "$1" "$(reservation)" "reservation after the switch"
	back_to_the_first_path
}

reservation_is_told() { # KEY TYPE PATHS
	[ "$(pathctl status sw0 --json | jq -r '.units[0].reservation | "\(.key) \(.type) \(.paths | tojson)"')" = "$1" ]
}

no_reservation_is_told() {
	pathctl status sw0 --json | jq -e '.units[0].reservation == null' >/dev/null
}

on_two_direct_paths() {
	local before
	two_direct
	reserve /dev/sw0 register 0 $KEY
	reserve /dev/sw0 reserve $KEY 5
	wait_until 30 keys_are $KEY $KEY
	before=$(reservation)
	note "reserved: $before"
	wait_until 30 reservation_is_told "$KEY 5 [0,1]"
	expect_match "  reservation write exclusive, registrants only; key $KEY .*, " "$(COLUMNS=200 pathctl status sw0)"
	if may_write "/dev/${SESSION_DEV[c]}"; then fail "a host that is not registered can write"; fi
	holds_over_a_switch "$before"
	# As a program does that knows only SG_IO: one path is told, the other follows.
	sg_persist -n -o -G -K $KEY -S $KEY_2 /dev/sw0 >/dev/null
	wait_until 30 keys_are $KEY_2 $KEY_2
	reserve /dev/sw0 release $KEY_2 5
	sg_persist -n -o -G -K $KEY_2 -S 0 /dev/sw0 >/dev/null
	wait_until 30 keys_are
	wait_until 30 no_reservation_is_told
}

# A path that is not registered is refused even MODE SENSE then, and has to get its key all the same.
under_exclusive_access() {
	local pid before
	two_direct
	pid=$(cat "$SW_RUN/pathd.pid")
	defer kill -CONT "$pid"
	# One path is told, and the disk is reserved before the other can have got the key.
	kill -STOP "$pid"
	sg_persist -n -o -G -S $KEY /dev/sw0 >/dev/null
	sg_persist -n -o -R -K $KEY -T 6 /dev/sw0 >/dev/null
	expect keys_are $KEY
	before=$(reservation)
	note "reserved: $before"
	kill -CONT "$pid"
	wait_until 30 keys_are $KEY $KEY
	wait_until 60 path_is_usable 1
	holds_over_a_switch "$before"
}

a_preempted_key_stays_away() {
	two_direct
	reserve /dev/sw0 register 0 $KEY
	reserve /dev/sw0 reserve $KEY 5
	wait_until 30 keys_are $KEY $KEY
	expect may_write /dev/sw0
	sg_persist -n -o -I -S $KEY_C "/dev/${SESSION_DEV[c]}" >/dev/null
	sg_persist -n -o -P -K $KEY_C -S $KEY -T 5 "/dev/${SESSION_DEV[c]}" >/dev/null
	expect keys_are $KEY_C
	# Whoever took the disk away has it: an error, no switch, and no key that comes back by itself.
	if may_write /dev/sw0; then fail "a write got through after the preempt"; fi
	holds_for 6 keys_are $KEY_C
	if may_write /dev/sw0; then fail "a write got through"; fi
	expect_eq 0 "$(sw_get sw0 active)" "active path"
	expect may_write "/dev/${SESSION_DEV[c]}"
}

with_a_peer() {
	disk_clear
	cluster_create "$(session_hctl a)" "$(cat "/sys/block/${SESSION_DEV[a]}/device/wwid")" "beta=$(session_hctl b)" 'stall="5s"'
	cluster_start
	reserve /dev/sw0 register 0 $KEY
}

with_a_peer_reserved() { # [TYPE]
	with_a_peer
	reserve /dev/sw0 reserve $KEY "${1:-5}"
}

connections() {
	grep -c 'served nbd0 (43:0) appeared' "$PATHD_LOG"
}

on_a_peer() {
	local before connected
	# Beta is told before it finds its disk reserved: told later it would have ended its export to alpha, which had no key on the disk.
	with_a_peer
	connected=$(connections)
	wait_until 30 keys_are $KEY $KEY
	reserve /dev/sw0 reserve $KEY 5
	wait_until 30 path_is_usable 1
	# Told of the key without a new connection.
	expect_eq "$connected" "$(connections)" "connections"
	before=$(reservation)
	writer_start sw0 /dev/sw0 --span $((64 << 10))
	writer_flows sw0 50
	echo offline >"/sys/block/${SESSION_DEV[a]}/device/state"
	wait_until 60 sw_is sw0 active 1
	note "proof: $(history_last method) $(history_last evidence)"
	writer_flows sw0 50 60
	expect_eq "$before" "$(reservation)" "reservation while it is served"
	if may_write "/dev/${SESSION_DEV[c]}"; then fail "a host that is not registered can write"; fi
	# Through a served path no one can reserve: said, not swallowed.
	expect_match ENOTSUP "$(reserve /dev/sw0 reserve $KEY 5 || true)"
	back_to_the_first_path
	expect_eq "$before" "$(reservation)" "reservation after all"
	# Given up by its users, it is given up everywhere.
	reserve /dev/sw0 release $KEY 5
	reserve /dev/sw0 register $KEY 0
	wait_until 30 keys_are
	wait_until 30 path_is_usable 1
}

a_preempted_client_is_not_served() {
	with_a_peer_reserved
	wait_until 30 keys_are $KEY $KEY
	# Beta has users of its own: its path stays registered when alpha's key is taken away.
	sg_persist -n -o -I -S $KEY_BETA "/dev/${SESSION_DEV[b]}" >/dev/null
	wait_until 30 path_is_usable 1
	pathctl switch sw0 beta
	wait_until 30 sw_is sw0 active 1
	echo offline >"/sys/block/${SESSION_DEV[a]}/device/state"
	expect may_write /dev/sw0
	expect keys_are $KEY $KEY_BETA
	sg_persist -n -o -P -K $KEY_BETA -S $KEY -T 5 "/dev/${SESSION_DEV[b]}" >/dev/null
	wait_until 10 host_said beta "serving .* no more: alpha's key .* was preempted"
	timeout 5 dd if=/dev/zero of=/dev/sw0 bs=4096 count=1 seek=8192 oflag=direct status=none 2>/dev/null &
	local late=$!
	wait_until 30 path_says 1 'was preempted'
	# Its own path would be told by the disk; beta's is not given.
	holds_for 3 sw_is sw0 state verify
	kill $late 2>/dev/null || true
	echo running >"/sys/block/${SESSION_DEV[a]}/device/state"
	wait_until 60 sw_is sw0 active 0
	if may_write /dev/sw0; then fail "a write got through"; fi
	expect keys_are $KEY_BETA
}

# Its server serves on while its pathd stands still: a write there would meet the reservation, and its user an error.
a_peer_that_was_not_told() {
	local pid
	disk_clear
	cluster_create "$(session_hctl a)" "$(cat "/sys/block/${SESSION_DEV[a]}/device/wwid")" "beta=$(session_hctl b)" 'stall="5s"'
	cluster_start
	pid=$(cat "$(host_dir beta)/pid")
	defer kill -CONT "$pid"
	kill -STOP "$pid"
	reserve /dev/sw0 register 0 $KEY
	reserve /dev/sw0 reserve $KEY 5
	wait_until 30 path_says 1 'beta has not said yet'
	wait_until 5 eval '! path_is_usable 1'
	expect keys_are $KEY
	writer_start sw0 /dev/sw0 --span $((64 << 10))
	writer_flows sw0 50
	echo offline >"/sys/block/${SESSION_DEV[a]}/device/state"
	wait_until 30 sw_is sw0 state verify
	holds_for 2 sw_is sw0 state verify
	kill -CONT "$pid"
	wait_until 60 sw_is sw0 active 1
	wait_until 10 keys_are $KEY $KEY
	back_to_the_first_path
}

a_reservation_for_one_nexus() {
	with_a_peer_reserved 1
	wait_until 30 path_says 1 'for one nexus alone'
	expect may_write /dev/sw0
	reserve /dev/sw0 release $KEY 1
	wait_until 60 path_is_usable 1
}

path_says() {
	pathctl status sw0 --json | grep -q "$2"
}

lio_target iqn.2026-01.org.example:disk fileio "$SW_RUN/disk.img" 3260
sessions_open iqn.2026-01.org.example:disk a:3260 b:3260 c:3260
test_case "a reservation holds over switches between direct paths, by ioctl and by SG_IO" on_two_direct_paths
test_case "under exclusive access the other path gets the key, too" under_exclusive_access
test_case "a key that was preempted does not come back" a_preempted_key_stays_away
test_case "a reservation holds while a peer serves the disk, and is given up everywhere" on_a_peer
test_case "a client whose key was preempted is not served" a_preempted_client_is_not_served
test_case "a reservation for one nexus is not carried to another host, and that is said" a_reservation_for_one_nexus
test_case "a peer that has not said that it has the users' key is not used" a_peer_that_was_not_told
