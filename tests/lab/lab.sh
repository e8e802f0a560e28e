#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# lab.sh COMMAND ... - several VMs with cables between them: `./dev lab help` prints the commands, docs/testing.md explains.
#
# The exit status of `run` is SCRIPT's, unless the run itself is worth nothing, as in tests/vm/run.sh:
#   121  a node's kernel complained
#   122  a node was lost: it ended, and nobody had killed it
#   123  the lab could not be prepared
#   124  --timeout was over
set -euo pipefail

top=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
me=$top/tests/lab/lab.sh
who=lab
# shellcheck source=tests/vm/lib/machine.sh
. "$top/tests/vm/lib/machine.sh"
export SW_TOP=$top SW_LIB=$top/tests/vm/lib
# shellcheck source=tests/lab/lib/nodes.sh
. "$top/tests/lab/lib/nodes.sh"

usage() {
	cat <<-END
		usage: ./dev lab COMMAND
		  up [OPTIONS]                starts the nodes array, alpha and beta, and leaves them running
		  run [OPTIONS] SCRIPT [ARGS] starts them, runs SCRIPT on this machine, ends them; exits with its status
		  down                        ends what up has started, and says if a kernel complained
		  ssh NODE [COMMAND...]       a shell on the node (Ctrl-] leaves it), or one command
		  cut NODE NIC [in|out]       pulls the cable of a NIC, san or lan; or one direction only, in silence
		  heal NODE [NIC]             puts it back
		  freeze|thaw NODE            stops its CPUs; lets them go on
		  kill|start|reboot NODE      its power is lost; is back; the button
		  status                      what there is
		OPTIONS
		  --gamma                     one more host
		  --nodes LIST                these nodes only, as "alpha beta"
		  --disks N                   disks of the array, 64 MiB each (1)
		  --memory MIB                of a host (640)
		  --timeout S                 wall seconds before the script is ended as failed (900; up: no limit)
		  --kernel, --build, --no-build   as ./dev vm has them
		  --keep-logs DIR             leave the nodes' logs there
		Exit status of run: SCRIPT's; 121 kernel complaint, 122 node lost, 123 not prepared, 124 timeout.
	END
}

command=${1:-help}
[ $# -eq 0 ] || shift
export LAB=${LAB:-$top/build/lab/up}

names="array alpha beta" disks=1 memory=640 timeout_s=900 kernel=6.1 build_dir=${SW_BUILD_DIR:-$top/build/release}
build=${SW_NO_BUILD:+no} keep_logs=''
options() {
	while [ $# -gt 0 ]; do
		case $1 in
		--gamma) names="array alpha beta gamma" ;;
		--nodes) names=$2 && shift ;;
		--disks) disks=$2 && shift ;;
		--memory) memory=$2 && shift ;;
		--timeout) timeout_s=$2 && shift ;;
		--kernel) kernel=$2 && shift ;;
		--build) build_dir=$(realpath -m "$2") && shift ;;
		--no-build) build=no ;;
		--keep-logs) keep_logs=$2 && shift ;;
		--) shift && break ;;
		-*) usage >&2 && die "no option '$1'" ;;
		*) break ;;
		esac
		shift
	done
	arguments=("$@")
}

# --- the keeper: the process that the nodes' VMs belong to, and end with ---

boot_node() {
	local node=$1 dir=$LAB/$1 boot nic n smp=1 boots accelerator
	boots=("$dir"/boot.*)
	boot=$dir/boot.${#boots[@]}
	[ -d "${boots[0]}" ] || boot=$dir/boot.0
	mkdir "$boot"
	od -An -N16 -tx8 /dev/urandom | tr -d ' \n' >"$boot/nonce"
	machine_initrd "$boot/initrd" "$(<"$boot/nonce")" / '' script \
		"$top/tests/lab/guest/node.sh" "$node" "$(<"$boot/nonce")"
	machine_tcg $smp
	machine_qemu "$boot" "$([ "$node" = array ] && echo 384 || echo "$memory")" "" "${accelerator[@]}"
	qemu+=(
		-virtfs "local,path=$dir/share,mount_tag=lab,security_model=none,multidevs=remap"
		-chardev "pipe,id=bell,path=bell" -device "virtserialport,chardev=bell,name=lab.bell"
		-chardev "socket,id=shell,path=shell,server=on,wait=off" -device "virtconsole,chardev=shell"
		-qmp "unix:qmp,server=on,wait=off"
	)
	for nic in $(lab_nics "$node"); do
		n=$(lab_net "$nic")
		qemu+=(-netdev "socket,id=wire$n,mcast=239.88.$n.1:$((port + n)),localaddr=127.0.0.1"
			-device "virtio-net-pci,id=$nic,netdev=wire$n,mac=$(lab_mac "$node" "$nic")")
	done
	if [ "$node" = array ]; then
		for ((n = 0; n < disks; n++)); do
			# What the array has acknowledged outlives the array, not this machine.
			qemu+=(-drive "file=$LAB/disk.$n,format=raw,if=none,id=disk$n,cache=unsafe" -device "virtio-blk-pci,drive=disk$n")
		done
	fi
	rm -f "$dir"/{shell,qmp}
	# The kernel ends it with the keeper, however that ends.
	(cd "$dir" && exec setpriv --pdeathsig KILL "${qemu[@]}") </dev/null >"$boot/qemu" 2>&1 &
	echo $! >"$boot/pid"
	ln -sfn "boot.${boot##*.}" "$dir/now"
}

# The groups of two labs may be the same, the ports not.
free_port() {
	local try
	for try in $(seq 100); do
		port=$((20000 + (RANDOM * 32768 + RANDOM) % 20000 * 2))
		[ -n "$(ss -Hlun "( sport = :$((port + 1)) or sport = :$((port + 2)) )")" ] || return 0
	done
	die "no free UDP ports for the cables (tried $try)"
}

keeper() {
	local node n order
	options "$@"
	machine_choose "$kernel"
	[ -n "$build" ] || machine_build "$build_dir"
	machine_prepare "$build_dir" "$LAB"
	free_port
	for ((n = 0; n < disks; n++)); do
		truncate -s 64M "$LAB/disk.$n"
	done
	mkfifo "$LAB/orders"
	exec 8<>"$LAB/orders"
	# shellcheck disable=SC2046 # our own
	trap 'kill -KILL $(jobs -p) 2>/dev/null || true' EXIT
	trap 'exit 143' INT TERM
	for node in $names; do
		mkdir -p "$LAB/$node/share/call"
		mkfifo "$LAB/$node/bell.in" "$LAB/$node/bell.out"
		boot_node "$node"
	done
	# shellcheck disable=SC2086 # a line each
	printf '%s\n' $names >"$LAB/nodes"
	while read -r -u 8 order node; do
		case $order in
		start) boot_node "$node" ;;
		end) break ;;
		esac
	done
}

keeper_lives() {
	local pid
	pid=$(cat "$LAB/keeper.pid" 2>/dev/null) && kill -0 "$pid" 2>/dev/null
}

lab_is_complete() {
	local node
	[ -e "$LAB/nodes" ] || return
	for node in $(nodes); do
		node_has_disks "$node" || return
	done
}

# Without an array there are no disks to wait for.
lab_listens() {
	local node
	[ -e "$LAB/nodes" ] || return
	for node in $(nodes); do
		node_listens "$node" || return
	done
}

is_ready() {
	case " $names " in *" array "*) lab_is_complete ;; *) lab_listens ;; esac
}

is_ready_or_hopeless() {
	local node
	keeper_lives || return 0
	! is_ready || return 0
	[ -e "$LAB/nodes" ] || return 1
	for node in $(nodes); do
		node_lives "$node" || return 0
	done
	return 1
}

# bring_up WRAPPER... -- OPTIONS...   false if not all nodes came up
bring_up() {
	local wrapper=() began=$EPOCHSECONDS
	while [ "$1" != -- ]; do
		wrapper+=("$1")
		shift
	done
	shift
	mkdir -p "$LAB/run"
	"${wrapper[@]}" "$me" keeper "$@" </dev/null >"$LAB/keeper.log" 2>&1 &
	echo $! >"$LAB/keeper.pid"
	# With a build before it.
	wait_for 12000 is_ready_or_hopeless || true
	if ! keeper_lives; then
		cat "$LAB/keeper.log" >&2
		die "the lab was not prepared, see above"
	fi
	if ! is_ready; then
		echo "lab: FAILED: not all nodes came up; what they said:" >&2
		tail -n 4 "$LAB"/*/share/attach.log "$LAB"/*/now/out >&2 || true
		return 1
	fi
	echo "lab: ready after $((EPOCHSECONDS - began)) s" >&2
}

# Ends all nodes in order, and then the keeper with what is left of them.
take_down() {
	local node n
	if keeper_lives; then
		for node in $(nodes 2>/dev/null); do
			node_lives "$node" || continue
			thaw "$node" || true
			ring "$node" end
		done
		for node in $(nodes 2>/dev/null); do
			wait_for 300 node_is_gone "$node" || true
		done
		echo end 1<>"$LAB/orders"
		wait_for 100 keeper_is_gone || kill -KILL "$(<"$LAB/keeper.pid")" 2>/dev/null || true
	fi
	for n in "$LAB"/*/boot.*; do
		[ ! -e "$n/nonce" ] || machine_end_logs "$n" "$(<"$n/nonce")"
	done
}

keeper_is_gone() {
	! keeper_lives
}

leave_logs() {
	local boot node
	[ -n "$keep_logs" ] || return 0
	mkdir -p "$keep_logs"
	for boot in "$LAB"/*/boot.*; do
		node=${boot%/boot.*}
		{
			cat "$boot/klog"
			echo "--- console"
			cat "$boot/console"
			echo "--- output, qemu"
			cat "$boot/out" "$boot/qemu"
		} >"$keep_logs/${node##*/}.${boot##*.}.log"
	done
	cat "$LAB"/*/share/{attach,rc}.log >"$keep_logs/nodes.log" 2>/dev/null || true
}

# What the nodes' logs say of the run; the status of the worst, 0 if nothing is wrong with them.
verdict() {
	local boot node verdict=0 status
	for boot in "$LAB"/*/boot.*; do
		[ -e "$boot/nonce" ] || continue
		node=${boot%/boot.*} node=${node##*/}
		who="lab: $node"
		status=$(machine_status "$boot" "$(<"$boot/nonce")")
		if machine_complained "$boot" "$status"; then
			verdict=$status_kernel
		elif [ -z "$status" ] && [ ! -e "$boot/killed" ]; then
			echo "$who: FAILED: lost: its VM ended, and nobody had killed it" >&2
			tail -n 8 "$boot/qemu" "$boot/console" | sed "s/^/$who:   /" >&2
			[ $verdict -ne 0 ] || verdict=$status_lost
		fi
	done
	return $verdict
}

emulator_failed() {
	local console
	for console in "$LAB"/*/boot.*/console; do
		! emulator_fault <"$console" || return 0
	done
	return 1
}

# --- the commands ---

up() {
	[ ! -e "$LAB" ] || die "there is one in $LAB; './dev lab down' ends it"
	options "$@"
	[ ${#arguments[@]} -eq 0 ] || die "up takes no '${arguments[0]}'; run takes a script"
	# shellcheck disable=SC2064 # the directory as it is now
	trap "[ -e '$LAB/nodes' ] || rm -rf '$LAB'" EXIT
	bring_up setsid -- "$@" || { lab_status && exit $status_setup; }
	lab_status
}

lab_status() {
	local node nic
	[ -e "$LAB/nodes" ] || die "no lab is up"
	for node in $(nodes); do
		printf '%-6s %s' "$node" "$(node_lives "$node" && echo running || echo down)"
		for nic in $(lab_nics "$node"); do
			printf '   %s %s%s' "$nic" "$(lab_address "$node" "$nic")" "$([ ! -e "$LAB/$node/cut.$nic" ] || echo ' (cut)')"
		done
		echo
	done
}

down() {
	local status=0
	[ -e "$LAB" ] || die "no lab is up"
	options "$@"
	take_down
	verdict || status=$?
	leave_logs
	rm -rf "$LAB"
	return $status
}

script_pid='' run=''
# shellcheck disable=SC2317 # reached through the trap
clean_up() {
	trap '' INT TERM
	[ -z "$script_pid" ] || kill "$script_pid" 2>/dev/null || true
	[ -z "$script_pid" ] || wait "$script_pid" 2>/dev/null || true
	[ -z "$run" ] || kill -KILL "$(cat "$run/keeper.pid" 2>/dev/null)" 2>/dev/null || true
	[ -z "$run" ] || rm -rf "$run"
}

run_once() {
	LAB=$(mktemp -d "$top/build/lab/run.XXXXXX") run=$LAB
	status=0 judged=0
	if bring_up setpriv --pdeathsig KILL -- "${@:1:$#-${#arguments[@]}}"; then
		SW_RUN=$LAB/run setpriv --pdeathsig KILL timeout --foreground --kill-after=5 "$timeout_s" \
			bash "${arguments[@]}" </dev/null &
		script_pid=$!
		wait $script_pid || status=$?
		script_pid=''
	else
		status=$status_setup
	fi
	take_down
	leave_logs
}

run() {
	local status judged try
	options "$@"
	[ ${#arguments[@]} -gt 0 ] || { usage >&2 && exit $status_setup; }
	[ -f "${arguments[0]}" ] || die "${arguments[0]}: no such file"
	mkdir -p "$top/build/lab"
	# Of runs that were killed, too long ago to be still there.
	find "$top/build/lab" -maxdepth 1 -name 'run.*' -mmin +1440 -exec rm -rf {} +
	trap clean_up EXIT
	trap 'exit 130' INT
	trap 'exit 143' TERM
	for try in 1 2 3; do
		run_once "$@"
		[ "$try" -lt 3 ] && emulator_failed || break
		echo "lab: an emulator's CPU trapped on an int3 that is not in memory (QEMU before 8.1): once more from the start" >&2
		rm -rf "$run"
	done
	verdict || judged=$?
	[ $judged -eq 0 ] || exit $judged
	if [ $status -eq 124 ] || [ $status -eq 137 ]; then
		echo "lab: FAILED: timeout after $timeout_s s" >&2
		exit $status_timeout
	fi
	exit $status
}

shell() {
	local node=$1 size
	shift
	if [ $# -gt 0 ]; then
		on "$node" "$@"
		return
	fi
	node_dir "$node" >/dev/null || exit 1
	cd "$LAB/$node"
	if [ -t 0 ]; then
		size=$(stty size)
		on "$node" stty -F /dev/hvc0 rows "${size% *}" cols "${size#* }"
		echo "(Ctrl-] leaves)"
		exec socat -,raw,echo=0,escape=0x1d UNIX-CONNECT:shell
	fi
	exec socat - UNIX-CONNECT:shell
}

case $command in
up) up "$@" ;;
run) run "$@" ;;
down) down "$@" ;;
keeper) keeper "$@" ;;
help | --help | -h) usage ;;
ssh | cut | heal | freeze | thaw | kill | start | reboot | status)
	[ -e "$LAB/nodes" ] || die "no lab is up; './dev lab up' starts one"
	case $command in
	ssh) shell "$@" ;;
	kill | start | reboot) "${command}_node" "$@" ;;
	status) lab_status ;;
	*) "$command" "$@" ;;
	esac
	;;
*) usage >&2 && die "no command '$command'" ;;
esac
