// SPDX-License-Identifier: LGPL-2.1-or-later
/// Questions and messages to device-mapper by ioctls of our own, on a descriptor and in a buffer
/// that exist before they are needed.
///
/// Why beside libdevmapper (dm.h): that one allocates 4 to 9 times for a message, and may be called
/// from one thread only, which may just then be waiting in a reload.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "libpath/base/dev_number.h"
#include "libpath/base/result.h"
#include "libpath/base/unique_fd.h"
#include "libpath/unit/kinds.h"

namespace swpath::dm
{

struct Listed {
	std::string name;
	std::string uuid;
	DevNumber number;
	std::uint32_t event_nr = 0;
};

struct Info {
	std::string name;
	std::string uuid;
	DevNumber number;
	std::uint32_t event_nr = 0;
	std::uint32_t open_count = 0;
	bool suspended = false;
	bool live_table = false;
	bool inactive_table = false;
	bool read_only = false;
	bool deferred_remove = false;
};

struct TargetStatus {
	std::uint64_t start = 0; ///< 512-byte sectors
	std::uint64_t length = 0;
	std::string type; ///< "sw"
	std::string params;
};

struct Version {
	unsigned major = 0, minor = 0, patch = 0;
};

/// One thread at a time per object; any number of objects.
///
/// No call blocks on a disk. The functions that return int return 0 or a positive errno, and
/// allocate nothing. Errno common to all: ENODEV no such device, or no device-mapper;
/// EPERM/EACCES not root; EINVAL a name of 0 or more than 127 bytes.
class DmChannel
{
public:
	/// Opens the control device and allocates. Errors: ENODEV the kernel has no device-mapper
	/// (modprobe dm-mod); EACCES not root; ENOMEM.
	[[nodiscard]] static Result<DmChannel> open();

	/// Sends `text` (at most 512 bytes, else EMSGSIZE) to the target; `reply`, if given, gets
	/// its answer (empty: none), valid until the next call. Errno: what the target answers
	/// (ESTALE, EBUSY, EPERM, EINVAL, … see docs/dm-sw.rst); EOVERFLOW a reply of more than 32
	/// KiB.
	[[nodiscard]] int send(std::string_view unit, std::string_view text,
			       std::string_view *reply = nullptr) noexcept;
	/// commit <mv> <path> <method> <evidence>. `evidence` is one word, shorter than
	/// SW_WORD_MAX.
	[[nodiscard]] int commit(std::string_view unit, std::uint64_t mv, unsigned path,
				 Method method, std::string_view evidence) noexcept;
	/// ticket <path> <epoch> <ttl_ms>; 0 withdraws.
	[[nodiscard]] int ticket(std::string_view unit, unsigned path, std::uint64_t epoch,
				 std::uint64_t ttl_ms) noexcept;
	/// reject <mv> <path> <reason>.
	[[nodiscard]] int reject(std::string_view unit, std::uint64_t mv, unsigned path,
				 Reason reason) noexcept;

	/// The target's line as a view into the buffer, valid until the next call.
	struct Line {
		std::uint64_t start = 0; ///< 512-byte sectors
		std::uint64_t length = 0;
		std::string_view type;      ///< "sw"
		std::string_view params;    ///< for parse_status(), parse_table()
		std::uint32_t event_nr = 0; ///< as of this line
	};
	/// INFO, or TABLE, of the only target, without a flush. Errno: ENODATA no live table;
	/// EBADMSG more than one target; EOVERFLOW more than 32 KiB.
	[[nodiscard]] int status(std::string_view unit, bool table, Line &line) noexcept;

	/// What libdevmapper calls info. Allocates for the result.
	[[nodiscard]] Result<Info> info(std::string_view unit);
	/// Every device-mapper device. Allocates for the result.
	/// Source of the layout: struct dm_name_list in linux/dm-ioctl.h.
	[[nodiscard]] Result<std::vector<Listed>> list();
	/// Version of a loaded target. Errors: ENOENT the kernel has not got it (yet).
	[[nodiscard]] Result<Version> target_version(std::string_view target);

	/// Readable (POLLIN) once any device had an event since arm(). Owned by this object.
	[[nodiscard]] int fd() const noexcept { return control_.get(); }
	/// To be called after each wake-up and BEFORE list() or status(): an event between the two
	/// wakes again instead of being lost. Errno: ENOTTY a kernel before 4.14.
	[[nodiscard]] int arm() noexcept;

private:
	static constexpr std::size_t buffer_bytes = 36864;
	explicit DmChannel(UniqueFd control);
	/// Runs one ioctl on device `name` (empty: none) with `data` bytes behind the header.
	[[nodiscard]] int run(unsigned long request, std::string_view name, std::uint32_t flags,
			      std::size_t data_bytes) noexcept;

	UniqueFd control_;
	std::unique_ptr<std::byte[]> buffer_;
};

} // namespace swpath::dm
