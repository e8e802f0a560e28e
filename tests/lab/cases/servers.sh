#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# timeout: 1500
#
# What becomes of alpha's writes when what serves them fails: beta, the way there, the array.
# shellcheck source=tests/lab/lib/lab.sh
. "$SW_TOP/tests/lab/lib/lab.sh"

writes_through_beta() {
	host_settles alpha
	on alpha pathctl switch sw0 beta
	host_waits_for 60 alpha sw_is sw0 active 1
	writes_begin
}

beta_frozen() {
	writes_through_beta
	freeze beta
	host_waits_for 120 alpha sw_is sw0 active 0
	on alpha writer_flows sw0 100 60
	# What it still had in hand does not reach the disk. Nothing is written meanwhile, else that would be over it.
	on alpha writer_stop sw0
	thaw beta
	host_settles alpha
	on alpha - <<-'END'
		writer_verify sw0 /dev/sw0 "/dev/$(disk_of 0)"
		note "longest $(writer_get sw0 longest_ms) ms; proof: $(history_last method) $(history_last evidence)"
	END
	host_history alpha
}

beta_killed() {
	writes_through_beta
	kill_node beta
	host_waits_for 120 alpha sw_is sw0 active 0
	on alpha writer_flows sw0 100 60
	start_node beta
	host_settles alpha
	writes_went_on
}

beta_rebooted() {
	writes_through_beta
	reboot_node beta
	host_waits_for 120 alpha sw_is sw0 active 0
	host_settles alpha
	writes_went_on
}

alpha_is_held() {
	! on alpha sw_is sw0 state online
}

# No path is left: held, and on it goes with the first that is back.
lan_cut() {
	host_settles alpha
	on alpha writer_start sw0 /dev/sw0 --span $((64 << 10))
	cut alpha san
	host_waits_for 120 alpha sw_is sw0 active 1
	on alpha writer_flows sw0 50 60
	cut alpha lan "$@"
	wait_until 60 alpha_is_held
	heal alpha lan
	host_waits_for 120 alpha sw_is sw0 state online
	on alpha writer_flows sw0 50 60
	heal alpha san
	host_settles alpha
	writes_went_on
}

array_rebooted() {
	host_settles alpha
	on alpha writer_start sw0 /dev/sw0 --span $((64 << 10))
	on alpha writer_flows sw0 50 60
	reboot_node array
	wait_until 120 node_has_disks array
	host_waits_for 180 alpha sw_is sw0 state online
	on alpha writer_flows sw0 50 120
	host_settles alpha
	writes_went_on
}

hosts_start
test_case "beta frozen while it serves: alpha goes on by its own path, and beta comes back without harm" beta_frozen
test_case "beta killed while it serves: alpha goes on, and beta serves again when it is back" beta_killed
test_case "beta rebooted while it serves" beta_rebooted
test_case "lan cut while alpha is served: held, then on" lan_cut
test_case "lan cut one way while alpha is served: held, then on" lan_cut in
test_case "the array rebooted: held, then on" array_rebooted
