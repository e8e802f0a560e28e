#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# kernels: 6.1
# timeout: 400
#
# Our server and the kernel's nbd, in the clear and with TLS: data, coherence with a direct path, and
# revocation. SCSI path 1 is what the server has, path 0 is this host's own.
# shellcheck source=tests/vm/lib/sw.sh
. "$SW_LIB/sw.sh"

plugins=$(nbdkit --dump-config | sed -n 's/^plugindir=//p')

call() { # METHOD PARAMETERS
	printf '{"method":"io.swpath.Serve.%s","parameters":%s}\0' "$1" "$2" |
		socat -t 60 - "UNIX-CONNECT:$SW_RUN/control" | tr -d '\0'
}

server_is_there() {
	[ -S "$SW_RUN/control" ] && call Status '{}' | jq -e .parameters.pid >/dev/null
}

server_start() { # TLS-OPTION...
	local tls=no
	[ "$1" = --tls=off ] || tls=yes
	LD_PRELOAD=$plugins/nbdkit-swpath-hangup.so nbdkit --foreground --ipaddr 127.0.0.1 --port 10809 "$@" \
		swpath control="$SW_RUN/control" closed="$SW_RUN/closed" tls=$tls </dev/null >"$SW_RUN/nbdkit.log" 2>&1 &
	server=$!
	disown
	defer server_end
	wait_until 60 server_is_there
}

server_end() {
	kill -KILL "$server" 2>/dev/null
	rm -f "$SW_RUN/control"
}

serve_disk() { # EPOCH
	call Export "{\"wwid\":\"$(disk_wwid 1)\",\"client\":\"alpha\",\"epoch\":$1,\"device\":\"$(disk_dev 1)\",\"clients\":[\"127.0.0.1\"]}" \
		>"$SW_RUN/exported"
	expect jq -e .parameters.size_bytes "$SW_RUN/exported"
}

attach() { # EPOCH [KEYFILE]
	nbd=$(swattach 127.0.0.1:10809 "$(disk_wwid 1)@alpha@$1" "${@:2}") || fail "swattach: $nbd"
	defer detach
	wait_until 20 nbd_is_up "${nbd#/dev/}"
}

detach() {
	nbd-client -d "$nbd" >/dev/null 2>&1
	true
}

revoke() { # EPOCH
	call Revoke "{\"wwid\":\"$(disk_wwid 1)\",\"client\":\"alpha\",\"epoch\":$1,\"wait_ms\":50000}" >"$SW_RUN/revoked"
	cat "$SW_RUN/revoked"
	expect jq -e .parameters.drained "$SW_RUN/revoked"
}

# The promise: what was acknowledged through the export is on the disk, as the direct path shows it,
# and nothing comes after "drained".
carries_and_is_revoked() { # EPOCH [KEYFILE]
	local before
	attach "$@"
	writer_start "served$1" "$nbd" --reads 20 --allow-errors
	writer_flows "served$1" 300
	revoke "$1"
	before=$(sha256sum <"$(disk_dev 0)")
	writer_stop "served$1"
	writer_verify "served$1" "$(disk_dev 0)"
	expect_eq "$before" "$(sha256sum <"$(disk_dev 0)")" "the disk after it was called drained"
	expect [ "$(writer_get "served$1" mismatches)" = 0 ]
}

in_the_clear() {
	server_start --tls=off
	serve_disk 7
	carries_and_is_revoked 7
	expect_fails swattach 127.0.0.1:10809 "$(disk_wwid 1)@alpha@7"
	serve_disk 8
	carries_and_is_revoked 8
}

with_tls() {
	requires_module tls
	psktool -u swpath -p "$SW_RUN/keys" >/dev/null
	psktool -u swpath -p "$SW_RUN/other" >/dev/null
	server_start --tls=require --tls-psk="$SW_RUN/keys"
	serve_disk 11
	expect_fails swattach 127.0.0.1:10809 "$(disk_wwid 1)@alpha@11"
	expect grep -q 'wants TLS' "$SW_RUN/fails.log"
	expect_fails swattach 127.0.0.1:10809 "$(disk_wwid 1)@alpha@11" "$SW_RUN/other"
	expect grep -q 'Permission denied' "$SW_RUN/fails.log"
	carries_and_is_revoked 11 "$SW_RUN/keys"
}

expect_fails() {
	! "$@" >"$SW_RUN/fails.log" 2>&1 || fail "succeeds: $*"
	cat "$SW_RUN/fails.log"
}

a_lost_path_ends_it() {
	server_start --tls=off
	serve_disk 21
	attach 21
	expect dd if="$nbd" of=/dev/null bs=4k count=1 iflag=direct status=none
	disk_delete 1
	expect_fails dd if="$nbd" of=/dev/null bs=4k count=1 skip=8 iflag=direct status=none
	wait_until 20 state_is failed
	disk_rescan 1
}

state_is() {
	call Status '{}' | jq -e ".parameters.exports[-1].state == \"$1\"" >/dev/null
}

a_served_path_is_not_served() {
	server_start --tls=off
	serve_disk 31
	attach 31
	call Export "{\"wwid\":\"naa.5\",\"client\":\"alpha\",\"epoch\":1,\"device\":\"$nbd\",\"clients\":[\"any\"]}" >"$SW_RUN/loop"
	cat "$SW_RUN/loop"
	expect grep -q 'network block device' "$SW_RUN/loop"
	unit_create sw0 "fence drain" "direct:$(disk_dev 0)"
	call Export "{\"wwid\":\"naa.6\",\"client\":\"alpha\",\"epoch\":1,\"device\":\"/dev/mapper/sw0\",\"clients\":[\"any\"]}" >"$SW_RUN/unit"
	cat "$SW_RUN/unit"
	expect grep -q 'is a unit of swpath' "$SW_RUN/unit"
	call Export "{\"wwid\":\"naa.7\",\"client\":\"alpha\",\"epoch\":1,\"device\":\"$(disk_dev 0)\",\"clients\":[\"any\"]}" >"$SW_RUN/other"
	cat "$SW_RUN/other"
	expect grep -q 'not naa.7' "$SW_RUN/other"
}

# Zeroes from this offset on, so many bytes.
is_zero() { # OFFSET BYTES
	dd if="$nbd" iflag=direct,skip_bytes,count_bytes bs=64k skip="$1" count="$2" status=none | cmp -n "$2" - /dev/zero
}

zero() { # EPOCH OFFSET BYTES: by the command for it, which the kernel's nbd does not use everywhere
	nbdsh -u "nbd://127.0.0.1/$(disk_wwid 1)@alpha@$1" -c "h.zero($3, $2)"
}

discards() { # EPOCH
	attach "$1"
	dd if=/dev/urandom of="$nbd" bs=1M count=4 oflag=direct status=none
}

discard_is_a_wish() {
	local had mb=$((1 << 20))
	server_start --tls=off
	serve_disk 41
	discards 41
	had=$(disk_get 1 discards)
	expect blkdiscard -o 0 -l $mb "$nbd"
	expect [ "$(disk_get 1 discards)" -gt "$had" ]
	expect zero 41 $mb $mb
	expect is_zero $mb $mb
	# A unit of this host claims the disk, and somebody has written to it past the unit: the kernel
	# can not drop what it has of that in memory, and refuses the command.
	unit_create sw0 "fence drain" "direct:$(disk_dev 1)"
	dd if=/dev/urandom of="$(disk_dev 1)" bs=4k seek=512 count=16 conv=notrunc status=none
	expect_fails blkdiscard -f -o $((2 * mb)) -l $mb "$(disk_dev 1)"
	expect grep -q 'busy' "$SW_RUN/fails.log"
	expect blkdiscard -o $((2 * mb)) -l $mb "$nbd"
	expect zero 41 $((2 * mb)) $mb
	expect is_zero $((2 * mb)) $mb
	expect state_is open
	expect dd if="$nbd" of=/dev/null bs=4k count=1 iflag=direct status=none
}

a_disk_without_discard() {
	local mb=$((1 << 20))
	echo 0 >"/sys/block/$(disk_name 1)/queue/discard_max_bytes"
	server_start --tls=off
	serve_disk 51
	discards 51
	expect_eq 0 "$(cat "/sys/block/${nbd#/dev/}/queue/discard_max_bytes")" "what its clients may discard"
	expect_fails blkdiscard -o 0 -l $mb "$nbd"
	expect zero 51 $mb $mb
	expect is_zero $mb $mb
	expect state_is open
	cat "/sys/block/$(disk_name 1)/queue/discard_max_hw_bytes" >"/sys/block/$(disk_name 1)/queue/discard_max_bytes"
}

has_mb() { # DEVICE MB
	[ "$(blockdev --getsize64 "$1")" = $(($2 << 20)) ]
}

# Another client keeps the disk open meanwhile.
a_grown_disk_is_given_out_whole() {
	disk_resize 1 32
	disk_reread 1
	wait_until 10 has_mb "$(disk_dev 1)" 32
	server_start --tls=off
	serve_disk 61
	attach 61
	expect has_mb "$nbd" 32
	disk_resize 1 64
	disk_reread 1
	wait_until 10 has_mb "$(disk_dev 1)" 64
	call Export "{\"wwid\":\"$(disk_wwid 1)\",\"client\":\"gamma\",\"epoch\":1,\"device\":\"$(disk_dev 1)\",\"clients\":[\"127.0.0.1\"]}" \
		>"$SW_RUN/exported"
	expect_eq $((64 << 20)) "$(jq .parameters.size_bytes "$SW_RUN/exported")" "the size that is told"
	expect_match "\"export-size\": $((64 << 20))" "$(nbdinfo --json "nbd://127.0.0.1/$(disk_wwid 1)@gamma@1")"
	expect dd if="$nbd" of=/dev/null bs=4k count=1 iflag=direct status=none
}

modprobe nbd nbds_max=4
disk_create
test_case "what is acknowledged is on the disk, and nothing lands after a revocation" in_the_clear
test_case "the same with TLS, whose records are the kernel's" with_tls
test_case "a discard is a wish: what is in its way ends no export, and zeroes are written (P5)" discard_is_a_wish
test_case "a disk without discard is served without, and zeroes are written" a_disk_without_discard
test_case "a disk that has grown is given out whole, though another client has it open" a_grown_disk_is_given_out_whole
test_case "a server whose disk vanishes ends its clients" a_lost_path_ends_it
test_case "a served path, a unit and another disk are not served" a_served_path_is_not_served
