#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# run.sh [options] SCRIPT [ARGS] - run SCRIPT as root in a fresh VM with the built project inside.
# `./dev vm --help` prints the options, docs/testing.md explains.
#
# Exit status: SCRIPT's, unless the run itself is worth nothing:
#   121  the kernel complained: panic, oops, WARN, BUG, lockdep, hung task, stall (even if SCRIPT was content)
#   122  lost: the VM ended and never said how SCRIPT did
#   123  the VM could not be prepared
#   124  --timeout was over
set -euo pipefail

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
top=$(cd "$here/../.." && pwd)

# shellcheck source=tests/vm/lib/complaints.sh
. "$here/lib/complaints.sh"
readonly status_kernel=121 status_lost=122 status_setup=123 status_timeout=124

usage() {
	cat <<-END
		usage: ./dev vm [options] SCRIPT [ARGS]
		  --kernel 6.1|6.12   Debian's kernel to boot (6.1); debug: see ./dev kernel
		  --memory MIB        memory of the VM (1024)
		  --smp N             virtual CPUs (2)
		  --timeout S         wall seconds before the VM is ended as failed (600)
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

die() {
	echo "vm: $*" >&2
	exit $status_setup
}

kernel=6.1 memory=1024 smp=2 timeout_s=600 icount='' append=() build_dir=${SW_BUILD_DIR:-$top/build/release}
build=${SW_NO_BUILD:+no} keep_log='' no_udev='' init=script
while [ $# -gt 0 ]; do
	case $1 in
	--kernel) kernel=$2 && shift ;;
	--memory) memory=$2 && shift ;;
	--smp) smp=$2 && shift ;;
	--timeout) timeout_s=$2 && shift ;;
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
case $kernel in 6.1 | 6.12 | debug) ;; *) die "no kernel '$kernel': 6.1, 6.12 or debug" ;; esac
case $top in
/run/* | /dev/* | /proc/* | /sys/*) die "$top: the VM has its own file system there; use another directory" ;;
esac

command=("$@")
if [ -f "$1" ]; then
	command[0]=$(realpath "$1")
elif [[ $1 == */* ]]; then
	die "$1: no such file"
fi

if [ -z "$build" ]; then
	[ "$build_dir" != "$top/build/release" ] || "$top/tools/build.sh" release >&2 || die "the build failed, see above"
	"$top/tools/build.sh" module "$kernel" >&2 || die "the module's build failed, see above"
fi
"$here/kernel.sh" "$kernel" || die "no kernel $kernel"
kernel_dir=${SW_KERNELS:-$top/build/kernels}/$kernel
release=$(<"$kernel_dir/release")

# --- this run's directory: immune from builds that go on beside it ---
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

if [ "$build_dir" != none ]; then
	[ -e "$build_dir/cmake_install.cmake" ] || die "nothing is built in $build_dir"
	for component in "" "--component tests"; do
		# shellcheck disable=SC2086 # two words on purpose
		DESTDIR=$run/root cmake --install "$build_dir" --prefix /usr --strip $component \
			>"$run/install.log" 2>&1 || { cat "$run/install.log" >&2 && die "cmake --install failed"; }
	done
fi
mkdir -p "$run/root"
modules_layer=$("$here/modules.sh" "$kernel") || die "no modules for $release"

# Between the machine's root and the VM's overlay, each a share of its own; the topmost last.
declare -A layers=([host]=/ [kernel]=$kernel_dir/root [project]=$run/root)
layer_order="kernel project"
if [ -n "$modules_layer" ]; then
	layers[modules]=$modules_layer
	layer_order="kernel modules project"
fi

nonce=$(od -An -N16 -tx8 /dev/urandom | tr -d ' \n')
mkdir "$run/initrd.d"
{
	printf 'SW_%s=%q\n' TOP "$top" KERNEL "$kernel" NONCE "$nonce" CWD "$PWD" NO_UDEV "$no_udev" \
		INIT "$init" LAYERS "$layer_order"
	printf 'SW_COMMAND=%q\n' "${command[*]@Q}" # boot.sh makes it an array again
} >"$run/initrd.d/sw.env"
(
	cat "$kernel_dir/initrd"
	cd "$run/initrd.d" && echo sw.env | cpio --quiet -o -H newc -R 0:0
) >"$run/initrd"

# An old CPU on purpose: with `max` the C library takes the AVX forms of its string functions, which
# TCG interprets so slowly that starting a program takes five times as long.
machine=(-accel "tcg,thread=multi" -smp "$smp" -cpu "Nehalem,+rdrand")
if [ -n "$icount" ]; then
	machine=(-accel tcg -icount "shift=0,sleep=off" -smp 1 -cpu Nehalem -rtc clock=vm -seed 1)
fi
cmdline="console=ttyS0 loglevel=5 panic=-1 oops=panic log_buf_len=4M mitigations=off nokaslr"
cmdline+=" rcupdate.rcu_cpu_stall_timeout=60 random.trust_cpu=on ${append[*]}"
# The interpreter of ACPI's byte code, checked at each step and interpreted once more, takes half a minute for each device's
# interrupt. (Without ACPI at all there is no clock to measure the others by.)
[ "$kernel" != debug ] || cmdline+=" pci=noacpi"
# What it would say on the console is in the journal.
[ "$init" != systemd ] || cmdline+=" systemd.unit=sw-vm.service systemd.show_status=no"

qemu=(
	qemu-system-x86_64 "${machine[@]}" -m "$memory"
	-nodefaults -no-user-config -display none -no-reboot
	-kernel "$kernel_dir/vmlinuz" -initrd "$run/initrd" -append "$cmdline"
	-serial "file:$run/console"
	-device virtio-serial-pci
)
for layer in "${!layers[@]}"; do
	qemu+=(-virtfs "local,path=${layers[$layer]},mount_tag=$layer,security_model=none,readonly=on,multidevs=remap")
done
for port in out status klog; do
	qemu+=(-chardev "file,id=$port,path=$run/$port" -device "virtserialport,chardev=$port,name=sw.$port")
done

# Leaves the run's logs in the directory, QEMU's status in qemu_status.
boot() {
	rm -f "$run/out"
	mkfifo "$run/out"
	truncate -s 0 "$run/status" "$run/klog" "$run/console"
	cat "$run/out" &
	out_pid=$!
	# Nothing outlives this script, not even when it is killed: the kernel sends pdeathsig.
	setpriv --pdeathsig KILL timeout --foreground --kill-after=5 "$timeout_s" \
		setpriv --pdeathsig KILL "${qemu[@]}" </dev/null >"$run/qemu" 2>&1 &
	vm_pid=$!
	qemu_status=0
	wait "$vm_pid" || qemu_status=$?
	vm_pid=''
	# A VM that never opened its end would leave the reader waiting.
	[ -s "$run/console" ] || kill "$out_pid" 2>/dev/null || true
	wait "$out_pid" 2>/dev/null || true
	out_pid=''

	sed -i 's/\r$//' "$run/console"
	if grep -q "^sw-vm: complete log $nonce\$" "$run/klog"; then
		sed -i "1,/^sw-vm: complete log $nonce\$/d" "$run/klog"
	fi
}

# Such a run tells nothing of the script; a machine on which each run goes like that is not fit for any.
boot
for _ in 1 2; do
	emulator_fault <"$run/console" || break
	echo "vm: the emulator's CPU trapped on an int3 that is not in memory (QEMU before 8.1): once more from the start" >&2
	boot
done

# --- how did it end? ---
if [ -n "$keep_log" ]; then
	{
		cat "$run/klog"
		echo "--- console"
		cat "$run/console"
	} >"$keep_log"
fi

excerpt() {
	grep -hF -m1 -A12 -- "$2" "$1" | cut -c1-160 | sed 's/^/vm:   /' >&2
}

status=$(sed -n "s/^exit $nonce \([0-9]\+\)\$/\1/p" "$run/status")
for log in "$run/klog" "$run/console"; do
	complaint=$(kernel_complaints <"$log" | head -n 1)
	if [ -n "$complaint" ]; then
		echo "vm: FAILED: the kernel complained; the script ended with '${status:-nothing}'" >&2
		excerpt "$log" "$complaint"
		exit $status_kernel
	fi
done
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
