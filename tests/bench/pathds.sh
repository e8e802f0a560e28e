#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# pathds.sh [COUNT...=1 100 1000] - in a VM: what two real pathds take, from a change of their cluster until all of its services are
# active again. "alpha" and "beta" are in a network and a mount namespace each, with TLS on the cable between them, and both serve the
# same COUNT disks. What is done to them, and what is printed, is in pathds.py. The clock counts instructions: 1 ms of CPU is a
# million of them, and both share the one CPU.
# shellcheck source=tests/vm/lib/sw.sh
. "$SW_LIB/sw.sh"
# shellcheck source=tests/bench/many_disks.sh
. "${BASH_SOURCE[0]%/*}/many_disks.sh"

readonly alpha_address=10.99.1.1 # of this end of the cable that peer_create makes

host_create() { # HOST ADDRESS PEER ADDRESS COUNT
	local dir=$SW_RUN/host.$1 i
	rm -rf "$dir"
	mkdir -p "$dir/run" "$dir/etc"
	cp -p "$SW_RUN/keys" "$dir/etc/keys"
	echo "$1" | md5sum | command cut -c 1-32 >"$dir/machine-id"
	{
		printf '[cluster]\nname = "%s"\nkey_file = "/etc/swpath/keys"\n' "$1"
		printf 'listen = "%s"\nserve = "%s"\n' "$2" "$2"
		printf '[[cluster.peer]]\nname = "%s"\naddress = "%s"\n' "$3" "$4"
		for ((i = 0; i < $5; i++)); do
			printf '[unit.sw%d]\nwwid = "%s"\nbuild = false\nserve = true\n' $i "$(disk_wwid_of $i)"
			printf '[[unit.sw%d.path]]\nkind = "direct"\nname = "%s"\nhctl = "%s:0:0:%d"\n' $i "$1" "${hosts[0]}" $i
		done
	} >"$dir/etc/swpath.toml"
}

pathds() { # COUNT
	local host
	modprobe dm-mod
	mkdir -p /run/swpath /etc/swpath
	[ -s /etc/machine-id ] || tr -d - </proc/sys/kernel/random/boot_id >/etc/machine-id
	for host in alpha beta; do
		psktool -u "$host" -p "$SW_RUN/keys" >/dev/null
	done
	chmod 600 "$SW_RUN/keys"
	peer_create beta
	host_create alpha $alpha_address beta "$(peer_address beta)" "$1"
	host_create beta "$(peer_address beta)" alpha $alpha_address "$1"
	"${BASH_SOURCE[0]%/*}/pathds.py" "$SW_RUN" "$1"
}

requires_command nbdkit psktool
udev_lean
[ $# -gt 0 ] || set -- 1 100 1000
for count in "$@"; do
	disks_create "$count" 1
	test_case "two pathds, $count units" pathds "$count"
	disks_remove
done
