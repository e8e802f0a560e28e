#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# packages.sh - install what packages.txt names and the machine lacks. Says and does nothing if there is
# nothing to do. Only adds packages: never removes, never upgrades by itself.
set -euo pipefail

top=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)

mapfile -t wanted < <(sed -E 's/#.*//; s/[[:space:]]+//g; /^$/d' "$top/packages.txt")
# dpkg-query fails if it has never heard of one of them: what it does print is the answer.
installed=$(dpkg-query -W -f '${db:Status-Status} ${Package}\n' "${wanted[@]}" 2>/dev/null |
	sed -n 's/^installed //p' || true)
missing=()
for name in "${wanted[@]}"; do
	grep -Fxq "$name" <<<"$installed" || missing+=("$name")
done
[ ${#missing[@]} -gt 0 ] || exit 0

as_root=()
if [ "$(id -u)" -ne 0 ]; then
	if ! command -v sudo >/dev/null; then
		echo "packages: as root: apt-get install --no-install-recommends ${missing[*]}" >&2
		exit 1
	fi
	as_root=(sudo)
fi
echo "packages: installing ${missing[*]}" >&2
log=$(mktemp)
trap 'rm -f "$log"' EXIT
apt_get() {
	"${as_root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get -q -y -o DPkg::Lock::Timeout=120 "$@" \
		</dev/null >"$log" 2>&1 || {
		tail -n 40 "$log" >&2
		echo "packages: apt-get $1 failed" >&2
		exit 1
	}
}
apt_get update
apt_get install --no-install-recommends "${missing[@]}"
