# shellcheck shell=bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# unit.sh - a unit: create, ask, tell. The words of a status line are those of dm-target/sw-uapi.h.
#
#   unit_create NAME FEATURES KIND:DEVICE...   /dev/mapper/NAME over the paths; FEATURES as in the table,
#                                   without their count ("fence drain", or ""); DEVICE may be "-"
#   two_path_unit FEATURES          sw0 over the two paths of disk.sh's disk, healthy; the second is called
#                                   served: to the target that is a word
#   ticket PATH [TTL_MS=60000]      a ticket for a path of sw0, of this epoch
#   unit_table NAME FEATURES KIND:DEVICE...    prints the table that unit_create would load
#   unit_reload NAME TABLE          suspend (no flush), load, resume
#   unit_remove NAME                ends a hold with errors first
#   sw_get NAME WORD                a word of the unit: state phase mv epoch active held_bios ...
#   sw_path_get NAME PATH WORD      a word of a path: kind device state inflight errors ...
#   sw_field NAME N                 the Nth word after the target's name, from 1
#   sw_is NAME WORD VALUE           succeeds if the word has the value (for wait_until)
#   sw_path_is NAME PATH WORD VALUE
#   sw_message NAME WORDS...        prints the answer

# Names of an X-macro of sw-uapi.h, in order.
sw_words() {
	awk -v macro="$1" -F'"' '
		$0 ~ "^#define " macro "\\(X\\)" { inside = 1; next }
		inside && /X\(/ { print $2 }
		inside && !/\\[ \t]*$/ { exit }
	' "$SW_TOP/dm-target/sw-uapi.h"
}
mapfile -t sw_unit_words < <(sw_words SW_UNIT_WORDS)
mapfile -t sw_path_words < <(sw_words SW_PATH_WORDS)

unit_table() {
	local features path device size='' paths=()
	shift
	read -ra features <<<"$1"
	shift
	for path in "$@"; do
		device=${path#*:}
		paths+=("${path%%:*}" "$device")
		if [ -z "$size" ] && [ "$device" != - ]; then
			size=$(blockdev --getsz "$device")
		fi
	done
	echo "0 ${size:-131072} sw ${#features[@]} ${features[*]} $# ${paths[*]}"
}

unit_create() {
	modprobe dm-sw
	dmsetup create "$1" --uuid "SW-test-$1" --table "$(unit_table "$@")"
	defer unit_remove "$1"
}

two_path_unit() {
	disks_heal
	unit_create sw0 "$1" "direct:$(disk_dev 0)" "served:$(disk_dev 1)"
}

ticket() {
	sw_message sw0 ticket "$1" "$(sw_get sw0 epoch)" "${2:-60000}"
}

unit_reload() {
	dmsetup suspend --noflush --nolockfs "$1"
	dmsetup load "$1" --table "$2"
	dmsetup resume "$1"
}

unit_remove() {
	dmsetup info "$1" >/dev/null 2>&1 || return 0
	dmsetup message "$1" 0 abort 2>/dev/null || true
	timeout 30 dmsetup remove --retry "$1"
}

# sw_status NAME: the words behind the target's name into sw_now, with one process: what waits asks often.
sw_status() {
	local status
	status=$(dmsetup status "$1") || return
	read -ra sw_now <<<"${status#* sw }"
}

sw_field() {
	sw_status "$1" || return
	echo "${sw_now[$2 - 1]}"
}

# sw_find UNIT WORD: the word of the unit into sw_found; sw_path_find UNIT PATH WORD: of a path.
sw_find() {
	local i
	sw_status "$1" || return
	for i in "${!sw_unit_words[@]}"; do
		if [ "${sw_unit_words[i]}" = "$2" ]; then
			sw_found=${sw_now[i + 1]}
			return
		fi
	done
	echo "sw_get: no word '$2'" >&2
	return 2
}

sw_path_find() {
	local i count first
	sw_status "$1" || return
	# <#unit words> ... <#paths> <#words of a path> ...
	count=${sw_now[0]}
	first=$((count + 3 + $2 * ${sw_now[count + 2]}))
	for i in "${!sw_path_words[@]}"; do
		if [ "${sw_path_words[i]}" = "$3" ]; then
			sw_found=${sw_now[first + i]}
			return
		fi
	done
	echo "sw_path_get: no word '$3'" >&2
	return 2
}

sw_get() {
	sw_find "$@" && echo "$sw_found"
}

sw_path_get() {
	sw_path_find "$@" && echo "$sw_found"
}

sw_is() {
	sw_find "$1" "$2" && [ "$sw_found" = "$3" ]
}

sw_path_is() {
	sw_path_find "$1" "$2" "$3" && [ "$sw_found" = "$4" ]
}

sw_message() {
	local name=$1
	shift
	dmsetup message "$name" 0 "$@"
}
