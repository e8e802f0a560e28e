# shellcheck shell=bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# selftest.sh - for the tests of run.sh and of lab.sh: a command is run, and how it ended is held against what it should have.
#
#   selftest_run COMMAND...   its status in `status`, its output in $dir/out, its errors in $dir/err
#   verdict FACT STATUS [WORDS of its output or errors]
#   selftest_end              the closing line; fails if a verdict did
#
# $dir is a directory of the run's own. A command that runs is ended with the script.

dir=$(mktemp -d)
selftest_pid='' status=0
passed=0 failed=0
# shellcheck disable=SC2317 # reached through the trap
clean_up() {
	trap '' INT TERM
	[ -z "$selftest_pid" ] || kill "$selftest_pid" 2>/dev/null
	wait
	rm -rf "$dir"
}
trap clean_up EXIT
trap 'exit 130' INT
trap 'exit 143' TERM

selftest_run() {
	"$@" </dev/null >"$dir/out" 2>"$dir/err" &
	selftest_pid=$!
	wait "$selftest_pid"
	status=$?
	selftest_pid=''
}

verdict() {
	if [ "$status" -eq "$2" ] && { [ -z "${3:-}" ] || grep -qF -- "$3" "$dir/err" "$dir/out"; }; then
		passed=$((passed + 1))
		echo "[       OK ] $1"
	else
		failed=$((failed + 1))
		echo "[  FAILED  ] $1: wanted status $2 and '${3:-}', got $status:"
		sed 's/^/  /' "$dir/err" "$dir/out"
	fi
}

selftest_end() {
	echo "$passed passed, $failed failed, 0 skipped"
	[ "$failed" -eq 0 ]
}
