#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# format.sh [--check] - clang-format on every C++ source. The kernel's C has a style and a checker of
# its own (tools/lint-module.sh).
set -euo pipefail

cd "$(dirname "${BASH_SOURCE[0]}")/.."
mode=(-i)
if [ "${1:-}" = --check ]; then
	mode=(--dry-run -Werror)
fi
git -c safe.directory="$PWD" ls-files --cached --others --exclude-standard -z -- 'libpath/*.cpp' 'libpath/*.h' 'pathd/*.cpp' 'pathd/*.h' \
	'tests/*.cpp' 'tests/*.h' | xargs -0 -r clang-format-14 "${mode[@]}"
