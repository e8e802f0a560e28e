#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# units.sh [COUNT...=1 100 1000] - in a VM: what pathd takes with COUNT units idle and while all of them switch, and multipathd
# with as many maps of the same disks. Each unit has two direct paths to a disk of its own, through two hosts of the test disk;
# the host that carries the I/O then fails every command, of all of its disks at once, and each unit is read the moment after. Prints
#   units COUNT sw|mpath ONLINE_MS START_CPU_MS RSS_KIB PSS_KIB THREADS IDLE_CPU_MS IDLE_ALL_MS SWITCH_MS SWITCH_CPU_MS SWITCH_ALL_MS PEAK_KIB
#   ONLINE_MS, START_CPU_MS   from the daemon's start until each unit can be read; what it has taken of the CPU when both paths of each are good
#   IDLE_CPU_MS, IDLE_ALL_MS  in a minute: of the daemon and its children, and of the whole VM
#   SWITCH_MS                 the longest of the reads, each of which is held until its unit is online on the other path
#   SWITCH_CPU_MS, _ALL_MS    from the failure until 10 s after the last read: of the daemon, of the VM
#   PEAK_KIB                  the most memory that the daemon had meanwhile
# only if no read failed and every unit went from one host to the other. The clock counts instructions: 1 ms of CPU is a million of them.
# shellcheck source=tests/vm/lib/sw.sh
. "$SW_LIB/sw.sh"
# shellcheck source=tests/bench/many_disks.sh
. "${BASH_SOURCE[0]%/*}/many_disks.sh"

readonly settle_s=10 idle_s=60
PATHD_LOG=$SW_RUN/pathd.log

knob() { echo "/sys/kernel/debug/sw-testdisk/$1/mode"; }
disks_mend() { echo 0 >"$(knob "${hosts[0]}")"; }

# --- what is measured ---
cpu_ms() { # PID: of it and of its children
	local pid line all=0
	local -a words
	for pid in "$1" $(pgrep -P "$1" || true); do
		line=$(<"/proc/$pid/stat") || continue
		read -ra words <<<"${line##*) }"
		all=$((all + words[11] + words[12] + words[13] + words[14]))
	done
	echo $((all * 1000 / $(getconf CLK_TCK)))
}
# Of the VM, which has one CPU.
all_ms() { awk '{ printf "%d\n", ($1 - $2) * 1000 }' /proc/uptime; }
memory_kib() { # PID KEY
	awk -v key="$2:" '$1 == key { print $2 }' "/proc/$1/smaps_rollup" "/proc/$1/status"
}

# Sets `daemon` and `began`. What it needs is in memory before: while the VM waits for the machine below, its clock runs free.
# --- sw ---
sw_start() { # COUNT
	local i
	mkdir -p /etc/swpath
	for ((i = 0; i < $1; i++)); do
		printf '[unit.sw%d]\nwwid = "%s"\n' $i "$(disk_wwid_of $i)"
		printf '[[unit.sw%d.path]]\nkind = "direct"\nname = "%s"\nhctl = "%s:0:0:%d"\n' \
			$i first "${hosts[0]}" $i $i second "${hosts[1]}" $i
	done >/etc/swpath/swpath.toml
	modprobe dm-sw
	pathd --version >/dev/null
	defer sw_stop
	began=$(now_ms)
	pathd >"$PATHD_LOG" 2>&1 &
	daemon=$!
}
sw_online() { [ "$(dmsetup status --target sw | grep -c ' online ')" = "$1" ]; }
place() { # WORD WORDS...: which it is, from 0
	local word=$1 at=0
	shift
	while [ "$1" != "$word" ]; do
		at=$((at + 1))
		shift
	done
	echo "$at"
}
# Both paths of each can be used, and pathd has proved it.
sw_complete() {
	[ "$(dmsetup status --target sw | awk -v state="$(place state "${sw_path_words[@]}")" \
		-v ticket="$(place ticket_ms "${sw_path_words[@]}")" '{
			first = $5 + 8
			for (i = first; i < first + 2 * $(first - 1); i += $(first - 1))
				good += $(i + state) == "ready" && $(i + ticket) > 0
		} END { print good }')" = $((2 * $1)) ]
}
# Paths are in the order of the configuration.
sw_on() { # COUNT HOST
	[ "$(dmsetup status --target sw | awk -v at="$(place active "${sw_unit_words[@]}")" '{ print $(at + 6) }' |
		grep -cFx "$2")" = "$1" ]
}
sw_stop() {
	tail -n 20 "$PATHD_LOG"
	kill -KILL "$daemon"
	wait_until 60 process_is_gone "$daemon"
	remove_all sw
}

# --- dm-multipath ---
mpath_start() {
	modprobe -a dm-multipath dm-service-time
	printf 'defaults {\n\tfind_multipaths yes\n}\n' >/etc/multipath.conf
	multipath -t >/dev/null
	cat "$(command -v multipathd)" >/dev/null
	defer mpath_stop
	began=$(now_ms)
	multipathd -d >"$SW_RUN/multipathd.log" 2>&1 &
	daemon=$!
}
mpath_online() { [ "$(dmsetup status --target multipath | grep -c ' A 0 ')" = "$1" ]; }
mpath_complete() { [ "$(dmsetup status --target multipath | grep -Eo '[0-9]+:[0-9]+ A [0-9]+ ' | wc -l)" = $((2 * $1)) ]; }
mpath_on() { # COUNT HOST
	local devices
	devices=$(disks_of "${hosts[$2]}" | sed 's|$|/dev|' | xargs cat)
	# The group that is active, and the first path in it.
	[ "$(dmsetup status --target multipath | sed -nE 's/.* A 0 1 [0-9]+ ([0-9]+:[0-9]+) .*/\1/p' |
		grep -cFx -f <(echo "$devices"))" = "$1" ]
}
mpath_stop() {
	tail -n 20 "$SW_RUN/multipathd.log"
	kill -TERM "$daemon"
	wait_until 300 process_is_gone "$daemon"
	remove_all multipath
}

remove_all() { # TARGET
	dmsetup ls --target "$1" | cut -f1 | { grep -v '^No devices found' || true; } |
		xargs -r dmsetup remove --retry
	udevadm settle --timeout=600
}

# --- a case ---
read_all() { "${BASH_SOURCE[0]%/*}/units.py" "$@"; }

units() { # COUNT PRODUCT
	local count=$1 product=$2 began online start_cpu rss pss threads cpu all idle_cpu idle_all line peak maps name
	defer disks_mend
	"${product}_start" "$count"
	slowly_until 900 "${product}_online" "$count"
	online=$(($(now_ms) - began))
	slowly_until 900 "${product}_complete" "$count"
	start_cpu=$(cpu_ms "$daemon")
	maps=()
	for name in /sys/block/dm-*; do
		maps+=("/dev/${name##*/}")
	done
	expect_eq "$count" "${#maps[@]}" "maps"
	# A map of dm-multipath has no path before it is used.
	expect_eq 0 "$(read_all /dev/null 0 "${maps[@]}" | cut -d' ' -f2)" "reads that failed"
	udevadm settle --timeout=600
	pause $settle_s
	rss=$(memory_kib "$daemon" Rss) pss=$(memory_kib "$daemon" Pss) threads=$(memory_kib "$daemon" Threads)

	cpu=$(cpu_ms "$daemon") all=$(all_ms)
	pause $idle_s
	idle_cpu=$(($(cpu_ms "$daemon") - cpu)) idle_all=$(($(all_ms) - all))

	expect "${product}_on" "$count" 0
	echo 5 >"/proc/$daemon/clear_refs"
	cpu=$(cpu_ms "$daemon") all=$(all_ms)
	line=$(read_all "$(knob "${hosts[0]}")" 3 "${maps[@]}")
	expect_eq 0 "${line#* }" "reads that failed"
	pause $settle_s
	cpu=$(($(cpu_ms "$daemon") - cpu)) all=$(($(all_ms) - all)) peak=$(memory_kib "$daemon" VmHWM)
	slowly_until 60 "${product}_on" "$count" 1
	echo "units $count $product $online $start_cpu $rss $pss $threads $idle_cpu $idle_all ${line% *} $cpu $all $peak"
}

udev_lean
[ $# -gt 0 ] || set -- 1 100 1000
for count in "$@"; do
	disks_create "$count" 2
	test_case "multipathd, $count maps" units "$count" mpath
	test_case "pathd, $count units" units "$count" sw
	disks_mend
	disks_remove
done
