#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# instructions.sh - in a VM with --icount, where one instruction is one nanosecond: how many a random
# 4 KiB I/O takes through each layer, counted in three ways. Prints lines
#   instructions WAY LAYER read|write PER_IO RUNTIME_MS
# WAY libaio1 and libaio2: the same I/Os twice, which have to agree; psync: pread() and pwrite(),
# another way through the kernel. PER_IO is fio's mean from submission to completion.
set -euo pipefail

# shellcheck source=tests/bench/layers.sh
. "${BASH_SOURCE[0]%/*}/layers.sh"

by_fio() { # LAYER
	local jobs=() way rw out=/run/fio.json
	for way in libaio1 libaio2 psync; do
		for rw in read write; do
			jobs+=(--name="$way" --stonewall --ioengine="${way%[12]}" --rw="rand$rw")
		done
	done
	fio --filename="$disk" --bs=4k --direct=1 --iodepth=1 --number_ios=8000 --norandommap --randseed=1 \
		--allrandrepeat=1 --thread --output-format=json --output=$out "${jobs[@]}" >/dev/null
	jq -r --arg layer "$1" '.jobs[] | .jobname as $way | {read, write} | to_entries[] |
		select(.value.total_ios > 0) |
		"instructions \($way) \($layer) \(.key) \(.value.lat_ns.mean) \(.value.runtime)"' $out
}

load_disks 1 0
for layer in $layers sw-witness; do
	put_on "$layer"
	by_fio "$layer"
	take_off "$layer"
done
