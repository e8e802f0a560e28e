#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# tree.sh - checks of the sources as text. Files that git does not know yet are checked too, what git
# ignores is not. The closing line is "N passed, N failed, N skipped".
set -euo pipefail

cd "$(dirname "${BASH_SOURCE[0]}")/.."
passed=0 failed=0 skipped=0

# check NAME COMMAND...: good if the command succeeds and says nothing.
check() {
	local name=$1 output
	shift
	if output=$("$@" 2>&1) && [ -z "$output" ]; then
		passed=$((passed + 1))
		echo "[       OK ] tree: $name"
	else
		failed=$((failed + 1))
		echo "$output" | head -n 40
		echo "[  FAILED  ] tree: $name"
	fi
}

files() {
	# The tree may belong to another user than the one who tests it.
	git -c safe.directory="$PWD" ls-files --cached --others --exclude-standard -- "$@" | while IFS= read -r file; do
		[ ! -f "$file" ] || echo "$file"
	done
}

shell_scripts() {
	files | while IFS= read -r file; do
		case $file in
		*.sh) echo "$file" ;;
		*.*) ;;
		*) ! head -c 64 "$file" | grep -qaE '^#!/bin/(ba)?sh' || echo "$file" ;;
		esac
	done
}

# SC2120: an argument that may be left out is no mistake.
shellcheck_is_content() {
	shell_scripts | xargs -r shellcheck -x -S warning -e SC2120
}

spdx_line_is_there() {
	files '*.c' '*.h' '*.cpp' '*.sh' '*.py' '*CMakeLists.txt' '*.rules' '*Kbuild' '*Makefile' '*.service' |
		while IFS= read -r file; do
			head -n 5 "$file" | grep -q 'SPDX-License-Identifier: ' || echo "$file: no SPDX line"
		done
}

shell_has_a_mode() {
	shell_scripts | while IFS= read -r file; do
		if head -c 2 "$file" | grep -q '#!' && [ ! -x "$file" ]; then
			echo "$file: has an interpreter line and is not executable"
		fi
	done
}

sources_are_found() {
	[ "$(files | wc -l)" -gt 100 ] || echo "git names only $(files | wc -l) files: nothing would be checked"
}

check "git knows the sources" sources_are_found
check "shellcheck has nothing to say" shellcheck_is_content
check "every source names its licence" spdx_line_is_there
check "scripts are executable" shell_has_a_mode
check "the sources are laid out by clang-format" tools/format.sh --check
check "the fault table names tests that exist" tools/fault-table.sh
check "the module is clean for checkpatch --strict and sparse" tools/lint-module.sh
echo "$passed passed, $failed failed, $skipped skipped"
[ "$failed" -eq 0 ]
