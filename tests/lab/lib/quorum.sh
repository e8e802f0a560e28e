# shellcheck shell=bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# quorum.sh - corosync and the DLM on the lab's hosts, over lan: after lab.sh. No fencing agent and no quorum are asked for: it is
# for what a lock manager says, not for what protects a disk.
#
#   quorum_start             on all hosts; returns when each sees all as members, and can make a lock space. LAB_MAJORITY=yes: one of
#                            two hosts alone has no quorum
#   corosync_start HOST...   corosync alone on those hosts; again after a boot
#   lock_manager_start HOST  the DLM there, when corosync sees all
#   quorum_members HOST      prints the addresses that HOST holds for members
#   dlm_joins HOST NAME      the lock space NAME, through the kernel; dlm_leaves ends it
#   locks_start HOST [COMMAND...]  a swpath-lockspace on HOST, which COMMAND runs (strace); returns when it is in the lock space
#   locks_say HOST ORDER...  one order to it, see libpath/hints/lock_line.h
#   locks_tell S HOST REGEX  waits until a line of that came since it was started, or since locks_forget
#   locks_forget HOST        what it told until now
#   locks_killed_in_exclusive HOST NAME SEEN...   a holder on HOST is killed on the way through EX, until SEEN succeeds: it is asked after each
#                            death. strace kills it before its Nth order to the lock manager, with some N before the one that goes
#                            down from EX and leaves the value. Fails if no N did
#   locks_show HOST          all of that, for the log of a test
# and lock_value of tests/vm/lib/dlm.sh.

# shellcheck source=tests/vm/lib/dlm.sh
. "$SW_LIB/dlm.sh"

quorum_config() {
	local host
	printf 'totem {\n version: 2\n cluster_name: lab\n transport: knet\n crypto_cipher: none\n crypto_hash: none\n}\n'
	printf 'nodelist {\n'
	for host in $(hosts); do
		printf ' node {\n  ring0_addr: %s\n  name: %s\n  nodeid: %s\n }\n' "$(lab_address "$host" lan)" "$host" "$(lab_number "$host")"
	done
	printf '}\nquorum {\n provider: corosync_votequorum\n wait_for_all: 0\n'
	[ "$(hosts | wc -l)" -ne 2 ] || [ -n "${LAB_MAJORITY:-}" ] || printf ' two_node: 1\n'
	printf '}\nlogging {\n to_syslog: no\n to_logfile: yes\n logfile: /run/corosync.log\n}\n'
}

corosync_start() {
	local host
	for host in "$@"; do
		mkdir -p "$LAB/$host/share/etc/corosync"
		quorum_config >"$LAB/$host/share/etc/corosync/corosync.conf"
		on "$host" - <<-'END'
			cp -a "$LAB_SHARE/etc/." /etc/
			mkdir -p /var/lib/corosync /var/log/corosync /run/lock
			corosync -f >/run/corosync.out 2>&1 &
		END
	done
}

quorum_start() {
	local host
	# shellcheck disable=SC2046 # a word each
	corosync_start $(hosts)
	for host in $(hosts); do
		lock_manager_start "$host"
	done
}

lock_manager_start() {
	on "$1" modprobe dlm
	wait_until 120 quorum_sees_all "$1"
	on "$1" - <<-'END'
		dlm_controld -D -q 0 -f 0 >/run/dlm_controld.out 2>&1 &
		wait_until 60 dlm_has_address
	END
}

quorum_members() {
	# One that is gone keeps its entry, with another status.
	on "$1" corosync-cmapctl -b runtime.members. | awk -F. '
		/\.ip / { node = $3; sub(/.* ip\(/, ""); sub(/\).*/, ""); ip[node] = $0 }
		/\.status .*= joined/ { joined[$3] = 1 }
		END { for (node in joined) print ip[node] }
	'
}

quorum_sees_all() {
	[ "$(quorum_members "$1" | wc -l)" -eq "$(hosts | wc -l)" ]
}

dlm_joins() {
	on "$1" timeout 60 dlm_tool join "$2"
}

dlm_leaves() {
	on "$1" timeout 60 dlm_tool leave "$2"
}

# It holds the fifo for writing too: so its input has no end.
locks_start() {
	local host=$1
	shift
	on "$host" - <<-END
		[ -p /run/locks.in ] || mkfifo /run/locks.in
		: >/run/locks.out
		$* /usr/libexec/swpath/swpath-lockspace <>/run/locks.in >>/run/locks.out 2>&1 &
		echo \$! >/run/locks.pid
		wait_until 60 grep -qx ready /run/locks.out
	END
}

locks_say() {
	on "$1" - <<-END
		echo '${*:2}' 1<>/run/locks.in
	END
}

locks_tell() {
	on "$2" wait_until "$1" grep -Eq "$3" /run/locks.out
}

locks_forget() {
	on "$1" truncate -s 0 /run/locks.out
}

locks_killed_in_exclusive() {
	local host=$1 name=$2 n
	shift 2
	for n in 3 4 5 6 7; do
		locks_start "$host" strace -f -o /dev/null -P /dev/dlm_swpath -P /dev/misc/dlm_swpath -e trace=write \
			-e "inject=write:signal=KILL:when=$n"
		locks_say "$host" "hold $name"
		locks_tell 60 "$host" '^held .* valid '
		locks_say "$host" "publish $name $(lock_value 6) 60000"
		on "$host" - <<-'END'
			wait_until 60 process_is_gone "$(cat /run/locks.pid)"
		END
		if "$@"; then
			note "killed before its order $n"
			return
		fi
	done
	fail "no holder that was killed left a value that is not valid"
}

locks_show() {
	echo "--- locks of $1"
	on "$1" cat /run/locks.out
}
