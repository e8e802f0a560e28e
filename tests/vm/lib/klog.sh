# shellcheck shell=bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# klog.sh - the kernel's log of this VM, for runner.sh. (The lab has one that reads all nodes' logs.)
#
#   klog                             the kernel's log since the case began
#   sw_new_mark                      it begins here
#   sw_post_mortem                   prints what a reader of a failure wants to see first

klog() {
	dmesg --color=never | sed "1,/sw-test: begin $sw_mark\$/d"
}

sw_new_mark() {
	sw_mark=$BASHPID.$RANDOM$RANDOM
	echo "sw-test: begin $sw_mark" >/dev/kmsg
}

sw_post_mortem() {
	echo "  --- units and legs"
	timeout 5 dmsetup status 2>&1 | sed 's/^/  /'
	echo "  --- kernel's log of this case"
	klog | tail -n 40 | sed 's/^/  /'
	echo "  ---"
}
