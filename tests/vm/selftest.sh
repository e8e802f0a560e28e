#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# selftest.sh - tests of run.sh: whatever goes wrong in a VM must not read as success, and must be called
# by its name. Runs on the machine and boots one small VM per case.
# shellcheck disable=SC2016 # what is in single quotes is for the VM's shell
set -uo pipefail

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
# shellcheck source=tests/vm/lib/selftest.sh
. "$here/lib/selftest.sh"

# The script of the VM, from stdin; then options of run.sh.
run() {
	cat >"$dir/script.sh"
	selftest_run "$here/run.sh" --no-build --build none --no-udev --memory 512 "$@" "$dir/script.sh"
}

run <<<'exit 7'
verdict "a script that exits with 7 gives 7" 7

run <<<'echo "marker of the output"; uname -r; exit 0'
verdict "a script that is content gives 0, and its output comes out" 0 "marker of the output"

run <<<'echo "exit 0"; echo c >/proc/sysrq-trigger'
verdict "a panic is a failure of the kernel" 121 "Kernel panic"

run <<<'echo "<4>WARNING: CPU: 0 PID: 1 at selftest" >/dev/kmsg; exit 0'
verdict "a warning of the kernel is a failure although the script was content" 121 "WARNING: CPU: 0"

# What 6.12 wrote when it happened, and the same with a breakpoint that is in memory.
oops='echo "Oops: int3: 0000 [#1] PREEMPT SMP NOPTI"; echo "RIP: 0010:sched_clock_cpu+0x9/0x190"
	echo "Code: 90 f3 0f 1e fa 41 54 55 53 66 <90> e8 21 c1"'
run <<<"{ $oops; } >/dev/ttyS0; exit 0"
verdict "a trap on a breakpoint that is not in memory is the emulator's: once more" 121 "not in memory"

run <<<"{ $oops; } | sed 's/66 </cc </' >/dev/ttyS0; exit 0"
verdict "a trap on a breakpoint that is there is the kernel's" 121 "Oops: int3"
status=0
grep -q "not in memory" "$dir/err" || status=$?
verdict "and such a run is not begun again" 1

run <<<"{ echo 'WARNING: CPU: 0 PID: 1 at selftest'; $oops; } >/dev/ttyS0; exit 0"
verdict "what the kernel complained of before the emulator's trap stands" 121 "WARNING: CPU: 0"
status=0
grep -q "not in memory" "$dir/err" || status=$?
verdict "and that run is not begun again either" 1

run <<<'echo 1 >/proc/sys/kernel/sysrq; echo b >/proc/sysrq-trigger; sleep 60'
verdict "a VM that is gone before its script ended is lost" 122 "lost"

run <<<'kill -SEGV $PPID; exit 0'
verdict "a script that goes for process 1 gains nothing" 0

run --start-timeout 1 <<<'echo begun'
verdict "a VM that does not come as far as its script is lost" 122 "did not come as far as its script in 1 s: once more"

run --timeout 25 <<<'exec sleep 1000'
verdict "a script that hangs ends by the timeout" 124 "timeout after 25 s"

run --kernel 6.12 <<<'modprobe dm-sw && case $(uname -r) in 6.12.*) exit 3 ;; esac'
verdict "the module loads on 6.12" 3

# What was cut off has no closing line: it is counted all the same, and the suite goes on.
printf '#!/bin/bash\n# timeout: 25\nexec sleep 1000\n' >"$dir/cut_off.sh"
selftest_run "$here/suite.sh" --jobs 1 "$dir/cut_off.sh"
verdict "a case that is cut off is counted as failed" 1 "0 passed, 1 failed, 0 skipped"

selftest_end
