#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# nodes: array alpha beta gamma
# timeout: 1200
#
# Three hosts that all use one disk and all serve it: two of them through the third at once, and one that goes from a dead
# server to another.
# shellcheck source=tests/lab/lib/lab.sh
. "$SW_TOP/tests/lab/lib/lab.sh"
# shellcheck source=tests/lab/lib/reservation.sh
. "$SW_TOP/tests/lab/lib/reservation.sh"

all_have_all() {
	local host
	hosts_start 'failback={policy="manual",interval="1s",stable="2s"}'
	for host in alpha beta gamma; do
		on "$host" pathctl status /dev/sw0
		expect_eq ok,ok,ok "$(on "$host" - <<<"pathctl status --json sw0 | jq -r '[.units[0].paths[].monitor] | join(\",\")'")" "$host's paths"
	done
}

# Each host has a region of the disk, of 64 KiB.
region() {
	on "$1" - <<-END
		dmsetup create region --table "0 128 linear /dev/sw0 $2"
		dmsetup create below --readonly --table "0 128 linear /dev/\$(disk_of 0) $2"
	END
	on "$1" writer_start region /dev/mapper/region
}

region_is_whole() {
	host_waits_for 120 "$1" path_is_usable 0
	LAB_ON_S=300 on "$1" - <<-'END'
		writer_lost_nothing region /dev/mapper/region /dev/mapper/below
		note "longest $(writer_get region longest_ms) ms; proof: $(history_last method) $(history_last evidence)"
		dmsetup remove region && dmsetup remove below
	END
	host_history "$1"
}

two_through_beta() {
	local host
	region alpha 0
	region gamma 2048
	cut alpha san
	cut gamma san
	for host in alpha gamma; do
		host_waits_for 120 $host sw_is sw0 active "$(host_slot $host beta)"
	done
	for host in alpha gamma; do
		on $host writer_flows region 50 60
	done
	# beta serves both, each in epochs of its own.
	on beta - <<'END'
		printf '{"method":"io.swpath.Serve.Status"}\0' | socat - UNIX-CONNECT:/run/swpath/serve.sock | tr '\0' '\n' >"$SW_RUN/served"
		expect_eq alpha,gamma "$(jq -r '[.parameters.exports[] | select(.state == "open" and .requests > 0).client] | sort | unique | join(",")' "$SW_RUN/served")" \
			"who is served"
END
	heal alpha san
	heal gamma san
	for host in alpha gamma; do
		region_is_whole $host
	done
	# A host that is served serves nobody: both have to be back before either has all of its paths.
	for host in alpha gamma; do
		on $host pathctl failback sw0
		host_waits_for 60 $host sw_is sw0 active 0
	done
}

served_by_beta_that_dies() {
	cut alpha san
	host_waits_for 120 alpha sw_is sw0 active "$(host_slot alpha beta)"
	on alpha writer_flows sw0 50 60
	kill_node beta
}

from_beta_to_gamma() {
	host_has_all_paths alpha 120
	writes_begin
	served_by_beta_that_dies
	host_waits_for 120 alpha sw_is sw0 active "$(host_slot alpha gamma)"
	on alpha writer_flows sw0 50 60
	heal alpha san
	host_waits_for 120 alpha path_is_usable 0
	writes_went_on 20
}

with_a_reservation() {
	local host
	start_node beta
	host_waits_for 120 beta test -b /dev/sw0
	for host in alpha beta gamma; do
		on $host pathd_stop
	done
	reservations_forgotten
	for host in beta gamma alpha; do
		reconfigure $host 's/^reservations=.*/reservations=false/'
	done
	host_settles alpha
	reservation_begins alpha beta gamma
	host_has_all_paths alpha 60
	reservation_survives served_by_beta_that_dies
}

test_case "three hosts: a unit with all paths on each" all_have_all
test_case "alpha and gamma through beta at once, each to its own region: nothing lost" two_through_beta
test_case "beta killed while it serves, alpha without a path of its own: on through gamma, nothing lost" from_beta_to_gamma
test_case "the same with a reservation made through the unit: it holds (P7)" with_a_reservation
