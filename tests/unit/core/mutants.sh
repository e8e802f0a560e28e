#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# mutants.sh SOURCE_DIR WORK_DIR
# Breaks the core (sw-core.c, sw-hold.c) in one place at a time and expects the exhaustive search to
# notice: the proof that it can fail.
set -euo pipefail

source_dir=$1
work=$2
flags=(-O1 -w -include "$source_dir/tests/unit/core/sw-env.h" -I "$source_dir/dm-target")
passed=0
failed=0

mkdir -p "$work"
for unit in core_exhaustive_test world; do
	"${CXX:-g++}" -std=c++20 "${flags[@]}" -c "$source_dir/tests/unit/core/$unit.cpp" -o "$work/$unit.o"
done
"${CC:-gcc}" "${flags[@]}" -c "$source_dir/dm-target/sw-words.c" -o "$work/sw-words.o"

# build SED_EXPRESSION: the search over the core that it makes; sets changed
build() {
	local part
	changed=no
	for part in sw-core sw-hold; do
		sed "$1" "$source_dir/dm-target/$part.c" >"$work/$part.c"
		cmp -s "$source_dir/dm-target/$part.c" "$work/$part.c" || changed=yes
		"${CC:-gcc}" "${flags[@]}" -c "$work/$part.c" -o "$work/$part.o"
	done
	"${CXX:-g++}" "$work"/*.o -lgtest -lgtest_main -o "$work/search"
}

search() {
	timeout 120 "$work/search" --gtest_filter='*proveStartedOpen' >"$work/log" 2>&1
}

mutant() {
	local name=$1 expression=$2
	build "$expression"
	if [ "$changed" = no ]; then
		echo "not ok: $name: the expression changes nothing"
		failed=$((failed + 1))
	elif search || ! grep -q 'Failure' "$work/log"; then
		echo "not ok: $name: not noticed"
		failed=$((failed + 1))
	else
		echo "ok: $name: $(grep -A2 -m1 Failure "$work/log" | sed -n 3p)"
		passed=$((passed + 1))
	fi
}

build ''
search || { echo "the unbroken core fails"; exit 1; }

mutant 'fence skipped' 's/if (core->doubt && core->config.fence == SW_FENCE_PROVE)/if (0)/'
mutant 'drain skipped' 's/core->phase = SW_PHASE_DRAIN;/core->phase = SW_PHASE_PROVE;/'
mutant 'flush skipped' 's/if (core->cooperative) {/if (0) {/'
mutant 'epoch does not grow' 's/core->epoch++;/;/'
mutant 'stale ticket taken' 's/if (epoch != core->epoch)/if (0)/'
mutant 'ticket never expires' 's/|| p->ticket_until <= boot_ns)/|| !p->ticket_until)/'
mutant 'ticket outlives its epoch' 's/if (p->ticket_epoch != core->epoch || /if (/'
mutant 'stale commit taken' 's/if (mv != core->mv || core->state == SW_STATE_ONLINE ||/if (core->state == SW_STATE_ONLINE ||/'
mutant 'method not weighed' 's/if (!method_proves(core, path, method))/if (0)/'
mutant 'served path trusted again' 's/core->paths\[path\].kind == SW_KIND_DIRECT)/1)/'
mutant 'rejected path opened' 's/if (core->paths\[path\].state == SW_PATH_REJECTED)/if (0)/'
mutant 'errored write not in doubt' 's/	if (write)$/	if (0)/'
mutant 'doubt forgotten by an error' 's/	if (core->state == SW_STATE_ONLINE)$/	core->doubt = 0; if (core->state == SW_STATE_ONLINE)/'
mutant 'doubt forgotten by a reload' 's/core->notice_count = 0;/core->doubt = 0;/'
mutant 'doubt ignored by a release' 's/if (core->resume \&\& !core->doubt \&\&/if (core->resume \&\&/'
mutant 'deadline ignored' 's/now->ns >= core->deadline/0/'
mutant 'errors go up while verifying' 's/if (core->state == SW_STATE_FAILED || tries/if (core->state != SW_STATE_ONLINE || tries/'

echo "$passed mutants caught, $failed not"
[ "$failed" -eq 0 ]
