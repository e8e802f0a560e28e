# shellcheck shell=bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# avahi.sh - DNS-SD on the lab's hosts: a system bus and avahi-daemon as the packages have them. After lab.sh.
#
#   avahi_start HOST...   returns when it has announced the host
#   avahi_kill HOST...    SIGKILL for avahi-daemon; the bus stays. Other hosts go on knowing for minutes what it announced
#   avahi_stop HOST...    it withdraws what it announced, and ends

avahi_start() {
	local host
	for host in "$@"; do
		on "$host" - <<-'END'
			if [ ! -S /run/dbus/system_bus_socket ]; then
				mkdir -p /run/dbus
				dbus-daemon --system --fork --nopidfile
			fi
			avahi-daemon >/run/avahi.log 2>&1 &
			echo $! >/run/avahi.pid
			wait_until 60 grep -q 'Server startup complete' /run/avahi.log
		END
	done
}

avahi_end() { # SIGNAL HOST...
	local host signal=$1
	shift
	for host in "$@"; do
		on "$host" - <<-END
			kill -$signal "\$(cat /run/avahi.pid)"
			wait_until 20 process_is_gone "\$(cat /run/avahi.pid)"
			rm -f /run/avahi-daemon/pid
		END
	done
}

avahi_kill() {
	avahi_end KILL "$@"
}

avahi_stop() {
	avahi_end TERM "$@"
}
