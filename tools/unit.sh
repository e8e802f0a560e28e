#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# unit.sh - the tests that need no VM: unit and exhaustive tests under ASan and UBSan (ctest), and checks
# of the tree itself (tools/tree.sh). The closing line is "N passed, N failed, N skipped".
set -euo pipefail

top=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
jobs=${SW_JOBS:-$(nproc)}
logs=$top/build/logs
mkdir -p "$logs"

"$top/tools/build.sh" asan || {
	echo "0 passed, 1 failed, 0 skipped"
	exit 1
}

echo "unit: ctest, address and undefined behaviour sanitizers"
log=$logs/unit.log
junit=$logs/unit.xml
rm -f "$junit"
status=0
ASAN_OPTIONS=detect_stack_use_after_return=1 UBSAN_OPTIONS=print_stacktrace=1 \
	ctest --test-dir "$top/build/asan" -j "$jobs" --timeout 300 --output-on-failure \
	--output-junit "$junit" </dev/null >"$log" 2>&1 || status=$?
if [ ! -s "$junit" ]; then
	tail -n 40 "$log"
	echo "0 passed, 1 failed, 0 skipped"
	exit 1
fi
# How long each part took, and the slowest tests; the failed ones in full.
python3 - "$junit" "$status" >"$logs/unit.count" <<'END'
import sys
import xml.etree.ElementTree as tree

suite = tree.parse(sys.argv[1]).getroot()
cases = suite.findall("testcase")
failed = [c for c in cases if c.find("failure") is not None]
skipped = [c for c in cases if c.find("skipped") is not None]
for case in sorted(cases, key=lambda c: -float(c.get("time")))[:5]:
    print(f"unit: slowest: {float(case.get('time')):.2f} s {case.get('name')}", file=sys.stderr)
for case in failed:
    output = case.findtext("system-out") or ""
    print(f"[  FAILED  ] {case.get('name')}", file=sys.stderr)
    print("\n".join(output.splitlines()[-40:]), file=sys.stderr)
failures = len(failed)
# What ctest itself held against the run, a test that could not be started for one.
if sys.argv[2] != "0" and not failures:
    failures = 1
print(len(cases) - len(failed) - len(skipped), failures, len(skipped))
END
read -r passed failed skipped <"$logs/unit.count"
echo "unit: $((passed + failed + skipped)) tests"

tree=$("$top/tools/tree.sh") || true
echo "$tree" | sed '$d'
read -r tree_passed _ tree_failed _ tree_skipped _ <<<"${tree##*$'\n'}"
passed=$((passed + tree_passed))
failed=$((failed + tree_failed))
skipped=$((skipped + tree_skipped))
echo "$passed passed, $failed failed, $skipped skipped"
[ "$failed" -eq 0 ] && [ "$passed" -gt 0 ]
