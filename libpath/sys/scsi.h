// SPDX-License-Identifier: LGPL-2.1-or-later
/// SCSI commands to one disk, by SG_IO on an open descriptor.
///
/// Every call BLOCKS for up to its time limit, and beyond it while the kernel's error handler works
/// on the host (seen: 40 s): call it from the path's own worker thread only.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <system_error>
#include <vector>

#include "libpath/base/instant.h"
#include "libpath/base/result.h"
#include "libpath/base/words.h"
#include "libpath/unit/geometry.h"
#include "libpath/unit/identity.h"

namespace swpath
{

/// How a command ended, as far as a path's fate depends on it.
#define SWPATH_SCSI_OUTCOMES(X)                                                                    \
	X(Good, "good")                                                                            \
	X(NotReady, "not ready")                                                                   \
	X(UnitAttention, "unit attention")                                                         \
	X(Deferred, "error of an earlier command")                                                 \
	X(MediumError, "medium error")                                                             \
	X(HardwareError, "hardware error")                                                         \
	X(IllegalRequest, "illegal request")                                                       \
	X(DataProtect, "write protected")                                                          \
	X(Aborted, "aborted command")                                                              \
	X(ReservationConflict, "reservation conflict")                                             \
	X(Busy, "busy")                                                                            \
	X(PortUnavailable, "target port standby or unavailable")                                   \
	X(NotConnected, "no such logical unit")                                                    \
	X(Timeout, "timeout")                                                                      \
	X(Transport, "transport error")                                                            \
	X(Offline, "device is offline")                                                            \
	X(Other, "unexpected status")
SWPATH_WORDS(ScsiOutcome, SWPATH_SCSI_OUTCOMES)

/// The error category of ScsiOutcome: an Error's `code` compares with a ScsiOutcome
/// (`error.code == ScsiOutcome::Timeout`) and, by default_error_condition, with std::errc
/// (Timeout: timed_out; Offline and NotConnected: no_such_device; others: io_error).
[[nodiscard]] const std::error_category &scsi_category() noexcept;
[[nodiscard]] std::error_code make_error_code(ScsiOutcome outcome) noexcept;

/// Sense data, taken apart. Both formats (fixed, descriptor).
struct Sense {
	std::uint8_t key = 0, asc = 0, ascq = 0;
	/// It is about an earlier command, and the one that it came with was not executed.
	bool deferred = false;
};
/// Pure. Nothing if the bytes are not sense data.
[[nodiscard]] std::optional<Sense> parse_sense(std::span<const std::uint8_t> bytes) noexcept;
/// Pure. What a status byte and sense mean for the path.
[[nodiscard]] ScsiOutcome classify(std::uint8_t status, const std::optional<Sense> &sense) noexcept;
/// "unit attention, power on, reset, or bus device reset occurred (6/29/00)".
[[nodiscard]] std::string sense_text(const Sense &sense);

/// One group of REPORT TARGET PORT GROUPS.
struct PortGroup {
	std::uint16_t group = 0;
	std::uint8_t state = 0; ///< 0 active/optimized, 1 non-optimized, 2 standby, 3 unavailable
	bool preferred = false;
	std::vector<std::uint16_t> ports; ///< relative target port identifiers
};
/// Pure: the parameter data of REPORT TARGET PORT GROUPS. Errors: EBADMSG cut off.
[[nodiscard]] Result<std::vector<PortGroup>> parse_port_groups(std::span<const std::uint8_t> data);

struct Inquiry {
	std::uint8_t peripheral = 0; ///< qualifier and type, byte 0; 0: a connected disk
	std::string vendor, product, revision;
	unsigned tpgs = 0; ///< 0: no asymmetric access
};

/// Limits of VPD page 0xb0, as far as a served twin must be able to do the same; 0: no limit
/// stated.
struct BlockLimits {
	std::uint32_t max_transfer_blocks = 0;
	std::uint32_t max_unmap_blocks = 0;
	std::uint64_t max_write_same_blocks = 0;
};

/// Borrows a descriptor of /dev/sdX (O_RDONLY|O_NONBLOCK is enough) or /dev/sgN.
/// A unit attention and the error of an earlier command, with neither of which the command was
/// executed, are answered by repeating it, at most 3 times.
class ScsiDisk
{
public:
	ScsiDisk(int fd, Duration limit) noexcept : fd_(fd), limit_(limit) {}

	/// Errors of every call: a ScsiOutcome; ENOTTY not a SCSI device; EBADMSG a malformed
	/// answer.
	[[nodiscard]] Result<void> test_unit_ready();
	[[nodiscard]] Result<Inquiry> inquiry();
	/// The page with its header, as long as the device says (at most 4 KiB).
	/// Errors also: IllegalRequest no such page.
	[[nodiscard]] Result<std::vector<std::uint8_t>> vpd(std::uint8_t page);
	/// Pages 0x83 and, if supported, 0x80.
	[[nodiscard]] Result<Identity> identity();
	[[nodiscard]] Result<BlockLimits> block_limits();
	/// READ CAPACITY(16) and the write protect bit.
	[[nodiscard]] Result<Geometry> geometry();
	/// MODE SENSE(6), or (10) where that is refused. A disk that knows neither is not
	/// protected.
	[[nodiscard]] Result<bool> write_protected();
	[[nodiscard]] Result<std::vector<PortGroup>> port_groups();
	/// LOGICAL UNIT RESET by SG_SCSI_RESET without escalation to target, bus or host. Blocks up
	/// to the host's eh_timeout, not `limit`. Errors: EACCES not root; EBUSY a reset is
	/// running; EIO the reset failed; ENODEV.
	[[nodiscard]] Result<void> reset_unit();

	/// Any command that returns data. `what` names it in errors. Returns the bytes received.
	[[nodiscard]] Result<std::size_t> receive(std::span<const std::uint8_t> cdb,
						  std::span<std::uint8_t> data, const char *what);
	/// Any command that takes data, or none.
	[[nodiscard]] Result<void> send(std::span<const std::uint8_t> cdb,
					std::span<const std::uint8_t> data, const char *what);

private:
	[[nodiscard]] Result<std::size_t> command(std::span<const std::uint8_t> cdb, int direction,
						  std::uint8_t *data, std::size_t bytes,
						  const char *what);
	int fd_;
	Duration limit_;
};

} // namespace swpath

template <>
struct std::is_error_code_enum<swpath::ScsiOutcome> : std::true_type {
};
