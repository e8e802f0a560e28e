#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# fault-table.sh [FILE] - is the fault table of docs/testing.md true? Silent and content if it has at least 40
# rows, numbered without a gap, each with a promise and a test that is there: | N | fault | how | P1 P5 |
# `case`: title of a test_case |
set -euo pipefail

cd "$(dirname "${BASH_SOURCE[0]}")/.."
file=${1:-docs/testing.md}
wrong=0 rows=0

complain() {
	echo "$file: row $number: $*"
	wrong=1
}

while IFS='|' read -r _ number fault how promises test rest; do
	read -r number <<<"$number"
	rows=$((rows + 1))
	[ "$number" = "$rows" ] || complain "should be number $rows"
	[[ $fault =~ [a-z] && $how =~ [A-Za-z] ]] || complain "says not what happens, and how it is made to happen"
	[[ $promises =~ ^\ (P([1-9]|10)\ )+$ ]] || complain "names no promise (P1 to P10): '$promises'"
	if [[ ! $test =~ ^\ \`([a-z_0-9]+)\`:\ (.+)\ $ ]] || [ -n "$rest" ]; then
		complain "has no test of the form \`case\`: title"
		continue
	fi
	case=tests/vm/cases/${BASH_REMATCH[1]}.sh
	if [ ! -f "$case" ]; then
		complain "there is no $case"
	elif ! grep -qF "test_case \"${BASH_REMATCH[2]}\" " "$case"; then
		complain "$case has no test_case \"${BASH_REMATCH[2]}\""
	fi
done < <(sed -n '/^## Faults/,/^## /s/^\(| *[0-9].*\)/\1/p' "$file")

number=-
[ "$rows" -ge 40 ] || complain "the table has $rows rows, fewer than 40"
exit $wrong
