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

is_alone() {
	[ "$(quorum_members "$1")" = "$(lab_address "$1" lan)" ]
}

a_dead_member() {
	kill_node beta
	wait_until 60 is_alone alpha
}

test_case "corosync sees both hosts, and a DLM lock space has both as members" one_lock_space
test_case "a host that is killed is no member any more" a_dead_member
