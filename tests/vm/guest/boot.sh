#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# Process 1 of a test VM once the root file system is there, or a service of systemd if that is
# process 1: bring the system up far enough for the script, run it, report how it ended, reset the
# machine.
# The script's output, its exit status and the kernel's log leave by three virtio-serial ports.
# run.sh believes the status only if it comes with the nonce of /run/sw.env.
export PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin HOME=/root LC_ALL=C TERM=dumb

# shellcheck disable=SC1091 # comes with the run
. /run/sw.env
command=()
eval "command=($SW_COMMAND)"
rm /run/sw.env

port() {
	local dir
	for dir in /sys/class/virtio-ports/*; do
		# A console has no name.
		if [ -e "$dir/name" ] && [ "$(<"$dir/name")" = "$1" ]; then
			echo "/dev/${dir##*/}"
			return
		fi
	done
}
out_port=$(port sw.out)
status_port=$(port sw.status)
klog_port=$(port sw.klog)

dmesg --follow --color=never >"$klog_port" 2>/dev/null &
klog_pid=$!

if [ -z "$SW_NO_UDEV" ]; then
	[ "$SW_INIT" = systemd ] || /lib/systemd/systemd-udevd --daemon
	udevadm trigger --action=add --subsystem-match=block --subsystem-match=virtio-ports --subsystem-match=misc
	udevadm settle --timeout=30
fi

cd "$SW_CWD" 2>/dev/null || cd /
export SW_TOP SW_LIB=$SW_TOP/tests/vm/lib SW_KERNEL
(
	unset SW_NONCE SW_COMMAND SW_LAYERS
	if [ -x "${command[0]}" ] || [[ ${command[0]} != */* ]]; then
		exec "${command[@]}"
	fi
	exec bash "${command[@]}"
) </dev/null >"$out_port" 2>&1
status=$?

# The debug kernel: memory of ours that nothing points to any more, into the log that run.sh reads. Younger than 5 s it is
# not suspected.
if [ -w /sys/kernel/debug/kmemleak ]; then
	sleep 6
	echo scan >/sys/kernel/debug/kmemleak
	awk -v RS='unreferenced object' '/\[dm_sw\]/ { print "unreferenced object" $0 }' /sys/kernel/debug/kmemleak |
		head -n 40 | while IFS= read -r line; do
		echo "$line" >/dev/kmsg
	done
fi

kill "$klog_pid" 2>/dev/null
wait "$klog_pid" 2>/dev/null
{
	# The whole log once more behind this line: what the follower had not sent yet is in it.
	echo "sw-vm: complete log $SW_NONCE"
	dmesg --color=never
} >"$klog_port"
echo "exit $SW_NONCE $status" >"$status_port"

# No orderly end: a test may leave hung devices behind, on which that would wait.
echo 1 >/proc/sys/kernel/sysrq
echo b >/proc/sysrq-trigger
