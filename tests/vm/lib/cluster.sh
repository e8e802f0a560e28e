# shellcheck shell=bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# cluster.sh - two hosts in one VM: `. "$SW_LIB/cluster.sh"` after sw.sh and pathd.sh. This one, "alpha", keeps the unit. "beta" is a
# second pathd in a network and a mount namespace of its own, with its own /run/swpath, /etc/swpath and machine-id: it builds no unit,
# but serves its direct path of the same disk with a nbdkit that it starts. The kernel, and with it device-mapper and the SCSI
# devices, is one; the sw0 that both configure is alpha's.
#
#   cluster_create DIRECT_HCTL SERVED_HCTL WWID [KEY=VALUE...]   namespaces, keys, both configurations; starts nothing.
#                                   The keys of swpath.toml are alpha's unit's; CLUSTER_PLAIN=false before it serves with TLS
#   beta_run                        beta's pathd; waits for nothing
#   beta_start                      ... until it serves
#   beta_kill_all                   SIGKILL for its pathd and its server
#   beta_config [KEY=VALUE...]      beta's configuration anew, with keys of its unit
#   beta_server                     prints the process of beta's server
#   beta_said REGEX                 succeeds if beta's pathd logged a line of that
#   cluster_start                   both, until the unit is online with two usable paths

BETA=$SW_RUN/beta
BETA_LOG=$SW_RUN/beta.log
CLUSTER_PLAIN=${CLUSTER_PLAIN:-true}

cluster_create() {
	CLUSTER_DIRECT=$1 CLUSTER_SERVED=$2 CLUSTER_WWID=$3
	shift 3
	requires_module nbd
	requires_command nbdkit psktool
	modprobe nbd nbds_max=8
	[ -s /etc/machine-id ] || cat /proc/sys/kernel/random/boot_id | tr -d - >/etc/machine-id
	peer_create beta
	defer cluster_clean
	rm -rf "$BETA"
	mkdir -p "$BETA/run" "$BETA/etc" /run/swpath /etc/swpath
	echo be7abe7abe7abe7abe7abe7abe7abe7a >"$BETA/machine-id"
	psktool -u alpha -p /etc/swpath/keys >/dev/null
	psktool -u beta -p /etc/swpath/keys >/dev/null
	chmod 600 /etc/swpath/keys
	cp -p /etc/swpath/keys "$BETA/etc/keys"
	: >"$PATHD_LOG"
	: >"$BETA_LOG"
	alpha_config "$@"
	beta_config
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
	{
		printf '[cluster]\nname = "alpha"\nkey_file = "/etc/swpath/keys"\nplain = %s\n' "$CLUSTER_PLAIN"
		printf '[[cluster.peer]]\nname = "beta"\naddress = "%s"\n' "$(peer_address beta)"
		printf '[unit.sw0]\nwwid = "%s"\n' "$CLUSTER_WWID"
		cluster_unit_keys 'fence="prove"' 'stall="3s"' 'check_interval="1s"' \
			'failback={policy="manual",interval="1s",stable="2s"}' -- "$@"
		printf '[[unit.sw0.path]]\nkind = "direct"\nhctl = "%s"\n' "$CLUSTER_DIRECT"
		printf '[[unit.sw0.path]]\nkind = "served"\npeer = "beta"\n'
	} >/etc/swpath/swpath.toml
}

beta_config() {
	local address
	address=$(peer_address beta)
	{
		printf '[cluster]\nname = "beta"\nkey_file = "/etc/swpath/keys"\nplain = %s\n' "$CLUSTER_PLAIN"
		printf 'listen = "%s"\nserve = "%s"\n' "$address" "$address"
		printf '[[cluster.peer]]\nname = "alpha"\naddress = "%s"\n' "${address%.2}.1"
		printf '[unit.sw0]\nwwid = "%s"\nbuild = false\nserve = true\n' "$CLUSTER_WWID"
		cluster_unit_keys 'stall="5s"' 'check_interval="1s"' -- "$@"
		printf '[[unit.sw0.path]]\nkind = "direct"\nname = "beta"\nhctl = "%s"\n' "$CLUSTER_SERVED"
	} >"$BETA/etc/swpath.toml"
}

beta_run() {
	# shellcheck disable=SC2016 # for the shell in the namespaces
	nsenter --net=/run/netns/beta unshare --mount --propagation private sh -c '
		mount --bind "$1/run" /run/swpath && mount --bind "$1/etc" /etc/swpath &&
		mount --bind "$1/machine-id" /etc/machine-id && exec pathd' beta "$BETA" \
		</dev/null >>"$BETA_LOG" 2>&1 &
	echo $! >"$SW_RUN/beta.pid"
	disown
}

beta_start() {
	beta_run
	wait_until 60 beta_said 'serving at'
	wait_until 60 beta_said 'direct sd[a-z]+ is ok'
}

beta_kill() {
	local pid
	pid=$(cat "$SW_RUN/beta.pid" 2>/dev/null) || return 0
	kill -KILL "$pid" 2>/dev/null || true
	wait_until 60 pathd_has_let_go "$pid"
	rm -f "$SW_RUN/beta.pid"
}

beta_server() {
	peer_exec beta ss -Hltnp 'sport = :10809' | sed -n 's/.*pid=\([0-9]*\).*/\1/p' | head -n 1
}

beta_kill_all() {
	local server
	server=$(beta_server)
	kill -STOP "$(cat "$SW_RUN/beta.pid")" # it would start another one
	[ -z "$server" ] || kill -KILL "$server"
	beta_kill
	[ -z "$server" ] || wait_until 30 process_is_gone "$server"
}

beta_said() {
	grep -Eq "$1" "$BETA_LOG"
}

cluster_start() {
	beta_start
	pathd_start
}

cluster_clean() {
	local server
	echo "--- beta's log"
	tail -n 60 "$BETA_LOG" || true
	(beta_kill) # its failure ends nothing but itself
	server=$(beta_server) || true
	[ -z "$server" ] || kill -KILL "$server" || true
	pathd_clean
	rm -rf "$BETA"
}
