# shellcheck shell=bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# machine.sh - VMs on this machine's own root, seen from the machine: what run.sh (one VM) and the lab (several, with cables
# between them) have in common. The caller has set `top`, and `who`, which begins each message; status 123 ends it if something
# cannot be prepared.
#
#   machine_choose KERNEL                6.1, 6.12 or debug; before all others
#   machine_build BUILD_DIR              builds the programs, if BUILD_DIR is where they are built by default, and the module
#   machine_prepare BUILD_DIR RUN        the kernel; the layers between this machine's root and a VM's overlay, with the programs
#                                        installed in RUN/root: immune from builds that go on beside it. BUILD_DIR may be "none"
#   machine_initrd FILE NONCE CWD NO_UDEV INIT COMMAND...   the initramfs of one boot
#   machine_qemu DIR MEMORY CMDLINE ACCELERATOR...   sets `qemu`, a command line: with DIR/initrd; console, output, status and
#                                        kernel log in DIR/console, out, status, klog
#   machine_tcg SMP                      sets `accelerator` for that many CPUs
#   machine_end_logs DIR NONCE           after the VM's end: leaves whole logs of whole lines
#   machine_status DIR NONCE             prints what the script ended with; nothing if the VM never said it
#   machine_complained DIR SAID          tells of the first complaint in the logs; fails if there is none

# shellcheck disable=SC2154 # top and who are the caller's
# shellcheck source=tests/vm/lib/complaints.sh
. "${BASH_SOURCE[0]%/*}/complaints.sh"
# shellcheck disable=SC2034 # used by the callers
readonly status_kernel=121 status_lost=122 status_setup=123 status_timeout=124

die() {
	echo "$who: $*" >&2
	exit $status_setup
}

machine_choose() {
	machine_kernel=$1
	case $machine_kernel in 6.1 | 6.12 | debug) ;; *) die "no kernel '$machine_kernel': 6.1, 6.12 or debug" ;; esac
	case $top in
	/run/* | /dev/* | /proc/* | /sys/*) die "$top: the VM has its own file system there; use another directory" ;;
	esac
}

machine_build() {
	[ "$1" != "$top/build/release" ] || "$top/tools/build.sh" release >&2 || die "the build failed, see above"
	"$top/tools/build.sh" module "$machine_kernel" >&2 || die "the module's build failed, see above"
}

machine_prepare() {
	local build_dir=$1 run=$2 component modules_layer
	"$top/tests/vm/kernel.sh" "$machine_kernel" || die "no kernel $machine_kernel"
	machine_kernel_dir=${SW_KERNELS:-$top/build/kernels}/$machine_kernel
	if [ "$build_dir" != none ]; then
		[ -e "$build_dir/cmake_install.cmake" ] || die "nothing is built in $build_dir"
		for component in "" "--component tests"; do
			# shellcheck disable=SC2086 # two words on purpose
			DESTDIR=$run/root cmake --install "$build_dir" --prefix /usr --strip $component \
				>"$run/install.log" 2>&1 || { cat "$run/install.log" >&2 && die "cmake --install failed"; }
		done
	fi
	mkdir -p "$run/root"
	modules_layer=$("$top/tests/vm/modules.sh" "$machine_kernel") || die "no modules for $machine_kernel"

	# Between the machine's root and the VM's overlay, each a share of its own; the topmost last.
	declare -gA machine_layers=([host]=/ [kernel]=$machine_kernel_dir/root [project]=$run/root)
	machine_layer_order="kernel project"
	if [ -n "$modules_layer" ]; then
		machine_layers[modules]=$modules_layer
		machine_layer_order="kernel modules project"
	fi
}

machine_initrd() {
	local file=$1 nonce=$2 cwd=$3 no_udev=$4 init=$5 words
	words=$(mktemp -d "$file.XXXXXX")
	shift 5
	{
		printf 'SW_%s=%q\n' TOP "$top" KERNEL "$machine_kernel" NONCE "$nonce" CWD "$cwd" NO_UDEV "$no_udev" \
			INIT "$init" LAYERS "$machine_layer_order"
		printf 'SW_COMMAND=%q\n' "${*@Q}" # boot.sh makes it an array again
	} >"$words/sw.env"
	(
		cat "$machine_kernel_dir/initrd"
		cd "$words" && echo sw.env | cpio --quiet -o -H newc -R 0:0
	) >"$file"
	rm -r "$words"
}

machine_tcg() {
	# An old CPU on purpose: with `max` the C library takes the AVX forms of its string functions, which
	# TCG interprets so slowly that starting a program takes five times as long.
	# shellcheck disable=SC2034 # used by the callers
	accelerator=(-accel "tcg,thread=multi" -smp "$1" -cpu "Nehalem,+rdrand")
}

machine_qemu() {
	local dir=$1 memory=$2 layer port
	# norandmaps: a program whose libraries lie where they lay last time finds its code translated by TCG; that halves the time to
	# start one, and starting programs is most of what a case of shell costs.
	local cmdline="console=ttyS0 loglevel=5 panic=-1 oops=panic log_buf_len=4M mitigations=off nokaslr norandmaps"
	cmdline+=" rcupdate.rcu_cpu_stall_timeout=60 random.trust_cpu=on $3"
	shift 3
	# The interpreter of ACPI's byte code, checked at each step and interpreted once more, takes half a minute for each device's
	# interrupt. (Without ACPI at all there is no clock to measure the others by.)
	[ "$machine_kernel" != debug ] || cmdline+=" pci=noacpi"
	qemu=(
		qemu-system-x86_64 "$@" -m "$memory"
		-nodefaults -no-user-config -display none -no-reboot
		-kernel "$machine_kernel_dir/vmlinuz" -initrd "$dir/initrd" -append "$cmdline"
		-serial "file:$dir/console"
		-device virtio-serial-pci
	)
	for layer in "${!machine_layers[@]}"; do
		qemu+=(-virtfs "local,path=${machine_layers[$layer]},mount_tag=$layer,security_model=none,readonly=on,multidevs=remap")
	done
	for port in out status klog; do
		qemu+=(-chardev "file,id=$port,path=$dir/$port" -device "virtserialport,chardev=$port,name=sw.$port")
	done
}

machine_end_logs() {
	sed -i 's/\r$//' "$1/console"
	if grep -q "^sw-vm: complete log $2\$" "$1/klog"; then
		sed -i "1,/^sw-vm: complete log $2\$/d" "$1/klog"
	fi
}

machine_status() {
	sed -n "s/^exit $2 \([0-9]\+\)\$/\1/p" "$1/status"
}

machine_complained() {
	local log complaint
	for log in "$1/klog" "$1/console"; do
		complaint=$(kernel_complaints <"$log" | head -n 1)
		if [ -n "$complaint" ]; then
			echo "$who: FAILED: the kernel complained; the script ended with '${2:-nothing}'" >&2
			# Of what follows it: who it was, and where. Lists of modules and registers tell nobody anything.
			grep -hF -m1 -A200 -- "$complaint" "$log" |
				grep -vE 'Modules linked in|Hardware name:|E?FLAGS: |\] R[ABCDS01][XIP0-9]: |\] [CDF][SR][0-9]?: |PKRU: |ORIG_RAX|  [a-z0-9_]+(\([A-Z]+\))?( |$)' |
				head -n 50 | sed -E "s/^(.{0,160}).*/$who:   \1/" >&2
			return 0
		fi
	done
	return 1
}
