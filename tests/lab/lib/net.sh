# shellcheck shell=bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# net.sh - who is on which network of the lab, on the machine and in the nodes.
#
#   lab_nics NODE             its NICs: san has the disks, lan the rest
#   lab_address NODE NIC
#   lab_mac NODE NIC
#   lab_hosts                 lines for /etc/hosts

lab_number() {
	case $1 in alpha) echo 1 ;; beta) echo 2 ;; gamma) echo 3 ;; array) echo 10 ;; *) return 1 ;; esac
}

lab_nics() {
	case $1 in array) echo san ;; *) echo san lan ;; esac
}

lab_net() {
	case $1 in san) echo 1 ;; lan) echo 2 ;; *) return 1 ;; esac
}

lab_address() {
	echo "10.88.$(lab_net "$2").$(lab_number "$1")"
}

lab_mac() {
	printf '52:54:00:88:%02x:%02x\n' "$(lab_net "$2")" "$(lab_number "$1")"
}

lab_hosts() {
	local node
	echo "$(lab_address array san) array"
	for node in alpha beta gamma; do
		echo "$(lab_address $node lan) $node"
	done
}
