// SPDX-License-Identifier: LGPL-2.1-or-later
#include "libpath/serve/disk_ring.h"

#include <cerrno>

#include <liburing.h>

namespace swpath
{
namespace
{

/// One I/O at a time and thread; the kernel's least is 1.
constexpr unsigned ring_entries = 2;

} // namespace

DiskRing::DiskRing(std::unique_ptr<io_uring> ring) noexcept : ring_(std::move(ring)) {}
DiskRing::DiskRing(DiskRing &&) noexcept = default;

DiskRing &DiskRing::operator=(DiskRing &&other) noexcept
{
	ring_.swap(other.ring_);
	return *this;
}

DiskRing::~DiskRing()
{
	if (ring_)
		io_uring_queue_exit(ring_.get());
}

Result<DiskRing> DiskRing::open()
{
	auto ring = std::make_unique<io_uring>();
	if (const int error = io_uring_queue_init(ring_entries, ring.get(), 0); error < 0)
		return fail(-error, "io_uring (see sysctl kernel.io_uring_disabled)");
	return DiskRing(std::move(ring));
}

int DiskRing::complete()
{
	// Submitted and waited for by one system call.
	int error = io_uring_submit_and_wait(ring_.get(), 1);
	io_uring_cqe *done = nullptr;
	while (io_uring_peek_cqe(ring_.get(), &done) != 0 || !done) {
		const bool passing =
			error >= 0 || error == -EINTR || error == -EAGAIN || error == -EBUSY;
		if (!passing && io_uring_sq_ready(ring_.get()) > 0) {
			// The kernel did not take it. It must not find it the next time either.
			io_uring_queue_exit(ring_.get());
			ring_.reset();
			return error;
		}
		error = io_uring_submit_and_wait(ring_.get(), 1);
	}
	const int result = done->res;
	io_uring_cqe_seen(ring_.get(), done);
	return result;
}

bool DiskRing::again(int result) const
{
	return ring_ && (result == -EINTR || result == -EAGAIN);
}

int DiskRing::read(int fd, std::span<std::byte> into, std::uint64_t offset)
{
	while (!into.empty()) {
		auto *entry = io_uring_get_sqe(ring_.get());
		io_uring_prep_read(entry, fd, into.data(), static_cast<unsigned>(into.size()),
				   offset);
		const int got = complete();
		if (again(got))
			continue;
		if (got <= 0)
			return got < 0 ? -got : ENXIO; // beyond an end that has moved
		into = into.subspan(static_cast<std::size_t>(got));
		offset += static_cast<std::uint64_t>(got);
	}
	return 0;
}

int DiskRing::write(int fd, std::span<const std::byte> from, std::uint64_t offset, bool durable)
{
	while (!from.empty()) {
		auto *entry = io_uring_get_sqe(ring_.get());
		io_uring_prep_write(entry, fd, from.data(), static_cast<unsigned>(from.size()),
				    offset);
		entry->rw_flags = durable ? RWF_DSYNC : 0;
		const int put = complete();
		if (again(put))
			continue;
		if (put <= 0)
			return put < 0 ? -put : ENXIO;
		from = from.subspan(static_cast<std::size_t>(put));
		offset += static_cast<std::uint64_t>(put);
	}
	return 0;
}

int DiskRing::flush(int fd)
{
	for (;;) {
		auto *entry = io_uring_get_sqe(ring_.get());
		io_uring_prep_fsync(entry, fd, IORING_FSYNC_DATASYNC);
		const int done = complete();
		if (!again(done))
			return -done;
	}
}

} // namespace swpath
