#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# kernels: 6.1
# timeout: 300
#
# The lock space dlm on the kernel's real lock manager: one node, two processes as two holders. And pathd with the engine corosync
# beside them, whose cluster is this node.
# shellcheck source=tests/vm/lib/sw.sh
. "$SW_LIB/sw.sh"
# shellcheck source=tests/vm/lib/pathd.sh
. "$SW_LIB/pathd.sh"
# shellcheck source=tests/vm/lib/dlm.sh
. "$SW_LIB/dlm.sh"

# shellcheck disable=SC2016 # no variable
BUS='swbus$17$B'

both_hold() {
	holder_start one "$@"
	holder_start two
	holder_say one "hold $BUS"
	holder_say two "hold $BUS"
	wait_until 30 holder_told one '^held '
	wait_until 30 holder_told two '^held '
}

a_value_is_seen() {
	both_hold
	expect_match 'valid 0{64}$' "$(holder_last two)" "the value before"
	holder_say one "publish $BUS $(lock_value 1) 20000"
	wait_until 30 holder_told one '^published .* valid 1{64}$'
	wait_until 30 holder_told two '^changed .* valid 1{64}$'
	holder_say two "publish $BUS $(lock_value 2) 20000"
	wait_until 30 holder_told two '^published .* valid 2{64}$'
	wait_until 30 holder_told one '^changed .* valid 2{64}$'
	# The value outlives who wrote it.
	holder_stop two
	holder_start three
	holder_say three "hold $BUS"
	wait_until 30 holder_told three '^held .* valid 2{64}$'
}

two_publish_at_once() {
	both_hold
	holder_say one "publish $BUS $(lock_value 3) 30000"
	holder_say two "publish $BUS $(lock_value 4) 30000"
	wait_until 40 holder_told one '^(published|overtaken) '
	wait_until 40 holder_told two '^(published|overtaken) '
	expect_eq 1 "$(cat "$SW_RUN"/holder.{one,two}.out | grep -c '^published ')" "values published"
}

# strace kills it before its Nth order to the lock manager. With some N that is the one that goes down from EX and
# leaves the value; before and after it is in PR, and the value stays.
a_killed_holder_leaves_no_value() {
	local n
	requires_command strace
	holder_start two
	holder_say two "hold $BUS"
	wait_until 30 holder_told two '^held '
	for n in 3 4 5 6 7 8; do
		holder_start "one$n" strace -f -o /dev/null -P /dev/dlm_swpath -P /dev/misc/dlm_swpath -e trace=write \
			-e "inject=write:signal=KILL:when=$n"
		holder_say "one$n" "hold $BUS"
		wait_until 30 holder_told "one$n" '^held '
		holder_say "one$n" "publish $BUS $(lock_value 6) 60000"
		wait_until 60 process_is_gone "${HOLDER_PID[one$n]}"
		holder_say two "publish $BUS $(lock_value 7) 30000"
		wait_until 40 holder_told two '^(published|overtaken) '
		! holder_told two ' invalid ' || break
		: >"$SW_RUN/holder.two.out"
	done
	note "killed before its order $n"
	expect holder_told two '^(changed|overtaken) .* invalid '
	holder_say two "publish $BUS $(lock_value 8) 30000"
	wait_until 40 holder_told two '^published .* valid 8{64}$'
}

peers_say() {
	[[ $(pathctl peers --json | jq -r '[.engine, .phase, .trouble, .members[]] | join(" ")') =~ $1 ]]
}

peers_clean() {
	pathctl peers || true
	cat "$PATHD_LOG"
	pkill -CONT -x corosync || true
	pathd_stop
	rm -rf /etc/swpath /run/swpath
}

a_member_by_corosync() {
	local before
	mkdir -p /etc/swpath
	psktool -u alpha -p /etc/swpath/keys >/dev/null
	chmod 600 /etc/swpath/keys
	printf '[cluster]\nname = "alpha"\nkey_file = "/etc/swpath/keys"\nengine = "corosync"\n' >/etc/swpath/swpath.toml
	defer peers_clean
	modprobe dm-mod
	pathd_run
	wait_until 60 peers_say '^corosync complete  alpha$'
	before=$(pgrep -x swpath-members)
	kill -KILL "$before"
	wait_until 30 process_is_gone "$before"
	wait_until 30 peers_say '^corosync complete  alpha$'
	# The process is replaced again and again, and none of them is heard of by corosync before it goes on.
	pkill -STOP -x corosync
	wait_until 30 peers_say '^corosync no membership .*has not answered for 5 s'
	pkill -CONT -x corosync
	wait_until 30 peers_say '^corosync complete  alpha$'
	expect_eq 1 "$(pgrep -c -x swpath-members)" "processes"
}

dlm_start
test_case "a value that one holder publishes is told to the other, and outlives who wrote it" a_value_is_seen
test_case "two that publish at once come to an end: one is overtaken" two_publish_at_once
test_case "a holder that is killed with EX leaves a value that is not valid, and the next one publishes again" a_killed_holder_leaves_no_value
test_case "pathd is a member by corosync, also after swpath-members was killed, and after corosync stood still" a_member_by_corosync
