#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# The lab itself: what a script does to its nodes and cables happens, and nothing else.
# shellcheck source=tests/lab/lib/lab.sh
. "$SW_TOP/tests/lab/lib/lab.sh"

answers_come_back() {
	local status=0 output
	output=$(on alpha - <<<'echo "to be seen"; hostname; exit 7') || status=$?
	expect_eq 7 $status "status"
	expect_eq $'to be seen\nalpha' "$output" "output"
	expect_eq "a  b" "$(on beta printf %s 'a  b')" "words with spaces"
	status=0
	LAB_ON_S=2 on alpha sleep 60 2>/dev/null || status=$?
	expect_eq 255 $status "status of what does not end"
	wait_until 10 on alpha - <<<'! pgrep -x sleep'
}

a_shell_answers() {
	local shell
	exec {shell}> >(cd "$LAB/alpha" && exec timeout 60 socat - UNIX-CONNECT:shell >"$SW_RUN/shell")
	# shellcheck disable=SC2016 # for the node's shell
	echo 'echo "shell of $(hostname) on $(tty)"' >&"$shell"
	wait_until 30 grep -q "shell of alpha on /dev/hvc0" "$SW_RUN/shell"
	exec {shell}>&-
}

hosts_see_one_disk() {
	expect_eq "$(on alpha disk_wwid_of 0)" "$(on beta disk_wwid_of 0)" "wwid"
	on alpha - <<<'echo "written by alpha" | dd of=/dev/$(disk_of 0) bs=512 count=1 conv=sync oflag=direct status=none'
	expect_match "written by alpha" "$(on beta - <<<'dd if=/dev/$(disk_of 0) bs=512 count=1 iflag=direct status=none | tr -d "\0"')"
	# A key of each, at one target.
	on alpha - <<<'sg_persist -n -o -G -S 0xa1 "/dev/$(disk_of 0)"'
	on beta - <<<'sg_persist -n -o -G -S 0xb1 "/dev/$(disk_of 0)"'
	expect_eq $'0xa1\n0xb1' "$(on alpha - <<<'keys "$(disk_of 0)"')" "keys"
	on alpha - <<<'sg_persist -n -o -C -K 0xa1 "/dev/$(disk_of 0)"'
}

# arrives FROM TO NIC: a datagram that nobody needs to answer. The neighbour is known, so that one direction is enough.
arrives() {
	local port=$((20000 + RANDOM % 10000))
	on "$2" - <<-END
		ip neigh replace $(lab_address "$1" "$3") lladdr $(lab_mac "$1" "$3") dev $3
		timeout 30 socat -u UDP-RECV:$port,bind=$(lab_address "$2" "$3") CREATE:/run/arrived.$port </dev/null >/dev/null 2>&1 &
		wait_until 10 eval 'ss -Hlun sport = :$port | grep -q .'
	END
	on "$1" - <<-END
		ip neigh replace $(lab_address "$2" "$3") lladdr $(lab_mac "$2" "$3") dev $3
		for try in 1 2 3; do echo hello | socat -u STDIN UDP-SENDTO:$(lab_address "$2" "$3"):$port || true; done
	END
	on "$2" - <<<"for try in \$(seq 10); do [ ! -s /run/arrived.$port ] || exit 0; sleep 0.1; done; exit 1"
}

cables() {
	expect arrives alpha beta lan
	expect arrives beta alpha lan
	cut alpha lan
	expect_eq 0 "$(on alpha cat /sys/class/net/lan/carrier)" "carrier"
	expect_not arrives beta alpha lan
	expect_eq 1 "$(on alpha cat /sys/class/net/san/carrier)" "carrier of the other cable"
	expect arrives alpha beta san
	heal alpha lan
	wait_until 20 arrives beta alpha lan
	cut alpha lan in
	expect_not arrives beta alpha lan
	expect arrives alpha beta lan
	heal alpha lan
	cut alpha lan out
	expect_not arrives alpha beta lan
	expect arrives beta alpha lan
	heal alpha
	expect arrives alpha beta lan
	expect arrives beta alpha lan
}

frozen() {
	local status=0 before
	before=$(on beta cat /proc/uptime)
	freeze beta
	LAB_ON_S=5 on beta true 2>/dev/null || status=$?
	expect_eq 255 $status "status of a frozen node"
	expect node_lives beta
	thaw beta
	expect on beta true
	expect_eq "$(on beta cat /sys/class/net/lan/carrier)" 1 "carrier after it"
	note "uptime before ${before%% *}, after $(on beta cut -d' ' -f1 /proc/uptime)"
}

killed_and_started() {
	local status=0
	on beta touch /run/mark
	cut beta san
	kill_node beta
	expect_not node_lives beta
	on beta true 2>/dev/null || status=$?
	expect_eq 255 $status "status of a killed node"
	start_node beta
	expect_not on beta test -e /run/mark
	expect_eq 0 "$(on beta cat /sys/class/net/san/carrier)" "a cable that was cut before"
	expect_not node_has_disks beta
	heal beta san
	wait_until 120 node_has_disks beta
}

rebooted() {
	on alpha touch /run/mark
	reboot_node alpha
	expect_not on alpha test -e /run/mark
	wait_until 120 node_has_disks alpha
}

test_case "a command's output and status come back; one that does not end is ended" answers_come_back
test_case "a shell on a node" a_shell_answers
test_case "both hosts see one disk, with reservations" hosts_see_one_disk
test_case "a cut cable carries nothing, a healed one everything; one direction at a time" cables
test_case "a frozen node answers when it is thawed" frozen
test_case "a killed node is gone; started, it is a new one, with its cables as they were" killed_and_started
test_case "a node that is rebooted comes back with its disks" rebooted
