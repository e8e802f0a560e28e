// SPDX-License-Identifier: LGPL-2.1-or-later
/// Attributes of the kernel: read and write them; which ones bound a SCSI leg.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "libpath/base/result.h"
#include "libpath/base/unique_fd.h"

namespace swpath
{

/// Value of an attribute without white space at its end; at most 64 KiB.
/// Errors: ENOENT no such attribute, or the device is gone; else errno, with the path in it.
[[nodiscard]] Result<std::string> read_attribute(const std::string &path);
/// Writes in one write(). Some attributes block (a SCSI host's scan, a device's delete).
/// Errors: EINVAL the kernel refuses the value; ENOENT; EACCES; with path and value in it.
[[nodiscard]] Result<void> write_attribute(const std::string &path, std::string_view value);

/// An attribute and the value that is wanted for it.
struct Setting {
	std::string attribute; ///< full path below /sys, links resolved
	std::string value;

	bool operator==(const Setting &) const = default;
};

/// Limits of a SCSI leg, in seconds: what makes a hung path give up by itself.
struct ScsiLimits {
	/// device/timeout, and the recovery_tmo of an iSCSI session; at least 1
	unsigned command_timeout_s = 4;
	unsigned eh_timeout_s = 1;             ///< device/eh_timeout: each step of error handling
	unsigned retries = 0;                  ///< scsi_disk/*/max_retries
	std::optional<unsigned> eh_deadline_s; ///< scsi_host/*/eh_deadline: error handling in
					       ///< all; not for an iSCSI session: recovery_tmo
	/// Its session is being cut: what was in flight is to fail at once, recovery_tmo 0
	bool cut = false;
};

/// The settings that put `limits` on SCSI disk `sysname` ("sda"). Those that this kernel or this
/// host does not have are left out (max_retries, eh_deadline, recovery_tmo). Errors: ENODEV no such
/// SCSI disk.
[[nodiscard]] Result<std::vector<Setting>>
scsi_settings(std::string_view sysname, const ScsiLimits &limits, const std::string &sys = "/sys");

/// What the kernel holds of a SCSI disk, from attributes that stay open: to be asked often.
class ScsiState
{
public:
	/// Errors: ENODEV no such SCSI disk.
	[[nodiscard]] static Result<ScsiState> open(std::string_view sysname,
						    const std::string &sys = "/sys");

	/// "running", "offline", "transport-offline", …. Errors: ENODEV the disk is gone.
	[[nodiscard]] Result<std::string> word() const;
	/// Commands that timed out since the disk exists; nothing: the kernel does not count them,
	/// or the disk is gone.
	[[nodiscard]] std::optional<std::uint64_t> timeouts() const;

private:
	ScsiState(UniqueFd state, UniqueFd timeouts)
		: state_(std::move(state)), timeouts_(std::move(timeouts))
	{
	}
	UniqueFd state_;
	UniqueFd timeouts_; ///< invalid: this kernel has no such attribute
};

/// Sets "running" or "offline". Errors: EINVAL the kernel refuses the transition.
[[nodiscard]] Result<void> set_scsi_state(std::string_view sysname, std::string_view state,
					  const std::string &sys = "/sys");

} // namespace swpath
