# shellcheck shell=bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# cluster.sh - several hosts in one VM: `. "$SW_LIB/cluster.sh"` after sw.sh and pathd.sh. This one, "alpha", keeps the unit. Each
# other, "beta" and "gamma", is a pathd in a network and a mount namespace of its own, with its own /run/swpath, /etc/swpath and
# machine-id: it builds no unit, but serves its direct path of the same disk with a nbdkit that it starts. The kernel, and with it
# device-mapper and the SCSI devices, is one; the sw0 that all configure is alpha's.
#
#   cluster_create DIRECT_HCTL WWID HOST=HCTL,... [KEY=VALUE...]   namespaces, keys, all configurations; starts nothing.
#                                   The keys of swpath.toml are alpha's unit's; CLUSTER_PLAIN=false before it serves with TLS
#   host_run HOST                   its pathd; waits for nothing
#   host_start HOST                 ... until it serves
#   host_kill_all HOST              SIGKILL for its pathd and its server
#   host_config HOST [KEY=VALUE...]   its configuration anew, with keys of its unit
#   host_server HOST                prints the process of its server
#   host_pathctl HOST ARGS...       pathctl as its administrator would call it
#   host_said HOST REGEX            succeeds if its pathd logged a line of that
#   cluster_start                   all, until the unit is online with usable paths

CLUSTER_PLAIN=${CLUSTER_PLAIN:-true}
declare -A HOST_HCTL=()

host_dir() {
	echo "$SW_RUN/host.$1"
}

cluster_create() {
	local host
	CLUSTER_DIRECT=$1 CLUSTER_WWID=$2
	HOST_HCTL=()
	CLUSTER_HOSTS=()
	for host in ${3//,/ }; do
		CLUSTER_HOSTS+=("${host%%=*}")
		HOST_HCTL[${host%%=*}]=${host#*=}
	done
	shift 3
	requires_module nbd
	requires_command nbdkit psktool
	modprobe nbd nbds_max=8
	[ -s /etc/machine-id ] || tr -d - </proc/sys/kernel/random/boot_id >/etc/machine-id
	mkdir -p /run/swpath /etc/swpath
	for host in alpha "${CLUSTER_HOSTS[@]}"; do
		psktool -u "$host" -p /etc/swpath/keys >/dev/null
	done
	chmod 600 /etc/swpath/keys
	: >"$PATHD_LOG"
	for host in "${CLUSTER_HOSTS[@]}"; do
		peer_create "$host"
		defer host_clean "$host"
		rm -rf "$(host_dir "$host")"
		mkdir -p "$(host_dir "$host")/run" "$(host_dir "$host")/etc"
		echo "$host" | md5sum | command cut -c 1-32 >"$(host_dir "$host")/machine-id"
		cp -p /etc/swpath/keys "$(host_dir "$host")/etc/keys"
		: >"$(host_dir "$host")/log"
		host_config "$host"
	done
	defer pathd_clean
	alpha_config "$@"
}

cluster_unit_keys() { # DEFAULT... -- KEY=VALUE...
	local line defaults=() given
	while [ "$1" != -- ]; do
		defaults+=("$1")
		shift
	done
	shift
	given=" $* "
	for line in "${defaults[@]}"; do
		case $given in *" ${line%%=*}="*) continue ;; esac
		echo "$line"
	done
	[ $# -eq 0 ] || printf '%s\n' "$@"
}

alpha_config() {
	local host
	{
		printf '[cluster]\nname = "alpha"\nlisten = "0.0.0.0"\nkey_file = "/etc/swpath/keys"\nplain = %s\n' "$CLUSTER_PLAIN"
		for host in "${CLUSTER_HOSTS[@]}"; do
			printf '[[cluster.peer]]\nname = "%s"\naddress = "%s"\n' "$host" "$(peer_address "$host")"
		done
		printf '[unit.sw0]\nwwid = "%s"\n' "$CLUSTER_WWID"
		cluster_unit_keys 'fence="prove"' 'stall="3s"' 'check_interval="1s"' \
			'failback={policy="manual",interval="1s",stable="2s"}' -- "$@"
		printf '[[unit.sw0.path]]\nkind = "direct"\nhctl = "%s"\n' "$CLUSTER_DIRECT"
		for host in "${CLUSTER_HOSTS[@]}"; do
			printf '[[unit.sw0.path]]\nkind = "served"\npeer = "%s"\n' "$host"
		done
	} >/etc/swpath/swpath.toml
}

host_config() {
	local host=$1 address
	shift
	address=$(peer_address "$host")
	{
		printf '[cluster]\nname = "%s"\nkey_file = "/etc/swpath/keys"\nplain = %s\n' "$host" "$CLUSTER_PLAIN"
		printf 'listen = "%s"\nserve = "%s"\n' "$address" "$address"
		printf '[[cluster.peer]]\nname = "alpha"\naddress = "%s"\n' "${address%.2}.1"
		printf '[unit.sw0]\nwwid = "%s"\nbuild = false\nserve = true\n' "$CLUSTER_WWID"
		cluster_unit_keys 'stall="5s"' 'check_interval="1s"' -- "$@"
		printf '[[unit.sw0.path]]\nkind = "direct"\nname = "%s"\nhctl = "%s"\n' "$host" "${HOST_HCTL[$host]}"
	} >"$(host_dir "$host")/etc/swpath.toml"
}

host_run() {
	# shellcheck disable=SC2016 # for the shell in the namespaces
	nsenter "--net=/run/netns/$1" unshare --mount --propagation private sh -c '
		mount --bind "$1/run" /run/swpath && mount --bind "$1/etc" /etc/swpath &&
		mount --bind "$1/machine-id" /etc/machine-id && exec pathd' "$1" "$(host_dir "$1")" \
		</dev/null >>"$(host_dir "$1")/log" 2>&1 &
	echo $! >"$(host_dir "$1")/pid"
	disown
}

host_start() {
	host_run "$1"
	wait_until 60 host_said "$1" 'serving at'
	wait_until 60 host_said "$1" 'direct sd[a-z]+ is ok'
}

host_kill() {
	local pid
	pid=$(cat "$(host_dir "$1")/pid" 2>/dev/null) || return 0
	kill -KILL "$pid" 2>/dev/null || true
	wait_until 60 pathd_has_let_go "$pid"
	rm -f "$(host_dir "$1")/pid"
}

host_server() {
	peer_exec "$1" ss -Hltnp 'sport = :10809' | sed -n 's/.*pid=\([0-9]*\).*/\1/p' | head -n 1
}

host_kill_all() {
	local server
	server=$(host_server "$1")
	kill -STOP "$(cat "$(host_dir "$1")/pid")" # it would start another one
	[ -z "$server" ] || kill -KILL "$server"
	host_kill "$1"
	[ -z "$server" ] || wait_until 30 process_is_gone "$server"
}

host_pathctl() {
	nsenter --target "$(cat "$(host_dir "$1")/pid")" --mount --net pathctl "${@:2}"
}

host_said() {
	grep -Eq "$2" "$(host_dir "$1")/log"
}

cluster_start() {
	local host slot=0
	for host in "${CLUSTER_HOSTS[@]}"; do
		host_start "$host"
	done
	pathd_start
	for host in "${CLUSTER_HOSTS[@]}"; do
		slot=$((slot + 1))
		wait_until 60 path_is_usable $slot
	done
}

host_clean() {
	local server
	echo "--- $1's log"
	tail -n 60 "$(host_dir "$1")/log" || true
	(host_kill "$1") # its failure ends nothing but itself
	server=$(host_server "$1") || true
	[ -z "$server" ] || kill -KILL "$server" || true
	rm -rf "$(host_dir "$1")"
}
