#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# build.sh release|asan|tsan [TARGET...]  configure (once) and build a preset of CMakePresets.json, or these targets of it
# build.sh module 6.1|6.12|debug build dm-sw.ko and the test disk against one of the test kernels
# Quiet: one line when there was something to do; the errors when it failed.
set -euo pipefail

top=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
jobs=${SW_JOBS:-$(nproc)}
mkdir -p "$top/build"
# Clones in other directories share what ccache has.
export CCACHE_BASEDIR=$top CCACHE_NOHASHDIR=1
# What its documentation asks for where headers are precompiled.
export CCACHE_SLOPPINESS=pch_defines,time_macros

run_quietly() {
	local log
	log=$(mktemp)
	if ! "$@" >"$log" 2>&1; then
		# What went well is of no interest now.
		grep -vE '^\[[0-9]+/[0-9]+\] |^  (CC|LD|MODPOST|BTF) ' "$log" | tail -n 80 >&2
		rm "$log"
		return 1
	fi
	rm "$log"
}

build_preset() {
	local preset=$1 dir=$top/build/$1 options=(-DCMAKE_INSTALL_PREFIX=/usr)
	shift
	exec 9>"$top/build/$preset.lock"
	flock 9
	cd "$top"
	if [ ! -e "$dir/build.ninja" ]; then
		echo "build: configure $preset" >&2
		if command -v ccache >/dev/null; then
			options+=(-DCMAKE_C_COMPILER_LAUNCHER=ccache -DCMAKE_CXX_COMPILER_LAUNCHER=ccache)
		fi
		# What goes into a VM is the release; the unit tests run with sanitizers.
		[ "$preset" != release ] || options+=(-DSW_UNIT_TESTS=OFF)
		run_quietly cmake --preset "$preset" "${options[@]}"
	fi
	if ! ninja -C "$dir" -n "$@" 2>/dev/null | grep -q 'no work to do'; then
		echo "build: $preset" >&2
		run_quietly nice -n 5 ninja -C "$dir" -j "$jobs" "$@"
	fi
}

# Kbuild leaves its files beside the sources, so each kernel gets a copy of them.
build_one_module() {
	local source=$top/$1 dir=$2 kdir=$3 file
	mkdir -p "$dir"
	(cd "$source" && find . -type f \( -name '*.[ch]' -o -name Makefile -o -name Kbuild \) -print0) |
		while IFS= read -r -d '' file; do
			if ! cmp -s "$source/$file" "$dir/$file"; then
				mkdir -p "$dir/${file%/*}"
				cp "$source/$file" "$dir/$file"
			fi
		done
	run_quietly nice -n 5 make -C "$kdir" "M=$dir" -j "$jobs" modules
}

build_module() {
	local kernel=$1 kdir
	"$top/tests/vm/kernel.sh" "$kernel"
	kdir=$(realpath "${SW_KERNELS:-$top/build/kernels}/$kernel/kdir")
	mkdir -p "$top/build/modules/$kernel"
	exec 9>"$top/build/modules/$kernel/lock"
	flock 9
	build_one_module dm-target "$top/build/modules/$kernel/dm-target" "$kdir"
	build_one_module tests/vm/kmod "$top/build/modules/$kernel/testdisk" "$kdir"
}

case ${1:-} in
release | asan | tsan) build_preset "$@" ;;
module) build_module "${2:-6.1}" ;;
*)
	echo "usage: build.sh release|asan|tsan [TARGET...] | module 6.1|6.12|debug" >&2
	exit 2
	;;
esac
