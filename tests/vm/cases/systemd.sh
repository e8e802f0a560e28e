#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# kernels: 6.1
# init: systemd
# timeout: 900
#
# pathd as its unit file runs it: a real systemd starts it, waits for it, watches it, restarts it, and mounts what lies on a unit after
# it; a real journald has its messages. The unit and its I/O go on through all of that.
# shellcheck source=tests/vm/lib/sw.sh
. "$SW_LIB/sw.sh"
# shellcheck source=tests/vm/lib/pathd.sh
. "$SW_LIB/pathd.sh"

service() {
	systemctl show --value --property "$1" pathd.service
}

service_is() {
	[ "$(service "$1")" = "$2" ]
}

# Asked for at once: between two questions a dead one may still be "active".
service_is_another_than() {
	local said
	said=$(systemctl show --property MainPID,ActiveState pathd.service)$'\n'
	[[ $said == *$'ActiveState=active\n'* && $said != *MainPID=$1$'\n'* && $said != *$'MainPID=0\n'* ]]
}

# Lines of pathd's in the journal, as JSON, oldest first: those with these matches of journalctl(1).
journal() {
	journalctl --output json --unit pathd.service --boot "$@"
}

message_id() {
	grep -o "X($1, \"[0-9a-f]*\"" "$SW_TOP/pathd/log.h" | cut -d'"' -f2
}

# journal_field NAME FIELD: of the last message of that name.
journal_field() {
	journal "MESSAGE_ID=$(message_id "$1")" | tail -n 1 | jq -r ".$2"
}

journal_has() {
	journal "MESSAGE_ID=$(message_id "$1")" | jq -r .MESSAGE | grep -Eq "$2"
}

service_ends() {
	echo "--- the journal of pathd.service"
	journalctl --output short-monotonic --unit pathd.service --boot | tail -n 40
	systemctl stop pathd.service
	systemctl reset-failed pathd.service 2>/dev/null || true
}

start() {
	pathd_rig "$@"
	defer service_ends
	systemctl start pathd.service
	wait_until 60 sw_is sw0 state online
	wait_until 60 path_is_usable 0
	wait_until 60 path_is_usable 1
	writer_start sw0 /dev/sw0 --span $((8 << 20))
	writer_flows sw0
	sw_get sw0 mv >"$SW_RUN/systemd.mv"
}

# Whatever happened to pathd, the kernel has not even noticed.
unit_went_on() {
	expect_eq "$(cat "$SW_RUN/systemd.mv")" "$(sw_get sw0 mv)" "mount verifications"
	nothing_lost
}

nothing_lost() {
	writer_flows sw0
	writer_stop sw0
	expect_eq 0 "$(writer_get sw0 errors)" "errors"
	writer_verify sw0 "$(disk_dev 0)" "$(disk_dev 1)"
}

unit_file_is_sound() {
	local said
	said=$(systemd-analyze verify --man=no /lib/systemd/system/pathd.service 2>&1) || fail "systemd-analyze: $said"
	expect_eq "" "$(grep -i pathd <<<"$said" || true)" "what systemd-analyze says"
	# Its place in the boot of this whole machine: no cycle, and before what mounts.
	systemctl enable pathd.service
	said=$(systemd-analyze verify --man=no default.target 2>&1) || true
	expect_eq "" "$(grep -iE 'pathd|cycle' <<<"$said" || true)" "what systemd-analyze says about the boot"
	systemctl disable pathd.service
	expect_match 'local-fs-pre.target' "$(service Before)"
	expect_match 'remote-fs-pre.target' "$(service Before)"
}

restarted_more_than() {
	(($(service NRestarts) > $1))
}

# systemd itself would give up after 5 starts within 10 s.
failing_is_tried_again() {
	pathd_rig
	defer service_ends
	printf '[unit.sw0]\nwwid = 3\n' >/etc/swpath/swpath.toml
	expect_not systemctl start pathd.service
	wait_until 60 restarted_more_than 8
	pathd_config
	wait_until 60 service_is ActiveState active
	wait_until 60 sw_is sw0 state online
}

active_after_ready() {
	local states
	# A path that hangs has no verdict before its command's own limit: READY=1 waits for that.
	pathd_rig 'stall="20s"'
	defer service_ends
	disk_hang 0
	systemctl start --no-block pathd.service
	wait_until 30 service_is ActiveState activating
	wait_until 30 test -S /run/swpath/pathd.sock
	holds_for 2 service_is ActiveState activating
	disk_heal 0
	wait_until 30 service_is ActiveState active
	expect_eq running "$(service SubState)"
	# The hung command has come back: nothing keeps the process from ending.
	wait_until 60 monitor_is sw0 0 ok
	systemctl stop pathd.service

	# And when systemctl returns, there is a verdict about each path.
	systemctl start pathd.service
	states=$(pathctl status --json sw0 | jq -r '.units[0].paths[].monitor' | tr '\n' ' ')
	expect_eq "" "$(grep -ow unknown <<<"$states" || true)" "paths without a verdict"
	protected_as_asked
}

# Called with the service active.
protected_as_asked() {
	local pid
	pid=$(service MainPID)
	expect_eq -1000 "$(cat "/proc/$pid/oom_score_adj")" "OOM score"
	expect_less 1000 "$(awk '/^VmLck:/ { print $2 }' "/proc/$pid/status")" "KiB of locked memory"
	expect_match '^Max core file size +0 +0 ' "$(grep 'core file' "/proc/$pid/limits")"
	expect_not journal_says 'is not locked|OOM killer may|reclaim may wait'
}

journal_says() {
	journal | jq -r .MESSAGE | grep -Eq "$1"
}

watchdog_restarts() {
	local pid
	start
	pid=$(service MainPID)
	expect_eq 0 "$(service NRestarts)" "restarts"
	kill -STOP "$pid"
	wait_until 90 service_is_another_than "$pid"
	expect_eq 1 "$(service NRestarts)" "restarts"
	expect_match 'Watchdog timeout' "$(journalctl --boot UNIT=pathd.service --output cat)"
	wait_until 60 path_is_usable 0
	unit_went_on
}

killed_restarts() {
	local pid
	start
	pid=$(service MainPID)
	systemctl kill --kill-who=main --signal KILL pathd.service
	wait_until 30 service_is_another_than "$pid"
	wait_until 60 path_is_usable 0
	wait_until 60 path_is_usable 1
	unit_went_on
}

reloaded_and_stopped() {
	local pid table
	start
	pid=$(service MainPID)
	table=$(dmsetup table sw0)
	printf '[unit.sw0]\nwwid = 3\n' >/etc/swpath/swpath.toml
	expect systemctl reload pathd.service
	wait_until 10 journal_has ConfigRejected 'swpath.toml:2:'
	wait_until 10 service_is SubState running
	expect_eq "$table" "$(dmsetup table sw0)" "table after a bad file"
	pathd_config 'stall="4s"'
	expect systemctl reload pathd.service
	wait_until 30 table_has 'stall_ms 4000'
	expect_eq "$pid" "$(service MainPID)" "main process"

	systemctl stop pathd.service
	expect_eq inactive "$(service ActiveState)"
	expect_eq success "$(service Result)"
	expect_eq online "$(sw_get sw0 state)"
	writer_flows sw0
	expect_eq ready "$(sw_path_get sw0 1 state)"
	systemctl start pathd.service
	unit_went_on
}

table_has() {
	dmsetup table sw0 | grep -q "$1"
}

journal_fields() {
	start
	wait_until 10 journal_has UnitCreated '/dev/sw0 was created'
	expect_eq sw0 "$(journal_field UnitCreated SW_UNIT)"
	disk_fail 0
	wait_until 30 sw_is sw0 active 1
	wait_until 10 journal_has Switch 'epoch'
	expect_eq sw0 "$(journal_field Switch SW_UNIT)"
	expect_match '^direct ' "$(journal_field Switch SW_FROM)"
	expect_eq "served beta" "$(journal_field Switch SW_TO)"
	expect_less 0 "$(journal_field Switch SW_HELD_USEC)" "SW_HELD_USEC"
	expect_match '^(transport|error)$' "$(journal_field Switch SW_REASON)"
	expect_eq 5 "$(journal_field Switch PRIORITY)"
	expect_eq pathd "$(journal_field Switch SYSLOG_IDENTIFIER)"
	wait_until 10 journal_has PathFailed 'direct'
	expect_match '^direct ' "$(journal_field PathFailed SW_PATH)"
	journalctl --update-catalog
	expect_match 'sw0 goes on over served beta' "$(journalctl --boot --catalog "MESSAGE_ID=$(message_id Switch)")"
	disk_heal 0
	wait_until 60 sw_is sw0 active 0
	wait_until 10 journal_has Failback 'failing back'
	nothing_lost
}

# A file system on the unit, as /etc/fstab would have it: one transaction for both, as at boot.
mounted_after() {
	pathd_rig
	defer service_ends
	systemctl start pathd.service
	# The device is there when pathd is ready; its name is udev's business.
	expect dmsetup info sw0
	wait_until 30 sw_is sw0 state online
	wait_until 30 test -b /dev/sw0
	mkfs.ext4 -q /dev/sw0
	systemctl stop pathd.service
	unit_remove sw0
	wait_until 30 test ! -e /dev/sw0
	printf '[Unit]\nBefore=local-fs.target\n[Mount]\nWhat=/dev/sw0\nWhere=/mnt\nType=ext4\n' >/run/systemd/system/mnt.mount
	defer mount_ends
	systemctl daemon-reload
	expect systemctl start mnt.mount pathd.service
	expect findmnt --source /dev/sw0 --mountpoint /mnt
	expect_less "$(service ActiveEnterTimestampMonotonic)" \
		"$(systemctl show --value --property ActiveEnterTimestampMonotonic mnt.mount)" "ready before mounted"
}

mount_ends() {
	systemctl stop mnt.mount
	rm /run/systemd/system/mnt.mount
	systemctl daemon-reload
}

disk_create 32
test_case "systemd finds nothing wrong with the unit file, nor with its place in the boot" unit_file_is_sound
test_case "the service is active when every path has its verdict, not before; locked in memory and safe from the OOM killer" active_after_ready
test_case "a file system on a unit is mounted after pathd is ready" mounted_after
test_case "a pathd that fails again and again is started until it does not" failing_is_tried_again
test_case "the journal has a message's identity and fields, and the catalog explains it" journal_fields
test_case "a reload of a bad file keeps the running configuration, a stop leaves the unit and its I/O alone" reloaded_and_stopped
test_case "a killed pathd is started again, the unit goes on" killed_restarts
test_case "the watchdog restarts a pathd that stands still, the unit goes on" watchdog_restarts
