#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# node.sh NODE NONCE - what a node of the lab runs in its VM, as the script that ends with it: names and addresses; the array's
# target, or a host's session to it; then the commands that the machine has for it.
#
# A command is a file in the share (call/ID/command); its name comes by a virtio-serial port, so that neither needs a network. It
# runs in a shell that has the libraries of the VM tests. call/ID/out and status are its answer.
#
# The share outlives the VM: etc/ is copied over /etc at each boot, and rc is run. `ready` has the nonce of the boot that listens,
# `attached` of the one that has its disks.
node=$1 nonce=$2
LAB_SHARE=/run/sw-lab
mkdir -p "$LAB_SHARE"
mount -t 9p -o trans=virtio,version=9p2000.L,cache=none,msize=512000 lab "$LAB_SHARE" || exit

# shellcheck source=tests/vm/lib/sw.sh
. "$SW_LIB/sw.sh"
# shellcheck source=tests/vm/lib/pathd.sh
. "$SW_LIB/pathd.sh"
# shellcheck source=tests/vm/lib/iscsi.sh
. "$SW_LIB/iscsi.sh"
# shellcheck source=tests/vm/lib/dlm.sh
. "$SW_LIB/dlm.sh"
# shellcheck source=tests/lab/lib/net.sh
. "$SW_TOP/tests/lab/lib/net.sh"
# shellcheck source=tests/lab/guest/disks.sh
. "$SW_TOP/tests/lab/guest/disks.sh"
# This shell has no test cases to sum up.
trap - EXIT

name_nics() {
	local nic dir
	modprobe virtio_net
	# udevd has names of its own for them.
	udevadm settle --timeout=30
	for nic in $(lab_nics "$node"); do
		for dir in /sys/class/net/*; do
			[ "$(<"$dir/address")" != "$(lab_mac "$node" "$nic")" ] || ip link set "${dir##*/}" name "$nic"
		done
		# A bridge of sockets gives each sender its own packets back: IPv6 takes its address for taken.
		echo 1 >"/proc/sys/net/ipv6/conf/$nic/disable_ipv6"
		ip addr add "$(lab_address "$node" "$nic")/24" dev "$nic"
		ip link set "$nic" up
	done
}

call() {
	local dir=$LAB_SHARE/call/$1
	# A name that comes twice was rung for twice.
	mkdir "$dir/taken" 2>/dev/null || return
	(
		set -e
		# shellcheck disable=SC1091 # what the machine wrote
		. "$dir/command"
	) </dev/null >"$dir/out" 2>&1
	echo $? >"$dir/status.new"
	mv "$dir/status.new" "$dir/status"
}

hostname "$node"
# The same at each boot, and another one for each node.
echo "swpath lab $node" | md5sum | command cut -c 1-32 >/etc/machine-id
lab_hosts >>/etc/hosts
[ ! -d "$LAB_SHARE/etc" ] || cp -a "$LAB_SHARE/etc/." /etc/
name_nics

# A process group for each command: what did not end in time is ended with all that it began.
set -m
case $node in
array) array_serve ;;
*) host_attach ;;
esac >"$LAB_SHARE/attach.log" 2>&1 && echo "$nonce" >"$LAB_SHARE/attached" &
while [ -c /dev/hvc0 ]; do
	TERM=linux setsid --wait --ctty bash --login -i <>/dev/hvc0 >&0 2>&1
done &
# shellcheck disable=SC1091 # what the machine wrote
[ ! -e "$LAB_SHARE/rc" ] || (. "$LAB_SHARE/rc") >"$LAB_SHARE/rc.log" 2>&1 &

declare -A calls=()
for dir in /sys/class/virtio-ports/*; do
	[ "$(cat "$dir/name" 2>/dev/null)" != lab.bell ] || exec 7<>"/dev/${dir##*/}"
done
echo "$nonce" >"$LAB_SHARE/ready"
while IFS= read -r -u 7 line; do
	case $line in
	end) break ;;
	-*) [ -z "${calls[${line#-}]}" ] || kill -KILL -- "-${calls[${line#-}]}" ;;
	*)
		call "$line" &
		calls[$line]=$!
		;;
	esac
done
exit 0
