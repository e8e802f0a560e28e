#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# options.sh SOURCES WORK COROSYNC DLM - the engines that need a library of their own can be left out, each alone and both: cmake takes it, nothing
# that is built asks for the library then, and with both of them pathd still does not.
# COROSYNC, DLM: ON if the library is here.
set -euo pipefail

sources=$1 work=$2 has_corosync=$3 has_dlm=$4

fail() {
	echo "options: $1" >&2
	exit 1
}

configure() {
	local dir=$work/$1
	shift
	rm -rf "$dir"
	cmake -S "$sources" -B "$dir" -G Ninja "$@" >"$work/log" 2>&1 || {
		tail -n 20 "$work/log" >&2
		fail "cmake $* does not configure"
	}
}

# links DIR PROGRAM: the libraries in the command that links it.
links() {
	ninja -C "$work/$1" -t commands "$2" | tail -n 1
}

mkdir -p "$work"
# No source asks for them: so what is built without them is what is built with them, less their own programs.
if grep -rnE 'SW_COROSYNC|SW_DLM' "$sources"/{libpath,pathd,tests} --include='*.cpp' --include='*.h'; then
	fail "a source depends on an option: then a configuration alone shows nothing, and has to be built"
fi
for corosync in ON OFF; do
	[ $corosync = OFF ] || [ "$has_corosync" = ON ] || continue
	for dlm in ON OFF; do
		[ $dlm = OFF ] || [ "$has_dlm" = ON ] || continue
		dir=$corosync-$dlm
		configure "$dir" -DSW_COROSYNC=$corosync -DSW_DLM=$dlm
		! links "$dir" pathd/pathd | grep -E 'cpg|dlm_lt' || fail "pathd needs libcpg or libdlm ($dir)"
		all=$(ninja -C "$work/$dir" -t commands all)
		[ $corosync = ON ] || ! grep -E 'libcpg|swpath-members|corosync_engine' <<<"$all" ||
			fail "something asks for libcpg with SW_COROSYNC=OFF"
		[ $dlm = ON ] || ! grep -E 'dlm_lt|swpath-lockspace|dlm_lock_space' <<<"$all" ||
			fail "something asks for libdlm with SW_DLM=OFF"
		[ $corosync = OFF ] || grep -q swpath-members <<<"$all" || fail "SW_COROSYNC=ON builds no swpath-members"
		[ $dlm = OFF ] || grep -q swpath-lockspace <<<"$all" || fail "SW_DLM=ON builds no swpath-lockspace"
	done
done
