#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# modules.sh 6.1|6.12|debug - print a directory to lay over the kernel's root: our modules and the
# indexes that let modprobe find them. One directory per content, so that a VM keeps what it
# booted with while the next build goes on.
set -euo pipefail

top=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
kernel=$1
kernel_dir=${SW_KERNELS:-$top/build/kernels}/$kernel
release=$(<"$kernel_dir/release")
built=$top/build/modules/$kernel

shopt -s nullglob
modules=("$built"/*/*.ko)
[ ${#modules[@]} -gt 0 ] || exit 0 # nothing of ours: the kernel's own indexes do

mkdir -p "$top/build/vm"
exec 9>"$top/build/vm/modules.lock"
flock 9
sum=$(cat "${modules[@]}" "$kernel_dir/layout" | sha256sum | cut -c1-16)
layer=$top/build/vm/modules-$kernel-$sum
if [ ! -d "$layer" ]; then
	# What no VM can still have booted with.
	find "$top/build/vm" -maxdepth 1 -name "modules-$kernel-*" -mmin +720 -exec rm -rf {} +
	rm -rf "$layer.new"
	tree=$layer.new/usr/lib/modules/$release
	mkdir -p "$tree/extra"
	cp "${modules[@]}" "$tree/extra/"
	stock=$kernel_dir/root/usr/lib/modules/$release
	cp -al "$stock/kernel" "$tree/kernel"
	cp "$stock"/modules.order "$stock"/modules.builtin "$stock"/modules.builtin.modinfo "$tree/"
	ln -s usr/lib "$layer.new/lib"
	depmod -b "$layer.new" "$release"
	rm -r "$layer.new/lib" "$tree/kernel"
	mv "$layer.new" "$layer"
fi
touch "$layer"
echo "$layer"
