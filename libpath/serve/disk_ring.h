// SPDX-License-Identifier: LGPL-2.1-or-later
/// One thread's way to a disk: an io_uring of its own.
///
/// A ring for each thread that carries requests, because a thread that reaps its own completion is
/// woken by the disk itself: one ring with a thread that reaps for all costs a second wake-up for
/// each I/O. A thread that waits in a ring can be killed, other than one that waits in pread(2), so
/// reads and writes that the disk has and does not answer do not keep the process from ending (what
/// then becomes of them: see ServedDisk). Flushes, discards, and what waits for room in the disk's
/// queue do: the kernel's workers have them (io_uring/io-wq.c), and the end of a process waits for
/// those, until the SCSI layer gives up.
#pragma once

#include <cstdint>
#include <memory>
#include <span>

#include <sys/uio.h>

#include "libpath/base/result.h"

struct io_uring;

namespace swpath
{

class DiskRing
{
public:
	/// Errors: ENOSYS the kernel has no io_uring; EPERM it is switched off
	/// (kernel.io_uring_disabled) or filtered; ENOMEM.
	[[nodiscard]] static Result<DiskRing> open();
	DiskRing(DiskRing &&) noexcept;
	DiskRing &operator=(DiskRing &&) noexcept;
	~DiskRing();

	/// False after the kernel had refused to take an I/O: open another one.
	[[nodiscard]] bool usable() const noexcept { return ring_ != nullptr; }

	// Only while usable(). Each BLOCKS until the kernel says that the I/O has ended, however
	// long that takes, and returns 0 or an errno; a signal does not end the wait. 0 means the
	// whole of it.

	[[nodiscard]] int read(int fd, std::span<std::byte> into, std::uint64_t offset);
	/// `durable`: not only with the disk but on its medium (RWF_DSYNC, which the block layer
	/// turns into REQ_FUA where the disk has that, else into a flush).
	[[nodiscard]] int write(int fd, std::span<const std::byte> from, std::uint64_t offset,
				bool durable);
	/// The disk's volatile cache goes to its medium.
	[[nodiscard]] int flush(int fd);

private:
	explicit DiskRing(std::unique_ptr<io_uring> ring) noexcept;
	[[nodiscard]] int complete();
	[[nodiscard]] bool again(int result) const;

	std::unique_ptr<io_uring> ring_;
};

} // namespace swpath
