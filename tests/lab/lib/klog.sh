# shellcheck shell=bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# klog.sh - the kernels' logs of all nodes, for runner.sh, as tests/vm/lib/klog.sh has one VM's.

declare -A sw_marks=()

klog() {
	local log
	for log in "$LAB"/*/boot.*/klog; do
		tail -c "+$((${sw_marks[$log]:-0} + 1))" "$log"
	done
}

sw_new_mark() {
	local log
	for log in "$LAB"/*/boot.*/klog; do
		sw_marks[$log]=$(stat -c %s "$log")
	done
}

sw_post_mortem() {
	local node
	for node in $(nodes); do
		echo "  --- $node"
		if ! node_lives "$node"; then
			echo "  not running"
			continue
		fi
		LAB_ON_S=20 on "$node" - <<-'END' 2>&1 | sed 's/^/  /'
			dmsetup status
			tail -n 40 "$PATHD_LOG" 2>/dev/null
			dmesg --color=never | tail -n 15
		END
	done
	echo "  ---"
}
