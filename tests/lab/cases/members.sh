#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# nodes: alpha beta gamma
# timeout: 600
#
# The members' recovery over real corosync, on hosts that come, die, freeze, boot and lose their cable. What all of them wrote down is
# judged in the end (tests/members/judge.py).
# shellcheck source=tests/lab/lib/lab.sh
. "$SW_TOP/tests/lab/lib/lab.sh"
# shellcheck source=tests/lab/lib/quorum.sh
. "$SW_TOP/tests/lab/lib/quorum.sh"

members_start() {
	local host
	for host in "$@"; do
		# 20 calls of each service, so that a fault finds a round under way.
		on "$host" - <<-END
			swmembers --host $host --calls 20 >>"\$LAB_SHARE/members.log" 2>/run/members.err &
		END
	done
}

# The last word of the host: "complete alpha beta", or that a membership is new.
member_state() {
	grep -E '"event":"(complete|membership)".*}$' "$LAB/$1/share/members.log" | tail -n 1 |
		jq -r '.event + ([.members[] | " " + split("/")[0]] | add)'
}

are_together() {
	local host
	for host in "$@"; do
		[ "$(member_state "$host")" = "complete $*" ] || return
	done
}

they_join() {
	# shellcheck disable=SC2046 # a word each
	corosync_start $(hosts)
	members_start alpha beta
	wait_until 60 are_together alpha beta
	members_start gamma
	wait_until 30 are_together alpha beta gamma
}

one_is_killed() {
	kill_node gamma
	wait_until 30 are_together alpha beta
	start_node gamma
	corosync_start gamma
	members_start gamma
	wait_until 60 are_together alpha beta gamma
}

one_is_frozen() {
	freeze beta
	wait_until 30 are_together alpha gamma
	thaw beta
	wait_until 60 are_together alpha beta gamma
}

one_is_rebooted() {
	reboot_node beta
	corosync_start beta
	members_start beta
	wait_until 60 are_together alpha beta gamma
}

the_ring_is_cut() {
	cut beta lan
	wait_until 30 are_together alpha gamma
	wait_until 30 are_together beta
	heal beta lan
	wait_until 60 are_together alpha beta gamma
}

corosync_dies() {
	on alpha pkill -KILL -x corosync
	wait_until 30 are_together beta gamma
	corosync_start alpha
	wait_until 60 are_together alpha beta gamma
}

all_is_in_order() {
	expect "$SW_TOP/tests/members/judge.py" "$LAB"/*/share/members.log
	note "$("$SW_TOP/tests/members/judge.py" "$LAB"/*/share/members.log)"
}

test_case "two hosts recover together, and then with a third" they_join
test_case "a host that is killed is left out, and comes back as another member" one_is_killed
test_case "a host that is frozen is left out, and comes back when it goes on" one_is_frozen
test_case "a host that is rebooted comes back" one_is_rebooted
test_case "both sides of a cut recover alone, and together when it is mended" the_ring_is_cut
test_case "corosync is killed and started again: its host comes back" corosync_dies
test_case "in all of this no service began or was activated too early, all had the same, an abort left nothing" all_is_in_order
