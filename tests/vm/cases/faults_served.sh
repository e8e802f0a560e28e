#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# kernels: 6.1
# timeout: 900
#
# What can happen to a served path and to the network before it (the fault table of docs/testing.md). One pathd for all cases, with
# fence="prove": a unit with writes in doubt waits until a person has switched the server off and says so.
# shellcheck source=tests/vm/lib/sw.sh
. "$SW_LIB/sw.sh"
# shellcheck source=tests/vm/lib/pathd.sh
. "$SW_LIB/pathd.sh"

# So few blocks that each is written again soon after a switch: what lands late, lands over something newer.
on_server() {
	pathd_settle beta
	writer_start sw0 /dev/sw0 --span $((64 << 10))
	writer_flows sw0
}

beside_server() {
	pathd_settle direct
	writer_start sw0 /dev/sw0 --span $((8 << 20))
}

lost_nothing() {
	writer_lost_nothing sw0 "$(disk_dev 0)"
}

lost_nothing_since() {
	writer_flows sw0 400 60
	lost_nothing
}

left_or_waits() {
	sw_is sw0 active 0 || sw_is sw0 phase prove
}

# The server is off, and a person who has seen it says so.
person_fences() {
	wait_until 60 left_or_waits
	peer_kill beta 2>/dev/null || true
	peer_heal beta
	if sw_is sw0 phase prove; then
		expect_less 0 "$(sw_get sw0 doubt)" "writes in doubt"
		wait_until 30 pathctl fenced sw0 --i-am-sure
	fi
	wait_until 30 sw_is sw0 active 0
}

killed_with_writes_inside() {
	local writes
	on_server
	peer_stall beta
	wait_until 60 sw_is sw0 phase prove
	peer_kill beta
	writes=$(disk_get 1 writes)
	peer_restart beta
	wait_until 30 connected_again
	# The new server has got none of what the old one had.
	holds_for 2 writes_are "$writes"
	expect_eq verify "$(sw_get sw0 state)" "state"
	wait_until 30 pathctl fenced sw0 --i-am-sure
	wait_until 30 sw_is sw0 state online
	lost_nothing_since
}

connected_again() {
	peer_exec beta ss -Htn state established 'sport = :10809' | grep -q .
}

writes_are() {
	[ "$(disk_get 1 writes)" -eq "$1" ]
}

killed_while_it_works() {
	on_server
	peer_kill beta
	person_fences
	lost_nothing_since
}

cut_off() {
	on_server
	peer_blackhole beta "$1"
	wait_until 60 sw_is sw0 phase prove
	# It does not guess: what is on its way may still arrive.
	holds_for 2 sw_is sw0 state verify
	person_fences
	lost_nothing_since
}

more_writes_than() {
	[ "$(disk_get 1 writes)" -gt "$1" ]
}

# A server that is slow has requests that it has not read when the connection is reset. Fails if their time, 2 s, was over before that, or
# if the writer had none to send.
resets_mid_request() {
	local device
	on_server
	device=/dev/$(basename "$(readlink "/sys/dev/block/$(sw_path_get sw0 1 device)")")
	peer_stall beta
	sleep 0.2
	peer_refuse beta
	# It takes a segment to be answered by a reset, and the writer may have sent all that it has. Of a connection that is over
	# already there is nothing to read, and that is no error.
	! dd if="$device" of=/dev/null bs=4096 count=1 iflag=direct status=none || return 1
	[ "$(peer_unread beta)" -gt 4096 ] && klog_has 'Receive control failed .result -104' # ECONNRESET
}

# The reset is for the client alone: the server carries out what it had been given.
reset_mid_request() {
	local writes tries=1
	until resets_mid_request; do
		tries=$((tries + 1))
		[ $tries -le 5 ] || fail "the connection was not reset in time"
		peer_continue beta
		person_fences
		writer_stop sw0
	done
	writes=$(disk_get 1 writes)
	wait_until 60 sw_is sw0 phase prove
	expect_less 0 "$(sw_get sw0 doubt)" "writes in doubt"
	holds_for 2 sw_is sw0 state verify
	peer_continue beta
	wait_until 30 more_writes_than "$writes"
	# It was right to wait, and has no reason to end that by itself.
	holds_for 2 sw_is sw0 state verify
	person_fences
	lost_nothing_since
}

# Bad weather is no reason to leave: not one switch, and no error.
stays_through() {
	local epoch
	on_server
	epoch=$(sw_get sw0 epoch)
	peer_weather beta "${@:2}"
	writer_flows sw0 "$1" 60
	peer_heal beta
	expect_eq "$epoch" "$(sw_get sw0 epoch)" "epoch"
	expect_eq 1 "$(sw_get sw0 active)" "active path"
	lost_nothing
}

# A script has the server's port: it is never taken for a path.
hijacked() {
	beside_server
	echo "$1" >"$SW_RUN/impostor"
	peer_serve_by beta socat "TCP-LISTEN:10809,bind=$(peer_address beta),fork,reuseaddr" "EXEC:sh $SW_RUN/impostor"
	wait_until 30 sw_path_is sw0 1 state absent
	wait_until 30 pathd_said "beta(: | failed: ).*$2"
	note "$(grep -m1 -E "beta(: | failed: ).*$2" "$PATHD_LOG")"
	holds_for 2 sw_path_is sw0 1 state absent
	expect_eq 0 "$(sw_get sw0 active)" "active path"
	lost_nothing
}

other_service() {
	hijacked 'echo SSH-2.0-OpenSSH_9.2p1; cat' NBD
}

never_answers() {
	hijacked 'sleep 60' 'wait for the server'
}

garbage_handshake() {
	hijacked "printf 'NBDMAGICIHAVEOPT\\000\\003'; head -c 4096 /dev/urandom; cat" NBD
}

# The path is proved and in use, and then its server's replies are malformed.
lies() {
	rm -f "$SW_RUN/lie"
	peer_serve_by beta "$SW_LIB/liar.py" "$(peer_address beta)" "$(disk_dev 1)" "$SW_RUN/lie"
	on_server
	echo "$1" >"$SW_RUN/lie"
	person_fences
	rm "$SW_RUN/lie"
	lost_nothing_since
}

# serves OPTION... DEVICE: qemu-nbd, but not as it should be.
serves() {
	peer_serve_by beta qemu-nbd --format=raw --persistent --shared=8 --bind="$(peer_address beta)" --port=10809 \
		--export-name=disk "$@"
}

kept_out() {
	wait_until 60 monitor_is sw0 1 rejected
	wait_until 10 pathd_said "beta is rejected: .*$1"
	expect_not sw_path_is sw0 1 state ready
	holds_for 2 sw_is sw0 active 0
	expect_not pathctl switch sw0 beta
	lost_nothing
}

read_only_export() {
	beside_server
	serves --cache=none --read-only "$(disk_dev 1)"
	kept_out 'write-protected'
}

# Behind what the writer writes to; pathd compares it at every check.
change_last_block() {
	dd if=/dev/urandom of=/dev/sw0 bs=4096 seek=8191 count=1 oflag=direct conv=notrunc status=none
}

another_disk() {
	requires_module brd
	beside_server
	change_last_block
	modprobe brd rd_nr=1 rd_size=32768
	defer unload_module brd
	serves --cache=none /dev/ram0
	kept_out 'other contents'
}

# It was right when it was first read; it keeps what it read, and the other path has gone on.
server_with_a_cache() {
	beside_server
	serves --cache=writeback "$(disk_dev 1)"
	pathd_pardon beta
	change_last_block
	kept_out 'other contents'
}

disk_create 32
pathd_rig 'fence="prove"' 'failback={policy="manual",stable="1s"}'
pathd_start
test_case "a server that is killed while it works: nothing is lost (P1, P5)" killed_while_it_works
test_case "a killed server's writes are not sent again over the next connection (P2, P4)" killed_with_writes_inside
test_case "a cut both ways: held until it is sure that nothing arrives any more (P2)" cut_off both
test_case "a cut of the way to the server: held (P2)" cut_off to
test_case "a cut of the way back, so that errors were carried out: held (P1, P2)" cut_off from
test_case "a connection that is reset in the middle of requests: nothing is lost (P1, P2)" reset_mid_request
test_case "5 % of packets lost, no switch (P5)" stays_through 40 loss 5%
test_case "a fifth of packets doubled, no switch (P4, P5)" stays_through 60 duplicate 20%
test_case "packets out of order, no switch (P5)" stays_through 100 delay 5ms reorder 50% 50%
test_case "2 % of packets with a bit turned, no switch (P1, P5)" stays_through 40 corrupt 2%
test_case "a network that is slow, but within the budget: no switch (P5, P6)" stays_through 40 delay 100ms
test_case "another service at the server's port is no path (P3)" other_service
test_case "a listener that never says anything is no path (P3, P6)" never_answers
test_case "garbage in the handshake is no path (P3)" garbage_handshake
test_case "a reply that is none: the path is left, nothing is lost (P1, P4)" lies magic
test_case "a reply to what was not asked: the path is left (P1, P4)" lies handle
test_case "a reply that comes twice: the path is left (P4)" lies twice
test_case "half a reply: the path is left (P1, P4)" lies half
test_case "a read-only export is kept out (P3, P5)" read_only_export
test_case "an export of another disk is kept out (P3)" another_disk
test_case "a server that answers from its cache is kept out (P1, P3)" server_with_a_cache
