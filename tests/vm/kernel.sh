#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# kernel.sh 6.1|6.12|debug - provide one of Debian's kernels for the test VMs; debug: Debian's 6.1 source, built with
# what finds mistakes (debug.config). That takes 20 minutes or more, once.
#
# Leaves, under build/kernels/<version>/ (or $SW_KERNELS/<version>/):
#   release   one line, what uname -r says in the guest
#   vmlinuz   the image
#   root/     the image package unpacked, with /lib under /usr: usable as an overlay layer
#   kdir      the directory for `make -C <kdir> M=...`
#   initrd    the part of the initramfs that is the same for every run
# Nothing is installed on the machine and apt's own configuration is not touched: 6.12 comes from
# the backports suite beside the Debian archive that the machine already uses, read with a private
# apt state in the build tree. Does nothing when all is there. Exit status 123: could not.
set -euo pipefail

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
top=$(cd "$here/../.." && pwd)
kernels=${SW_KERNELS:-$top/build/kernels}

die() {
	echo "kernel: $*" >&2
	exit 123
}

[ $# -eq 1 ] || die "usage: kernel.sh 6.1|6.12|debug"
version=$1
dir=$kernels/$version
layout="1 $dir" # the number grows when the form of what is left there changes; headers hold the path

# URIs of the archives that offer $1 (a suite), from both forms of apt sources.
archive_uris() {
	local suite=$1
	{
		cat /etc/apt/sources.list /etc/apt/sources.list.d/*.list 2>/dev/null |
			sed -En 's/^deb[[:space:]]+(\[[^]]*\][[:space:]]+)?([^[:space:]]+)[[:space:]]+([^[:space:]]+)[[:space:]].*/\2 \3/p'
		awk '
			function flush_stanza(   u, s, i, j) {
				if (types ~ /(^| )deb( |$)/ && enabled != "no")
					for (i = split(uris, u, " "); i; i--)
						for (j = split(suites, s, " "); j; j--)
							print u[i], s[j]
				types = uris = suites = enabled = ""
			}
			FNR == 1 || /^[ \t]*$/ { flush_stanza() }
			/^#/ { next }
			/^Types:/ { sub(/^[^:]*:[ \t]*/, ""); types = $0 }
			/^URIs:/ { sub(/^[^:]*:[ \t]*/, ""); uris = $0 }
			/^Suites:/ { sub(/^[^:]*:[ \t]*/, ""); suites = $0 }
			/^Enabled:/ { enabled = tolower($2) }
			END { flush_stanza() }
		' /etc/apt/sources.list.d/*.sources /dev/null 2>/dev/null
	} | awk -v suite="$suite" '$2 == suite && $1 !~ /^cdrom:/ { print $1 }' | sort -u
}

# apt with its own sources and lists; the machine's are only read.
private_apt=$kernels/apt
apt_options=(
	-o "Dir::Etc::sourcelist=$private_apt/sources.list"
	-o "Dir::Etc::sourceparts=/dev/null"
	-o "Dir::Etc::preferences=/dev/null"
	-o "Dir::Etc::preferencesparts=/dev/null"
	-o "Dir::State::lists=$private_apt/lists"
	-o "Dir::Cache=$private_apt/cache"
	-o "Acquire::Languages=none"
	-o "Acquire::Retries=3"
	-o "APT::Sandbox::User=root"
	-o "Acquire::IndexTargets::deb::Contents-deb::DefaultEnabled=false"
)

# Nobody else's until `exec 8>&-`.
update_private_apt() {
	local codename uri uris
	exec 8>"$kernels/apt.lock"
	flock -w 900 8 || die "another run keeps $kernels/apt.lock for 15 minutes"
	# shellcheck disable=SC1091
	codename=$(. /etc/os-release && echo "${VERSION_CODENAME:-}")
	[ "$codename" = bookworm ] || die "the VM tests take their kernels from Debian 12; this is '$codename'"
	mkdir -p "$private_apt/lists/partial" "$private_apt/cache/archives/partial"
	uris=$(archive_uris "$codename")
	[ -n "$uris" ] || die "no archive with the suite '$codename' in /etc/apt: cannot tell where Debian is"
	uri=${uris%%$'\n'*}
	{
		local signed="[signed-by=/usr/share/keyrings/debian-archive-keyring.gpg]"
		echo "deb $signed $uri $codename main"
		echo "deb $signed $uri $codename-backports main"
		for uri in $(archive_uris "$codename-security"); do
			echo "deb $signed $uri $codename-security main"
		done
	} >"$private_apt/sources.list"
	apt-get "${apt_options[@]}" -qq update >&2 || die "apt-get update failed, see above"
}

# Version of package $1 to take: the newest that begins with the wanted kernel version.
package_version() {
	apt-cache "${apt_options[@]}" madison "$1" | awk '{ print $3 }' |
		grep -E "^${version//./\\.}[.~-]" | sort -Vr | head -1
}

# The packages that $1=$2 depends on, by name.
depends_of() {
	apt-cache "${apt_options[@]}" show "$1=$2" | sed -n 's/^Depends: //p' | tr ',' '\n' |
		sed -E 's/^ *([^ ]+).*/\1/'
}

# The modules of $work/root are found by programs that look below /lib.
index_modules() {
	mkdir "$work/depmod"
	ln -s "$work/root/usr/lib" "$work/depmod/lib"
	depmod -b "$work/depmod" "$1"
	rm -r "$work/depmod"
}

provide_debug() {
	local work=$dir.new source=$dir.new/source log=$dir.new/log package=linux-source-6.1 release
	update_private_apt
	rm -rf "$work"
	mkdir -p "$work/deb" "$work/root/usr"
	(cd "$work/deb" && apt-get "${apt_options[@]}" -qq download "$package" >&2) || die "download failed, see above"
	exec 8>&-
	dpkg -x "$work"/deb/*.deb "$work/deb"
	mkdir "$source"
	tar -x --strip-components 1 -C "$source" -f "$work/deb/usr/src/$package.tar.xz"
	rm -r "$work/deb"
	echo "kernel: building the debug kernel, 20 minutes or more; $log tells" >&2
	(
		cd "$source"
		make -s x86_64_defconfig
		scripts/kconfig/merge_config.sh -m .config "$here/debug.config"
		make -s olddefconfig
		# What the machine's version of Kconfig does not know would be missed by nobody.
		wanted=$(grep '^CONFIG' "$here/debug.config")
		missing=$(grep -vxFf .config <<<"$wanted") || true
		[ -z "$missing" ] || { echo "not in .config: $missing" && exit 1; }
		nice make -s -j "${SW_JOBS:-$(nproc)}" bzImage modules
		make -s "INSTALL_MOD_PATH=$work/root/usr" modules_install
	) >"$log" 2>&1 || { tail -n 20 "$log" >&2 && die "the debug kernel was not built"; }
	release=$(make -s -C "$source" kernelrelease)
	rm -f "$work/root/usr/lib/modules/$release"/{build,source}
	index_modules "$release"
	cp "$source/arch/x86/boot/bzImage" "$work/vmlinuz"
	ln -s source "$work/kdir"
	echo "$release" >"$work/release"
	rm -rf "$dir"
	mv "$work" "$dir"
}

provide() {
	local meta_version image headers image_version release package work=$dir.new
	update_private_apt
	meta_version=$(package_version linux-image-amd64)
	[ -n "$meta_version" ] || die "the archive has no linux-image-amd64 of version $version"
	image=$(depends_of linux-image-amd64 "$meta_version" | grep -m1 '^linux-image-')
	release=${image#linux-image-}
	headers=linux-headers-$release
	image_version=$(package_version "$image")
	local packages=("$image=$image_version" "$headers=$(package_version "$headers")")
	for package in $(depends_of "$headers" "$(package_version "$headers")" |
		grep -E '^linux-(headers|kbuild)-'); do
		packages+=("$package=$(package_version "$package")")
	done
	echo "kernel: $version is Debian's $release: fetching ${packages[*]}" >&2
	rm -rf "$work"
	mkdir -p "$work/deb" "$work/root" "$work/headers"
	(cd "$work/deb" && apt-get "${apt_options[@]}" -qq download "${packages[@]}" >&2) ||
		die "download failed, see above"
	exec 8>&-
	for package in "$work"/deb/*.deb; do
		case ${package##*/} in
		linux-image-*) dpkg -x "$package" "$work/root" ;;
		*) dpkg -x "$package" "$work/headers" ;;
		esac
	done
	rm -rf "$work/deb"

	# As on a merged-/usr machine, or the layer would hide the machine's /lib.
	mkdir -p "$work/root/usr"
	mv "$work/root/lib" "$work/root/usr/lib"
	cp "$work/root/boot/vmlinuz-$release" "$work/vmlinuz"
	index_modules "$release"

	# The header packages name each other by absolute path, as if installed.
	sed -i "s|/usr/src/|$dir/headers/usr/src/|g; s|/usr/lib/linux-kbuild|$dir/headers/usr/lib/linux-kbuild|g" \
		"$work/headers/usr/src/$headers/Makefile" "$work/headers/usr/src/$headers/.kernelvariables"
	ln -s "headers/usr/src/$headers" "$work/kdir"

	echo "$release" >"$work/release"
	rm -rf "$dir"
	mv "$work" "$dir"
}

# Modules that the guest needs before it has a root file system, in loading order.
early_modules=(netfs fscache 9pnet 9p virtio_ring virtio 9pnet_virtio virtio_pci_modern_dev
	virtio_pci_legacy_dev virtio_pci overlay virtio_console configfs)

make_initrd() {
	local release work module line path
	release=$(cat "$dir/release")
	work=$(mktemp -d "$dir/initrd.XXXXXX")
	mkdir -p "$work"/{bin,dev,proc,sys,host,upper,root,modules}
	cp "$(command -v busybox)" "$work/bin/busybox"
	mkdir "$work/tree"
	ln -s "$dir/root/usr/lib" "$work/tree/lib"
	for module in "${early_modules[@]}"; do
		# Built in, or absent in this version: nothing to load.
		modprobe -d "$work/tree" -S "$release" --show-depends "$module" 2>/dev/null || true
	done | awk '$1 == "insmod" && !seen[$2]++ { print $2 }' >"$work/order.full"
	while read -r path; do
		cp "$path" "$work/modules/"
		line=${path##*/}
		echo "${line%.xz}"
	done <"$work/order.full" >"$work/modules/order"
	find "$work/modules" -name '*.xz' -exec xz -d {} +
	rm -r "$work/tree" "$work/order.full"
	cp "$here/guest/init" "$work/init"
	chmod 755 "$work/init"
	(cd "$work" && find . | cpio --quiet -o -H newc -R 0:0) >"$dir/initrd.new"
	rm -r "$work"
	mv "$dir/initrd.new" "$dir/initrd"
	echo "$1" >"$dir/initrd.of"
}

mkdir -p "$kernels"
# For each version one: those who test another one do not wait for the debug kernel.
exec 9>"$dir.lock"
flock -w 900 9 || die "another run keeps $dir.lock for 15 minutes"
if [ "$(cat "$dir/layout" 2>/dev/null)" != "$layout" ]; then
	if [ "$version" = debug ]; then provide_debug; else provide; fi
	echo "$layout" >"$dir/layout"
fi
# By content: clones that share the kernels may be older or newer than what one of them left.
made_of=$(cat "$here/guest/init" "${BASH_SOURCE[0]}" | sha256sum)
if [ "$(cat "$dir/initrd.of" 2>/dev/null)" != "$made_of" ]; then
	make_initrd "$made_of"
fi
