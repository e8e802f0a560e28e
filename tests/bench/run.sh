#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# run.sh [instructions|iops|faults|fence|units|serve|recovery]... - what sw costs and how long it lets the caller wait, beside
# dm-linear and dm-multipath, and what a thousand units cost pathd, beside multipathd, measured in VMs, and what our export delivers beside other NBD servers,
# measured on this machine if it has loop devices, else in a VM; and what a recovery of the cluster takes, simulated, and of two real pathds in a VM;
# all if none is named. `./dev bench` calls it.
#
# Prints a table and, for each figure with a goal, a line
#   bench: NAME VALUE goal GOAL ok|short
# The table also goes to build/bench/results.md, what was measured to build/bench/*.txt.
# Exit status: 0 every goal is met, 1 one is not, 2 a measurement failed. docs/benchmarks.md explains.
set -euo pipefail

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
top=$(cd "$here/../.." && pwd)
out=$top/build/bench
vm=$top/tests/vm/run.sh

measure() { # NAME VM-OPTION...
	local name=$1 begin=$SECONDS
	shift
	echo "measuring: $name"
	if ! "$vm" "$@" "$here/$name.sh" >"$out/$name.txt" 2>"$out/$name.err"; then
		echo "measuring: $name failed:"
		tail -n 60 "$out/$name.txt" "$out/$name.err"
		exit 2
	fi
	echo "measuring: $name took $((SECONDS - begin)) s"
}

measure_here() { # NAME
	echo "measuring: $1, on this machine"
	"$top/tools/build.sh" release
	if ! "$here/$1.sh" >"$out/$1.txt" 2>"$out/$1.err"; then
		echo "measuring: $1 failed:"
		tail -n 60 "$out/$1.txt" "$out/$1.err"
		exit 2
	fi
}

[ $# -gt 0 ] || set -- instructions iops faults fence units serve recovery
mkdir -p "$out"
rm -f "$out"/{instructions,iops,faults,fence,units,serve,recovery,pathds}.{txt,err}
for name in "$@"; do
	case $name in
	# One CPU that executes one instruction in a nanosecond: the clock counts instructions.
	instructions) measure instructions --icount --no-udev --timeout 300 ;;
	iops) measure iops --smp 2 --no-udev --timeout 400 ;;
	# The same clock: no other work on the machine can delay an I/O, and idle time costs none.
	faults) measure faults --kernel 6.12 --icount --timeout 550 ;;
	fence) measure fence --icount --timeout 550 ;;
	# Two thousand disks, and a thousand readers.
	units) measure units --icount --memory 5120 --timeout 3000 ;;
	serve)
		if [ "$(id -u)" = 0 ] && losetup --find >/dev/null 2>&1; then
			measure_here serve
		else
			measure serve --smp 2 --no-udev --timeout 550
		fi
		;;
	recovery)
		measure_here recovery
		# The same clock, which two pathds share.
		measure pathds --icount --memory 3072 --timeout 1500
		;;
	*)
		echo "usage: ./dev bench [instructions|iops|faults|fence|units|serve|recovery]..." >&2
		exit 2
		;;
	esac
done
exec python3 "$here/report.py" "$out" "$@"
