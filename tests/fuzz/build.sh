# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash
#
# Sourced by run and long: builds the targets.

top=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)

# fuzz_build DIRECTORY SANITIZERS SECONDS FLAGS - status 1 and the end of the log if they cannot be built.
fuzz_build() {
	local build=$1 launcher=()
	mkdir -p "$build"
	if command -v ccache >/dev/null; then
		launcher=(-DCMAKE_C_COMPILER_LAUNCHER=ccache -DCMAKE_CXX_COMPILER_LAUNCHER=ccache)
	fi
	if ! { cmake -S "$top" -B "$build" -G Ninja "${launcher[@]}" -DCMAKE_BUILD_TYPE=Debug \
		-DCMAKE_C_COMPILER=clang -DCMAKE_CXX_COMPILER=clang++ "-DCMAKE_CXX_FLAGS_DEBUG=$4" \
		"-DCMAKE_C_FLAGS_DEBUG=$4" -DSW_FUZZ=ON -DSW_UNIT_TESTS=OFF "-DSW_FUZZ_SECONDS=$3" \
		"-DSW_SANITIZE=$2,fuzzer-no-link" &&
		cmake --build "$build" --target fuzzers -j "${SW_JOBS:-$(nproc)}"; } </dev/null >"$build/build.log" 2>&1; then
		tail -n 30 "$build/build.log"
		return 1
	fi
}

# fuzz_build_asan SECONDS
fuzz_build_asan() {
	fuzz_build "$top/build/fuzz" address,undefined "$1" '-O1 -g1'
}

# fuzz_targets - their names, one a line.
fuzz_targets() {
	ctest --test-dir "$top/build/fuzz" -N | sed -n 's/.*: fuzz_//p'
}
