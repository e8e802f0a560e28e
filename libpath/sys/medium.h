// SPDX-License-Identifier: LGPL-2.1-or-later
/// Reads of the medium itself, past every cache of this host: what TEST UNIT READY cannot promise.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <memory>
#include <span>
#include <string>

#include "libpath/base/result.h"
#include "libpath/base/unique_fd.h"
#include "libpath/unit/geometry.h"

namespace swpath
{

/// Memory that O_DIRECT accepts: whole pages, page-aligned. Allocates once.
class AlignedBuffer
{
public:
	/// `bytes` is rounded up to whole pages of 4096.
	explicit AlignedBuffer(std::size_t bytes);
	[[nodiscard]] std::span<std::byte> span() noexcept { return {data_.get(), bytes_}; }
	[[nodiscard]] std::span<const std::byte> span() const noexcept
	{
		return {data_.get(), bytes_};
	}

private:
	std::unique_ptr<std::byte[], decltype(&std::free)> data_;
	std::size_t bytes_;
};

/// Opens a disk for probing: O_RDONLY|O_DIRECT|O_CLOEXEC|O_NONBLOCK, so not exclusive. May block
/// while the kernel reads the disk's capacity. Errors: ENXIO or ENODEV gone or offline; else errno.
[[nodiscard]] Result<UniqueFd> open_leg(const std::string &devnode);

/// Reads `into.size()` bytes (a multiple of the logical block size, at a multiple of it) from
/// `offset`. BLOCKS as long as the disk does: up to the leg's own time limits, for ever on an NBD
/// device without a timeout. Errors: EIO; ENODATA medium; ETIMEDOUT, ENOLINK path; EREMOTEIO
/// target; ENXIO beyond the end or gone (a short read); EINVAL not aligned.
[[nodiscard]] Result<void> read_medium(int fd, std::uint64_t offset, std::span<std::byte> into);

/// Capacity, block sizes and read-only flag as the kernel has them (ioctls; no command to the
/// disk, does not block): the geometry of a leg that has no SCSI to ask, and of a unit.
/// Errors: ENOTTY not a block device.
[[nodiscard]] Result<Geometry> kernel_geometry(int fd);

/// The kernel's number of the disk (diskseq), which no other has before the next boot: a device's
/// name may be another's a moment later. 0: not known, or not a block device. Does not block.
[[nodiscard]] std::uint64_t disk_sequence(int fd) noexcept;

} // namespace swpath
