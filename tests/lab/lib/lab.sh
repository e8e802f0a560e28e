# shellcheck shell=bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# lab.sh - the library of the test scripts that `./dev lab run` runs, on the machine: `. "$SW_TOP/tests/lab/lib/lab.sh"`.
#
#   runner.sh (tests/vm/lib)   test_case, assertions, waiting, cleaning up
#   nodes.sh    on NODE COMMAND, cut, heal, freeze, thaw, kill_node, start_node, reboot_node
#   hosts.sh    pathd on the hosts: sw0 over each host's own path and the others'
#   net.sh      names and addresses
#
# Each of them begins with what it offers. A node's own functions (on NODE FUNCTION) are those of the VM tests, and disks.sh.

# shellcheck source=tests/lab/lib/nodes.sh
. "$SW_TOP/tests/lab/lib/nodes.sh"
# shellcheck source=tests/lab/lib/klog.sh
. "$SW_TOP/tests/lab/lib/klog.sh"
# shellcheck source=tests/vm/lib/runner.sh
. "$SW_LIB/runner.sh"
# shellcheck source=tests/lab/lib/hosts.sh
. "$SW_TOP/tests/lab/lib/hosts.sh"
