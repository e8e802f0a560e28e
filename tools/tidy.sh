#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# tidy.sh [FILE...] - clang-tidy (.clang-tidy) over every C++ source, or over these. No part of a test layer: it takes a core most of an
# hour. The compiler's arguments are those of the asan build, which has everything. The closing line, a file each, is
# "N passed, N failed, N skipped".
set -euo pipefail

cd "$(dirname "${BASH_SOURCE[0]}")/.."
jobs=${SW_JOBS:-$(nproc)}
logs=build/logs/tidy

if ! command -v clang-tidy-14 >/dev/null; then
	echo "tidy: no clang-tidy-14; install it: apt-get install --no-install-recommends clang-tidy-14" >&2
	exit 2
fi
tools/build.sh asan
rm -rf "$logs"
mkdir -p "$logs"

sources() {
	if [ $# -gt 0 ]; then
		printf '%s\n' "$@"
	else
		git -c safe.directory="$PWD" ls-files --cached --others --exclude-standard -- '*.cpp'
	fi
}

one() {
	local log=$1/${2//\//_}.log
	if clang-tidy-14 -p build/asan --quiet "$2" >"$log" 2>/dev/null; then
		rm "$log"
	else
		grep -E '(warning|error):' "$log"
		echo "[  FAILED  ] tidy: $2"
	fi
}
export -f one

sources "$@" | xargs -P "$jobs" -I FILE bash -c 'one "$1" "$2"' - "$logs" FILE
failed=$(find "$logs" -name '*.log' | wc -l)
all=$(sources "$@" | wc -l)
echo "$((all - failed)) passed, $failed failed, 0 skipped"
[ "$failed" -eq 0 ] && [ "$all" -gt 0 ]
