#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# lint-module.sh - checkpatch --strict and sparse over dm-target/; silent when clean.
# checkpatch comes from Debian's linux-source package, fetched once into the build tree:
# no smaller package has it.
set -euo pipefail

top=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
dir=$top/build/lint
status=0

fetch_checkpatch() {
	[ -e "$dir/scripts/checkpatch.pl" ] && return
	mkdir -p "$dir"
	(
		cd "$dir"
		apt-get download -qq linux-source-6.1 2>/dev/null
		dpkg --fsys-tarfile linux-source-6.1_*.deb |
			tar xO ./usr/src/linux-source-6.1.tar.xz | xz -dc |
			tar x --strip-components=1 linux-source-6.1/scripts/checkpatch.pl \
				linux-source-6.1/scripts/spelling.txt \
				linux-source-6.1/scripts/const_structs.checkpatch
		rm linux-source-6.1_*.deb
	)
}

# The lists of words are X-macros: what checkpatch dislikes in a macro is their nature.
checkpatch() {
	local file ignore
	for file in "$top"/dm-target/*.[ch]; do
		ignore=()
		case $file in
		*/sw-uapi.h | */sw-words.[ch]) ignore=(--ignore 'COMPLEX_MACRO,MACRO_ARG_REUSE') ;;
		esac
		"$dir/scripts/checkpatch.pl" --no-tree --strict --terse --no-summary "${ignore[@]}" -f "$file" ||
			status=1
	done
}

sparse_check() {
	local kdir work=$dir/sparse log=$dir/sparse.log
	"$top/tests/vm/kernel.sh" 6.1 >"$dir/kernel.log" 2>&1 || {
		cat "$dir/kernel.log"
		status=1
		return
	}
	kdir=$(realpath "${SW_KERNELS:-$top/build/kernels}/6.1/kdir")
	rm -rf "$work"
	mkdir -p "$work"
	cp "$top"/dm-target/*.[ch] "$top"/dm-target/{Makefile,Kbuild} "$work"
	if ! make -C "$kdir" "M=$work" W=1 C=2 CF=-D__CHECK_ENDIAN__ modules >"$log" 2>&1 ||
		grep -E '(warning|error):' "$log"; then
		grep -E 'warning|error' "$log" || tail -20 "$log"
		status=1
	fi
}

fetch_checkpatch
checkpatch
sparse_check
exit $status
