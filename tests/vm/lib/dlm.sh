# shellcheck shell=bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# dlm.sh - the kernel's lock manager, with corosync and dlm_controld, and holders of names in it: `. "$SW_LIB/dlm.sh"` after sw.sh.
#
#   dlm_start [ADDRESS=127.0.0.1]   one node, without fencing and quorum; until the lock manager takes a lock space
#   dlm_has_address                 succeeds when dlm_controld has told the kernel this node's address
#   holder_start NAME [COMMAND...]  a swpath-lockspace of its own (COMMAND runs it: strace); until it is in the lock space
#   holder_say NAME ORDER...        one order to it, see libpath/hints/lock_line.h
#   holder_told NAME REGEX          succeeds if it told a line of that
#   holder_last NAME                its last line
#   holder_stop NAME                closes its input; until it has ended
#   lock_value DIGIT                a value: 64 times that digit

LOCKSPACE=/usr/libexec/swpath/swpath-lockspace
declare -A HOLDER_PID=() HOLDER_FD=()

dlm_start() {
	local address=${1:-127.0.0.1}
	requires_module dlm
	requires_command corosync dlm_controld
	modprobe dlm
	mkdir -p /etc/corosync /var/lib/corosync /var/log/cluster /run/corosync
	cat >/etc/corosync/corosync.conf <<-END
		totem {
			version: 2
			cluster_name: lab
			transport: knet
			crypto_cipher: none
			crypto_hash: none
		}
		nodelist {
			node {
				name: alpha
				nodeid: 1
				ring0_addr: $address
			}
		}
		quorum {
			provider: corosync_votequorum
		}
		logging {
			to_stderr: yes
			to_syslog: no
		}
	END
	corosync -f </dev/null >"$SW_RUN/corosync.log" 2>&1 &
	wait_until 60 corosync-quorumtool -s
	dlm_controld -D -q 0 -f 0 </dev/null >"$SW_RUN/dlm_controld.log" 2>&1 &
	wait_until 60 dlm_has_address
}

# dlm_controld answers dlm_tool before it has told the kernel this node's address.
dlm_has_address() {
	grep -qx 1 /sys/kernel/config/dlm/cluster/comms/*/local
}

holder_start() {
	local name=$1 fd
	shift
	rm -f "$SW_RUN/holder.$name".*
	mkfifo "$SW_RUN/holder.$name.in"
	"$@" "$LOCKSPACE" <"$SW_RUN/holder.$name.in" >>"$SW_RUN/holder.$name.out" 2>>"$SW_RUN/holder.$name.err" &
	HOLDER_PID[$name]=$!
	exec {fd}>"$SW_RUN/holder.$name.in"
	HOLDER_FD[$name]=$fd
	defer holder_clean "$name"
	wait_until 60 holder_told "$name" '^ready$'
}

holder_say() {
	local name=$1
	shift
	echo "$*" >&"${HOLDER_FD[$name]}"
}

holder_told() {
	grep -Eq "$2" "$SW_RUN/holder.$1.out"
}

holder_last() {
	tail -n 1 "$SW_RUN/holder.$1.out"
}

holder_stop() {
	local fd=${HOLDER_FD[$1]}
	exec {fd}>&-
	wait_until 30 process_is_gone "${HOLDER_PID[$1]}"
}

holder_clean() {
	echo "--- holder $1"
	cat "$SW_RUN/holder.$1.out" "$SW_RUN/holder.$1.err"
	kill -KILL "${HOLDER_PID[$1]}" 2>/dev/null || true
}

lock_value() {
	printf "$1%.0s" {1..64}
}
