#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# suite.sh [options] [NAME...] - run VM test cases, each file in a VM of its own.
#
#   --lab               the cases of tests/lab instead, each in a lab of its own, one after the other
#   --kernel 6.1|6.12   only on this kernel (each case names its own, see below)
#   --kernel debug      on the debug kernel: the cases for 6.1, with more memory and five times the time, and its own
#   --jobs N            VMs at once (SW_VM_JOBS, else 2)
#   --no-selftest       leave out the tests of the harness itself
#   NAME                tests/vm/cases/NAME.sh (tests/lab/cases/NAME.sh), or a file if it has a slash; all of them without
#
# A case says in comments at its head what it needs; these are the defaults:
#   # kernels: 6.1      a list; a case named on the command line runs on all of it
#   # also: 6.12        kernels on which it runs too if --kernel asks for them
#   # memory: 1024      MiB
#   # timeout: 900      wall seconds
#   # smp: 2
#   # init: script      or systemd, see run.sh --systemd
#   # nodes: array alpha beta   of a lab
# A VM whose script was content is a failure all the same if run.sh says so. Nothing is run twice (but see run.sh's emulator_fault).
# Logs are in build/logs; those of failures are shown. The closing line is "N passed, N failed, N skipped".
set -euo pipefail

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
top=$(cd "$here/../.." && pwd)
logs=$top/build/logs

cases=$here/cases lab='' only_kernel='' jobs=${SW_VM_JOBS:-2} selftest=yes
while [ $# -gt 0 ]; do
	case $1 in
	--lab) cases=$top/tests/lab/cases lab=yes jobs=1 ;;
	--kernel) only_kernel=$2 && shift ;;
	--jobs) jobs=$2 && shift ;;
	--no-selftest) selftest='' ;;
	-*) echo "suite: no option '$1'" >&2 && exit 2 ;;
	*) break ;;
	esac
	shift
done

header() {
	local value
	value=$(sed -n "1,20s/^# $2: *//p" "$1")
	echo "${value:-$3}"
}

files=()
if [ $# -gt 0 ]; then
	selftest=''
	for name in "$@"; do
		file=$cases/${name%.sh}.sh
		[[ $name != */* ]] || file=$name
		[ -f "$file" ] || { echo "suite: no case '$name' in ${cases#"$top/"}" >&2 && exit 2; }
		files+=("$file")
	done
else
	shopt -s nullglob
	files=("$cases"/*.sh)
fi

queue=() # FILE KERNEL
kernels=()
for file in "${files[@]}"; do
	for kernel in $(header "$file" kernels 6.1) ${only_kernel:+$(header "$file" also "")}; do
		# Built by those who ask for it.
		if [ "$only_kernel" = debug ] && [ "$kernel" != 6.12 ]; then
			queue+=("$file debug")
			kernels+=(debug)
		elif [ "$kernel" = "$only_kernel" ] || { [ -z "$only_kernel" ] && [ "$kernel" != debug ]; }; then
			queue+=("$file $kernel")
			kernels+=("$kernel")
		fi
	done
done
[ -z "$selftest" ] || kernels+=(6.1)

passed=0 failed=0 skipped=0
finish() {
	echo "$passed passed, $failed failed, $skipped skipped"
	[ "$failed" -eq 0 ] && [ $((passed + skipped)) -gt 0 ]
	exit
}

build=(release)
for kernel in $(printf '%s\n' "${kernels[@]}" | sort -u); do
	build+=("module $kernel")
done
for what in "${build[@]}"; do
	# shellcheck disable=SC2086 # words on purpose
	"$top/tools/build.sh" $what || {
		failed=1
		finish
	}
done
mkdir -p "$logs"

declare -A running=() # pid -> "FILE KERNEL"
# shellcheck disable=SC2317 # reached through the trap
stop_all() {
	trap '' INT TERM
	[ ${#running[@]} -eq 0 ] || kill "${!running[@]}" 2>/dev/null || true
	wait
}
trap 'stop_all; exit 130' INT
trap 'stop_all; exit 143' TERM

log_of() {
	echo "$logs/${lab:+lab-}$(basename "$1" .sh)-$2.log"
}

start() {
	local file=$1 kernel=$2 log options=() memory timeout
	memory=$(header "$file" memory 1024) timeout=$(header "$file" timeout 900)
	if [ "$kernel" = debug ]; then
		memory=$((memory + 2048)) timeout=$((timeout * 5))
		options=(--start-timeout 600)
	fi
	log=$(log_of "$file" "$kernel")
	[ "$(header "$file" init script)" = script ] || options+=("--$(header "$file" init script)")
	(
		trap - INT TERM
		begin=$EPOCHSECONDS
		status=0
		case $file in
		*/selftest.sh) "$file" || status=$? ;;
		"$top"/tests/lab/*)
			"$top/tests/lab/lab.sh" run --no-build --kernel "$kernel" --timeout "$timeout" \
				--nodes "$(header "$file" nodes "array alpha beta")" --keep-logs "${log%.log}.klog" "$file" || status=$?
			;;
		*)
			"$here/run.sh" --no-build --kernel "$kernel" --memory "$memory" \
				--timeout "$timeout" --smp "$(header "$file" smp 2)" \
				--keep-log "${log%.log}.klog" "${options[@]}" "$file" || status=$?
			;;
		esac
		echo "suite: status $status, $((EPOCHSECONDS - begin)) s"
	) </dev/null >"$log" 2>&1 &
	running[$!]="$file $kernel"
}

# Counts what a log tells, whatever bytes are in it. A status that the counts do not explain is one failure more.
judge() {
	local file=$1 kernel=$2 log counts status seconds p=0 f=0 s=0
	log=$(log_of "$file" "$kernel")
	# A VM that was cut off has none.
	counts=$(grep -aE '^[0-9]+ passed, [0-9]+ failed, [0-9]+ skipped$' "$log" | tail -n 1) || true
	status=$(sed -n 's/^suite: status \([0-9]*\), .*/\1/p' "$log")
	seconds=$(sed -n 's/^suite: status .*, \([0-9]*\) s$/\1/p' "$log")
	[ -z "$counts" ] || read -r p _ f _ s _ <<<"$counts"
	if [ "$f" -eq 0 ] && { [ -z "$counts" ] || [ "$status" != 0 ]; }; then
		f=1
	fi
	passed=$((passed + p))
	failed=$((failed + f))
	skipped=$((skipped + s))
	if [ "$f" -ne 0 ]; then
		grep -aE '^(\[  FAILED  \]|  [a-z_]+\.sh:[0-9]+:) ' "$log" || true
		tail -n 70 "$log" | sed 's/^/    /'
		echo "    (all of it: ${log#"$top"/}, kernel: ${log#"$top"/}'s .klog)"
	fi
	grep -aE '^\[  SKIPPED \]' "$log" || true
	printf '[%s] %s: %s on %s: %s passed, %s failed, %s skipped (%s s)\n' \
		"$([ "$f" -eq 0 ] && echo '       OK ' || echo '  FAILED  ')" "$([ -z "$lab" ] && echo vm || echo lab)" \
		"$(basename "$file" .sh)" "$kernel" "$p" "$f" "$s" "${seconds:-?}"
}

[ -z "$selftest" ] || queue=("${cases%/cases}/selftest.sh 6.1" "${queue[@]}")
if [ ${#queue[@]} -eq 0 ]; then
	echo "suite: no case to run" >&2
	failed=1
	finish
fi
while [ ${#queue[@]} -gt 0 ] || [ ${#running[@]} -gt 0 ]; do
	while [ ${#queue[@]} -gt 0 ] && [ ${#running[@]} -lt "$jobs" ]; do
		start "${queue[0]% *}" "${queue[0]##* }"
		queue=("${queue[@]:1}")
	done
	pid=''
	wait -n -p pid "${!running[@]}" || true
	if [ -n "$pid" ]; then
		job=${running[$pid]}
		unset "running[$pid]"
		judge "${job% *}" "${job##* }"
	fi
done
finish
