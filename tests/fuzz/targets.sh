# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash
#
# Sourced by run and long: where the targets are, and a search by one.

top=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)

# fuzz_programs BUILD - the targets of a build directory, one a line.
fuzz_programs() {
	find "$1/tests/fuzz" -name 'fuzz_*' -type f -perm -100 | sort
}

# fuzz_program BUILD TARGET - status 1: there is none.
fuzz_program() {
	fuzz_programs "$1" | grep "/fuzz_$2\$" || {
		echo "fuzz: no target '$2'; there are: $(fuzz_programs "$1" | sed 's,.*/fuzz_,,' | paste -sd ' ')" >&2
		return 1
	}
}

# fuzz_found PROGRAM - where it keeps the inputs that are worth it, and those that broke a promise.
fuzz_found() {
	echo "${1%/*}/found/${1##*/fuzz_}"
}

# fuzz_search BUILD PROGRAM OPTIONS... - from its corpus and what it has found. OPTIONS bound it; one input is bounded
# by libFuzzer.
fuzz_search() {
	local build=$1 program=$2 found place=${2%/*}
	shift 2
	found=$(fuzz_found "$program")
	mkdir -p "$found"
	# To note who allocated each block takes a fifth of the time; who runs a crash again has it noted.
	ASAN_OPTIONS=malloc_context_size=0 UBSAN_OPTIONS=print_stacktrace=1 "$program" -max_len=4096 -timeout=10 \
		-rss_limit_mb=1024 -print_final_stats=1 "-artifact_prefix=$found/crash-" "$@" \
		"$found" "$top/${place#"$build/"}/corpus/${program##*/fuzz_}"
}
