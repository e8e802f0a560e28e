# shellcheck shell=bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# peer.sh - another host, as far as a network namespace is one, that serves the disk by NBD. Its server is
# `qemu-nbd --cache=none`: direct I/O, so that it stays coherent with a direct path to the same disk.
#
#   peer_create NAME                a namespace and a veth pair, 10.99.N.1 here, 10.99.N.2 there
#   peer_address NAME               prints the peer's address
#   peer_serve NAME DEVICE [EXPORT=disk]   serves DEVICE at port 10809; waits until it listens
#   peer_attach NAME NBD [TIMEOUT_S=5]     attaches the export here as /dev/NBD (nbd0) through netlink
#   peer_detach NBD
#   peer_stall NAME / peer_continue NAME   the server stops (SIGSTOP) and goes on
#   peer_unread NAME                prints how many bytes of requests a server that stopped has not read
#   peer_kill NAME                  the server dies (SIGKILL)
#   peer_restart NAME               a new server with the same disk and export
#   peer_blackhole NAME [both|to|from]     packets to the peer, from it, or both ways vanish
#   peer_refuse NAME                every segment for the server is answered by a TCP reset
#   peer_weather NAME NETEM...      both ways: loss 5%, delay 300ms, ... (tc-netem(8))
#   peer_heal NAME                  undoes the three above
#   peer_serve_by NAME COMMAND...   COMMAND listens at the server's port in its place; after the case nothing
#                                   does, until peer_restart
#   peer_exec NAME COMMAND...       in the peer's namespace
#   nbd_is_up NBD                   succeeds if the device has a size

peer_count=0

peer_create() {
	local name=$1 n
	peer_count=$((peer_count + 1))
	n=$peer_count
	echo "10.99.$n.2" >"$SW_RUN/peer.$name.address"
	ip netns add "$name"
	defer peer_remove "$name"
	ip link add "sw-$name" type veth peer name eth0 netns "$name"
	ip addr add "10.99.$n.1/24" dev "sw-$name"
	ip link set "sw-$name" up
	# qemu-nbd of QEMU 7.2 leaves Nagle's algorithm on: with few I/Os under way an answer waits for our delayed
	# acknowledgement, 40 ms. What is to be seen here is the unit.
	ip route change "10.99.$n.0/24" dev "sw-$name" src "10.99.$n.1" quickack 1
	ip -n "$name" addr add "10.99.$n.2/24" dev eth0
	ip -n "$name" link set eth0 up
	ip -n "$name" link set lo up
}

peer_remove() {
	(peer_kill "$1" 2>/dev/null) # its failure ends nothing but itself
	ip link del "sw-$1"
	ip netns del "$1"
}

peer_address() {
	cat "$SW_RUN/peer.$1.address"
}

peer_exec() {
	ip netns exec "$@"
}

peer_serve() {
	local name=$1 device=$2 export_name=${3:-disk}
	printf '%s\n' "$device" "$export_name" >"$SW_RUN/peer.$name.serves"
	peer_restart "$name"
}

peer_restart() {
	local name=$1 device export_name
	{
		read -r device
		read -r export_name
	} <"$SW_RUN/peer.$name.serves"
	peer_run "$name" qemu-nbd --cache=none --format=raw --discard=unmap --persistent --shared=8 \
		--bind="$(peer_address "$name")" --port=10809 --export-name="$export_name" "$device"
}

peer_serve_by() {
	defer eval "(peer_kill $1 2>/dev/null) || true" # its failure ends nothing but itself
	peer_run "$@"
}

peer_run() {
	local name=$1
	shift
	peer_kill "$name" 2>/dev/null || true
	ip netns exec "$name" "$@" </dev/null >"$SW_RUN/peer.$name.out" 2>&1 &
	echo $! >"$SW_RUN/peer.$name.pid"
	disown # its end by peer_kill is nothing that the shell should tell
	wait_until 20 peer_listens "$name"
}

peer_listens() {
	ip netns exec "$1" ss -Hltn 'sport = :10809' | grep -q .
}

peer_signal() {
	kill "-$2" "$(cat "$SW_RUN/peer.$1.pid")"
}

peer_stall() { peer_signal "$1" STOP; }
peer_continue() { peer_signal "$1" CONT; }

peer_unread() {
	ip netns exec "$1" ss -Htn state established 'sport = :10809' | awk '{ n += $1 } END { print n + 0 }'
}

peer_kill() {
	local pid
	pid=$(cat "$SW_RUN/peer.$1.pid") || return
	kill -KILL "$pid"
	# Gone, with its port, when this returns.
	wait_until 30 process_is_gone "$pid"
	rm "$SW_RUN/peer.$1.pid"
}

peer_attach() {
	local name=$1 nbd=$2 timeout_s=${3:-5}
	modprobe nbd nbds_max=4
	nbd-client -N "$(sed -n 2p "$SW_RUN/peer.$name.serves")" -timeout "$timeout_s" \
		"$(peer_address "$name")" 10809 "/dev/$nbd" >"$SW_RUN/$nbd.out" 2>&1 ||
		fail "nbd-client: $(cat "$SW_RUN/$nbd.out")"
	defer peer_detach "$nbd"
	wait_until 10 nbd_is_up "$nbd"
}

peer_detach() {
	if nbd_is_up "$1"; then
		nbd-client -d "/dev/$1" >/dev/null
	fi
}

nbd_is_up() {
	[ "$(blockdev --getsize64 "/dev/$1")" -gt 0 ]
}

# In the peer's own tables, so that this host sees silence, not an error.
peer_blackhole() {
	local name=$1 way=${2:-both}
	case $way in both | to) ip netns exec "$name" iptables -I INPUT -i eth0 -j DROP ;; esac
	case $way in both | from) ip netns exec "$name" iptables -I OUTPUT -o eth0 -j DROP ;; esac
}

peer_refuse() {
	ip netns exec "$1" iptables -I INPUT -i eth0 -p tcp --dport 10809 -j REJECT --reject-with tcp-reset
}

peer_weather() {
	local name=$1
	shift
	modprobe sch_netem
	tc qdisc replace dev "sw-$name" root netem "$@"
	tc -n "$name" qdisc replace dev eth0 root netem "$@"
}

peer_heal() {
	ip netns exec "$1" iptables -F
	tc qdisc del dev "sw-$1" root 2>/dev/null || true
	tc -n "$1" qdisc del dev eth0 root 2>/dev/null || true
}
