// SPDX-License-Identifier: LGPL-2.1-or-later
/// Owners of things that C gives out: descriptors, and pointers with a release function.
#pragma once

#include <memory>
#include <utility>

#include <unistd.h>

namespace swpath
{

/// Owns one file descriptor; -1 is "none". Move-assignment closes what was held before.
class UniqueFd
{
public:
	UniqueFd() noexcept = default;
	explicit UniqueFd(int fd) noexcept : fd_(fd) {}
	UniqueFd(UniqueFd &&other) noexcept : fd_(std::exchange(other.fd_, -1)) {}
	UniqueFd &operator=(UniqueFd &&other) noexcept
	{
		if (this != &other)
			reset(std::exchange(other.fd_, -1));
		return *this;
	}
	UniqueFd(const UniqueFd &) = delete;
	UniqueFd &operator=(const UniqueFd &) = delete;
	~UniqueFd() { reset(); }

	[[nodiscard]] int get() const noexcept { return fd_; }
	[[nodiscard]] explicit operator bool() const noexcept { return fd_ >= 0; }
	[[nodiscard]] int release() noexcept { return std::exchange(fd_, -1); }
	void reset(int fd = -1) noexcept
	{
		if (fd_ >= 0)
			::close(fd_);
		fd_ = fd;
	}

private:
	int fd_ = -1;
};

/// Deleter for std::unique_ptr from a C release function: UniquePtr<udev, &udev_unref>.
template <auto Release>
struct Releaser {
	template <class T>
	void operator()(T *pointer) const noexcept
	{
		(void)Release(pointer);
	}
};

template <class T, auto Release>
using UniquePtr = std::unique_ptr<T, Releaser<Release>>;

} // namespace swpath
