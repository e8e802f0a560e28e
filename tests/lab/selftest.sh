#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# selftest.sh - tests of lab.sh: whatever goes wrong in a node must not read as success, and nothing outlives a run. Boots one
# small node per case; what cables and hosts do is in cases/nodes.sh.
# shellcheck disable=SC2016 # what is in single quotes is for the script
set -uo pipefail

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
# shellcheck source=tests/vm/lib/selftest.sh
. "$here/../vm/lib/selftest.sh"

# The script, from stdin; then options of lab.sh run.
run() {
	{
		echo '. "$SW_TOP/tests/lab/lib/nodes.sh"'
		cat
	} >"$dir/script.sh"
	selftest_run "$here/lab.sh" run --no-build --nodes alpha "$@" "$dir/script.sh"
}

run <<<'cat "$LAB/alpha/now/pid"; on alpha - <<<"echo \"<4>WARNING: CPU: 0 PID: 1 at selftest\" >/dev/kmsg"; reboot_node alpha; exit 0'
verdict "a node's complaint from before its reboot is a failure, although the script was content" 121 "alpha: FAILED: the kernel complained"
status=0
[ ! -d "/proc/$(head -n 1 "$dir/out")" ] || status=1
verdict "and its VM is gone" 0

run <<<'LAB_ON_S=20 on alpha - <<<"echo c >/proc/sysrq-trigger"; exit 0'
verdict "a node's panic is a failure" 121 "Kernel panic"

run <<<'kill_node alpha; start_node alpha; on alpha - <<<"echo 1 >/proc/sys/kernel/sysrq; echo b >/proc/sysrq-trigger"; exit 0'
verdict "a node that the script killed is none, one that ends by itself is lost" 122 "alpha: FAILED: lost"

run --timeout 5 <<<'exec sleep 1000'
verdict "a script that hangs ends by the timeout" 124 "timeout after 5 s"

run <<<'freeze alpha; exit 7'
verdict "a script's status comes out, with a node left frozen" 7

selftest_end
