// SPDX-License-Identifier: LGPL-2.1-or-later
#include "libpath/sys/medium.h"

#include <cerrno>
#include <new>

#include <fcntl.h>
#include <fmt/core.h>
#include <linux/fs.h>
#include <sys/ioctl.h>
#include <unistd.h>

namespace swpath
{
namespace
{

constexpr std::size_t page_bytes = 4096;

} // namespace

AlignedBuffer::AlignedBuffer(std::size_t bytes)
	: data_(nullptr, &std::free), bytes_((bytes + page_bytes - 1) / page_bytes * page_bytes)
{
	if (bytes_ == 0)
		bytes_ = page_bytes;
	data_.reset(static_cast<std::byte *>(std::aligned_alloc(page_bytes, bytes_)));
	if (!data_)
		throw std::bad_alloc();
}

Result<UniqueFd> open_leg(const std::string &devnode)
{
	UniqueFd fd(::open(devnode.c_str(), O_RDONLY | O_DIRECT | O_CLOEXEC | O_NONBLOCK));
	if (!fd)
		return fail(errno, "open " + devnode);
	return fd;
}

Result<void> read_medium(int fd, std::uint64_t offset, std::span<std::byte> into)
{
	const auto doing = [&] { return fmt::format("read {} bytes at {}", into.size(), offset); };
	std::size_t done = 0;
	while (done < into.size()) {
		const auto rest = into.subspan(done);
		const auto got =
			::pread(fd, rest.data(), rest.size(), static_cast<off_t>(offset + done));
		if (got < 0 && errno == EINTR)
			continue;
		if (got < 0)
			return fail(errno, doing());
		if (got == 0)
			return fail(ENXIO, doing());
		done += static_cast<std::size_t>(got);
	}
	return {};
}

Result<Geometry> kernel_geometry(int fd)
{
	Geometry geometry;
	std::uint64_t bytes = 0;
	int logical = 0;
	unsigned physical = 0;
	int read_only = 0;
	if (ioctl(fd, BLKGETSIZE64, &bytes) < 0 || ioctl(fd, BLKSSZGET, &logical) < 0 ||
	    ioctl(fd, BLKPBSZGET, &physical) < 0 || ioctl(fd, BLKROGET, &read_only) < 0)
		return fail(errno, "ask for the geometry");
	geometry.capacity_bytes = bytes;
	geometry.logical_block_bytes = static_cast<std::uint32_t>(logical);
	geometry.physical_block_bytes = physical;
	geometry.write_protected = read_only != 0;
	return geometry;
}

std::uint64_t disk_sequence(int fd) noexcept
{
	std::uint64_t number = 0;
	return ioctl(fd, BLKGETDISKSEQ, &number) < 0 ? 0 : number;
}

} // namespace swpath
