# shellcheck shell=bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# runner.sh - test cases, assertions, waiting. After klog.sh, or what else tells it of the kernel's log.
#
#   test_case "fact in words" COMMAND [ARGS]
#       Runs COMMAND (a function of the script, mostly) in a subshell with `set -e`: the case fails
#       with the first command that fails, or if the kernel complains in its log meanwhile.
#   skip REASON                      ends the case as skipped
#   requires_module NAME...          skips if modprobe does not find one
#   requires_command NAME...         skips if one is not in PATH
#   fail MESSAGE                     ends the case as failed
#   expect COMMAND [ARGS]            fails, with the command and its output, unless it succeeds
#   expect_not COMMAND [ARGS]        fails if it succeeds
#   expect_eq WANTED GOT [WHAT]      fails, with both, unless they are the same text
#   expect_match REGEX TEXT [WHAT]   fails unless TEXT matches the extended regular expression
#   expect_less A B [WHAT]           fails unless A < B; decimal fractions are fine
#   wait_until SECONDS COMMAND...    polls until COMMAND succeeds; fails after SECONDS
#   slowly_until SECONDS COMMAND...  the same with few polls, for what is measured meanwhile: each costs it CPU
#   holds_for SECONDS COMMAND...     polls and fails when COMMAND fails before SECONDS are over:
#                                    for "does not happen"; keep it short
#   process_is_gone PID              ended, though nobody may have waited for it yet
#   defer COMMAND [ARGS]             runs it at the end of the case or script, last one first
#   klog_has REGEX                   succeeds if a line of the kernel's log since the case began matches (use with wait_until)
#   note TEXT                        a line in the output
#   now_ms                           monotonic milliseconds
#
# The script ends with the closing line "N passed, N failed, N skipped", and its exit status is 0
# only if at least one case passed or was skipped and none failed. A script that ends early, by an
# error outside of a case, counts one more failure.

# shellcheck source=tests/vm/lib/complaints.sh
. "$SW_LIB/complaints.sh"

sw_passed=0 sw_failed=0 sw_skipped=0
sw_deferred=()
SW_RUN=${SW_RUN:-/run/sw-test}
mkdir -p "$SW_RUN"

now_ms() {
	local up
	read -r up _ </proc/uptime
	echo "$((10#${up/./} * 10))"
}

note() {
	echo "             $*"
}

# Where in the script the failed assertion stands.
sw_place() {
	local i
	for ((i = 1; i < ${#BASH_SOURCE[@]}; i++)); do
		if [[ ${BASH_SOURCE[i]} != "$SW_LIB"/* ]]; then
			echo "${BASH_SOURCE[i]##*/}:${BASH_LINENO[i - 1]}"
			return
		fi
	done
}

fail() {
	echo "  $(sw_place): $*"
	exit 1
}

skip() {
	echo "$*" >"$SW_RUN/skip"
	exit 77
}

requires_module() {
	local module
	for module in "$@"; do
		modprobe -nq "$module" || skip "no module $module"
	done
}

requires_command() {
	local command
	for command in "$@"; do
		command -v "$command" >/dev/null || skip "no command $command"
	done
}

# Not in a command substitution: COMMAND may be `wait`, or set variables.
expect() {
	"$@" >"$SW_RUN/output" 2>&1 || fail "expected to succeed ($?): $*"$'\n'"$(cat "$SW_RUN/output")"
}

expect_not() {
	if "$@" >"$SW_RUN/output" 2>&1; then
		fail "expected to fail: $*"$'\n'"$(cat "$SW_RUN/output")"
	fi
}

expect_eq() {
	[ "$1" = "$2" ] || fail "${3:+$3: }wanted '$1', got '$2'"
}

expect_match() {
	[[ $2 =~ $1 ]] || fail "${3:+$3: }wanted a match of '$1', got '$2'"
}

expect_less() {
	awk -v a="$1" -v b="$2" 'BEGIN { exit !(a + 0 < b + 0) }' || fail "${3:+$3: }wanted less than $2, got $1"
}

# Without a process: on an interpreted CPU one costs more than most pauses are long. A float, in seconds.
pause() {
	read -rt "$1" <>"$SW_RUN/never" || true
}
[ -p "$SW_RUN/never" ] || mkfifo "$SW_RUN/never"

# sw_left_ms VARIABLE END_MS: what is left until END_MS of now_ms, without a process.
sw_left_ms() {
	local up
	read -r up _ </proc/uptime
	printf -v "$1" '%s' $(($2 - 10#${up/./} * 10))
}

# sw_poll SECONDS "PAUSE..." COMMAND...: with these pauses, the last of them again and again.
sw_poll() {
	local seconds=$1 end left pauses
	read -ra pauses <<<"$2"
	shift 2
	end=$(($(now_ms) + seconds * 1000))
	until "$@" >/dev/null 2>&1; do
		sw_left_ms left "$end"
		[ "$left" -gt 0 ] || fail "not within $seconds s: $*"
		pause "${pauses[0]}"
		[ ${#pauses[@]} = 1 ] || pauses=("${pauses[@]:1}")
	done
}

# A question costs tens of milliseconds of a CPU that what is waited for needs too: asked less often the longer it takes.
wait_until() {
	sw_poll "$1" "0.05 0.05 0.05 0.1 0.1 0.2" "${@:2}"
}

slowly_until() {
	sw_poll "$1" 0.5 "${@:2}"
}

holds_for() {
	local seconds=$1 end left
	shift
	end=$(($(now_ms) + seconds * 1000))
	sw_left_ms left "$end"
	while [ "$left" -gt 0 ]; do
		"$@" >/dev/null 2>&1 || fail "did not hold for $seconds s: $*"
		pause 0.2
		sw_left_ms left "$end"
	done
}

process_is_gone() {
	[ ! -d "/proc/$1" ] || grep -q '^State:.Z' "/proc/$1/status"
}

defer() {
	sw_deferred+=("${*@Q}")
}

sw_run_deferred() {
	local i
	for ((i = ${#sw_deferred[@]} - 1; i >= 0; i--)); do
		eval "${sw_deferred[i]}" || echo "  cleaning up: failed ($?): ${sw_deferred[i]}"
	done
	sw_deferred=()
}

klog_has() {
	klog | grep -qE -- "$1"
}

sw_new_mark

test_case() {
	local fact=$1 status begin took complaint restore_e=''
	shift
	[[ $- != *e* ]] || restore_e=yes
	echo "[ RUN      ] $fact"
	begin=$(now_ms)
	sw_new_mark
	rm -f "$SW_RUN/skip"
	set +e
	(
		set -eE
		sw_deferred=()
		trap 'echo "  $(sw_place): failed ($?): $BASH_COMMAND" >&2' ERR
		trap 'status=$?; trap - ERR; set +e; [ $status -eq 0 ] || [ $status -eq 77 ] || sw_post_mortem; sw_run_deferred; exit $status' EXIT
		"$@"
	)
	status=$?
	complaint=$(klog | kernel_complaints | head -n 1)
	[ -z "$restore_e" ] || set -e
	took=$(($(now_ms) - begin))
	if [ -n "$complaint" ]; then
		echo "  the kernel complained: $complaint"
		status=1
	fi
	case $status in
	0)
		sw_passed=$((sw_passed + 1))
		echo "[       OK ] $fact ($took ms)"
		;;
	77)
		sw_skipped=$((sw_skipped + 1))
		echo "[  SKIPPED ] $fact: $(cat "$SW_RUN/skip") ($took ms)"
		;;
	*)
		sw_failed=$((sw_failed + 1))
		echo "[  FAILED  ] $fact ($took ms)"
		;;
	esac
}

sw_finish() {
	local status=$?
	trap - EXIT
	set +e
	sw_run_deferred
	if [ "$status" -ne 0 ]; then
		echo "the script ended early (status $status)"
		sw_failed=$((sw_failed + 1))
	elif [ $((sw_passed + sw_failed + sw_skipped)) -eq 0 ]; then
		echo "the script has no test case"
		sw_failed=1
	fi
	echo "$sw_passed passed, $sw_failed failed, $sw_skipped skipped"
	# Named: a bare exit in a trap takes the status from before the trap, which is 0.
	exit $((sw_failed > 0))
}
trap sw_finish EXIT
