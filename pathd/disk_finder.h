// SPDX-License-Identifier: GPL-2.0-or-later
/// Disks of this host and of its peers that become units by themselves ([discover]): what is to be
/// one is written into a file of the configuration, which is then read again. So a found unit is
/// like any other from then on, and an administrator can see and change it.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "libpath/cluster/disk_sightings.h"
#include "libpath/cluster/server_directory.h"
#include "libpath/config/config.h"
#include "libpath/policy/unit_finder.h"
#include "libpath/sys/udev.h"
#include "pathd/bus_hints.h"
#include "pathd/mailbox.h"
#include "pathd/worker.h"

namespace swpath
{

/// In the directory of the configuration.
inline constexpr std::string_view found_file_name = "found.toml";

/// What is added to the file; `head`: it is new. Pure.
[[nodiscard]] std::string found_text(const std::vector<FoundUnit> &units, bool serve, bool head);

class DiskFinder
{
public:
	/// `file` is written by a thread of this object's; then `reload` is called on the loop's.
	DiskFinder(std::string file, std::shared_ptr<Mailbox> mailbox, std::function<void()> reload)
		: file_(std::move(file)), mailbox_(std::move(mailbox)), reload_(std::move(reload))
	{
	}

	[[nodiscard]] const std::string &file() const { return file_; }

	/// All whole disks of the host. Reads sysfs, which does not wait for a disk.
	void seen(const std::vector<BlockDevice> &devices);
	/// What this host sees with its own eyes, for its peers.
	[[nodiscard]] DiskHashes sightings() const;
	/// Looks for disks that are to be units, and begins to write them down. All but the first
	/// may be null.
	void look(const Config &config, const ServerDirectory *directory,
		  const DiskSightings *sightings, const BusHints *hints);
	/// Why a disk is no unit; empty: it was not seen, or is one.
	[[nodiscard]] std::string why_not(const std::string &wwid) const;

private:
	struct Disk {
		BlockDevice device;
		std::uint64_t hash = 0; ///< disk_hash()
	};
	void write(std::vector<FoundUnit> units, bool serve);

	std::string file_;
	std::shared_ptr<Mailbox> mailbox_;
	std::function<void()> reload_;
	std::vector<Disk> disks_; ///< SCSI, with a name
	std::map<std::string, std::string> why_not_;
	/// By WWID, the names of units; a configuration that is refused lacks them.
	std::map<std::string, std::string> written_;
	std::string trouble_; ///< with the file, as it was told
	std::unique_ptr<Worker> writer_;
	bool writing_ = false;
	std::shared_ptr<bool> here_ = std::make_shared<bool>(true);
};

} // namespace swpath
