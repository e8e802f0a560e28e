#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# kernels: 6.1
# timeout: 900
#
# A path that does not show what was acknowledged is kept out: servers that answer from a cache, by name, an old copy of the
# disk, and the direct path beside a server that acknowledges writes before they are on the disk. All of it by the kernel's
# witness records alone: no block that is written here is one of those that every check compares.
# shellcheck source=tests/vm/lib/sw.sh
. "$SW_LIB/sw.sh"
# shellcheck source=tests/vm/lib/pathd.sh
. "$SW_LIB/pathd.sh"
# shellcheck source=tests/vm/lib/cluster.sh
. "$SW_LIB/cluster.sh"

# Eight blocks, again and again, as a journal is written; a sample is taken in each tick, 125 ms.
journal() {
	while dd if=/dev/urandom of=/dev/sw0 bs=4k seek=$((100 + RANDOM % 8)) count=1 oflag=direct conv=notrunc status=none; do
		sleep 0.15
	done
}

journal_start() {
	journal &
	JOURNAL=$!
	disown
	defer journal_stop
}

journal_stop() {
	[ -n "$JOURNAL" ] || return 0
	kill "$JOURNAL" 2>/dev/null || true
	wait_until 20 process_is_gone "$JOURNAL"
	JOURNAL=''
}

rig() {
	pathd_rig 'witness=16' 'stall="1s"' 'command_timeout="1s"' 'failback={policy="manual",stable="1s"}' "$@"
}

qemu_nbd() { # OPTION... DEVICE
	peer_serve_by beta qemu-nbd --format=raw --persistent --shared=8 --bind="$(peer_address beta)" --port=10809 \
		--export-name=disk "$@"
}

serve_nbd_server() {
	printf '[generic]\nlistenaddr = %s\nport = 10809\n[disk]\nexportname = %s\n' "$(peer_address beta)" "$(disk_dev 1)" \
		>"$SW_RUN/nbd-server.conf"
	# Debugging, it serves one client; else it goes into the background.
	peer_serve_by beta sh -c 'nbd-server -C "$1" -p "$2" && until [ -s "$2" ]; do sleep 0.1; done &&
		exec tail -f /dev/null --pid "$(cat "$2")"' sh "$SW_RUN/nbd-server.conf" "$SW_RUN/nbd-server.pid"
	defer nbd_server_ends
}

# With those of its processes that have a client.
nbd_server_ends() {
	local pid
	pid=$(cat "$SW_RUN/nbd-server.pid" 2>/dev/null) || return 0
	pkill -KILL --parent "$pid" || true
	kill -KILL "$pid" 2>/dev/null || true
	rm "$SW_RUN/nbd-server.pid"
}

serve_nbdkit_file() {
	peer_serve_by beta nbdkit --foreground --ipaddr "$(peer_address beta)" --port 10809 file "$(disk_dev 1)"
}

serve_qemu_nbd() {
	qemu_nbd "$(disk_dev 1)"
}

# It is good until something was written beside it; then it shows what it remembers.
is_refused() {
	rig
	"$1"
	pathd_start
	journal_start
	wait_until 90 monitor_is sw0 1 rejected
	expect pathd_said 'beta is rejected: nbd[0-9]+ does not show at sector [0-9]+ what was acknowledged there'
	expect_not pathctl switch sw0 beta
	# Nor is a new connection to the same server better.
	holds_for 4 eval '! path_is_usable 1'
	expect_eq 0 "$(sw_get sw0 active)" "active path"
	# A coherent one has to show that it is, and is taken then.
	[ "$1" != serve_nbd_server ] || nbd_server_ends
	peer_restart beta
	wait_until 90 path_is_usable 1
}

is_accepted() {
	rig
	pathd_start
	journal_start
	holds_for 10 eval '! monitor_is sw0 1 rejected'
	pathctl switch sw0 beta
	wait_until 30 sw_is sw0 active 1
	# And the direct one beside it.
	holds_for 5 eval '! monitor_is sw0 0 rejected'
	pathctl switch sw0 direct
	wait_until 30 sw_is sw0 active 0
}

ours_is_accepted() {
	cluster_create "$(pathd_hctl 0)" "$(disk_wwid 0)" "beta=$(pathd_hctl 1)" 'witness=16' 'stall="1s"' 'command_timeout="1s"'
	cluster_start
	journal_start
	holds_for 10 eval '! monitor_is sw0 1 rejected'
	pathctl switch sw0 beta
	wait_until 30 sw_is sw0 active 1
	holds_for 5 eval '! monitor_is sw0 0 rejected'
	wait_until 10 eval 'pathctl history sw0 | grep -q attested+size+medium+witness'
}

writes_before_the_disk_has_them() {
	rig
	serve_qemu_nbd
	pathd_start
	pathctl switch sw0 beta
	wait_until 30 sw_is sw0 active 1
	journal_start
	wait_until 60 monitor_is sw0 0 rejected
	expect pathd_said 'direct sd[a-z]+ is rejected: sd[a-z]+ does not show at sector [0-9]+'
	expect_not pathctl switch sw0 direct
	# Once the server's cache is on the disk the direct path shows all of it.
	journal_stop
	blockdev --flushbufs "$(disk_dev 1)"
	wait_until 60 path_is_usable 0
	pathctl switch sw0 direct
	wait_until 30 sw_is sw0 active 0
}

# While nobody checks, the server comes to serve a copy from before the last writes; then the direct path fails.
old_copy() {
	requires_module brd
	rig
	pathd_start
	modprobe brd rd_nr=1 rd_size=32768
	defer unload_module brd
	dd if="$(disk_dev 1)" of=/dev/ram0 bs=1M oflag=direct status=none
	journal_start
	sleep 2
	journal_stop
	expect_less 0 "$(dmsetup message sw0 0 witness | wc -l)" "witness records"
	pathd_kill
	wait_until 60 sw_path_is sw0 1 ticket_ms 0
	qemu_nbd --cache=none /dev/ram0
	disk_fail 0
	dd if=/dev/sw0 of=/dev/null bs=4k count=1 iflag=direct status=none &
	wait_until 30 sw_is sw0 state verify
	pathd_run
	wait_until 60 pathd_said 'beta is rejected: nbd[0-9]+ does not show at sector'
	holds_for 5 sw_is sw0 state verify
	expect_match 'does not show at sector|has shown old contents' "$(pathctl status sw0 | tr -s ' \n' ' ')"
	disk_heal 0
	wait_until 60 sw_is sw0 state online
	expect_eq 0 "$(sw_get sw0 active)" "active path"
	wait
}

disk_create 32
test_case "nbd-server in its default caching is refused as a path (P1, P3)" is_refused serve_nbd_server
test_case "nbdkit's file plugin in its default caching is refused as a path (P1, P3)" is_refused serve_nbdkit_file
test_case "qemu-nbd in its default caching is refused as a path (P1, P3)" is_refused serve_qemu_nbd
test_case "qemu-nbd --cache=none is accepted" is_accepted
test_case "our own server is accepted, and the certificate says by what" ours_is_accepted
test_case "a direct path that lacks what its server has acknowledged is not switched to (P1)" writes_before_the_disk_has_them
test_case "an old copy of the disk is refused in the mount verification, and I/O is held (P1, P3)" old_copy
