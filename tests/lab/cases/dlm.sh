#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# timeout: 600
#
# The real cluster manager and lock manager between the hosts, for the tests that need them.
# shellcheck source=tests/lab/lib/lab.sh
. "$SW_TOP/tests/lab/lib/lab.sh"
# shellcheck source=tests/lab/lib/quorum.sh
. "$SW_TOP/tests/lab/lib/quorum.sh"

one_lock_space() {
	quorum_start
	dlm_joins alpha lab &
	dlm_joins beta lab
	wait $!
	expect_eq 1,2 "$(on alpha dlm_tool ls lab | sed -n 's/^members *//p' | tr ' ' ',' | sed 's/,$//')" "members of the lock space"
}

# shellcheck disable=SC2016 # no variable
BUS='swbus$17$B'

both_hold() {
	local host
	for host in alpha beta; do
		defer locks_show "$host"
		locks_start "$host"
		locks_say "$host" "hold $BUS"
		locks_tell 60 "$host" '^held '
	done
}

a_value_crosses() {
	both_hold
	locks_say alpha "publish $BUS $(lock_value 1) 60000"
	locks_tell 60 alpha '^published .* valid 1{64}$'
	locks_tell 60 beta '^changed .* valid 1{64}$'
	locks_say beta "publish $BUS $(lock_value 2) 60000"
	locks_tell 60 beta '^published .* valid 2{64}$'
	locks_tell 60 alpha '^changed .* valid 2{64}$'
}

# beta goes on to hold the name.
beta_finds_it_invalid() {
	locks_forget beta
	locks_say beta "publish $BUS $(lock_value 7) 60000"
	locks_tell 60 beta '^(published|overtaken) '
	on beta grep -Eq '^(changed|overtaken) .* invalid ' /run/locks.out
}

killed_with_exclusive() {
	defer locks_show beta
	on alpha - <<-'END'
		kill "$(cat /run/locks.pid)"
		wait_until 30 process_is_gone "$(cat /run/locks.pid)"
	END
	locks_killed_in_exclusive alpha "$BUS" beta_finds_it_invalid
	locks_say beta "publish $BUS $(lock_value 8) 60000"
	locks_tell 60 beta '^published .* valid 8{64}$'
	locks_start alpha
	locks_say alpha "hold $BUS"
	locks_tell 60 alpha '^held .* valid 8{64}$'
}

is_alone() {
	[ "$(quorum_members "$1")" = "$(lab_address "$1" lan)" ]
}

a_dead_member() {
	kill_node beta
	wait_until 60 is_alone alpha
}

# After a_dead_member: its value is alpha's alone.
outlives_its_host() {
	defer locks_show alpha
	locks_forget alpha
	locks_say alpha "value $BUS"
	locks_tell 60 alpha '^value .* valid 8{64}$'
	locks_say alpha "publish $BUS $(lock_value 9) 60000"
	locks_tell 60 alpha '^published .* valid 9{64}$'
}

test_case "corosync sees both hosts, and a DLM lock space has both as members" one_lock_space
test_case "a value that swpath-lockspace publishes on one host is told on the other, both ways" a_value_crosses
test_case "a holder that is killed with EX leaves a value that the other host knows not to be valid, and publishes again" killed_with_exclusive
test_case "a host that is killed is no member any more" a_dead_member
test_case "a value outlives a host that held it, and the one that is left can publish" outlives_its_host
