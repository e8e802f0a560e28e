# shellcheck shell=bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# reservation.sh - a reservation that alpha's users hold through sw0, as gamma sees it on the array's first disk. After lab.sh.
#
#   reservations_forgotten        what was left on the disk is void; no pathd runs then
#   reservation_begins HOST...    alpha's users reserve (write exclusive, registrants only); returns when the hosts' paths have their
#                                 key, and sets `reserved`
#   reservation_survives COMMAND  alpha writes; COMMAND cuts its path and kills beta, which serves it then, so that it is held: a person
#                                 says so; the reservation holds on gamma's path, which has the key, and back on alpha's own

USERS_KEY=0xa11ce1

reservations_forgotten() {
	on alpha - <<-'END'
		sg_persist -n -o -I -S 0xdead "/dev/$(disk_of 0)" >/dev/null
		sg_persist -n -o -C -K 0xdead "/dev/$(disk_of 0)" >/dev/null
	END
}

# Key and type.
reservation() {
	on gamma - <<-'END'
		sg_turs "/dev/$(disk_of 0)" >/dev/null 2>&1 || true
		sg_persist -n -i -r "/dev/$(disk_of 0)" | grep -E 'Key=|type:|NO reservation' | tr -s ' \n' ' '
	END
}

# The hosts whose own path has the users' key.
registered() {
	on gamma - <<-END
		sg_persist -n -i -s "/dev/\$(disk_of 0)" | sed -n -e 's/.*Key=//p' -e 's/.*iqn[^ ]*:\([a-z]*\)[, ].*/\1/p' -e 's/.*iqn[^ ]*:\([a-z]*\)$/\1/p' |
			paste -d' ' - - | sed -n 's/^$USERS_KEY //p' | sort | paste -sd,
	END
}

reservation_begins() {
	local hosts
	hosts=$(printf '%s\n' "$@" | sort | paste -sd,)
	on alpha - <<-END
		"\$SW_LIB/reserve.py" /dev/sw0 register 0 $USERS_KEY
		"\$SW_LIB/reserve.py" /dev/sw0 reserve $USERS_KEY 5
	END
	wait_until 60 eval "[ \"\$(registered)\" = $hosts ]"
	reserved=$(reservation)
	note "reserved: $reserved"
}

reservation_holds() { # WHERE
	expect_eq "$reserved" "$(reservation)" "the reservation $1"
}

reservation_survives() {
	writes_begin
	"$@"
	# Nobody but a person can know that beta is dead: it has no key of its own that could be taken away.
	tells 60 alpha ' gamma ' status sw0
	host_waits_for 60 alpha sw_is sw0 phase prove
	on alpha pathctl fenced sw0 --i-am-sure
	host_waits_for 120 alpha sw_is sw0 active 2
	on alpha writer_flows sw0 50 60
	reservation_holds "while gamma serves"
	expect_match 'alpha,(beta,)?gamma' "$(registered)" "hosts with the users' key"
	heal alpha san
	host_waits_for 120 alpha path_is_usable 0
	on alpha pathctl failback sw0
	host_waits_for 60 alpha sw_is sw0 active 0
	reservation_holds "on alpha's own path"
	writes_went_on
}
