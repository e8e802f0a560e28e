// SPDX-License-Identifier: LGPL-2.1-or-later
/// The disk below an export: a block device of this host, opened so that what a client reads and
/// writes is what every other path to the disk reads and writes.
///
/// O_DIRECT, because a page cache in the server would show the client what the disk no longer
/// holds, and acknowledge what it does not hold yet. One lock on the open file (F_OFD_SETLK),
/// because the kernel drops it only when the last I/O that uses the file has ended, even if the
/// process was killed: who gets the lock knows that no earlier server's I/O is left in the disk.
/// The lock is of the kind that udev and LVM do not look at (they use flock(2)).
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <string>

#include "libpath/base/dev_number.h"
#include "libpath/base/result.h"
#include "libpath/base/unique_fd.h"
#include "libpath/serve/disk_ring.h"

namespace swpath
{

struct ServedDiskRules {
	bool read_only = false;
	bool files = false; ///< a regular file will do: for tests and the lab
	std::string sys = "/sys";
};

class ServedDisk
{
public:
	/// Opens `device`. `wwid`: refused if the kernel knows that the device has another.
	/// May block while the kernel reads the disk's capacity. Errors: ENOTBLK neither a block
	/// device nor an allowed file; ELOOP it is a served path or a unit, or stands on one; EBUSY
	/// another process's I/O on it has not ended; EMEDIUMTYPE another disk; EOPNOTSUPP no
	/// direct I/O; EROFS write-protected; EINVAL no size; else errno of open(2). The context
	/// says what to do.
	[[nodiscard]] static Result<ServedDisk>
	open(const std::string &device, const std::string &wwid, const ServedDiskRules &rules);

	[[nodiscard]] std::uint64_t size_bytes() const noexcept { return *size_bytes_; }
	/// Takes what the kernel says now for the size, if that is more: all who use the disk have
	/// it from now on. For any thread; waits for no disk.
	void look_for_growth() const;
	[[nodiscard]] std::uint32_t logical_block_bytes() const noexcept { return logical_; }
	[[nodiscard]] std::uint32_t physical_block_bytes() const noexcept { return physical_; }
	/// disk_sequence() of it.
	[[nodiscard]] std::uint64_t sequence() const noexcept { return sequence_; }
	[[nodiscard]] bool rotational() const noexcept { return rotational_; }
	[[nodiscard]] bool can_trim() const noexcept { return trims_; }

	/// Largest request: what nbdkit allows at most.
	static constexpr std::uint32_t request_bytes_max = 64U << 20;

	/// True if the range is whole logical blocks within the disk. Others are refused, not
	/// rounded: to write part of a block is to write back the rest of it as it was a moment
	/// ago, over what another path may have written meanwhile.
	[[nodiscard]] bool fits(std::uint64_t offset, std::uint64_t bytes) const noexcept;

	// Each is for any thread, BLOCKS until the I/O has ended, and returns 0 or an errno: EINVAL
	// does not fit; ENOMEM; else the disk's.

	[[nodiscard]] int read(std::span<std::byte> into, std::uint64_t offset) const;
	[[nodiscard]] int write(std::span<const std::byte> from, std::uint64_t offset,
				bool durable) const;
	[[nodiscard]] int flush() const;
	/// BLKDISCARD: a hint; the contents of the range are not defined afterwards. Nothing is
	/// done, and that is no error, where something else on this host is in the way.
	[[nodiscard]] int trim(std::uint64_t offset, std::uint64_t bytes, bool durable) const;
	/// Zeroes by commands of the disk's. EOPNOTSUPP: it has none that can be used now, or (if
	/// blocks are to stay allocated) nobody could tell whether one has failed; write them.
	[[nodiscard]] int zero(std::uint64_t offset, std::uint64_t bytes, bool may_unmap,
			       bool durable) const;

private:
	explicit ServedDisk(UniqueFd fd) noexcept : fd_(std::move(fd)) {}
	[[nodiscard]] Result<void> measure(const std::string &device, const ServedDiskRules &rules);
	[[nodiscard]] std::string failed_commands() const;
	[[nodiscard]] bool aligned(const void *memory) const noexcept;

	UniqueFd fd_;
	bool is_block_ = true;
	/// Exports come and go while others keep the disk open, and it may grow meanwhile.
	std::unique_ptr<std::atomic<std::uint64_t>> size_bytes_ =
		std::make_unique<std::atomic<std::uint64_t>>(0);
	std::uint32_t logical_ = 512;
	std::uint32_t physical_ = 512;
	std::uint32_t memory_alignment_ = 4096; ///< of buffers: a power of two
	std::uint64_t sequence_ = 0;
	std::string scsi_device_; ///< its directory in sysfs, if it is one
	bool rotational_ = false;
	bool trims_ = false;
};

/// Why block device `number` may not be served, or empty: it is network block device (a served
/// path), a unit, or something of device-mapper or a partition that stands on one.
[[nodiscard]] std::string why_not_direct(DevNumber number, const std::string &sys = "/sys");

/// True if no open file holds the lock of ServedDisk on `device`: no I/O of an earlier server
/// process is left. False: one does. Errors: errno of open(2).
[[nodiscard]] Result<bool> disk_is_free(const std::string &device);

} // namespace swpath
