#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# initrd.sh PRODUCT KERNEL OUTPUT - the whole file system of the snapshot tier's guest: busybox, the kernel's modules and ours,
# udevd, nbdkit with our plugin, pathd, the player, and the libraries that they need. The same inputs give the same bytes.
# Wants a release build, the modules and the kernel (tests/vm/kernel.sh).
set -euo pipefail

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
top=$(cd "$here/../.." && pwd)
product=$1 kernel=$2 output=$3
kernel_dir=${SW_KERNELS:-$top/build/kernels}/$kernel
release=$(<"$kernel_dir/release")
build_dir=${SW_BUILD_DIR:-$top/build/release}

work=$(mktemp -d "$output.XXXXXX")
trap 'rm -rf "$work"' EXIT
root=$work/root
mkdir -p "$root"/{dev,proc,sys,run,tmp,etc,modules,usr/{bin,sbin,lib,lib64}}
for dir in bin sbin lib lib64; do # merged, as on the machine
	ln -s "usr/$dir" "$root/$dir"
done

for component in "" "--component tests"; do
	# shellcheck disable=SC2086 # two words on purpose
	DESTDIR=$work/project cmake --install "$build_dir" --prefix /usr --strip $component >"$work/install.log" 2>&1 || {
		cat "$work/install.log" >&2
		exit 123
	}
done

add_file() { # FILE [PLACE]: at its own place unless told
	local file=$1 place=${2:-$1}
	place=${place#"$work/project"}
	mkdir -p "$root${place%/*}"
	cp -L "$file" "$root$place"
	chmod 755 "$root$place"
}

add_libraries() { # of what is there by now
	local file
	find "$root/usr" -type f -exec sh -c 'ldd "$1" 2>/dev/null' sh {} \; |
		awk '$2 == "=>" && $3 ~ /^\// { print $3 } $1 ~ /^\/.*ld-linux/ { print $1 }' | sort -u |
		while read -r file; do
			add_file "$file" "/usr/lib/${file##*/lib/}"
		done
	# The loader's own name.
	mkdir -p "$root/usr/lib64"
	cp -L /lib64/ld-linux-x86-64.so.2 "$root/usr/lib64/"
}

add_file "$(command -v busybox)" /usr/bin/busybox
for applet in sh cat dmesg tail echo; do
	ln -s busybox "$root/usr/bin/$applet"
done
add_file /usr/bin/udevadm
mkdir -p "$root/usr/lib/systemd"
ln -s ../../bin/udevadm "$root/usr/lib/systemd/systemd-udevd"
add_file /usr/sbin/dmsetup
add_file "$(readlink -f "$(command -v nbdkit)")" /usr/bin/nbdkit
for file in usr/sbin/pathd usr/bin/swsnap; do
	add_file "$work/project/$file"
done
while read -r file; do
	add_file "$file"
done < <(find "$work/project" -name 'nbdkit-swpath-*.so')
# Ours, and device-mapper's: the others look at disks, which costs time and is not what is tested.
mkdir -p "$root/usr/lib/udev/rules.d" "$root/etc/udev/rules.d"
cp "$work"/project/usr/lib/udev/rules.d/*.rules /usr/lib/udev/rules.d/{55-dm,95-dm-notify}.rules \
	"$root/usr/lib/udev/rules.d/"
add_libraries

# Modules, with what they need, in loading order.
layer=$("$top/tests/vm/modules.sh" "$kernel")
tree=$work/tree/lib/modules/$release
mkdir -p "$tree"
ln -s "$kernel_dir/root/usr/lib/modules/$release/kernel" "$layer/usr/lib/modules/$release/extra" "$tree/"
cp "$layer/usr/lib/modules/$release"/modules.* "$tree/"
order() {
	local module
	for module in dm-mod sd_mod sg nbd dm-sw dm-multipath dm-round-robin qemu_fw_cfg sw-testdisk; do
		modprobe -d "$work/tree" -S "$release" --show-depends "$module"
	done | awk '$1 == "insmod" && !seen[$2]++ { print $2 }'
}
order | while read -r path; do
	name=${path##*/}
	cp "$path" "$root/modules/"
	case $name in
	nbd.ko*) parameters=" nbds_max=4" ;;
	sw-testdisk.ko*) parameters=" size_mb=8" ;;
	*) parameters= ;;
	esac
	echo "${name%.xz}$parameters"
done >"$root/modules/order"
find "$root/modules" -name '*.xz' -exec xz -d {} +

echo "$product" >"$root/product"
printf 'root:x:0:0:root:/:/bin/sh\n' >"$root/etc/passwd"
printf 'root:x:0:\ndisk:x:6:\n' >"$root/etc/group"
cp "$here/guest/init" "$root/init"
find "$root" -exec touch -h -d @0 {} +
(cd "$root" && find . -print0 | LC_ALL=C sort -z | cpio --quiet --null --reproducible -o -H newc -R 0:0) >"$output.new"
mv "$output.new" "$output"
