// SPDX-License-Identifier: GPL-2.0-or-later
#include "pathd/disk_finder.h"

#include <algorithm>
#include <utility>

#include <fmt/core.h>

#include "libpath/hints/hint_value.h"
#include "libpath/policy/bus_ports.h"
#include "libpath/sys/disk_look.h"
#include "libpath/sys/file.h"
#include "pathd/log.h"

namespace swpath
{

using log::Message;

namespace
{

constexpr std::size_t found_bytes_max = 1 << 20;

Result<void> append(const std::string &file, const std::vector<FoundUnit> &units, bool serve)
{
	auto text = read_file(file, found_bytes_max);
	if (!text && text.error().code != std::errc::no_such_file_or_directory)
		return tl::unexpected(text.error());
	return replace_file_durably(file, text.value_or("") + found_text(units, serve, !text));
}

} // namespace

std::string found_text(const std::vector<FoundUnit> &units, bool serve, bool head)
{
	std::string text;
	if (head)
		text = "# Units that pathd found, as [discover] tells it to. It only adds to this "
		       "file: "
		       "change it\n# as you like. A disk that is in it is not looked for again.\n";
	for (const auto &unit : units)
		text += fmt::format("\n[unit.{}]\nwwid = \"{}\"\n{}", unit.name, unit.wwid,
				    serve ? "serve = true\n" : "");
	return text;
}

void DiskFinder::seen(const std::vector<BlockDevice> &devices)
{
	const auto before = std::exchange(disks_, {});
	for (const auto &device : devices) {
		if (device.transport != Transport::Scsi || device.wwid.empty() ||
		    device.size_bytes == 0)
			continue;
		// One syspath is one device as long as it is there.
		const auto known =
			std::find_if(before.begin(), before.end(), [&](const Disk &each) {
				return each.device.syspath == device.syspath &&
				       each.device.wwid == device.wwid;
			});
		if (known != before.end())
			disks_.push_back({device, known->hash});
		else if (const auto identity = known_identity(device.sysname))
			disks_.push_back({device, disk_hash(*identity)});
	}
}

DiskHashes DiskFinder::sightings() const
{
	DiskHashes all;
	for (const auto &disk : disks_)
		all.insert(disk.hash);
	return all;
}

void DiskFinder::look(const Config &config, const ServerDirectory *directory,
		      const DiskSightings *sightings, const BusHints *hints)
{
	FinderView view;
	for (const auto &[name, unit] : config.units) {
		view.units.insert(name);
		view.wwids.insert(unit.wwid);
	}
	for (const auto &[wwid, name] : written_) {
		view.units.insert(name);
		view.wwids.insert(wwid);
	}
	if (directory != nullptr)
		view.served = directory->disks();
	const auto elsewhere = sightings != nullptr ? sightings->of_others() : DiskHashes();
	// It can wait for a file system that waits for a unit (fs/proc_namespace.c): not for
	// nothing.
	const auto used = config.discover.units == Discovery::None
				  ? Result<UsedDevices>(UsedDevices{})
				  : used_devices();
	for (const auto &[device, hash] : disks_) {
		if (view.wwids.contains(device.wwid))
			continue;
		const bool shared = elsewhere.contains(hash) ||
				    (hints != nullptr && hints->shared(port_of(device.hctl)));
		view.own.push_back(
			{device.wwid, device.sysname, shared, !used || is_used(device, *used)});
	}
	auto found = find_units(config.discover, view);
	why_not_ = std::move(found.why_not);
	if (!found.add.empty() && !writing_)
		write(std::move(found.add), config.cluster.serve.has_value());
}

void DiskFinder::write(std::vector<FoundUnit> units, bool serve)
{
	if (!writer_) {
		auto started = Worker::start("finder");
		if (!started)
			return; // tried again at the next look
		writer_ = std::move(*started);
	}
	writing_ = writer_->submit([this, here = std::weak_ptr(here_), mailbox = mailbox_,
				    file = file_, units = std::move(units), serve] {
		const auto done = append(file, units, serve);
		mailbox->post([this, here, units, done, file] {
			if (here.expired())
				return;
			writing_ = false;
			// It is tried at every look, and told when it is another trouble.
			const auto before = std::exchange(trouble_, done ? std::string()
									 : done.error().message());
			if (!done) {
				if (trouble_ != before)
					log::say(Message::Error, {},
						 "found {} disks that are to be units, but cannot "
						 "write them down: {}",
						 units.size(), trouble_);
				return;
			}
			for (const auto &unit : units) {
				written_.emplace(unit.wwid, unit.name);
				log::say(Message::Notice, {.unit = unit.name},
					 "found {}, now in {}", unit.wwid, file);
			}
			reload_();
		});
	});
}

std::string DiskFinder::why_not(const std::string &wwid) const
{
	const auto found = why_not_.find(wwid);
	return found == why_not_.end() ? std::string() : found->second;
}

} // namespace swpath
