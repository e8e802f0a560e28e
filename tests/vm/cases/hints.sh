#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# kernels: 6.1
# timeout: 300
#
# Two hosts on one bus, alpha and beta, whose lock spaces are one directory: each learns from the other's mark that its port is
# shared, and both get over what may happen to the lock space. No switch waits for it.
# shellcheck source=tests/vm/lib/sw.sh
. "$SW_LIB/sw.sh"
# shellcheck source=tests/vm/lib/pathd.sh
. "$SW_LIB/pathd.sh"
# shellcheck source=tests/vm/lib/cluster.sh
. "$SW_LIB/cluster.sh"

LOCKS=/run/hints-locks
# shellcheck disable=SC2016 # no variable
BUS='$17$B'

hints_config() { # NUMBER
	printf '[hints]\nnumber = %s\n[[hints.bus]]\nport = "host*"\nname = "%s"\n' "$1" "$BUS"
}

hints() { # HOST JQ-FILTER
	local socket=/run/swpath/pathd.sock
	[ "$1" = alpha ] || socket=$(host_dir "$1")/run/pathd.sock
	pathctl --socket "$socket" hints --json | jq -r "$2"
}

hints_are() { # HOST JQ-FILTER WANTED
	[ "$(hints "$1" "$2")" = "$3" ]
}

both_on_one_bus() {
	disks_heal
	cluster_create "$(pathd_hctl 0)" "$(disk_wwid 0)" "beta=$(pathd_hctl 1)"
	mkdir -p $LOCKS
	ln -sfn $LOCKS /run/swpath/locks
	ln -sfn $LOCKS "$(host_dir beta)/run/locks"
	hints_config 1 >>/etc/swpath/swpath.toml
	hints_config 2 >>"$(host_dir beta)/etc/swpath.toml"
	cluster_start
	both_know
}

MARK='.buses[0] | "\(.bus) \(.held) \(.marked) \(.shared) \(.server) \(.epoch) \(.disk)"'

both_know() {
	local host
	for host in alpha beta; do
		wait_until 30 hints_are "$host" '[.ports[] | "\(.bus) \(.given) \(.shared)"] | join(",")' "$BUS true true"
		wait_until 30 hints_are "$host" '.buses[0] | "\(.held) \(.marked) \(.shared)"' 'true true true'
	done
	wait_until 30 hints_are beta "$MARK" "$(hints alpha "$MARK")"
}

two_marks_are_enough() {
	both_on_one_bus
	note "$(pathctl hints)"
	expect_eq 2 "$(hints alpha '.buses[0].epoch')" "epoch"
	expect_eq "ready local 1" "$(hints alpha '"\(.state) \(.engine) \(.number)"')" "alpha"
	expect_match 'shared, another host has told of a disk there that is here too' "$(hints beta '.ports[0].text')" "why"
	pathd_said 'hints: host[0-9]+ is on bus .*: shared'
}

a_lock_space_that_is_killed_comes_back() {
	local before
	both_on_one_bus
	before=$(hints alpha "$MARK")
	kill -KILL "$(hints alpha .process)"
	wait_until 30 hints_are alpha '"\(.state) \(.restarts)"' 'ready 1'
	# Beta held the name meanwhile: what was on it is there.
	wait_until 30 hints_are alpha "$MARK" "$before"
	pathd_said 'hints: no lock space: its process .* has ended'
}

# Whichever host reads it first says so and leaves it anew.
damage_is_said() {
	local line='hints: bus .*its mark is not valid: it was left half-written'
	pathd_said "$line" || host_said beta "$line"
}

a_damaged_mark_is_left_anew() {
	local epoch
	both_on_one_bus
	epoch=$(hints alpha '.buses[0].epoch')
	# As a writer leaves it that dies in the middle.
	printf '\002' | dd of="$LOCKS/swbus$BUS" bs=1 count=1 conv=notrunc status=none
	wait_until 30 damage_is_said
	wait_until 30 hints_are alpha '.buses[0].epoch' $((epoch + 1))
	both_know
}

no_switch_waits_for_it() {
	local process
	both_on_one_bus
	process=$(hints alpha .process)
	kill -STOP "$process"
	timeout 10 pathctl switch sw0 beta
	wait_until 10 sw_is sw0 active 1
	timeout 10 pathctl switch sw0 direct
	wait_until 10 sw_is sw0 active 0
	kill -CONT "$process"
	both_know
	# It ends with pathd.
	pathd_stop
	wait_until 30 process_is_gone "$process"
}

disk_create 32 2
test_case "two hosts know after two marks that their ports are shared" two_marks_are_enough
test_case "a lock space that is killed is started again, and holds what it held" a_lock_space_that_is_killed_comes_back
test_case "a damaged mark is not valid, and is left anew" a_damaged_mark_is_left_anew
test_case "a switch does not wait for a lock space that stands still" no_switch_waits_for_it
