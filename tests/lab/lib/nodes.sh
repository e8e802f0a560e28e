# shellcheck shell=bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# nodes.sh - the nodes of a running lab, for a script on the machine. LAB is the lab's directory.
#
#   on NODE COMMAND [ARGS]    runs it there, in a shell with the libraries of the VM tests; its output and status come back. A
#                             COMMAND "-" is a script on standard input. Status 255: no answer within LAB_ON_S (120) s, or the node
#                             is not there. Needs no network
#   cut NODE NIC [in|out]     pulls the cable: nothing goes either way, and the NIC sees it. With a direction, only what goes in (or
#                             out) is lost, and nobody is told; that ends with a reboot
#   heal NODE [NIC]           undoes cuts
#   freeze NODE / thaw NODE   its CPUs stop, and go on as if no time had passed
#   kill_node NODE            its power is lost
#   start_node NODE           ... and is back; waits until it can be asked, not until it has its disks
#   reboot_node NODE          resets it, and waits as start_node does
#   node_has_disks NODE       succeeds if it has its disks (array: serves them)
#   node_lives NODE           succeeds if its VM is there, frozen or not
#   nodes                     prints their names
#
# The others fail, and say why, if the lab cannot do it; all are bounded in time.

# shellcheck source=tests/lab/lib/net.sh
. "$SW_TOP/tests/lab/lib/net.sh"

nodes() {
	cat "$LAB/nodes"
}

node_dir() {
	[ -d "$LAB/$1/now" ] || { echo "lab: no node '$1'; there are: $(nodes | tr '\n' ' ')" >&2 && return 1; }
	echo "$LAB/$1"
}

node_lives() {
	local pid state
	# Nothing if it goes in between.
	pid=$(cat "$LAB/$1/now/pid" 2>/dev/null) &&
		state=$(sed -n 's/^State:[[:space:]]*\(.\).*/\1/p' "/proc/$pid/status" 2>/dev/null) &&
		[ -n "$state" ] && [ "$state" != Z ]
}

# The relative name keeps it within the 108 characters of a socket's address.
node_qmp() {
	local dir
	dir=$(node_dir "$1") || return
	(cd "$dir" && "$SW_TOP/tests/lab/qmp.py" qmp "${@:2}")
}

# wait_for TENTHS COMMAND...: false when they are over. (A script's wait_until ends its test.)
wait_for() {
	local n=$1
	shift
	while ! "$@"; do
		n=$((n - 1))
		[ "$n" -gt 0 ] || return
		sleep 0.1
	done
}

ring() {
	# Both ways: so that it does not wait for a reader, should the node be gone.
	echo "$2" 1<>"$LAB/$1/bell.in"
}

on() {
	local node=$1 dir call began=$EPOCHSECONDS rang=0 status
	shift
	dir=$(node_dir "$node") || return 255
	call=$(mktemp -d "$dir/share/call/XXXXXXXX") || return 255
	if [ "$1" = - ]; then
		cat
	else
		printf '%q ' "$@"
	fi >"$call/command"
	until status=$(cat "$call/status" 2>/dev/null); do
		if ! node_lives "$node"; then
			echo "lab: $node is not running" >&2
			return 255
		fi
		if [ $((EPOCHSECONDS - began)) -ge "${LAB_ON_S:-120}" ]; then
			cat "$call/out" 2>/dev/null
			echo "lab: $node: no answer within ${LAB_ON_S:-120} s: $(head -c 200 "$call/command")" >&2
			ring "$node" "-${call##*/}"
			return 255
		fi
		# Once more, should nobody have listened yet.
		if [ ! -e "$call/taken" ] && [ $((EPOCHSECONDS - rang)) -ge 3 ]; then
			ring "$node" "${call##*/}"
			rang=$EPOCHSECONDS
		fi
		sleep 0.05
	done
	cat "$call/out"
	rm -r "$call"
	return "$status"
}

cut() {
	local node=$1 nic=$2 hook
	case ${3:-} in
	'')
		node_qmp "$node" set_link "{\"name\": \"$nic\", \"up\": false}" >/dev/null || return
		: >"$LAB/$node/cut.$nic"
		;;
	in | out)
		hook=$([ "$3" = in ] && echo ingress || echo egress)
		on "$node" - <<-END
			modprobe -a sch_ingress cls_matchall act_gact
			tc qdisc show dev $nic | grep -q clsact || tc qdisc add dev $nic clsact
			tc filter add dev $nic $hook matchall action drop
		END
		;;
	*) echo "lab: cut $node $nic: no direction '$3': in or out" >&2 && return 1 ;;
	esac
}

heal() {
	local node=$1 nic
	for nic in ${2:-$(lab_nics "$node")}; do
		node_qmp "$node" set_link "{\"name\": \"$nic\", \"up\": true}" >/dev/null || return
		rm -f "$LAB/$node/cut.$nic"
		on "$node" - <<-END || return
			! tc qdisc show dev $nic | grep -q clsact || tc qdisc del dev $nic clsact
		END
	done
}

freeze() {
	node_qmp "$1" stop >/dev/null
}

thaw() {
	node_qmp "$1" cont >/dev/null
}

node_is_gone() {
	! node_lives "$1"
}

kill_node() {
	local dir pid
	dir=$(node_dir "$1") || return
	node_lives "$1" || { echo "lab: $1 is not running" >&2 && return 1; }
	: >"$dir/now/killed"
	pid=$(cat "$dir/now/pid")
	kill -KILL "$pid"
	wait_for 100 node_is_gone "$1" || { echo "lab: $1 does not die: process $pid" >&2 && return 1; }
}

node_is_another() {
	[ "$(readlink "$LAB/$1/now")" != "$2" ]
}

node_listens() {
	[ "$(cat "$LAB/$1/share/ready" 2>/dev/null)" = "$(cat "$LAB/$1/now/nonce" 2>/dev/null)" ]
}

node_has_disks() {
	[ "$(cat "$LAB/$1/share/attached" 2>/dev/null)" = "$(cat "$LAB/$1/now/nonce" 2>/dev/null)" ]
}

node_listens_or_is_gone() {
	node_listens "$1" || node_is_gone "$1"
}

start_node() {
	local nic last
	last=$(readlink "$LAB/$1/now") || { node_dir "$1" && return 1; }
	node_is_gone "$1" || { echo "lab: $1 is running already" >&2 && return 1; }
	echo "start $1" 1<>"$LAB/orders"
	wait_for 100 node_is_another "$1" "$last" || { echo "lab: nobody started $1, see $LAB/keeper.log" >&2 && return 1; }
	for nic in $(lab_nics "$1"); do
		[ ! -e "$LAB/$1/cut.$nic" ] || cut "$1" "$nic"
	done
	wait_for 1800 node_listens_or_is_gone "$1" && node_lives "$1" && return
	echo "lab: $1 does not come up; its console: $LAB/$1/now/console" >&2
	return 1
}

# What is under way in it is lost, as with the button; only its log is complete.
end_node() {
	ring "$1" end
	wait_for 300 node_is_gone "$1"
}

reboot_node() {
	end_node "$1" || { echo "lab: $1 does not reset" >&2 && return 1; }
	start_node "$1"
}
