# shellcheck shell=bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# hosts.sh - pathd on the lab's hosts: each has sw0 over its own path to the array's first disk (slot 0), then over the other
# hosts' (slots 1, 2 in the order of the alphabet), serves that path to them, and fences by the disk's reservations.
#
#   hosts                        prints the lab's hosts, or LAB_HOSTS
#   hosts_start [KEY=VALUE...]   configures all, with keys of the unit as swpath.toml has them, and starts pathd on each; returns
#                                when all paths of all are usable. LAB_CLUSTER_KEYS are more keys of [cluster]. At each later boot of a host its pathd starts by itself.
#                                LAB_HINTS_KEYS: there is a [hints], with these keys and the number of the host.
#                                HOSTS_DISCOVER=shared|all: nobody names a disk or a path; sw0 is found
#                                LAB_KNOWN: who names whom as a [[cluster.peer]], as "alpha:beta beta:alpha", may be empty; nobody names a path
#   host_start HOST [KEY=VALUE...]   configures and starts this one, with the keys of LAB_KEYS if that is set; waits for nothing
#   host_slot HOST OTHER         the slot of OTHER's path in the unit of HOST
#   host_waits_for S HOST COMMAND...   runs wait_until there
#   host_settles HOST            waits until all of its paths are usable, helps damped ones, and goes to its own path
#   host_history HOST [LINES]    the last switches, for the log of a test
#   writes_begin                 a verified writer on alpha's sw0; returns when I/O flows
#   writes_went_on [LINES]       it flows, saw no error, and every block is right through the unit and the disk. Stops it, and
#                                notes the longest I/O, the last proof, and host_history
#   reconfigure HOST [SED...]    its configuration as it was, with these changes, and a new pathd that reads it
#   logs S HOST REGEX            waits until its pathd has logged a line of that since then
#   tells S HOST REGEX ARGUMENT...   waits until pathctl there answers to the ARGUMENTs something of that, spaces being one

hosts() {
	if [ -n "${LAB_HOSTS:-}" ]; then
		# shellcheck disable=SC2086 # a line each
		printf '%s\n' $LAB_HOSTS
	else
		nodes | grep -vx array
	fi
}

# host_names HOST OTHER: in its configuration, as a peer.
host_names() {
	[ "$1" != "$2" ] || return
	[ -n "${LAB_KNOWN+set}" ] || return 0
	case " $LAB_KNOWN " in *" $1:$2 "*) ;; *) return 1 ;; esac
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
		! host_names "$host" "$other" ||
			printf '[[cluster.peer]]\nname = "%s"\naddress = "%s"\n' "$other" "$(lab_address "$other" lan)"
	done
	[ -z "${LAB_HINTS_KEYS:-}" ] || printf '[hints]\nnumber = %s\n%s\n' "$(lab_number "$host")" "$LAB_HINTS_KEYS"
	if [ -n "${HOSTS_DISCOVER:-}" ]; then
		printf '[hints]\n[discover]\nunits = "%s"\n[defaults]\n' "$HOSTS_DISCOVER"
	else
		printf '[unit.sw0]\nwwid = "%s"\nserve = true\n' "$lab_wwid"
	fi
	for line in 'reservations=true' 'stall="5s"' 'check_interval="1s"' 'failback={policy="auto",interval="1s",stable="2s"}'; do
		case " $* " in *" ${line%%=*}="*) ;; *) echo "$line" ;; esac
	done
	[ $# -eq 0 ] || printf '%s\n' "$@"
	[ -z "${HOSTS_DISCOVER:-}${LAB_KNOWN+set}" ] || return 0
	printf '[[unit.sw0.path]]\nkind = "direct"\n'
	for other in $(hosts); do
		[ "$other" = "$host" ] || printf '[[unit.sw0.path]]\nkind = "served"\npeer = "%s"\n' "$other"
	done
}

host_start() {
	local host=$1 etc=$LAB/$1/share/etc/swpath
	shift
	lab_wwid=$(on "$host" disk_wwid_of 0)
	mkdir -p "$etc"
	install -m 600 "${LAB_KEYS:-$SW_RUN/keys}" "$etc/keys"
	host_config "$host" "$@" >"$etc/swpath.toml"
	# What an administrator enables. (The module by itself: the first to open device-mapper's node can be told that it is not there
	# while another one's open loads it.)
	echo 'modprobe dm-sw && wait_until 600 disk_of 0 && pathd_run' >"$LAB/$host/share/rc"
	# shellcheck disable=SC2016 # for the node
	on "$host" - <<<'cp -a "$LAB_SHARE/etc/." /etc/; . "$LAB_SHARE/rc"'
}

hosts_start() {
	local host
	for host in $(nodes); do
		[ "$host" = array ] || psktool -u "$host" -p "$SW_RUN/keys" >/dev/null
	done
	for host in $(hosts); do
		host_start "$host" "$@"
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

writes_begin() {
	# A case that fails leaves none to the next one's blocks.
	defer on alpha writer_end sw0
	on alpha writer_start sw0 /dev/sw0 --span $((64 << 10))
	on alpha writer_flows sw0 50 60
}

writes_went_on() {
	LAB_ON_S=300 on alpha - <<-'END'
		writer_flows sw0 50 60
		writer_lost_nothing sw0 /dev/sw0 "/dev/$(disk_of 0)"
		note "longest $(writer_get sw0 longest_ms) ms; proof: $(history_last method) $(history_last evidence)"
	END
	host_history alpha "$@"
}

logs() {
	if ! host_waits_for "$1" "$2" pathd_said "$3"; then
		# shellcheck disable=SC2016 # for the node
		on "$2" - <<<'tail -n 20 "$PATHD_LOG"'
		fail "$2 does not log '$3'"
	fi
}

tells() {
	local seconds=$1 host=$2 regex=$3
	shift 3
	if ! LAB_ON_S=$((seconds + 60)) on "$host" - <<-END; then
		answers() { (COLUMNS=1000 pathctl $* 2>&1 || true) | tr -s ' \\n' ' ' | grep -Eq -- ${regex@Q}; }
		wait_until $seconds answers
	END
		on "$host" pathctl "$@" || true
		fail "$host: pathctl $* does not tell '$regex'"
	fi
}

reconfigure() {
	local host=$1 change sed=''
	shift
	for change in "$@"; do
		sed+=" -e ${change@Q}"
	done
	on "$host" - <<-END
		pathd_stop
		rm -f /etc/swpath/conf.d/*
		install -m 600 "\$LAB_SHARE/etc/swpath/keys" /etc/swpath/keys
		sed ${sed:--e ''} "\$LAB_SHARE/etc/swpath/swpath.toml" >/etc/swpath/swpath.toml
		: >"\$PATHD_LOG"
		pathd_run
	END
}
