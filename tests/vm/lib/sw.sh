# shellcheck shell=bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# sw.sh - the library of the test scripts that ./dev vm runs: `. "$SW_LIB/sw.sh"`.
#
#   runner.sh   test_case, assertions, waiting, cleaning up
#   klog.sh     the kernel's log
#   disk.sh     one disk behind two SCSI paths, each of which can hang, fail, vanish, lie
#   leg.sh      a dm-linear before a device: the cheap path, for tests of the kernel target alone
#   peer.sh     a host in a network namespace that serves the disk by NBD
#   unit.sh     a unit: create, ask, tell
#   writer.sh   verified writes in the background
#
# Each of them begins with what it offers, function by function.
# What a function creates is undone at the end of the test case (or of the script, if it was
# created outside of one), in reverse order, after a failure too.

# shellcheck source=tests/vm/lib/klog.sh
. "$SW_LIB/klog.sh"
# shellcheck source=tests/vm/lib/runner.sh
. "$SW_LIB/runner.sh"
# shellcheck source=tests/vm/lib/disk.sh
. "$SW_LIB/disk.sh"
# shellcheck source=tests/vm/lib/leg.sh
. "$SW_LIB/leg.sh"
# shellcheck source=tests/vm/lib/peer.sh
. "$SW_LIB/peer.sh"
# shellcheck source=tests/vm/lib/unit.sh
. "$SW_LIB/unit.sh"
# shellcheck source=tests/vm/lib/writer.sh
. "$SW_LIB/writer.sh"
