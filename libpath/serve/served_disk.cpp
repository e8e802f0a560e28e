// SPDX-License-Identifier: LGPL-2.1-or-later
#include "libpath/serve/served_disk.h"

#include <algorithm>
#include <cctype>
#include <cerrno>
#include <filesystem>
#include <optional>

#include <fcntl.h>
#include <fmt/core.h>
#include <linux/falloc.h>
#include <linux/fs.h>
#include <linux/nbd.h>
#include <sys/ioctl.h>
#include <sys/stat.h>

#include "libpath/base/text.h"
#include "libpath/sys/file.h"
#include "libpath/sys/medium.h"
#include "libpath/sys/sysfs.h"

namespace swpath
{
namespace
{

constexpr std::uint32_t nbd_major = 43; // Documentation/admin-guide/devices.txt
constexpr std::uint32_t file_block_bytes = 4096;
constexpr std::size_t bounce_bytes = 1U << 20;
constexpr unsigned stack_depth_max = 16;

std::string why_not_direct(DevNumber number, const std::string &sys, unsigned depth)
{
	if (number.major == nbd_major)
		return fmt::format("{} is a network block device, so a served path itself",
				   number.text());
	const std::string dir = fmt::format("{}/dev/block/{}", sys, number.text());
	if (const auto uuid = read_attribute(dir + "/dm/uuid"); uuid && uuid->starts_with("SW-"))
		return fmt::format("{} is a unit of swpath, whose active path may be a served one",
				   number.text());
	if (depth == 0)
		return fmt::format("{} stands on too many layers to tell", number.text());
	std::error_code error;
	// A partition stands on its disk, whose directory holds the partition's.
	if (std::filesystem::exists(dir + "/partition", error)) {
		const auto real = std::filesystem::canonical(dir, error);
		const auto disk = read_attribute((real.parent_path() / "dev").string());
		if (const auto below = disk ? DevNumber::parse(*disk) : std::nullopt)
			if (auto why = why_not_direct(*below, sys, depth - 1); !why.empty())
				return fmt::format("{} stands on {}", number.text(), why);
	}
	for (const auto &slave : names_or_none(dir + "/slaves")) {
		const auto text = read_attribute(fmt::format("{}/slaves/{}/dev", dir, slave));
		if (const auto below = text ? DevNumber::parse(*text) : std::nullopt)
			if (auto why = why_not_direct(*below, sys, depth - 1); !why.empty())
				return fmt::format("{} stands on {}", number.text(), why);
	}
	return {};
}

/// "naa.5000…" in any case; other kinds of names differ in their spelling from source to source.
bool comparable(std::string_view wwid)
{
	return wwid.starts_with("naa.") || wwid.starts_with("eui.");
}

bool same_wwid(std::string_view a, std::string_view b)
{
	return std::equal(a.begin(), a.end(), b.begin(), b.end(), [](char x, char y) {
		return std::tolower(static_cast<unsigned char>(x)) ==
		       std::tolower(static_cast<unsigned char>(y));
	});
}

Result<void> check_kind(const std::string &device, const std::string &wwid, const struct stat &what,
			const ServedDiskRules &rules)
{
	if (S_ISREG(what.st_mode) && rules.files)
		return {};
	if (!S_ISBLK(what.st_mode))
		return fail(ENOTBLK, fmt::format("{} is no block device: name the disk of the "
						 "direct path",
						 device));
	const auto number = DevNumber::from(what.st_rdev);
	if (const auto why = why_not_direct(number, rules.sys); !why.empty())
		return fail(ELOOP, fmt::format("{} may not be served: {}", device, why));
	const auto has = read_attribute(
		fmt::format("{}/dev/block/{}/device/wwid", rules.sys, number.text()));
	if (has && comparable(*has) && comparable(wwid) && !same_wwid(trimmed(*has), wwid))
		return fail(EMEDIUMTYPE,
			    fmt::format("{} is {}, not {}", device, trimmed(*has), wwid));
	return {};
}

struct flock whole_file(short type)
{
	struct flock lock {
	};
	lock.l_type = type;
	lock.l_whence = SEEK_SET;
	return lock;
}

/// The ring of this thread; nothing: there is none to be had just now.
DiskRing *ring_of_thread()
{
	thread_local std::optional<DiskRing> ring;
	if (!ring || !ring->usable()) {
		auto opened = DiskRing::open();
		if (!opened)
			return nullptr;
		ring.emplace(std::move(*opened));
	}
	return &*ring;
}

std::span<std::byte> bounce_of_thread()
{
	thread_local AlignedBuffer buffer(bounce_bytes);
	return buffer.span();
}

} // namespace

std::string why_not_direct(DevNumber number, const std::string &sys)
{
	return why_not_direct(number, sys, stack_depth_max);
}

Result<bool> disk_is_free(const std::string &device)
{
	// Opened for reading: closing it after an open for writing makes udev look at the disk.
	const UniqueFd fd(::open(device.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK));
	if (!fd)
		return fail(errno, "open " + device);
	auto lock = whole_file(F_WRLCK);
	if (::fcntl(fd.get(), F_OFD_GETLK, &lock) < 0)
		return fail(errno, "ask for the lock of " + device);
	return lock.l_type == F_UNLCK;
}

Result<ServedDisk> ServedDisk::open(const std::string &device, const std::string &wwid,
				    const ServedDiskRules &rules)
{
	struct stat before {
	};
	if (::stat(device.c_str(), &before) < 0)
		return fail(errno, "open " + device);
	if (auto good = check_kind(device, wwid, before, rules); !good)
		return tl::unexpected(std::move(good.error()));
	const int mode = rules.read_only ? O_RDONLY : O_RDWR;
	ServedDisk disk(UniqueFd(::open(device.c_str(), mode | O_DIRECT | O_CLOEXEC)));
	if (!disk.fd_ && errno == EINVAL)
		return fail(EOPNOTSUPP, fmt::format("{} takes no direct I/O, so what it holds and "
						    "what a client sees could differ",
						    device));
	if (!disk.fd_)
		return fail(errno, "open " + device);
	struct stat after {
	};
	if (::fstat(disk.fd_.get(), &after) < 0)
		return fail(errno, "stat " + device);
	if (after.st_rdev != before.st_rdev || after.st_mode != before.st_mode)
		return fail(ESTALE, fmt::format("{} became another device while it was opened; ask "
						"again",
						device));
	// A read lock is all that a file opened for reading can have; it keeps writers' servers
	// out.
	auto lock = whole_file(rules.read_only ? F_RDLCK : F_WRLCK);
	if (::fcntl(disk.fd_.get(), F_OFD_SETLK, &lock) < 0)
		return fail(errno == EAGAIN || errno == EACCES ? EBUSY : errno,
			    fmt::format("lock {}: another server process has it, or I/O of one "
					"that ended is still in the disk",
					device));
	disk.is_block_ = S_ISBLK(after.st_mode);
	if (auto good = disk.measure(device, rules); !good)
		return tl::unexpected(std::move(good.error()));
	return disk;
}

Result<void> ServedDisk::measure(const std::string &device, const ServedDiskRules &rules)
{
	if (is_block_) {
		const auto geometry = kernel_geometry(fd_.get());
		if (!geometry)
			return tl::unexpected(geometry.error());
		if (geometry->write_protected && !rules.read_only)
			return fail(EROFS, fmt::format("{} is write-protected: export it read-only",
						       device));
		logical_ = geometry->logical_block_bytes;
		physical_ = geometry->physical_block_bytes;
		sequence_ = disk_sequence(fd_.get());
		struct stat what {
		};
		(void)::fstat(fd_.get(), &what); // succeeded a moment ago
		const auto number = DevNumber::from(what.st_rdev);
		const auto of_disk = fmt::format("{}/dev/block/{}", rules.sys, number.text());
		// A partition has its disk's.
		for (const auto *way : {"/device", "/../device"})
			if (scsi_device_.empty() && read_attribute(of_disk + way + "/iotmo_cnt"))
				scsi_device_ = of_disk + way;
		const auto limit = [&](const char *name) -> std::optional<std::uint64_t> {
			auto text = read_attribute(fmt::format("{}/queue/{}", of_disk, name));
			if (!text) // a partition has its disk's
				text = read_attribute(fmt::format("{}/../queue/{}", of_disk, name));
			return text ? parse_number<std::uint64_t>(*text) : std::nullopt;
		};
		rotational_ = limit("rotational") == 1;
		trims_ = limit("discard_max_bytes").value_or(0) > 0;
		// Documentation/ABI/stable/sysfs-block: a mask; Linux 5.19 and later.
		memory_alignment_ = static_cast<std::uint32_t>(
			limit("dma_alignment").value_or(logical_ - 1) + 1);
	} else {
		logical_ = file_block_bytes;
		physical_ = file_block_bytes;
		trims_ = true;
	}
	look_for_growth();
	if (size_bytes() == 0)
		return fail(EINVAL, fmt::format("{} has no size", device));
	return {};
}

void ServedDisk::look_for_growth() const
{
	std::uint64_t bytes = 0;
	struct stat what {
	};
	if (is_block_ && ::ioctl(fd_.get(), BLKGETSIZE64, &bytes) < 0)
		return; // as it was
	if (!is_block_ && ::fstat(fd_.get(), &what) == 0)
		bytes = static_cast<std::uint64_t>(what.st_size);
	bytes -= bytes % (is_block_ ? logical_ : file_block_bytes);
	auto known = size_bytes_->load();
	while (bytes > known && !size_bytes_->compare_exchange_weak(known, bytes))
		;
}

bool ServedDisk::fits(std::uint64_t offset, std::uint64_t bytes) const noexcept
{
	const auto size = size_bytes();
	return offset % logical_ == 0 && bytes % logical_ == 0 && bytes <= size &&
	       offset <= size - bytes;
}

bool ServedDisk::aligned(const void *memory) const noexcept
{
	return reinterpret_cast<std::uintptr_t>(memory) % memory_alignment_ == 0;
}

int ServedDisk::read(std::span<std::byte> into, std::uint64_t offset) const
{
	if (!fits(offset, into.size()))
		return EINVAL;
	auto *ring = ring_of_thread();
	if (!ring)
		return ENOMEM;
	if (aligned(into.data()))
		return ring->read(fd_.get(), into, offset);
	while (!into.empty()) {
		const auto piece = bounce_of_thread().first(std::min(into.size(), bounce_bytes));
		if (const int error = ring->read(fd_.get(), piece, offset); error != 0)
			return error;
		std::copy(piece.begin(), piece.end(), into.begin());
		into = into.subspan(piece.size());
		offset += piece.size();
	}
	return 0;
}

int ServedDisk::write(std::span<const std::byte> from, std::uint64_t offset, bool durable) const
{
	if (!fits(offset, from.size()))
		return EINVAL;
	auto *ring = ring_of_thread();
	if (!ring)
		return ENOMEM;
	if (aligned(from.data()))
		return ring->write(fd_.get(), from, offset, durable);
	while (!from.empty()) {
		const auto piece = bounce_of_thread().first(std::min(from.size(), bounce_bytes));
		std::copy_n(from.begin(), piece.size(), piece.begin());
		if (const int error = ring->write(fd_.get(), piece, offset, durable); error != 0)
			return error;
		from = from.subspan(piece.size());
		offset += piece.size();
	}
	return 0;
}

int ServedDisk::flush() const
{
	auto *ring = ring_of_thread();
	return ring ? ring->flush(fd_.get()) : ENOMEM;
}

int ServedDisk::trim(std::uint64_t offset, std::uint64_t bytes, bool durable) const
{
	if (!fits(offset, bytes))
		return EINVAL;
	std::uint64_t range[2] = {offset, bytes};
	const int done =
		is_block_ ? ::ioctl(fd_.get(), BLKDISCARD, range)
			  : ::fallocate(fd_.get(), FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE,
					static_cast<off_t>(offset), static_cast<off_t>(bytes));
	// The kernel wants to drop what it has of the range in memory first, and can not: see
	// truncate_bdev_range(), block/bdev.c. To give up blocks was only a wish.
	if (done < 0 && errno != EBUSY)
		return errno;
	return durable ? flush() : 0;
}

/// Another text when a command of the SCSI device has failed or timed out since; empty: none to
/// tell.
std::string ServedDisk::failed_commands() const
{
	std::string text;
	for (const auto *name : {"ioerr_cnt", "iotmo_cnt"}) {
		const auto count = read_attribute(fmt::format("{}/{}", scsi_device_, name));
		if (!count)
			return {};
		text += *count + " ";
	}
	return text;
}

int ServedDisk::zero(std::uint64_t offset, std::uint64_t bytes, bool may_unmap, bool durable) const
{
	if (!fits(offset, bytes))
		return EINVAL;
	// block/fops.c, blkdev_fallocate(): PUNCH_HOLE is done by the disk's own commands alone.
	// ZERO_RANGE writes zeroes when such a command has failed, and says nothing of it: it may
	// be in the disk yet, and whoever revokes the export is to know (RevokedReply::lost).
	const auto before = is_block_ && !may_unmap ? failed_commands() : std::string();
	if (is_block_ && !may_unmap && before.empty())
		return EOPNOTSUPP;
	const int mode = may_unmap ? FALLOC_FL_PUNCH_HOLE : FALLOC_FL_ZERO_RANGE;
	if (::fallocate(fd_.get(), mode | FALLOC_FL_KEEP_SIZE, static_cast<off_t>(offset),
			static_cast<off_t>(bytes)) < 0)
		// As in trim(); zeroes can be written all the same.
		return errno == EBUSY ? EOPNOTSUPP : errno;
	if (!before.empty() && failed_commands() != before)
		return EIO;
	return durable ? flush() : 0;
}

} // namespace swpath
