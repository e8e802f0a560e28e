#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# run.sh [options] SCRIPT [ARGS] - run SCRIPT as root in a fresh VM with the built project inside.
# `./dev vm --help` prints the options, docs/testing.md explains.
#
# Exit status: SCRIPT's, unless the run itself is worth nothing:
#   121  the kernel complained: panic, oops, WARN, BUG, lockdep, hung task, stall (even if SCRIPT was content)
#   122  lost: the VM ended and never said how SCRIPT did, or never began with it
#   123  the VM could not be prepared
#   124  --timeout was over
set -euo pipefail

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
top=$(cd "$here/../.." && pwd)

who=vm
# shellcheck source=tests/vm/lib/machine.sh
. "$here/lib/machine.sh"

usage() {
	cat <<-END
		usage: ./dev vm [options] SCRIPT [ARGS]
		  --kernel 6.1|6.12   Debian's kernel to boot (6.1); debug: see ./dev kernel
		  --memory MIB        memory of the VM (1024)
		  --smp N             virtual CPUs (2)
		  --timeout S         wall seconds before the VM is ended as failed (600)
		  --start-timeout S   wall seconds to get to SCRIPT's start (120); else once more, three boots at most
		  --icount            deterministic: one CPU, one instruction is one nanosecond
		  --append ARG        one more argument for the kernel; may be repeated
		  --build DIR         CMake build directory to take the programs from (build/release), or none
		  --no-build          take what is built already
		  --no-udev           do not start udevd
		  --systemd           systemd is the VM's first process, SCRIPT a service of it
		  --keep-log FILE     leave the kernel's log there
		SCRIPT is a file of this machine, or a command in the VM's PATH.
		Exit status: SCRIPT's; 121 kernel complaint, 122 VM lost, 123 not prepared, 124 timeout.
	END
}

kernel=6.1 memory=1024 smp=2 timeout_s=600 start_timeout_s=120 icount='' append=() build_dir=${SW_BUILD_DIR:-$top/build/release}
build=${SW_NO_BUILD:+no} keep_log='' no_udev='' init=script
while [ $# -gt 0 ]; do
	case $1 in
	--kernel) kernel=$2 && shift ;;
	--memory) memory=$2 && shift ;;
	--smp) smp=$2 && shift ;;
	--timeout) timeout_s=$2 && shift ;;
	--start-timeout) start_timeout_s=$2 && shift ;;
	--icount) icount=yes ;;
	--append) append+=("$2") && shift ;;
	--build)
		build_dir=$2
		[ "$2" = none ] || build_dir=$(realpath -m "$2")
		shift
		;;
	--no-build) build=no ;;
	--no-udev) no_udev=yes ;;
	--systemd) init=systemd ;;
	--keep-log) keep_log=$2 && shift ;;
	--help) usage && exit 0 ;;
	--) shift && break ;;
	-*) usage >&2 && die "no option '$1'" ;;
	*) break ;;
	esac
	shift
done
[ $# -gt 0 ] || { usage >&2 && exit $status_setup; }
machine_choose "$kernel"
command=("$@")
if [ -f "$1" ]; then
	command[0]=$(realpath "$1")
elif [[ $1 == */* ]]; then
	die "$1: no such file"
fi

[ -n "$build" ] || machine_build "$build_dir"

# --- this run's directory ---
mkdir -p "$top/build/vm"
# Of runs that were killed, too long ago to be still there.
find "$top/build/vm" -maxdepth 1 -name 'run.*' -mmin +1440 -exec rm -rf {} +
run=$(mktemp -d "$top/build/vm/run.XXXXXX")
vm_pid='' out_pid=''
# shellcheck disable=SC2317 # reached through the trap
clean_up() {
	trap '' INT TERM
	[ -z "$vm_pid" ] || kill "$vm_pid" 2>/dev/null || true
	[ -z "$vm_pid" ] || wait "$vm_pid" 2>/dev/null || true
	[ -z "$out_pid" ] || kill "$out_pid" 2>/dev/null || true
	rm -rf "$run"
}
trap clean_up EXIT
trap 'exit 130' INT
trap 'exit 143' TERM

machine_prepare "$build_dir" "$run"
nonce=$(od -An -N16 -tx8 /dev/urandom | tr -d ' \n')
machine_initrd "$run/initrd" "$nonce" "$PWD" "$no_udev" "$init" "${command[@]}"

machine_tcg "$smp"
if [ -n "$icount" ]; then
	accelerator=(-accel tcg -icount "shift=0,sleep=off" -smp 1 -cpu Nehalem -rtc clock=vm -seed 1)
fi
# What it would say on the console is in the journal.
[ "$init" != systemd ] || append+=(systemd.unit=sw-vm.service systemd.show_status=no)
machine_qemu "$run" "$memory" "${append[*]}" "${accelerator[@]}"

# Leaves the run's logs in the directory, QEMU's status in qemu_status, and in `started` if the VM came as far as its script.
boot() {
	local end
	rm -f "$run/out"
	mkfifo "$run/out"
	truncate -s 0 "$run/status" "$run/klog" "$run/console"
	cat "$run/out" &
	out_pid=$!
	# Nothing outlives this script, not even when it is killed: the kernel sends pdeathsig.
	setpriv --pdeathsig KILL timeout --foreground --kill-after=5 "$timeout_s" \
		setpriv --pdeathsig KILL "${qemu[@]}" </dev/null >"$run/qemu" 2>&1 &
	vm_pid=$!
	end=$((SECONDS + start_timeout_s))
	# The kernel's log is sent from just before the script on.
	until [ -s "$run/klog" ] || [ $SECONDS -ge $end ] || ! kill -0 "$vm_pid" 2>/dev/null; do
		sleep 1
	done
	started=yes
	if [ ! -s "$run/klog" ] && kill "$vm_pid" 2>/dev/null; then
		started=''
	fi
	qemu_status=0
	wait "$vm_pid" || qemu_status=$?
	vm_pid=''
	# A VM that never opened its end would leave the reader waiting.
	[ -s "$run/console" ] || kill "$out_pid" 2>/dev/null || true
	wait "$out_pid" 2>/dev/null || true
	out_pid=''

	machine_end_logs "$run" "$nonce"
}

# Such a run tells nothing of the script; a machine on which each run goes like that is not fit for any.
for more in 2 1 0; do
	boot
	if emulator_fault <"$run/console"; then
		again="the emulator's CPU trapped on an int3 that is not in memory (QEMU before 8.1)"
	elif [ -z "$started" ]; then
		again="the VM did not come as far as its script in $start_timeout_s s"
		tail -n 4 "$run/console" | sed 's/^/vm:   /' >&2
	else
		break
	fi
	[ $more -eq 0 ] || echo "vm: $again: once more from the start" >&2
done

# --- how did it end? ---
if [ -n "$keep_log" ]; then
	{
		cat "$run/klog"
		echo "--- console"
		cat "$run/console"
	} >"$keep_log"
fi

status=$(machine_status "$run" "$nonce")
! machine_complained "$run" "$status" || exit $status_kernel
if [ -z "$started" ]; then
	echo "vm: FAILED: lost: $again" >&2
	exit $status_lost
fi
if [ "$qemu_status" -eq 124 ] || [ "$qemu_status" -eq 137 ]; then
	if [ -z "$status" ]; then
		echo "vm: FAILED: timeout after $timeout_s s; the kernel's last words:" >&2
		tail -n 8 "$run/klog" | sed 's/^/vm:   /' >&2
		exit $status_timeout
	fi
fi
if [ -z "$status" ]; then
	echo "vm: FAILED: lost: the VM ended (qemu: $qemu_status) and did not say how the script did" >&2
	tail -n 8 "$run/qemu" "$run/console" | sed 's/^/vm:   /' >&2
	exit $status_lost
fi
exit "$status"
