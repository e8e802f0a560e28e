#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# kernels: 6.1
#
# The ghost write: the server stops with writes inside, the host goes on through its own path, the server wakes and carries out what it
# had been given, over newer data. The same schedule for dm-multipath and for a unit: same disk, writer, faults. A unit over a server
# that nobody can ask waits for a person; over a peer it is proved without one. Prints one line for each stack, by its name.
# shellcheck source=tests/vm/lib/sw.sh
. "$SW_LIB/sw.sh"
# shellcheck source=tests/vm/lib/pathd.sh
. "$SW_LIB/pathd.sh"
# shellcheck source=tests/vm/lib/cluster.sh
. "$SW_LIB/cluster.sh"

# So few blocks that each is written again soon after the failover.
SPAN=$((64 << 10))

# It has what was on its way to it, and hears no more: a client that has given up would answer the first reply by a reset of the
# connection, and with that would go what the server has not read yet.
server_stops_with_writes_inside() {
	writer_flows "$1" 100
	wait_until 30 server_stopped_with_requests
	BEFORE=$(disk_get 1 writes)
	peer_blackhole beta to
}

# Requests that it has not read: those that it has may be on the disk already.
server_stopped_with_requests() {
	peer_stall beta
	sleep 0.3
	server_has_requests && return
	peer_continue beta
	sleep 0.2
	return 1
}

server_has_requests() {
	[ "$(peer_unread beta)" -gt 4096 ]
}

server_wakes_and_finishes() {
	peer_continue beta
	wait_until 30 more_writes_through_the_server
	# Nothing more comes after what it had been given: the last count stands.
	wait_until 30 writes_have_ended
	peer_heal beta
}

more_writes_through_the_server() {
	[ "$(disk_get 1 writes)" -gt "$BEFORE" ]
}

writes_have_ended() {
	local count
	count=$(disk_get 1 writes)
	sleep 1
	[ "$(disk_get 1 writes)" -eq "$count" ]
}

# What the checker says of the disk: "N lost, N ghost, ...", and what it has to say. As a whole: "10 lost" ends in "0 lost".
NO_HARM='0 lost, 0 ghost, 0 misplaced, 0 errors'
verdict() {
	swstamp verify --log "$SW_RUN/writer.$1.log" --device "$(disk_dev 0)" 2>&1 | sed -n 's/.*blocks: //p'
}

multipath_loses() {
	local said
	disks_heal
	modprobe -a nbd dm-multipath dm-round-robin
	peer_create beta
	peer_serve beta "$(disk_dev 1)"
	peer_attach beta nbd0 2
	dmsetup create mp --table "0 $(blockdev --getsz "$(disk_dev 0)") multipath 2 queue_mode bio 0 2 1 \
		round-robin 0 1 1 /dev/nbd0 1 round-robin 0 1 1 $(disk_dev 0) 1"
	defer dmsetup remove --retry mp
	writer_start mp /dev/mapper/mp --span $SPAN
	server_stops_with_writes_inside mp
	# It fails over by itself, without an error, and acknowledges what it writes on the other path.
	writer_flows mp 400 60
	writer_stop mp
	expect_eq 0 "$(writer_get mp errors)" "errors"
	server_wakes_and_finishes
	said=$(verdict mp)
	echo "dm-multipath: $said"
	# If it loses nothing here, the schedule shows nothing of the unit either.
	expect_match '(^| )[1-9][0-9]* (lost|ghost)' "$said"
}

unit_loses_nothing() {
	local said
	pathd_rig 'fence="prove"' 'failback={policy="manual"}'
	pathd_start
	pathctl switch sw0 beta
	wait_until 30 sw_is sw0 active 1
	writer_start sw0 /dev/sw0 --span $SPAN
	server_stops_with_writes_inside sw0
	wait_until 60 sw_is sw0 phase prove
	expect_less 0 "$(sw_get sw0 doubt)" "writes in doubt"
	# The direct path is proved, and not used: nothing proves that the server has forgotten the writes.
	wait_until 30 pathd_said 'in doubt'
	holds_for 3 sw_is sw0 state verify
	note "$(pathctl status sw0)"
	server_wakes_and_finishes
	# The person who has seen the server finish, or has switched it off.
	pathctl fenced sw0 --i-am-sure
	wait_until 30 sw_is sw0 active 0
	expect_eq operator "$(history_last method)"
	writer_flows sw0 400 60
	writer_stop sw0
	expect_eq 0 "$(writer_get sw0 errors)" "errors"
	said=$(verdict sw0)
	echo "sw, foreign server: $said; held $(writer_get sw0 longest_ms) ms, until a person said that the server had finished"
	expect_eq "$NO_HARM" "$said"
	pathctl history sw0
}

unit_goes_on_by_itself() {
	local said server
	disks_heal
	cluster_create "$(pathd_hctl 0)" "$(disk_wwid 0)" "beta=$(pathd_hctl 1)"
	cluster_start
	pathctl switch sw0 beta
	wait_until 30 sw_is sw0 active 1
	writer_start sw0 /dev/sw0 --span $SPAN
	writer_flows sw0 100
	server=$(host_server beta)
	kill -STOP "$server"
	wait_until 90 sw_is sw0 active 0
	expect_less 0 "$(history_last doubt)" "writes in doubt"
	# Beta's pathd has ended the server. That does not tell how its last writes ended, so the disk was reset as well.
	expect process_is_gone "$server"
	expect_eq lu-reset "$(history_last method)" "method"
	writer_flows sw0 400 60
	writer_stop sw0
	expect_eq 0 "$(writer_get sw0 errors)" "errors"
	said=$(verdict sw0)
	echo "sw: $said; held $(writer_get sw0 longest_ms) ms; proof: $(history_last method) $(history_last evidence)"
	expect_eq "$NO_HARM" "$said"
	pathctl history sw0
}

disk_create 32
test_case "dm-multipath lets the server write over newer data" multipath_loses
test_case "a unit over a server that cannot be asked holds its I/O until a person says so (P2)" unit_loses_nothing
test_case "over a peer it is proved, and the unit goes on by itself" unit_goes_on_by_itself
