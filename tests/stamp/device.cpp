// SPDX-License-Identifier: GPL-2.0-or-later
#include "tests/stamp/device.h"

#include <cerrno>
#include <new>

#include <fcntl.h>
#include <linux/fs.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

namespace swpath::stamp
{

Result<Device> open_device(const std::string &name, int flags)
{
	Device device{UniqueFd(::open(name.c_str(), flags | O_DIRECT | O_CLOEXEC)), 0};
	if (!device.fd)
		return fail(errno, "open " + name);
	struct stat info {
	};
	if (::fstat(device.fd.get(), &info) != 0)
		return fail(errno, "stat " + name);
	device.bytes = static_cast<std::uint64_t>(info.st_size);
	if (S_ISBLK(info.st_mode) && ::ioctl(device.fd.get(), BLKGETSIZE64, &device.bytes) != 0)
		return fail(errno, "size of " + name);
	return device;
}

std::uint64_t now_ns()
{
	timespec now{};
	::clock_gettime(CLOCK_MONOTONIC, &now);
	return static_cast<std::uint64_t>(now.tv_sec) * 1'000'000'000 +
	       static_cast<std::uint64_t>(now.tv_nsec);
}

AlignedBuffer::AlignedBuffer(std::size_t bytes) : bytes_(bytes)
{
	void *memory = nullptr;
	if (::posix_memalign(&memory, 4096, bytes) != 0)
		throw std::bad_alloc();
	memory_.reset(static_cast<std::byte *>(memory));
}

int read_at(const Device &device, std::span<std::byte> data, std::uint64_t offset)
{
	const ssize_t got =
		::pread(device.fd.get(), data.data(), data.size(), static_cast<off_t>(offset));
	if (got < 0)
		return errno;
	return static_cast<std::size_t>(got) == data.size() ? 0 : EIO;
}

int write_at(const Device &device, std::span<const std::byte> data, std::uint64_t offset)
{
	const ssize_t put =
		::pwrite(device.fd.get(), data.data(), data.size(), static_cast<off_t>(offset));
	if (put < 0)
		return errno;
	return static_cast<std::size_t>(put) == data.size() ? 0 : EIO;
}

} // namespace swpath::stamp
