#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# timeout: 1200
#
# Two hosts with pathd, and alpha's cable to the array pulled under verified writes: LAB_PULLS times (3).
# shellcheck source=tests/lab/lib/lab.sh
. "$SW_TOP/tests/lab/lib/lab.sh"

both_have_both() {
	local host
	hosts_start
	for host in alpha beta; do
		on "$host" pathctl status /dev/sw0
		expect_eq ok,ok "$(on "$host" - <<<"pathctl status --json sw0 | jq -r '[.units[0].paths[].monitor] | join(\",\")'")" "$host's paths"
	done
}

# One round: away, back, and what its writer says.
pull() {
	local round=$1 away back
	on alpha writer_start sw0 /dev/sw0 --span $((64 << 10))
	away=$(now_ms)
	cut alpha san
	host_waits_for 90 alpha sw_is sw0 active 1
	away=$(($(now_ms) - away))
	on alpha writer_flows sw0 50 60
	heal alpha san
	back=$(now_ms)
	LAB_ON_S=200 on alpha - <<-'END'
		# A path that comes and goes is damped, in the end for longer than this waits: a person ends that.
		is_back() {
			sw_is sw0 active 0 && return
			! monitor_is sw0 0 damped || pathctl reinstate sw0 direct
			return 1
		}
		wait_until 150 is_back
	END
	back=$(($(now_ms) - back))
	on alpha writer_lost_nothing sw0 /dev/sw0 >"$SW_RUN/verified"
	note "$(printf '%5s %12s %12s %14s' "$round" $away $back "$(on alpha writer_get sw0 longest_ms)")"
	grep -o '[0-9]* blocks: .*' "$SW_RUN/verified"
}

pulled_again_and_again() {
	local round
	note "$(printf '%5s %12s %12s %14s' pull "away, ms" "back, ms" "longest, ms")"
	for round in $(seq "${LAB_PULLS:-3}"); do
		host_settles alpha
		pull "$round"
	done
	host_history alpha 40
}

test_case "two hosts: a unit with both paths on each" both_have_both
test_case "alpha's cable to the array pulled and put back: through beta and back, nothing lost" pulled_again_and_again
