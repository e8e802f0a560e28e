#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# timeout: 1200
#
# Two hosts whose configuration names no disk and no path: they find what they share, and go on through each other.
# shellcheck source=tests/lab/lib/lab.sh
. "$SW_TOP/tests/lab/lib/lab.sh"

both_find_it() {
	local host
	HOSTS_DISCOVER=shared hosts_start
	for host in alpha beta; do
		on "$host" pathctl status /dev/sw0
		on "$host" cat /etc/swpath/conf.d/found.toml
		expect_eq "$lab_wwid ok,ok" "$(on "$host" - <<<"pathctl status --json sw0 | jq -r '.units[0] | .wwid + \" \" + ([.paths[].monitor] | join(\",\"))'")" "$host's unit"
	done
}

# The units of a host, by disk: "WWID NAME ok,ok".
units_of() {
	on "$1" - <<<"pathctl status --json | jq -r '.units[] | .wwid + \" \" + .name + \" \" + ([.paths[].monitor] | join(\",\"))' | sort"
}

has_units() {
	[ "$(units_of "$1" | wc -l)" = "$2" ]
}

have_units() {
	local all
	all=$(units_of alpha)
	[ "$(wc -l <<<"$all")" = "$1" ] && ! grep -qv ' ok,ok$' <<<"$all" && [ "$(units_of beta)" = "$all" ]
}

# new_lun N FIRST SECOND: the array has one disk more, and that is the order in which the hosts come to see it.
new_lun() {
	local lun=$1 first=$2 second=$3
	on array - <<<"lio_lun \$LAB_IQN $lun fileio /run/lun.$lun"
	on "$first" - <<<"iscsiadm -m session --rescan >/dev/null; wait_until 60 disk_of $lun; udevadm settle --timeout=30"
	# Its port is known to be shared, so it is a unit there already; the other one takes over the name.
	wait_until 60 has_units "$first" $((lun + 1))
	on "$second" - <<<"iscsiadm -m session --rescan >/dev/null; wait_until 60 disk_of $lun"
	wait_until 120 have_units $((lun + 1))
	note "$(units_of alpha)"
}

luns_come_alive() {
	new_lun 1 alpha beta
	new_lun 2 beta alpha
	expect_eq 3 "$(on alpha - <<<'ls /dev/sw[0-9] | wc -l')" "units in /dev"
}

cable_pulled() {
	writes_begin
	cut alpha san
	host_waits_for 90 alpha sw_is sw0 active 1
	on alpha writer_flows sw0 50 60
	heal alpha san
	host_settles alpha
	writes_went_on
}

boots_without_its_cable() {
	# The lab's nodes have their root in memory.
	on alpha - <<-'END'
		mkdir -p "$LAB_SHARE/etc/swpath/conf.d"
		cp /etc/swpath/conf.d/found.toml "$LAB_SHARE/etc/swpath/conf.d"
	END
	echo 'modprobe dm-sw && pathd_run' >"$LAB/alpha/share/rc"
	cut alpha san
	reboot_node alpha
	cut alpha san
	host_waits_for 180 alpha sw_is sw0 active 1
	writes_begin
	heal alpha san
	host_waits_for 180 alpha sw_is sw0 active 0
	on alpha writer_flows sw0 50 60
	on alpha writer_lost_nothing sw0 /dev/sw0
	on alpha pathctl status
}

test_case "two hosts, no path configured: sw0 with both paths on each" both_find_it
test_case "a new disk of the array is one unit on both, in whatever order they see it" luns_come_alive
test_case "alpha's cable pulled and put back: through beta and back, nothing lost" cable_pulled
test_case "alpha boots without its cable: its units come up through beta, and go to their own paths later" boots_without_its_cable
