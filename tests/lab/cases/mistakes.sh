#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# timeout: 1500
#
# Mistakes of administrators: each is refused or does no harm, and is explained where an administrator looks. Most are made on
# beta; alpha's unit is healthy, and what is written to it from the first case to the last is verified in the end.
# shellcheck source=tests/lab/lib/lab.sh
. "$SW_TOP/tests/lab/lib/lab.sh"
# shellcheck source=tests/lab/lib/quorum.sh
. "$SW_TOP/tests/lab/lib/quorum.sh"

ALPHA=$(lab_address alpha lan) BETA=$(lab_address beta lan)
NOWHERE=10.88.2.99

# mistake HOST [SED...]: reconfigures it until the end of the case.
mistake() {
	defer reconfigure "$1"
	reconfigure "$@"
}

# The end of each case: what is wrong is put right, and then all is well by itself.
all_is_well_again() {
	local host
	reconfigure beta
	for host in alpha beta; do
		host_settles "$host"
	done
	tells 60 alpha 'SWPATH OK' check
	on alpha writer_flows sw0 50 60
}

begins() {
	# shellcheck disable=SC2119 # with no keys of the unit
	hosts_start
	host_settles alpha
	on alpha writer_start sw0 /dev/sw0 --span $((64 << 10))
}

other_keys() {
	defer reconfigure beta
	on beta - <<-'END'
		rm -f /etc/swpath/other
		for host in alpha beta; do
			psktool -u $host -p /etc/swpath/other >/dev/null
		done
	END
	mistake beta 's|/etc/swpath/keys|/etc/swpath/other|'
	tells 60 alpha 'beta .* no no beta at .*; the two hosts have not the same key for the one that asks' peers
	tells 60 beta 'alpha .* no no alpha at .*; the two hosts have not the same key for the one that asks' peers
	logs 60 alpha "peer at $BETA: .*not the same key"
	logs 60 beta "peer at $ALPHA: .*not the same key"
	# It goes on trying, and says so once.
	expect_eq 1 "$(on beta - <<<"grep -c 'peer at $ALPHA: ' \"\$PATHD_LOG\"")" "lines"
	on alpha writer_flows sw0 50 60
	all_is_well_again
}

ages_are_right() {
	# shellcheck disable=SC2016 # jq's
	pathctl status --json sw0 | jq -e '
		def t: sub("\\.[0-9]+Z$"; "Z") | fromdateiso8601;
		(.generated | t) as $now
		| [.units[0] | .since, (.paths[] | .since, .last_probe) | select(. != null) | $now - t] as $ages
		| ($ages | length) >= 4 and all($ages[]; . >= -2 and . <= 1200)
		and all(.units[0].paths[]; $now - (.last_probe | t) <= 60)' >/dev/null
}

expect_right_ages() {
	on "$1" - <<-END
		$(declare -f ages_are_right)
		(wait_until 20 ages_are_right) || { pathctl status --json sw0 | jq -c '.generated, .units[0].paths[]'; exit 1; }
	END
}

clocks_are_set() {
	on beta date -s '-30 hours' >/dev/null
	on alpha date -s '+5 hours' >/dev/null
	expect_right_ages alpha
	expect_right_ages beta
	cut alpha san
	host_waits_for 90 alpha sw_is sw0 active 1
	on alpha date -s '-9 hours' >/dev/null
	on alpha writer_flows sw0 50 60
	expect_right_ages alpha
	heal alpha san
	on beta date -s '+60 hours' >/dev/null
	host_settles alpha
	expect_right_ages alpha
	expect_right_ages beta
	on alpha date -s '+4 hours' >/dev/null
	on beta date -s '-30 hours' >/dev/null
	expect_right_ages alpha
	on alpha writer_flows sw0 50 60
	all_is_well_again
}

other_version_ends() {
	on beta - <<-'END'
		[ -e /run/other.pid ] || exit 0
		kill "$(cat /run/other.pid)"
		wait_until 10 process_is_gone "$(cat /run/other.pid)"
		rm /run/other.pid
	END
}

other_version() {
	defer reconfigure beta
	defer other_version_ends
	on beta - <<-END
		pathd_stop
		python3 $SW_TOP/tests/lab/lib/other_version.py serve $BETA /etc/swpath/keys beta >/run/other.out 2>&1 &
		echo \$! >/run/other.pid
	END
	tells 60 alpha "beta .* no no beta at .*: 'beta' speaks versions 2 to 2 of the peer protocol, this host 1 to 1" peers
	logs 60 alpha "peer beta at .*'beta' speaks versions 2 to 2"
	expect_eq $'versions 1 to 1\nit has hung up' \
		"$(on beta python3 "$SW_TOP/tests/lab/lib/other_version.py" ask "$ALPHA" /etc/swpath/keys beta)" "alpha's answer"
	logs 10 alpha "peer at $BETA: 'beta' speaks versions 2 to 2"
	other_version_ends
	on alpha writer_flows sw0 50 60
	all_is_well_again
}

one_name_twice() {
	mistake beta 's/"beta"/"other"/' 's/"alpha"/"beta"/' 's/"other"/"alpha"/'
	tells 60 beta "beta .* no no beta at .*: it says: two hosts are called 'alpha' in \[cluster\]; give each its own name" peers
	tells 60 alpha "beta .* no no beta at .*: the host there calls itself 'alpha'|beta .* no no beta at .*two hosts are called" peers
	logs 60 alpha "peer at $BETA: two hosts are called 'alpha'"
	on alpha writer_flows sw0 50 60
	all_is_well_again
}

second_name_goes() {
	on alpha - <<<'rm -f /etc/swpath/conf.d/second.toml; pathctl reload'
}

one_disk_twice() {
	defer second_name_goes
	on alpha - <<-'END'
		mkdir -p /etc/swpath/conf.d
		printf '[unit.sw7]\nwwid = "%s"\n' "$(disk_wwid_of 0)" >/etc/swpath/conf.d/second.toml
		expect_not pathctl config check
		pathctl reload && fail "it was taken" || expect_eq 8 $?
	END
	tells 10 alpha 'second.toml:1:.* sw0 and sw7 have the same wwid .a disk is one unit' config check
	tells 10 alpha 'second.toml:1:.* sw0 and sw7 have the same wwid' reload
	logs 10 alpha 'second.toml:1:.* sw0 and sw7 have the same wwid'
	tells 10 alpha 'SWPATH OK - 1 of 1 unit online' check
	second_name_goes

	# Another name on another host is no mistake: a disk is known by its WWID.
	defer reconfigure beta
	on beta - <<-'END'
		sed -i 's/unit\.sw0/unit.sw7/' /etc/swpath/swpath.toml
		pathctl reload
		wait_until 60 test -b /dev/sw7
	END
	host_waits_for 90 alpha path_is_usable 1
	tells 60 beta 'sw7 alpha .* open ' exports
	on alpha writer_flows sw0 50 60
	on beta - <<-'END'
		cp "$LAB_SHARE/etc/swpath/swpath.toml" /etc/swpath/swpath.toml
		pathctl reload
		wait_until 60 test -b /dev/sw0
	END
	all_is_well_again
}

address_of_nobody() {
	mistake beta "s/^listen = .*/listen = \"$NOWHERE\"/"
	logs 60 beta "\[cluster\]: listen at $NOWHERE port 10808, which is no address of this host: .*; trying again"
	tells 60 beta "members: \[cluster\]: listen at $NOWHERE port 10808, which is no address of this host" peers
	tells 60 alpha 'beta .* no no beta at .*: .*connect: Connection refused' peers
	on alpha writer_flows sw0 50 60

	reconfigure beta "s/^serve = \".*/serve = \"$NOWHERE\"/"
	# The server that runs goes on where it is.
	on beta - <<-'END'
		server() { pathctl exports --json | jq -e .process; }
		wait_until 60 server
		kill "$(server)"
	END
	logs 60 beta "not serving: listen at $NOWHERE port 10809, which is no address of this host"
	tells 60 beta "it does not answer: listen at $NOWHERE port 10809, which is no address of this host" exports
	on alpha writer_flows sw0 50 60
	all_is_well_again
}

key_file_of_no_use() {
	mistake beta
	on beta - <<-'END'
		pathd_stop
		chmod 644 /etc/swpath/keys
		pathd_run
	END
	logs 60 beta "\[cluster\]: key file '/etc/swpath/keys': others may read or write it; chmod 600"
	tells 10 beta "members: \[cluster\]: key file '/etc/swpath/keys': others may read or write it; chmod 600" peers
	# It goes on by itself when that is done.
	on beta chmod 600 /etc/swpath/keys
	host_has_all_paths beta 120
	reconfigure beta 's|/etc/swpath/keys|/etc/swpath/none|'
	tells 60 beta "members: \[cluster\]: key file '/etc/swpath/none': No such file" peers
	on alpha writer_flows sw0 50 60
	all_is_well_again
}

peer_that_is_itself() {
	mistake beta "s/^address = \"$ALPHA\"/address = \"$BETA\"/"
	tells 60 beta "alpha .* no no alpha at .*: it says: 'beta' asks itself; a \[\[cluster.peer\]\] there has this host's address" peers
	logs 10 beta "peer at $BETA: 'beta' asks itself"
	reconfigure beta 's/^name = "alpha"/name = "beta"/'
	logs 60 beta "swpath.toml:1:.* cluster: peer 'beta' has this host's own name"
	on alpha writer_flows sw0 50 60
	all_is_well_again
}

# private_bus HOST NUMBER: a target that only HOST uses, sw9 on it, and the name of its bus.
private_bus() {
	local host=$1 iqn=iqn.2026-01.org.example:$1
	on array - <<-END
		LIO_ADDRESS=$(lab_address array san) lio_target $iqn fileio /run/disk.$host 3260
	END
	on "$host" - <<-END
		iscsiadm -m discovery -t st -p $(lab_address array san) >/dev/null
		iscsiadm -m node -T $iqn --login >/dev/null
		private() { compgen -G "/dev/disk/by-path/*$iqn-lun-0"; }
		wait_until 60 private
		disk=\$(basename "\$(readlink -f "\$(private)")")
		port=host\$(basename "\$(readlink -f /sys/block/\$disk/device)" | sed 's/:.*//')
		pathd_stop
		{
			echo '[unit.sw9]'
			echo "wwid = \"\$(cat /sys/block/\$disk/device/wwid)\""
			printf '[[unit.sw9.path]]\nkind = "direct"\n'
			printf '[hints]\nengine = "dlm"\nnumber = $2\n'
			printf '[[hints.bus]]\nport = "%s"\nname = "\$17\$B"\n' "\$port"
		} >>/etc/swpath/swpath.toml
		: >"\$PATHD_LOG"
		pathd_run
		wait_until 60 test -b /dev/sw9
	END
}

# marked HOST JQ WANTED
marked() {
	[ "$(on "$1" - <<<"pathctl hints --json | jq -r ${2@Q}")" = "$3" ]
}

one_class_on_two_buses() {
	# shellcheck disable=SC2016 # a name, and jq's
	local bus='.buses[] | select(.bus == "$17$B") | "\(.held) \(.marked) \(.server) \(.shared)"'
	local given='.ports[] | select(.given) | "\(.bus) \(.shared)"'
	quorum_start
	private_bus alpha 1
	wait_until 60 marked alpha "$bus" 'true true 1 false'
	private_bus beta 2
	tells 60 beta 'host 1 has marked it with a disk that this host does not see there: two buses have this name.* give each bus an allocation class of its own' hints
	# shellcheck disable=SC2016 # a name
	logs 90 beta 'hints: host[0-9]+ is on bus \$17\$B: host 1 has marked it .* two buses have this name'
	# shellcheck disable=SC2016 # a name
	logs 30 alpha 'hints: host[0-9]+ is on bus \$17\$B: a host on a bus of this name does not see the disk .* two buses have this name'
	tells 10 alpha 'does not see the disk there with which host 1 has marked it: two buses have this name.* give each bus an allocation class of its own' hints
	# Nobody is taken for a neighbour, and alpha's mark stays.
	expect marked alpha "$given" "\$17\$B false"
	expect marked beta "$given" "\$17\$B false"
	expect marked alpha "$bus" 'true true 1 false'
	on alpha writer_flows sw0 50 60
}

nothing_is_lost() {
	host_settles alpha
	on alpha writer_lost_nothing sw0 /dev/sw0 "/dev/$(on alpha disk_of 0)"
	note "longest I/O $(on alpha writer_get sw0 longest_ms) ms"
}

test_case "two hosts serve each other, and alpha writes" begins
test_case "different keys: each host says so of the other, once" other_keys
test_case "clocks that are hours apart and are set: no age is wrong, and a switch goes as ever" clocks_are_set
test_case "a peer of another protocol version is refused, and both sides know why" other_version
test_case "two hosts of one name: each is told" one_name_twice
test_case "one disk under two names: refused on one host, right on two" one_disk_twice
test_case "an address that the host does not have, to listen or to serve at: it is named" address_of_nobody
test_case "a key file that others can read, or none: named, and right by itself when it is" key_file_of_no_use
test_case "a peer that is the host itself: named, by address and by name" peer_that_is_itself
test_case "one allocation class on two buses: both hosts say so, nobody is taken for a neighbour, no mark is written over" one_class_on_two_buses
test_case "in all of this nothing that was written to the healthy unit is lost" nothing_is_lost
