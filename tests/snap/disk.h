// SPDX-License-Identifier: GPL-2.0-or-later
/// The test disk (tests/vm/kmod/sw-testdisk.c) behind its two SCSI hosts, as tests/vm/lib/disk.sh
/// has it for scripts.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "libpath/base/result.h"

namespace swpath::snap
{

/// Values of the knob "mode".
enum class DiskMode : unsigned { Works = 0, Swallows = 1, Keeps = 2, NoTransport = 3 };

class Disk
{
public:
	/// Errors: ENODEV the module is not loaded, or has fewer than two hosts.
	[[nodiscard]] static Result<Disk> find();

	/// `way` is 0 for this host's own path, 1 for the server's. "/dev/sda"; changes when the
	/// device was deleted and found again. Errors: ENODEV it has none now.
	[[nodiscard]] Result<std::string> device(unsigned way) const;
	/// As device(), "sda".
	[[nodiscard]] Result<std::string> name(unsigned way) const;
	/// "0:0:0:0". Errors: ENODEV.
	[[nodiscard]] Result<std::string> hctl(unsigned way) const;
	/// As sysfs spells it. Errors: ENODEV; of reading.
	[[nodiscard]] Result<std::string> wwid(unsigned way) const;

	[[nodiscard]] Result<void> set_mode(unsigned way, DiskMode mode) const;
	/// Kept writes happen now, or never.
	[[nodiscard]] Result<void> end_ghosts(unsigned way, bool land) const;
	/// Write commands that the disk has carried out for this way, ever.
	[[nodiscard]] Result<std::uint64_t> writes(unsigned way) const;

	/// Errors of the three: ENODEV; of writing.
	[[nodiscard]] Result<void> offline(unsigned way) const;
	[[nodiscard]] Result<void> remove(unsigned way) const;
	/// Works, is running, and has its device again. BLOCKS for the scan of the host.
	[[nodiscard]] Result<void> heal(unsigned way) const;

private:
	explicit Disk(std::vector<unsigned> hosts) : hosts_(std::move(hosts)) {}
	[[nodiscard]] Result<std::string> scsi_device(unsigned way) const;
	[[nodiscard]] std::string knob(unsigned way, std::string_view name) const;

	std::vector<unsigned> hosts_;
};

} // namespace swpath::snap
