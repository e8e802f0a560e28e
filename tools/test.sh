#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# test.sh [unit|sim|fuzz|vm|snap|lab|ghost|all] [ARGS] - the layers of tests, each of which can be run alone; ghost: one VM
# case, with what became of the data in each stack. `vm` takes the options and names of tests/vm/suite.sh, `sim` those of
# tests/sim/run, `snap` those of tests/snap/run, `fuzz` the seconds and targets of tests/fuzz/run. The closing line sums
# up: "N passed, N failed, N skipped".
set -euo pipefail

top=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
layer=${1:-all}
# Clones in other directories share what ccache has.
export CCACHE_BASEDIR=$top CCACHE_NOHASHDIR=1
[ $# -eq 0 ] || shift

passed=0 failed=0 skipped=0
declare -A begun=() # layer -> when
declare -A child=() # layer -> its pid
# shellcheck disable=SC2317 # reached through the trap
stop_all() {
	trap '' INT TERM
	[ ${#child[@]} -eq 0 ] || kill "${child[@]}" 2>/dev/null || true
	wait
	exit 130
}
trap stop_all INT TERM

# Starts a layer whose lines are shown by end_layer.
begin_layer() {
	local name=$1
	shift
	mkdir -p "$top/build/logs"
	# Here, not by the child alone: end_layer may look for it first.
	: >"$top/build/logs/$name.out"
	"$@" >>"$top/build/logs/$name.out" 2>&1 &
	child[$name]=$!
	begun[$name]=$EPOCHSECONDS
}

# Shows a layer as it goes, until it has ended, and adds up its closing line.
end_layer() {
	local name=$1 out=$top/build/logs/$1.out counts p=0 f=0 s=0 status=0
	echo "=== $name"
	tail --pid="${child[$name]}" -s 0.5 -n +1 -f "$out" &
	wait "${child[$name]}" || status=$?
	unset "child[$name]"
	wait $!
	counts=$(grep -E '^[0-9]+ passed, [0-9]+ failed, [0-9]+ skipped$' "$out" | tail -n 1) || true
	[ -z "$counts" ] || read -r p _ f _ s _ <<<"$counts"
	if [ "$status" -ne 0 ] && [ "$f" -eq 0 ]; then
		f=1
		echo "=== $name ended with status $status and no failed test: counted as one failure"
	fi
	echo "=== $name: $((EPOCHSECONDS - begun[$name])) s"
	passed=$((passed + p))
	failed=$((failed + f))
	skipped=$((skipped + s))
}

case $layer in
unit) exec "$top/tools/unit.sh" "$@" ;;
sim) exec "$top/tests/sim/run" "$@" ;;
fuzz) exec "$top/tests/fuzz/run" "$@" ;;
vm) exec "$top/tests/vm/suite.sh" "$@" ;;
lab) exec "$top/tests/vm/suite.sh" --lab "$@" ;;
snap) exec "$top/tests/snap/run" "$@" ;;
ghost)
	"$top/tests/vm/suite.sh" ghost || status=$?
	grep -E '^(dm-multipath|sw): ' "$top"/build/logs/ghost-*.log | sed 's/^[^:]*://'
	exit "${status:-0}"
	;;
all)
	# Each layer builds what it needs, and says what is wrong with it; here only what is worth it earlier. The unit
	# tests wait a lot, and the release's compilers give way to them.
	"$top/tools/build.sh" asan || true
	begin_layer unit "$top/tools/unit.sh"
	nice -n 10 "$top/tools/build.sh" release || true
	end_layer unit
	# One process, and as many as there are processors.
	begin_layer sim "$top/tests/sim/run"
	begin_layer fuzz "$top/tests/fuzz/run" 60
	end_layer sim
	end_layer fuzz
	# VMs leave a tenth of the processors to whoever has no clock to keep: a guest of snap counts instructions.
	begin_layer vm "$top/tests/vm/suite.sh"
	begin_layer snap nice -n 19 "$top/tests/snap/run"
	end_layer vm
	end_layer snap
	echo "=== all"
	echo "$passed passed, $failed failed, $skipped skipped"
	[ "$failed" -eq 0 ] && [ "$passed" -gt 0 ]
	;;
*)
	echo "test: no layer '$layer': unit, sim, fuzz, vm, snap, lab, ghost or all" >&2
	exit 2
	;;
esac
