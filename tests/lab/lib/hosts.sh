# shellcheck shell=bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# hosts.sh - pathd on the lab's hosts: each has sw0 over its own path to the array's first disk (slot 0), then over the other
# hosts' (slots 1, 2 in the order of the alphabet), serves that path to them, and fences by the disk's reservations.
#
#   hosts                        prints the lab's hosts
#   hosts_start [KEY=VALUE...]   configures all, with keys of the unit as swpath.toml has them, and starts pathd on each; returns
#                                when all paths of all are usable. LAB_CLUSTER_KEYS are more keys of [cluster]. At each later boot of a host its pathd starts by itself.
#                                LAB_HINTS_KEYS: there is a [hints], with these keys and the number of the host.
#                                HOSTS_DISCOVER=shared|all: nobody names a disk or a path; sw0 is found
#   host_slot HOST OTHER         the slot of OTHER's path in the unit of HOST
#   host_waits_for S HOST COMMAND...   runs wait_until there
#   host_settles HOST            waits until all of its paths are usable, helps damped ones, and goes to its own path
#   host_history HOST            the last switches, for the log of a test

hosts() {
	nodes | grep -vx array
}

host_slot() {
	local other slot=0
	[ "$1" != "$2" ] || { echo 0 && return; }
	for other in $(hosts); do
		[ "$other" != "$1" ] || continue
		slot=$((slot + 1))
		[ "$other" != "$2" ] || { echo $slot && return; }
	done
	return 1
}

host_config() {
	local host=$1 other line
	shift
	printf '[cluster]\nname = "%s"\nkey_file = "/etc/swpath/keys"\nplain = true\n' "$host"
	printf 'listen = "%s"\nserve = "%s"\n' "$(lab_address "$host" lan)" "$(lab_address "$host" lan)"
	[ -z "${LAB_CLUSTER_KEYS:-}" ] || printf '%s\n' "$LAB_CLUSTER_KEYS"
	for other in $(hosts); do
		[ "$other" = "$host" ] ||
			printf '[[cluster.peer]]\nname = "%s"\naddress = "%s"\n' "$other" "$(lab_address "$other" lan)"
	done
	[ -z "${LAB_HINTS_KEYS:-}" ] || printf '[hints]\nnumber = %s\n%s\n' "$(lab_number "$host")" "$LAB_HINTS_KEYS"
	if [ -n "${HOSTS_DISCOVER:-}" ]; then
		printf '[hints]\n[discover]\nunits = "%s"\n[defaults]\n' "$HOSTS_DISCOVER"
	else
		printf '[unit.sw0]\nwwid = "%s"\nserve = true\n' "$lab_wwid"
	fi
	echo 'reservations = true'
	for line in 'stall="5s"' 'check_interval="1s"' 'failback={policy="auto",interval="1s",stable="2s"}'; do
		case " $* " in *" ${line%%=*}="*) ;; *) echo "$line" ;; esac
	done
	[ $# -eq 0 ] || printf '%s\n' "$@"
	[ -z "${HOSTS_DISCOVER:-}" ] || return 0
	printf '[[unit.sw0.path]]\nkind = "direct"\n'
	for other in $(hosts); do
		[ "$other" = "$host" ] || printf '[[unit.sw0.path]]\nkind = "served"\npeer = "%s"\n' "$other"
	done
}

hosts_start() {
	local host etc
	lab_wwid=$(on alpha disk_wwid_of 0)
	for host in $(hosts); do
		psktool -u "$host" -p "$SW_RUN/keys" >/dev/null
	done
	for host in $(hosts); do
		etc=$LAB/$host/share/etc/swpath
		mkdir -p "$etc"
		install -m 600 "$SW_RUN/keys" "$etc/keys"
		host_config "$host" "$@" >"$etc/swpath.toml"
		# What an administrator enables. (The module by itself: the first to open device-mapper's node can be told that it is not there
		# while another one's open loads it.)
		echo 'modprobe dm-sw && wait_until 600 disk_of 0 && pathd_run' >"$LAB/$host/share/rc"
		# shellcheck disable=SC2016 # for the node
		on "$host" - <<<'cp -a "$LAB_SHARE/etc/." /etc/; . "$LAB_SHARE/rc"'
	done
	for host in $(hosts); do
		host_has_all_paths "$host" 120
	done
}

host_waits_for() {
	LAB_ON_S=$(($1 + 60)) on "$2" wait_until "$1" "${@:3}"
}

host_has_all_paths() {
	local other
	host_waits_for "$2" "$1" test -b /dev/sw0
	for other in $(hosts); do
		host_waits_for "$2" "$1" path_is_usable "$(host_slot "$1" "$other")"
	done
}

host_settles() {
	local other
	for other in $(hosts); do
		[ "$other" != "$1" ] || other=direct
		LAB_ON_S=200 on "$1" - <<-END
			pardoned() {
				path_is_usable $([ "$other" = direct ] && echo 0 || host_slot "$1" "$other") && return
				pathctl reinstate sw0 $other
				return 1
			}
			wait_until 120 pardoned
		END
	done
	on "$1" - <<-END
		sw_is sw0 active 0 || pathctl failback sw0
		wait_until 60 sw_is sw0 active 0
	END
}

host_history() {
	on "$1" pathctl history sw0 | tail -n "${2:-12}"
}
