// SPDX-License-Identifier: GPL-2.0-or-later
/// Runs a fuzz target on every file of the directories that are given: for compilers without
/// libFuzzer.
#include <filesystem>
#include <fstream>
#include <iostream>
#include <iterator>
#include <vector>

#include "tests/fuzz/fuzz.h"

int main(int count, char **arguments)
{
	std::size_t files = 0;
	for (int number = 1; number < count; number++)
		for (const auto &entry : std::filesystem::directory_iterator(arguments[number])) {
			std::ifstream in(entry.path(), std::ios::binary);
			const std::vector<char> bytes{std::istreambuf_iterator<char>(in), {}};
			// A fresh block of exactly this size, so that a read beyond it is seen.
			const std::vector<std::uint8_t> input(bytes.begin(), bytes.end());
			LLVMFuzzerTestOneInput(input.data(), input.size());
			files++;
		}
	std::cout << files << " inputs\n";
	return files == 0 ? 1 : 0;
}
