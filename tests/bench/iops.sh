#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# iops.sh [ROUNDS] - in a VM with two CPUs: 4 KiB random I/Os per second through each layer at depth
# 32, layer after layer, ROUNDS times, each round beginning with another layer. Prints lines
#   iops ROUND LAYER read|write IOPS
# Only ratios within a round mean something: the machine below may be busy with other work.
set -euo pipefail

# shellcheck source=tests/bench/layers.sh
. "${BASH_SOURCE[0]%/*}/layers.sh"

by_fio() { # ROUND LAYER
	local out=/run/fio.json
	fio --filename="$disk" --bs=4k --direct=1 --ioengine=libaio --iodepth=32 --norandommap --randseed=1 \
		--thread --numjobs=2 --group_reporting --time_based --runtime=2 --ramp_time=0.2 \
		--output-format=json --output=$out \
		--name=read --rw=randread --name=write --new_group --stonewall --rw=randwrite >/dev/null
	jq -r --arg head "iops $1 $2" '.jobs[] | "\($head) \(.jobname) \(if .jobname == "read" then .read.iops else .write.iops end)"' $out
}

load_disks 2 2
read -r -a order <<<"$layers"
for round in $(seq "${1:-5}"); do
	for layer in "${order[@]}"; do
		put_on "$layer"
		by_fio "$round" "$layer"
		take_off "$layer"
	done
	order=("${order[@]:1}" "${order[0]}")
done
