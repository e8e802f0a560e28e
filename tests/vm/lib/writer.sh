# shellcheck shell=bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# writer.sh - verified writes in the background (swstamp, tests/stamp). NAME is the unit's, or any.
#
#   writer_start NAME DEVICE [OPTION...]   options of `swstamp write`; returns when I/O flows. Without --duty
#                                   it works a tenth of the time: the CPU is interpreted, and scarce
#   writer_stop NAME                SIGTERM, waits, notes the summary; fails if it reported errors
#                                   (give writer_start --allow-errors if they are expected)
#   writer_get NAME KEY             of the summary after writer_stop: ops errors longest_ms p99_ms ...
#   writer_ios NAME                 prints how many I/Os have come back, errors too
#   writer_flows NAME [N=20] [S=30] waits until N more I/Os have come back
#   writer_verify NAME DEVICE...    fails unless every block is right through every device
#   writer_lost_nothing NAME DEVICE...   it flows, saw no error, and verifies. Stops it

writer_start() {
	local name=$1 device=$2
	shift 2
	[[ " $* " == *" --duty "* ]] || set -- --duty 10 "$@"
	# A unit's name is udev's business, and may come a moment after the unit.
	wait_until 30 test -b "$device"
	rm -f "$SW_RUN/writer.$name".*
	# Whoever stops it may be another shell, which cannot wait for it.
	(
		status=0
		swstamp write --device "$device" --unit "$name" --log "$SW_RUN/writer.$name.log" "$@" &
		echo $! >"$SW_RUN/writer.$name.pid"
		wait $! || status=$?
		echo $status >"$SW_RUN/writer.$name.status"
	) </dev/null >"$SW_RUN/writer.$name.json" 2>"$SW_RUN/writer.$name.err" &
	defer writer_end "$name"
	writer_flows "$name" 1
}

writer_end() {
	local pid
	[ -f "$SW_RUN/writer.$1.pid" ] || return 0
	pid=$(<"$SW_RUN/writer.$1.pid")
	rm "$SW_RUN/writer.$1.pid"
	# In the order of creation this is undone first, so a hung unit is still hung: do not wait for it.
	kill -KILL "$pid" 2>/dev/null
	true
}

writer_stop() {
	local status
	kill -TERM "$(<"$SW_RUN/writer.$1.pid")"
	wait_until 600 test -s "$SW_RUN/writer.$1.status"
	status=$(<"$SW_RUN/writer.$1.status")
	rm "$SW_RUN/writer.$1.pid"
	note "$1: $(cat "$SW_RUN/writer.$1.json" "$SW_RUN/writer.$1.err")"
	[ "$status" -eq 0 ] || fail "the writer of $1 reports errors ($status)"
}

writer_get() {
	jq -r --arg key "$2" '.[$key]' "$SW_RUN/writer.$1.json"
}

# Records are of 40 bytes behind a head of 40; all I/Os come back but those under way.
writer_ios() {
	local size
	size=$(stat -c %s "$SW_RUN/writer.$1.log" 2>/dev/null) || size=40
	echo $(((size - 40) / 80))
}

writer_has_done() {
	[ "$(writer_ios "$1")" -ge "$2" ]
}

writer_flows() {
	wait_until "${3:-30}" writer_has_done "$1" $(($(writer_ios "$1") + ${2:-20}))
}

writer_verify() {
	local name=$1 device output devices=()
	shift
	for device in "$@"; do
		devices+=(--device "$device")
	done
	output=$(swstamp verify --log "$SW_RUN/writer.$name.log" "${devices[@]}" 2>&1) ||
		fail "$name does not verify: $output"
	note "$output"
}

writer_lost_nothing() {
	local name=$1
	shift
	writer_flows "$name"
	writer_stop "$name"
	expect_eq 0 "$(writer_get "$name" errors)" "errors"
	writer_verify "$name" "$@"
}
