#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# kernels: 6.1
# timeout: 1200
#
# pathd's checks keep a path out that leads to the wrong disk, to one of another size or to one that cannot be
# written; and pathd's own life: its configuration, its settings on the legs, a second one.
# shellcheck source=tests/vm/lib/sw.sh
. "$SW_LIB/sw.sh"
# shellcheck source=tests/vm/lib/pathd.sh
. "$SW_LIB/pathd.sh"

start() {
	pathd_rig "$@"
	pathd_start
	expect_eq 0 "$(sw_get sw0 active)" "active path"
	writer_start sw0 /dev/sw0 --span $((8 << 20))
}

# The writer saw no error, and the disk has every write.
nothing_lost() {
	writer_flows sw0
	writer_stop sw0
	expect_eq 0 "$(writer_get sw0 errors)" "errors"
	writer_verify sw0 "$(disk_dev 1)"
}

# What the test disk shows behind the wrong name is the same store, so only its counter tells of a write that went there.
writes_stay() { # COUNT
	writer_flows sw0 60
	expect_eq "$1" "$(disk_get 0 writes)" "writes through the direct path"
}

rejected_for() {
	monitor_is sw0 0 rejected && sw_path_is sw0 0 state rejected && sw_path_is sw0 0 reason "$1"
}

# Away from the direct path, and while it is down its disk changes: KNOBS, then the path answers again.
returns_changed() {
	local reason=$1 change=$2 undo=$3 writes
	start
	disk_fail 0
	wait_until 30 sw_is sw0 active 1
	$change
	writes=$(disk_get 0 writes)
	disk_heal 0
	wait_until 30 rejected_for "$reason"
	holds_for 4 sw_is sw0 active 1
	writes_stay "$writes"
	expect status_says "$4"
	$undo
	wait_until 60 sw_is sw0 active 0
	nothing_lost
}

wrong_disk() {
	returns_changed identity "disk_swap 0 2" "disk_swap 0 1" 'another disk|identity'
}

other_size() {
	returns_changed size "disk_resize 0 16" "disk_resize 0 32" 'size'
}

write_protected() {
	returns_changed write-protected "disk_write_protect 0 on" "disk_write_protect 0 off" 'write.protected'
}

# Not known to the kernel before: what it says about itself is all there is.
new_device_of_other_size() {
	local writes
	start
	disk_delete 0
	wait_until 30 sw_is sw0 active 1
	wait_until 30 sw_path_is sw0 0 state absent
	disk_resize 0 16
	writes=$(disk_get 0 writes)
	disk_rescan 0
	wait_until 30 monitor_is sw0 0 rejected
	holds_for 4 sw_path_is sw0 0 state absent
	writes_stay "$writes"
	disk_delete 0
	disk_resize 0 32
	disk_rescan 0
	wait_until 60 sw_is sw0 active 0
	nothing_lost
}

new_device_is_another_disk() {
	local writes
	start
	disk_delete 0
	wait_until 30 sw_is sw0 active 1
	wait_until 30 sw_path_is sw0 0 state absent
	disk_swap 0 2
	writes=$(disk_get 0 writes)
	disk_rescan 0
	wait_until 30 status_says 'another disk, naa\.'
	holds_for 4 sw_path_is sw0 0 state absent
	writes_stay "$writes"
	disk_delete 0
	disk_swap 0 1
	disk_rescan 0
	wait_until 60 sw_is sw0 active 0
	nothing_lost
}

# As one line: status folds long ones.
status_says() {
	pathctl status sw0 | tr -s ' \n' ' ' | grep -Eq "$1"
}

# The array maps another disk to the LUN of the active path, without a word. What is written until the next check goes there; nothing after.
swapped_under_live_device() {
	local writes
	start
	disk_swap 0 2
	wait_until 30 sw_is sw0 active 1
	wait_until 30 rejected_for identity
	writes=$(disk_get 0 writes)
	holds_for 4 sw_is sw0 active 1
	writes_stay "$writes"
	disk_swap 0 1
	wait_until 60 sw_is sw0 active 0
	nothing_lost
}

flaps() {
	disk_fail 0
	wait_until 30 sw_is sw0 active 1
	disk_heal 0
}

flapping() {
	start
	flaps
	wait_until 60 sw_is sw0 active 0
	flaps
	wait_until 60 sw_is sw0 active 0
	flaps
	wait_until 30 monitor_is sw0 0 damped
	# Stable for longer than a path that is not damped has to be, which is 2 s.
	holds_for 6 sw_is sw0 active 1
	expect status_says 'damped'
	pathctl reinstate sw0 direct
	wait_until 30 sw_is sw0 active 0
	nothing_lost
}

settings() {
	grep . "/sys/block/$(disk_name 0)/device/timeout" "/sys/class/scsi_host/host${DISK_HOSTS[0]}/eh_deadline"
}

settings_are() {
	[ "$(settings)" = "$1" ]
}

settings_put_back() {
	local before
	pathd_rig
	before=$(settings)
	pathd_start
	expect_not test "$before" = "$(settings)"
	# Two lives later it still knows what it found.
	pathd_kill
	pathd_run
	wait_until 30 monitor_is sw0 0 ok
	sed -i 's/^\[unit.sw0\]/&\nenabled = false/' /etc/swpath/swpath.toml
	kill -HUP "$(cat "$SW_RUN/pathd.pid")"
	wait_until 30 settings_are "$before"
}

settings_of_a_unit_that_was_taken_out() {
	local before
	pathd_rig
	before=$(settings)
	pathd_start
	expect_not test "$before" = "$(settings)"
	pathd_kill
	sed -i 's/^\[unit.sw0\]/&\nenabled = false/' /etc/swpath/swpath.toml
	pathd_run
	wait_until 30 settings_are "$before"
}

second_pathd() {
	local said
	start
	said=$(pathd 2>&1) && fail "a second pathd runs"
	expect_match 'stop it first' "$said"
	wait_until 10 path_is_usable 0
	nothing_lost
}

reloads() {
	start
	local table epoch
	table=$(dmsetup table sw0)
	epoch=$(sw_get sw0 epoch)
	printf '[unit.sw0]\nwwid = 3\nstal = "1s"\n' >/etc/swpath/swpath.toml
	kill -HUP "$(cat "$SW_RUN/pathd.pid")"
	wait_until 10 pathd_said 'swpath.toml:2:'
	expect_eq "$table" "$(dmsetup table sw0)" "table after a bad file"
	expect_not pathctl config check

	pathd_config
	kill -HUP "$(cat "$SW_RUN/pathd.pid")"
	holds_for 2 test "$table" = "$(dmsetup table sw0)"
	expect_not pathd_said 'reload sw0'

	pathd_config 'stall="4s"'
	kill -HUP "$(cat "$SW_RUN/pathd.pid")"
	wait_until 30 table_has ' stall_ms 4000 '
	expect_eq "$epoch" "$(sw_get sw0 epoch)" "no switch for it: epoch"
	# A cluster is joined by a pathd that starts, whole, or not at all.
	printf '[cluster]\nname = "alpha"\nkey_file = "/etc/swpath/keys"\nlisten = "127.0.0.1"\n' >>/etc/swpath/swpath.toml
	pathctl reload
	wait_until 10 pathd_said '[[]cluster[]] is read when pathd starts: restart it'
	holds_for 5 in_no_cluster
	nothing_lost
}

in_no_cluster() {
	(pathctl peers 2>&1 || true) | grep -q 'this host is in no cluster'
}

table_has() {
	dmsetup table sw0 | grep -q "$1"
}

without_unit() {
	: >/etc/swpath/swpath.toml
	pathctl reload
}

is_hidden() {
	udevadm info --query=property "$(disk_dev 0)" | grep -q '^SW_LEG=1'
}

no_connection_left() {
	! grep -qs '^swpath:' /sys/block/nbd*/backend
}

unneeded_unit_goes() {
	start
	writer_stop sw0
	expect is_hidden
	wait_until 20 unit_is_closed
	expect_match 'unit removed sw0; /dev/sw0 is removed' "$(without_unit)"
	wait_until 30 no_unit_is_listed
	expect_not dmsetup info sw0
	wait_until 10 no_connection_left
	wait_until 60 eval '! is_hidden'
	expect_eq "" "$(ls /run/swpath/legs)" "marks of legs"
	# Written into the configuration again, it is there again.
	pathd_config
	pathctl reload
	wait_until 60 sw_is sw0 state online
	wait_until 60 path_is_usable 1
	wait_until 60 is_hidden
}

no_unit_is_listed() {
	[ "$(pathctl list --json | jq '.units | length')" = 0 ]
}

# Its device goes before pathd does; the disk is shown by whichever pathd is there by then.
goes_though_pathd_ends() {
	start
	writer_stop sw0
	wait_until 20 unit_is_closed
	without_unit
	pathd_stop
	expect_not dmsetup info sw0
	expect is_hidden
	pathd_run
	wait_until 60 eval '! is_hidden'
	expect_eq "" "$(ls /run/swpath/legs)" "marks of legs"
}

# A connection is being made when its path gets another number: that it fails says nothing about the path that has the
# old one now.
paths_change_places() {
	pathd_rig
	peer_stall beta
	sed -i '/^\[\[unit.sw0.path/,$d' /etc/swpath/swpath.toml
	cp /etc/swpath/swpath.toml "$SW_RUN/unit"
	{
		path_beta
		path_direct
	} >>/etc/swpath/swpath.toml
	pathd_run
	wait_until 60 sw_is sw0 state online
	wait_until 60 monitor_is sw0 1 ok
	# One that has just begun: it lasts 3 s.
	wait_until 30 eval '! connection_is_tried'
	wait_until 30 connection_is_tried
	{
		cat "$SW_RUN/unit"
		path_direct
		path_beta
	} >/etc/swpath/swpath.toml
	pathctl reload
	wait_until 30 monitor_is sw0 0 ok
	holds_for 5 monitor_is sw0 0 ok
	expect_not pathd_said 'direct sd[a-z]+ failed'
	peer_continue beta
	wait_until 60 path_is_usable 1
	wait_until 30 only_connection
}

path_direct() {
	printf '[[unit.sw0.path]]\nkind = "direct"\n'
}

path_beta() {
	printf '[[unit.sw0.path]]\nkind = "served"\nname = "beta"\nserver = "%s:10809"\nexport = "disk"\n' "$(peer_address beta)"
}

connection_is_tried() {
	ss -tnH state established dport = :10809 | grep -q .
}

only_connection() {
	[ "$(grep -ls '^swpath:' /sys/block/nbd*/backend | wc -l)" = 1 ]
}

unit_is_closed() {
	[ "$(dmsetup info -c --noheadings -o open sw0)" -eq 0 ]
}

needed_unit_stays() {
	local table
	start
	table=$(dmsetup table sw0)
	expect_match '/dev/sw0 is left as it is: it is open' "$(without_unit)"
	wait_until 20 pathd_said 'close it, then .dmsetup remove sw0'
	expect_eq "$table" "$(dmsetup table sw0)" "table"
	writer_flows sw0
	expect is_hidden
	# Nor is it forgotten: a pathd that knows it again takes it over.
	pathd_config
	pathctl reload
	wait_until 60 path_is_usable 0
	wait_until 60 path_is_usable 1
	nothing_lost
}

pin_survives() {
	start
	pathctl switch sw0 beta
	wait_until 30 sw_is sw0 active 1
	pathctl pin sw0
	pathd_kill
	pathd_run
	wait_until 30 monitor_is sw0 0 ok
	holds_for 5 sw_is sw0 active 1
	pathctl unpin sw0
	wait_until 30 sw_is sw0 active 0
	nothing_lost
}

three_answers() {
	local begin
	begin=$(now_ms)
	pathctl status sw0 >"$SW_RUN/answer"
	expect pathctl list
	expect pathctl history sw0
	ANSWERS_MS=$(($(now_ms) - begin))
}

answers_while_all_hang() {
	local before
	start
	three_answers
	before=$ANSWERS_MS
	disk_hang 0
	peer_stall beta
	wait_until 30 sw_is sw0 state verify
	three_answers
	expect_match 'held' "$(<"$SW_RUN/answer")"
	# How fast programs start depends on what else the machine does. Not so a command on a hung path: 2 s each.
	expect_less "$ANSWERS_MS" $((2 * before + 1500)) "ms for three answers ($before when all was well)"
	disk_heal 0
	peer_continue beta
	wait_until 60 sw_is sw0 state online
	writer_flows sw0
	writer_stop sw0
	expect_eq 0 "$(writer_get sw0 errors)" "errors"
}

disk_create 32
test_case "a path that returns to another disk is rejected (P3)" wrong_disk
test_case "a path that returns to a disk of another size is rejected (P3)" other_size
test_case "a path that returns write-protected is rejected" write_protected
test_case "a new device of another size does not enter the table (P3)" new_device_of_other_size
test_case "a new device that is another disk stays out, and status names it (P3)" new_device_is_another_disk
test_case "an active path that leads elsewhere all at once is left (P3)" swapped_under_live_device
test_case "a path that fails again and again is damped, and reinstate ends it" flapping
test_case "settings of the legs are put back, two pathds later" settings_put_back
test_case "so are those of a unit that was taken out while no pathd ran" settings_of_a_unit_that_was_taken_out
test_case "a second pathd is told which one runs" second_pathd
test_case "a bad file is refused whole; a good one changes what changed" reloads
test_case "a unit that is taken out of the configuration goes if nobody has it open, is listed until then, and its legs are shown" unneeded_unit_goes
test_case "a unit that is taken out goes though pathd is ended at once, and the next pathd shows its disk" goes_though_pathd_ends
test_case "paths change places while a connection is tried, and its failure is not the other path's" paths_change_places
test_case "a unit in use that is taken out of the configuration stays, with its I/O, and reload says so" needed_unit_stays
test_case "a pin outlives pathd" pin_survives
test_case "pathctl answers while every path hangs" answers_while_all_hang
