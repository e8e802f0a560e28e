// SPDX-License-Identifier: GPL-2.0-or-later
/// The device (or file) under test, and memory fit for direct I/O.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <memory>
#include <span>
#include <string>

#include "libpath/base/result.h"
#include "libpath/base/unique_fd.h"

namespace swpath::stamp
{

struct Device {
	UniqueFd fd;
	std::uint64_t bytes = 0;
};

/// Opens for O_DIRECT; `flags` are further open flags. Errors: of open, fstat, BLKGETSIZE64.
Result<Device> open_device(const std::string &name, int flags);

/// CLOCK_MONOTONIC.
[[nodiscard]] std::uint64_t now_ns();

class AlignedBuffer
{
public:
	/// Aligned to a page. Throws std::bad_alloc.
	explicit AlignedBuffer(std::size_t bytes);
	[[nodiscard]] std::span<std::byte> data() { return {memory_.get(), bytes_}; }

private:
	struct Free {
		void operator()(std::byte *memory) const { std::free(memory); }
	};
	std::unique_ptr<std::byte, Free> memory_;
	std::size_t bytes_;
};

/// Reads or writes all of `data` at `offset`: 0 or an errno value. A short count is EIO.
[[nodiscard]] int read_at(const Device &device, std::span<std::byte> data, std::uint64_t offset);
[[nodiscard]] int write_at(const Device &device, std::span<const std::byte> data,
			   std::uint64_t offset);

} // namespace swpath::stamp
