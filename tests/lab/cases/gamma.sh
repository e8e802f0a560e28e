#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# nodes: array alpha beta gamma
# timeout: 1200
#
# A third host that can serve: alpha, which has lost its own path, goes from a dead server to it.
# shellcheck source=tests/lab/lib/lab.sh
. "$SW_TOP/tests/lab/lib/lab.sh"

from_beta_to_gamma() {
	LAB_CLIENTS=alpha hosts_start 'failback={policy="manual",interval="1s",stable="2s"}'
	on alpha writer_start sw0 /dev/sw0 --span $((64 << 10))
	cut alpha san
	host_waits_for 120 alpha sw_is sw0 active "$(host_slot alpha beta)"
	on alpha writer_flows sw0 50 60
	kill_node beta
	host_waits_for 120 alpha sw_is sw0 active "$(host_slot alpha gamma)"
	on alpha writer_flows sw0 50 60
	heal alpha san
	host_waits_for 120 alpha path_is_usable 0
	LAB_ON_S=300 on alpha - <<-'END'
		writer_lost_nothing sw0 /dev/sw0 "/dev/$(disk_of 0)"
		note "longest $(writer_get sw0 longest_ms) ms; proof: $(history_last method) $(history_last evidence)"
	END
	host_history alpha 20
}

test_case "beta killed while it serves, alpha without a path of its own: on through gamma, nothing lost" from_beta_to_gamma
