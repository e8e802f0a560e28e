// SPDX-License-Identifier: LGPL-2.1-or-later
/// Device-mapper, as units need it: create, reload, suspend, remove; and, for callers in no hurry,
/// the questions of DmChannel as plain functions.
///
/// create() to remove() and UdevWait use libdevmapper, which keeps state of its own (its log, its
/// control descriptor, its node operations): they take a lock of their own, so that a caller may
/// find itself waiting for another thread's reload. The others open a DmChannel each time: any
/// number of threads may call them.
///
/// Errors common to all: ENODEV the kernel has no device-mapper, or no such unit (ENXIO is turned
/// into ENODEV); EPERM/EACCES not root; else the errno of the ioctl. Contexts carry what
/// libdevmapper had to say.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "libpath/base/instant.h"
#include "libpath/base/result.h"
#include "libpath/sys/dm_channel.h"
#include "libpath/unit/table.h"

namespace swpath::dm
{

/// The UUID of a unit: SW_UUID_PREFIX and the WWID.
[[nodiscard]] std::string uuid_of(std::string_view wwid);
/// The WWID in a unit's UUID; empty if the UUID is not one of a unit.
[[nodiscard]] std::string_view wwid_of(std::string_view uuid) noexcept;

/// The device-mapper devices whose UUID is a unit's. One ioctl, does not block on any disk.
[[nodiscard]] Result<std::vector<Listed>> list_units();

/// Does not block on any disk. Errors: ENODEV no such device.
[[nodiscard]] Result<Info> info(std::string_view name);

/// INFO (`table` false) or TABLE of a device's only target, without flushing it: does not block on
/// any disk. Errors: ENODEV no such device; ENODATA no live table; EBADMSG more than one target.
[[nodiscard]] Result<TargetStatus> status(std::string_view name, bool table = false);

/// Version of the loaded target `sw`; nothing if the kernel has not got it (yet: loading a table
/// loads the module). Does not block.
[[nodiscard]] Result<std::optional<Version>> target_version();

/// udev at work on what an operation did (/dev/swN, its links). Destroying it gives up waiting.
class UdevWait
{
public:
	UdevWait() noexcept = default;
	explicit UdevWait(std::uint32_t cookie) noexcept : cookie_(cookie) {}
	UdevWait(UdevWait &&other) noexcept : cookie_(std::exchange(other.cookie_, 0)) {}
	UdevWait &operator=(UdevWait &&other) noexcept;
	~UdevWait();

	/// True once udev has finished. Does not block.
	[[nodiscard]] Result<bool> ready();
	/// Waits until it has, at most for `limit`. Errors: ETIMEDOUT udev is too slow or not
	/// running; the operation itself was done all the same.
	[[nodiscard]] Result<void> wait(Duration limit);

private:
	void give_up() noexcept;
	std::uint32_t cookie_ = 0;
};

/// Creates device `name` with the unit's UUID and `table`, and resumes it: afterwards /dev/swN
/// appears. A device of that name and UUID that has no table, as a creation that was cut short
/// leaves it, is completed. May block while the kernel opens the paths' devices (an offline one
/// answers at once). Errors: EEXIST or EBUSY the name or the UUID is taken; ENXIO a path's device
/// is missing; EBUSY a path is in use (mounted, other map); EINVAL the target refused the table
/// (its text is in the kernel log); those of build_table().
[[nodiscard]] Result<UdevWait> create(std::string_view name, std::string_view wwid,
				      const Table &table);

/// Loads `table` and puts it into use, without flushing and without freezing a file system, and
/// marked as a change of paths only, so that udev's rules scan nothing.
/// Blocks until the I/O that is in flight in the old table's paths has come back: never call it
/// while a path hangs. Errors as create(); ENODEV no such device. If the resume fails, the old
/// table is in use and the new one is cleared.
[[nodiscard]] Result<UdevWait> reload(std::string_view name, const Table &table);

/// Suspends with noflush: held I/O stays held. Blocks until I/O in flight has come back.
[[nodiscard]] Result<void> suspend(std::string_view name);
/// Resumes with the table that is live.
[[nodiscard]] Result<UdevWait> resume(std::string_view name);

enum class RemoveMode : std::uint8_t {
	Now,      ///< EBUSY if somebody has it open
	Retry,    ///< tries again for 5 s first: udev or blkid may have it open for a moment
	Deferred, ///< the kernel removes it when its last user closes it
};
/// Blocks as the mode says. Errors: EBUSY in use; ENODEV no such device.
[[nodiscard]] Result<UdevWait> remove(std::string_view name, RemoveMode mode);

/// Sends a message to the target and returns its reply, empty if it has none. Errors: what the
/// target answers (ESTALE, EBUSY, EPERM, EINVAL, … see docs/dm-sw.rst); ENODEV no such device.
[[nodiscard]] Result<std::string> message(std::string_view name, std::string_view text);

} // namespace swpath::dm
