# shellcheck shell=bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# pathd.sh - a unit that pathd keeps: `. "$SW_LIB/pathd.sh"` after sw.sh.
#
#   pathd_rig [KEY=VALUE...]   a disk with two ways, the same for all cases of a file: host 0 is this host's direct
#                              path, host 1 belongs to the peer "beta", which serves it. Writes the
#                              configuration of sw0 (unit keys of swpath.toml may be given, as
#                              'fence="prove"') and starts nothing. Call disk_create first, in the file
#   pathd_config [KEY=VALUE...]  writes the configuration anew
#   pathd_start                starts pathd and waits until the unit is online, with both paths good and the first one in use
#   pathd_use SLOT             makes this path the active one, unless it is
#   pathd_settle [direct|beta]  for cases that share one pathd, started outside of them: ends what the case before may
#                              have left, waits until both paths are good, and makes this one active
#   pathd_pardon direct|beta   waits until the path is good, with what a person can do for a damped one
#   pathd_run                  starts pathd, waits for nothing
#   pathd_kill                 SIGKILL, and waits until it is gone
#   pathd_stop                 SIGTERM, the same
#   pathd_said REGEX           succeeds if pathd logged a line of that
#   monitor_is UNIT PATH WORD  succeeds if pathd holds the path for ok, checking, failed, ...
#   path_is_usable PATH        ready and with a live ticket in the kernel
#   history_last WORD          a word of the last record of the unit's history

PATHD_LOG=$SW_RUN/pathd.log

pathd_rig() {
	requires_module nbd
	modprobe nbd
	disks_heal
	peer_create beta
	peer_serve beta "$(disk_dev 1)"
	defer pathd_clean
	: >"$PATHD_LOG"
	pathd_config "$@"
}

pathd_hctl() {
	basename "$(readlink -f "/sys/block/$(disk_name "$1")/device")"
}

pathd_config() {
	local line defaults='' keys=("$@")
	for line in 'fence="drain"' 'stall="3s"' 'check_interval="1s"' \
		'failback={policy="auto",interval="1s",stable="2s"}'; do
		case " ${keys[*]} " in *" ${line%%=*}="*) continue ;; esac
		defaults+="$line"$'\n'
	done
	# As it was at the first time: later the path may be gone, or lead elsewhere.
	[ -e "$SW_RUN/pathd.wwid" ] || disk_wwid 0 >"$SW_RUN/pathd.wwid"
	[ -e "$SW_RUN/pathd.hctl" ] || pathd_hctl 0 >"$SW_RUN/pathd.hctl"
	mkdir -p /etc/swpath
	{
		printf '[unit.sw0]\nwwid = "%s"\n%s' "$(cat "$SW_RUN/pathd.wwid")" "$defaults"
		[ ${#keys[@]} -eq 0 ] || printf '%s\n' "${keys[@]}"
		printf '[[unit.sw0.path]]\nkind = "direct"\nhctl = "%s"\n' "$(cat "$SW_RUN/pathd.hctl")"
		printf '[[unit.sw0.path]]\nkind = "served"\nname = "beta"\n'
		printf 'server = "%s:10809"\nexport = "disk"\n' "$(peer_address beta)"
	} >/etc/swpath/swpath.toml
}

pathd_run() {
	pathd >>"$PATHD_LOG" 2>&1 &
	echo $! >"$SW_RUN/pathd.pid"
	disown
}

pathd_start() {
	pathd_run
	wait_until 60 sw_is sw0 state online
	wait_until 60 test -e /dev/sw0
	wait_until 60 path_is_usable 0
	wait_until 60 path_is_usable 1
	# It begins with whichever was proved first.
	pathd_use 0
}

pathd_use() {
	wait_until 60 pathd_uses "$1"
}

pathd_uses() {
	sw_is sw0 active "$1" && return
	pathctl switch sw0 "$1"
	return 1
}

declare -A PATHD_SLOTS=([direct]=0 [beta]=1)

pathd_pardon() {
	wait_until 60 pathd_pardoned "$1"
}

pathd_pardoned() {
	path_is_usable "${PATHD_SLOTS[$1]}" && return
	pathctl reinstate sw0 "$1"
	return 1
}

pathd_settle() {
	local want=${1:-direct} host
	for host in "${!DISK_HOSTS[@]}"; do
		disk_heal "$host"
	done
	peer_heal beta
	peer_continue beta 2>/dev/null || true
	peer_listens beta || peer_restart beta
	! process_is_gone "$(cat "$SW_RUN/pathd.pid" 2>/dev/null || echo none)" || pathd_run
	# Writes of a case that ended in the middle: its server is gone with them.
	[ "$(sw_get sw0 phase)" != prove ] || pathctl fenced sw0 --i-am-sure || true
	wait_until 60 sw_is sw0 state online
	pathd_pardon direct
	pathd_pardon beta
	pathd_use "${PATHD_SLOTS[$want]}"
	: >"$PATHD_LOG"
}

pathd_end() {
	local pid
	pid=$(cat "$SW_RUN/pathd.pid" 2>/dev/null) || return 0
	kill "-$1" "$pid" 2>/dev/null || true
	# A thread in the kernel may keep a killed process for as long as its command hangs.
	wait_until 60 pathd_has_let_go "$pid"
	rm -f "$SW_RUN/pathd.pid"
}

# What is left of it holds no lock and answers nobody.
pathd_has_let_go() {
	process_is_gone "$1" || [ -z "$(readlink "/proc/$1/exe")" ]
}

pathd_kill() {
	pathd_end KILL
}

pathd_stop() {
	pathd_end TERM
}

pathd_clean() {
	local device host
	echo "--- pathd's log"
	tail -n 60 "$PATHD_LOG" || true
	(pathd_end KILL) # its failure ends nothing but itself
	peer_heal beta 2>/dev/null || true
	peer_continue beta 2>/dev/null || true
	for host in "${!DISK_HOSTS[@]}"; do
		disk_heal "$host" 2>/dev/null || true
	done
	unit_remove sw0 || true
	for device in /sys/block/nbd*/backend; do
		[ -e "$device" ] || continue
		device=${device%/backend}
		nbd-client -d "/dev/${device##*/}" >/dev/null 2>&1 || true
	done
	rm -rf /run/swpath /etc/swpath /etc/udev/rules.d/58-swpath-legs.rules "$SW_RUN"/pathd.{wwid,hctl}
}

pathd_said() {
	grep -Eq "$1" "$PATHD_LOG"
}

monitor_is() {
	[ "$(pathctl status --json "$1" | jq -r ".units[0].paths[$2].monitor")" = "$3" ]
}

path_is_usable() {
	sw_path_is sw0 "$1" state ready && [ "$(sw_path_get sw0 "$1" ticket_ms)" -gt 0 ]
}

history_last() {
	local -a words values
	read -ra words <<<"$(sw_words SW_HISTORY_WORDS | tr '\n' ' ')"
	read -ra values <<<"$(sw_message sw0 history | tail -n 1)"
	local i
	for i in "${!words[@]}"; do
		[ "${words[i]}" = "$1" ] && echo "${values[i]}" && return
	done
	return 1
}
