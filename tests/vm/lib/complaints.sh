# shellcheck shell=bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# What in a kernel log makes a run a failure, whatever the script thinks of it: an extended regular
# expression, and what it finds. Used on the machine (run.sh) and in the VM (runner.sh).
#
#   kernel_complaints    the lines of a log on standard input that are complaints
#   emulator_fault       true if the log on standard input is of a kernel that its CPU let down
# shellcheck disable=SC2034 # used by those
kernel_complaint='WARNING: (CPU|possible|suspicious|inconsistent|bad|held|lock|nested|kmalloc)'
kernel_complaint+='|kernel BUG at|BUG: |Oops: |general protection fault|double fault|Kernel panic|Call Trace:|cut here'
kernel_complaint+='|blocked for more than [0-9]+ seconds|soft lockup|hard LOCKUP|rcu: .*stall|detected stalls? on'
kernel_complaint+='|UBSAN:|KASAN:|KCSAN:|refcount_t: |list_(add|del) corruption|Bad page state|bad: scheduling|unreferenced object'

# Splats of 6.1's own, by the line before their trace. A slab cache that cannot be made for want of memory tells it with a
# trace (mm/slab_common.c, kmem_cache_create_usercopy; EINVAL: for want of memory for its name, lib/kobject.c):
# device-mapper makes one for each new size of bio.
known_splat='kmem_cache_create_usercopy\\([^)]*\\) failed with error -(12|22)'

# Of a known splat only the trace's first line is passed over: whatever else complains in the middle of it still counts.
kernel_complaints() {
	awk -v known="$known_splat" '
		$0 ~ known { near = 5 }
		near-- > 0 && /Call Trace:/ { near = 0; next }
		{ print }
	' | grep -E -- "$kernel_complaint" || true
}

# While the kernel patches its own code, a CPU of QEMU can keep a translation of the int3 that was there for a moment, and trap on
# it when nobody handles it any more: up to 8.1, pages of code are not locked while they are translated (accel/tcg/translate-all.c,
# tb_gen_code). The kernel's own dump tells it from a breakpoint that is there: the byte before the marked one is not cc.
# A complaint that came before it stands.
emulator_fault() {
	awk -v complaint="$kernel_complaint" '
		/int3: 0000 \[#1\]/ { trapped = 1 }
		!trapped && $0 ~ complaint { exit }
		trapped && /Code: / { fault = match($0, /[0-9a-f][0-9a-f] <[0-9a-f][0-9a-f]>/) && substr($0, RSTART, 2) != "cc"; exit }
		END { exit !fault }
	'
}
