# shellcheck shell=bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# What in a kernel log makes a run a failure, whatever the script thinks of it: an extended regular
# expression. Used on the machine (run.sh) and in the VM (runner.sh).
# shellcheck disable=SC2034 # used by those
kernel_complaint='WARNING: (CPU|possible|suspicious|inconsistent|bad|held|lock|nested|kmalloc)'
kernel_complaint+='|kernel BUG at|BUG: |Oops: |general protection fault|double fault|Kernel panic|Call Trace:|cut here'
kernel_complaint+='|blocked for more than [0-9]+ seconds|soft lockup|hard LOCKUP|rcu: .*stall|detected stalls? on'
kernel_complaint+='|UBSAN:|KASAN:|KCSAN:|refcount_t: |list_(add|del) corruption|Bad page state|bad: scheduling|unreferenced object'
