#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# kernels: 6.1
# memory: 768
# timeout: 900
#
# What can happen to a direct path's disk, to pathd and to the host around it (the fault table of docs/testing.md). One pathd for
# all cases; the served path is there to go on with.
# shellcheck source=tests/vm/lib/sw.sh
. "$SW_LIB/sw.sh"
# shellcheck source=tests/vm/lib/pathd.sh
. "$SW_LIB/pathd.sh"

begin() {
	pathd_settle direct
	writer_start sw0 /dev/sw0 --span $((8 << 20))
	writer_flows sw0
}

lost_nothing() {
	writer_lost_nothing sw0 "$(disk_dev 0)" "$(disk_dev 1)"
}

pathd_pid() {
	cat "$SW_RUN/pathd.pid"
}

# --- the disk

recovered_errors() {
	local epoch
	begin
	epoch=$(sw_get sw0 epoch)
	disk_answers 0 recovered
	writer_flows sw0 200
	# pathd's own checks, every second, read the same.
	holds_for 2 path_is_usable 0
	expect_eq "$epoch" "$(sw_get sw0 epoch)" "epoch"
	expect_eq 0 "$(sw_path_get sw0 0 errors)" "path errors"
	lost_nothing
}

unit_attentions() {
	local epoch i
	begin
	epoch=$(sw_get sw0 epoch)
	# Reset, capacity changed, LUNs changed, mode parameters changed.
	for i in {1..10}; do
		for ua in 0x2900 0x2a09 0x3f0e 0x2a01; do
			disk_set 0 ua $ua
			writer_flows sw0 3
		done
	done
	expect_eq "$epoch" "$(sw_get sw0 epoch)" "epoch"
	lost_nothing
}

left_within_budget() {
	begin
	disk_answers 0 "$1"
	wait_until 60 sw_is sw0 active 1
	writer_flows sw0
	disk_heal 0
	lost_nothing
	# The stall budget is 3 s; what is above it is the VM's slowness.
	expect_less "$(writer_get sw0 longest_ms)" 12000 "longest I/O in ms"
}

not_ready_at_start() {
	pathd_settle direct
	pathd_kill
	unit_remove sw0
	disk_answers 0 not-ready
	pathd_run
	wait_until 60 sw_is sw0 state online
	expect_eq 1 "$(sw_get sw0 active)" "active path"
	writer_start sw0 /dev/sw0 --span $((8 << 20))
	disk_heal 0
	wait_until 60 sw_is sw0 active 0
	lost_nothing
}

both_at_once() {
	local host
	begin
	for host in 0 1; do
		disk_fail $host
	done
	wait_until 30 sw_is sw0 state verify
	holds_for 1 sw_is sw0 state verify
	disk_heal 1
	disk_heal 0
	wait_until 60 sw_is sw0 state online
	lost_nothing
}

returns_in_the_middle() {
	local events
	begin
	events=$(dmsetup info -c --noheadings -o events sw0)
	disk_hang 0
	# A drain is over in a few ms: there is no time to ask for it.
	timeout 30 dmsetup wait sw0 "$events" >/dev/null
	disk_heal 0
	expect_less "$events" "$(dmsetup info -c --noheadings -o events sw0)" "events of the unit"
	wait_until 60 sw_is sw0 state online
	lost_nothing
}

# --- people

ordered_to() {
	sw_is sw0 active "${PATHD_SLOTS[$1]}" && return
	pathctl switch sw0 "$1"
	return 1
}

orders_against_failback() {
	local i
	begin
	for i in 1 2 3 4; do
		disk_fail 0
		wait_until 30 sw_is sw0 active 1
		disk_heal 0
		pathd_pardon direct
		# A failback is due at any moment from here on.
		pathctl switch sw0 beta >/dev/null 2>&1 &
		pathctl failback sw0 >/dev/null 2>&1 &
		pathctl switch sw0 direct >/dev/null 2>&1 || true
		wait $! || true
		wait_until 30 ordered_to direct
	done
	wait_until 30 ordered_to beta
	# Interval and stable period, 1 and 2 s, go by: what a person chose stays.
	holds_for 5 sw_is sw0 active 1
	lost_nothing
}

# --- pathd

stopped() {
	begin
	kill -STOP "$(pathd_pid)"
	defer kill -CONT "$(pathd_pid)"
	wait_until 30 sw_path_is sw0 1 ticket_ms 0
	disk_fail 0
	wait_until 30 sw_is sw0 phase prove
	# Nobody proves a path: held, and not in errors.
	holds_for 2 sw_is sw0 state verify
	kill -CONT "$(pathd_pid)"
	wait_until 30 sw_is sw0 active 1
	disk_heal 0
	lost_nothing
}

run_directory_full() {
	begin
	head -c 1M /dev/zero >/run/swpath/fill 2>/dev/null || true
	defer rm -f /run/swpath/fill
	expect_not eval 'echo >/run/swpath/one-more'
	disk_fail 0
	wait_until 30 sw_is sw0 active 1
	disk_heal 0
	pathd_pardon direct
	pathctl switch sw0 direct
	wait_until 30 sw_is sw0 active 0
	lost_nothing
}

no_descriptors() {
	begin
	prlimit --pid "$(pathd_pid)" --nofile=3:
	defer prlimit --pid "$(pathd_pid)" --nofile=1024:
	disk_fail 0
	wait_until 30 sw_is sw0 active 1
	writer_flows sw0
	timeout 20 pathctl status sw0 >/dev/null 2>&1 || true
	prlimit --pid "$(pathd_pid)" --nofile=1024:
	disk_heal 0
	wait_until 30 pathctl status sw0
	pathd_pardon direct
	lost_nothing
}

# Everything at once that somebody can send to pathd's socket, and 200 connections that say half a word.
bad_bytes() {
	local epoch table
	begin
	epoch=$(sw_get sw0 epoch)
	table=$(dmsetup table sw0)
	python3 - /run/swpath/pathd.sock <<-'END' &
		import os, socket, sys, time

		def connection():
		    s = socket.socket(socket.AF_UNIX)
		    s.settimeout(5)
		    s.connect(sys.argv[1])
		    return s

		def send(data):
		    s = connection()
		    try:
		        s.sendall(data)
		        s.shutdown(socket.SHUT_WR)
		        while s.recv(4096):
		            pass
		    except OSError:
		        pass
		    s.close()

		method = b'{"method":"io.swpath.Control.%s","parameters":%s}\0'
		send(os.urandom(100000))
		send(b'{' * 3000000)
		send(b'[' * 100000 + b'\0')
		send(b'\0' * 1000)
		send(method % (b'Switch', b'{"unit":"sw0","path":-1}'))
		send(method % (b'Switch', b'{"unit":["sw0"],"path":{"a":1e999}}'))
		send(method % (b'NoSuch', b'[]') * 1000)
		send(b'{"method":7}\0{"method":null}\0"x"\0nul\0\xff\xfe\0')
		held = []
		for i in range(200):
		    try:
		        held.append(connection())
		        held[-1].sendall(b'{"method":"io.swpa')
		    except OSError:
		        break
		time.sleep(5)
	END
	wait $!
	expect pathctl status sw0
	expect_eq "$epoch" "$(sw_get sw0 epoch)" "epoch"
	expect_eq "$table" "$(dmsetup table sw0)" "table"
	wait_until 10 path_is_usable 1
	lost_nothing
}

file_is_refused() {
	: >"$PATHD_LOG"
	kill -HUP "$(pathd_pid)"
	wait_until 30 pathd_said 'swpath\.toml'
	note "$(grep -m1 'swpath\.toml' "$PATHD_LOG" | cut -c1-160)"
	expect_eq "$1" "$(dmsetup table sw0)" "table"
	expect_not pathctl config check
}

put_config_back() {
	rm -rf /etc/swpath/swpath.toml
	cp "$SW_RUN/good.toml" /etc/swpath/swpath.toml
	kill -HUP "$(pathd_pid)"
}

corrupt_files() {
	local table file=/etc/swpath/swpath.toml
	begin
	table=$(dmsetup table sw0)
	cp $file "$SW_RUN/good.toml"
	defer put_config_back
	# Half written, not text, deep, a NUL inside, no file at all.
	head -c 60 "$SW_RUN/good.toml" >$file
	file_is_refused "$table"
	head -c 5000 /dev/urandom >$file
	file_is_refused "$table"
	printf 'x = %s\n' "$(head -c 50000 /dev/zero | tr '\0' '[')" >$file
	file_is_refused "$table"
	{ cat "$SW_RUN/good.toml" && printf 'a\0b = 1\n'; } >$file
	file_is_refused "$table"
	rm $file
	mkdir $file
	file_is_refused "$table"
	lost_nothing
}

# --- the host

udevd_stopped() {
	begin
	udevadm control --stop-exec-queue
	defer udevadm control --start-exec-queue
	disk_delete 0
	wait_until 30 sw_is sw0 active 1
	echo '- - -' >"/sys/class/scsi_host/host${DISK_HOSTS[0]}/scan"
	wait_until 20 disk_is_there 0
	# No event has told pathd; nor may it take in a device whose marks udev has not seen.
	holds_for 2 sw_is sw0 active 1
	writer_flows sw0
	udevadm control --start-exec-queue
	pathd_pardon direct
	lost_nothing
}

clock_jumps() {
	local epoch jump
	begin
	epoch=$(sw_get sw0 epoch)
	for jump in '+1 hour' '-2 hours' '+1 hour'; do
		date -s "$jump" >/dev/null
		writer_flows sw0
		holds_for 1 path_is_usable 1
	done
	expect_eq "$epoch" "$(sw_get sw0 epoch)" "epoch"
	date -s '+1 hour' >/dev/null
	disk_fail 0
	wait_until 30 sw_is sw0 active 1
	disk_heal 0
	date -s '-1 hour' >/dev/null
	pathd_pardon direct
	lost_nothing
}

swap_free_kb() {
	awk '/^SwapFree/ { print $2 }' /proc/meminfo
}

swaps() {
	[ "$(swap_free_kb)" -lt $(($1 - 4096)) ]
}

# A control group writes more than it may keep in memory, so the kernel swaps to the unit while its path is lost. (Of all the
# machine's memory the same would take minutes.)
no_memory() {
	local total group=/sys/fs/cgroup/fill bytes=$((48 << 20))
	pathd_settle direct
	mkswap /dev/sw0 >/dev/null
	mkdir -p "$SW_RUN/fill" $group
	defer rmdir $group
	echo 32M >$group/memory.high
	swapon /dev/sw0
	defer swapoff /dev/sw0
	mount -t tmpfs -o size=100% tmpfs "$SW_RUN/fill"
	defer umount "$SW_RUN/fill"
	total=$(swap_free_kb)
	(
		echo $BASHPID >$group/cgroup.procs
		yes swpath | head -c $bytes >"$SW_RUN/fill/data"
	) &
	wait_until 60 swaps "$total"
	disk_fail 0
	wait_until 60 sw_is sw0 active 1
	wait $! || fail "writing into memory ended in an error"
	note "$(swap_free_kb) of $total KiB of swap left"
	cmp "$SW_RUN/fill/data" <(yes swpath | head -c $bytes) || fail "what came back from swap is not what went there"
	disk_heal 0
}

disk_create 32
mkdir -p /run/swpath
mount -t tmpfs -o size=256k tmpfs /run/swpath
pathd_rig
defer umount -l /run/swpath
pathd_start
test_case "recovered errors are successes, to I/O and to pathd's checks (P5)" recovered_errors
test_case "unit attentions are no reason to leave (P5)" unit_attentions
test_case "a disk that is BUSY for ever is left within the budget (P6)" left_within_budget busy
test_case "a TASK SET FULL that does not end is left within the budget (P6)" left_within_budget full
test_case "a disk that becomes not ready is left within the budget (P6)" left_within_budget not-ready
test_case "a disk that is not ready when pathd starts: up on the served path (P5)" not_ready_at_start
test_case "both paths fail in the same millisecond: held, nothing is lost (P1, P5)" both_at_once
test_case "the first path returns in the middle of the switch (P1, P4)" returns_in_the_middle
test_case "orders race with failback: one path at a time, and a person's choice stays (P1, P4)" orders_against_failback
test_case "a stopped pathd: the kernel holds, and fails nothing (P5, P8)" stopped
test_case "a full run directory keeps no switch up (P5, P8)" run_directory_full
test_case "a pathd that can open nothing more switches all the same (P5, P8)" no_descriptors
test_case "hostile bytes on pathd's socket change nothing (P8, P9)" bad_bytes
test_case "a corrupt configuration is refused, the one in use stays (P5)" corrupt_files
test_case "with udevd stopped a path is left all the same, and returns later (P3, P5)" udevd_stopped
test_case "the wall clock jumps by hours: no switch, no lost ticket (P5, P9)" clock_jumps
test_case "a path is lost while the kernel swaps to the unit (P1, P6)" no_memory
