#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# serve.sh [ROUNDS=3] - our export beside other NBD servers of the same block device, asked by fio
# through one unix socket at depth 32, server after server, ROUNDS times, each round beginning with
# another one. SW_BUILD_DIR has the plugin (build/release). Needs root: the device is null_blk if
# there is one to be had, else a loop device in memory. Prints lines
#   serve ROUND SERVER rand4k|seq1m read|write MIB_PER_S P99_US
# Only ratios within a round mean something. Servers of the page cache (nbdkit-file, nbd-server) are
# no peers: they answer from memory and have no other way; they are measured to show what that is worth.
set -euo pipefail

top=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
build=${SW_BUILD_DIR:-$top/build/release}/libpath/serve
if [ ! -e "$build/nbdkit-swpath-plugin.so" ]; then # installed, as in a VM
	build=$(nbdkit --dump-config | sed -n 's/^plugindir=//p')
fi
readonly servers=${SW_BENCH_SERVERS:-"swpath qemu-uring qemu-native qemu-threads nbdkit-file nbd-server"}
readonly seconds=2 export_name=naa.bench@bench@1
dir=$(mktemp -d)
server='' loop='' null_blk=''

clean_up() {
	stop
	[ -z "$loop" ] || losetup --detach "$loop"
	[ -z "$null_blk" ] || modprobe -r null_blk
	rm -rf "$dir" "${memory:-}"
}
trap clean_up EXIT

make_disk() {
	if modprobe null_blk nr_devices=1 gb=1 bs=512 queue_mode=2 irqmode=0 memory_backed=1 2>/dev/null; then
		null_blk=yes disk=/dev/nullb0
		return
	fi
	memory=$(mktemp /dev/shm/swpath-bench-XXXXXX)
	truncate -s 256M "$memory"
	loop=$(losetup --find --show "$memory")
	disk=$loop
	dd if=/dev/zero of="$disk" bs=1M oflag=direct status=none 2>/dev/null || true # every page is there
}

listens() { [ -S "$dir/nbd" ] && nbdinfo --size "$uri" >/dev/null 2>&1; }

call() {
	python3 - "$dir/control" "$1" <<-'END'
		import socket, sys
		client = socket.socket(socket.AF_UNIX)
		client.connect(sys.argv[1])
		client.sendall(sys.argv[2].encode() + b"\0")
		reply = client.recv(65536)
		assert b'"error"' not in reply, reply
	END
}

start() {
	uri="nbd+unix:///$export_name?socket=$dir/nbd"
	case $1 in
	swpath)
		LD_PRELOAD=$build/nbdkit-swpath-hangup.so nbdkit --foreground --unix "$dir/nbd" --tls=off \
			"$build/nbdkit-swpath-plugin.so" control="$dir/control" closed="$dir/closed" &
		server=$!
		;;
	nbdkit-file) nbdkit --foreground --unix "$dir/nbd" file "$disk" cache=none & server=$! ;;
	qemu-*)
		local aio=${1#qemu-}
		[ "$aio" != uring ] || aio=io_uring
		qemu-nbd --cache=none --aio="$aio" --format=raw --persistent --shared=8 --discard=unmap \
			--export-name="$export_name" --socket="$dir/nbd" "$disk" &
		server=$!
		;;
	nbd-server)
		printf '[generic]\nunixsock = %s\nlistenaddr = 127.0.0.1\nport = 10898\n[%s]\nexportname = %s\n' \
			"$dir/nbd" "$export_name" "$disk" >"$dir/conf"
		nbd-server -C "$dir/conf" -p "$dir/pid" # it has no way to stay in the foreground and serve on
		until [ -s "$dir/pid" ]; do sleep 0.05; done
		server=$(cat "$dir/pid")
		;;
	esac 2>>"$dir/log"
	local deadline=$((SECONDS + 20))
	if [ "$1" = swpath ]; then
		until [ -S "$dir/control" ] || [ $SECONDS -gt $deadline ]; do sleep 0.05; done
		call '{"method":"io.swpath.Serve.Export","parameters":{"wwid":"naa.bench","client":"bench","epoch":1,"device":"'"$disk"'","clients":["unix"]}}'
	fi
	until listens; do
		if [ $SECONDS -gt $deadline ]; then
			echo "serve: $1 does not listen" >&2
			cat "$dir/log" >&2
			exit 1
		fi
		sleep 0.05
	done
}

stop() {
	[ -n "$server" ] || return 0
	kill "$server" 2>/dev/null || true
	wait "$server" 2>/dev/null || while kill -0 "$server" 2>/dev/null; do sleep 0.05; done
	server=''
	rm -rf "$dir"/nbd "$dir"/control "$dir"/closed
}

measure() { # ROUND SERVER PATTERN SIZE DIRECTION
	local rw=$5
	[ "$3" != rand4k ] || rw=rand$5
	fio --name=job --ioengine=nbd --uri="$uri" --rw="$rw" --bs="$4" --iodepth=32 --size=128M --time_based \
		--runtime=$seconds --ramp_time=0.3 --randseed=1 --norandommap --output-format=json --output="$dir/fio.json"
	jq -r --arg head "serve $1 $2 $3 $5" '.jobs[0].'"$5"' |
		"\($head) \(.bw_bytes / 1048576) \(.clat_ns.percentile."99.000000" / 1000)"' "$dir/fio.json"
}

make_disk
echo "serve: on $disk, $(uname -r)" >&2
read -r -a order <<<"$servers"
for round in $(seq "${1:-3}"); do
	for each in "${order[@]}"; do
		start "$each"
		for direction in read write; do
			measure "$round" "$each" rand4k 4k $direction
			measure "$round" "$each" seq1m 1M $direction
		done
		stop
	done
	order=("${order[@]:1}" "${order[0]}")
done
