// SPDX-License-Identifier: GPL-2.0-or-later
/// Of a unit's keeper: the devices that stand for its paths, as they come and go.
#include <algorithm>

#include <fmt/core.h>

#include "libpath/base/text.h"
#include "libpath/serve/export_name.h"
#include "libpath/sys/clock.h"
#include "libpath/sys/file.h"
#include "libpath/sys/leg_mark.h"
#include "libpath/sys/nbd.h"
#include "libpath/unit/reason.h"
#include "libpath/unit/reservation.h"
#include "pathd/log.h"
#include "pathd/unit.h"

namespace swpath
{

using log::Message;

std::string Unit::path_label(unsigned slot) const
{
	if (slot >= config_.paths.size())
		return fmt::format("path {}", slot);
	const auto &path = config_.paths[slot];
	if (path.kind == PathKind::SERVED)
		return fmt::format("served {}", path.name);
	const auto &leg = slots_[slot].leg;
	return leg ? fmt::format("direct {}", leg->device().sysname) : "direct";
}

std::optional<unsigned> Unit::slot_of(const Leg &leg) const
{
	for (unsigned i = 0; i < slots_.size(); i++)
		if (slots_[i].leg.get() == &leg)
			return i;
	return std::nullopt;
}

void Unit::seen(const std::vector<BlockDevice> &devices, const std::vector<DevNumber> &marked)
{
	const auto ours = [&](const BlockDevice &device) -> std::optional<PathKind> {
		if (device.transport == Transport::Nbd) {
			const std::string prefix = fmt::format("swpath:{}:", config_.name);
			if (device.nbd_backend.starts_with(prefix))
				return PathKind::SERVED;
			return std::nullopt;
		}
		if (device.transport == Transport::Scsi && !config_.wwid.empty() &&
		    device.wwid == config_.wwid)
			return PathKind::DIRECT;
		return std::nullopt;
	};
	const auto is_marked = [&](DevNumber number) {
		return std::binary_search(marked.begin(), marked.end(), number);
	};

	std::vector<DevNumber> present;
	for (const auto &device : devices) {
		const auto kind = ours(device);
		if (!kind)
			continue;
		present.push_back(device.number);
		auto found = legs_.find(device.number);
		// The same number and another device: it was away and came back between two looks.
		if (found != legs_.end() && found->second->device().syspath != device.syspath) {
			drop_leg(device.number);
			found = legs_.end();
		}
		if (found == legs_.end()) {
			auto leg = Leg::create(
				device, *kind, config_.effective_command_timeout(),
				services_.mailbox,
				[this](Leg &of, const ProbeFacts &facts, std::uint64_t mv) {
					probed(of, facts, mv);
				},
				[this](Leg &of, const Result<void> &result) {
					given_up(of, result);
				});
			if (!leg) {
				log::say(Message::Error, {.unit = config_.name},
					 "cannot watch {}: {}", device.sysname,
					 leg.error().message());
				continue;
			}
			found = legs_.emplace(device.number, std::move(*leg)).first;
			if (auto socket = sockets_.extract(device.sysname))
				found->second->socket = std::move(socket.mapped());
			hint_seen(*found->second);
			log::say(Message::Plain, {.unit = config_.name}, "{} {} ({}) appeared",
				 word(*kind), device.sysname, device.number.text());
		}
		auto &leg = *found->second;
		leg.update(device);
		leg.marked = is_marked(device.number);
		leg.served_slot.reset();
		if (*kind == PathKind::SERVED)
			leg.served_slot = slot_of_backend(device.nbd_backend, leg.export_epoch);
	}

	const auto is_other_disk = [&](DevNumber number) {
		return std::any_of(devices.begin(), devices.end(), [&](const BlockDevice &each) {
			return each.number == number && !each.wwid.empty();
		});
	};
	std::vector<DevNumber> gone;
	for (const auto &[number, leg] : legs_)
		if (std::find(present.begin(), present.end(), number) == present.end())
			gone.push_back(number);
	for (const auto number : gone) {
		drop_leg(number);
		// Another disk that was quick to get its number was hidden by its mark.
		if (!services_.dry_run && is_other_disk(number))
			(void)trigger_change(number);
	}
	// Another disk in the place that a path names is what a person looks for when it is
	// missing.
	for (unsigned i = 0; i < slots_.size(); i++) {
		const auto &path = config_.paths[i];
		slots_[i].stranger.clear();
		if (slots_[i].leg || path.kind != PathKind::DIRECT ||
		    (path.hctl.empty() && path.by_path.empty()))
			continue;
		for (const auto &device : devices)
			if (device.transport == Transport::Scsi && !ours(device) &&
			    matches(path.hctl, device.hctl) &&
			    matches(path.by_path, device.by_path))
				slots_[i].stranger =
					fmt::format("{} at {} is another disk, {}", device.sysname,
						    device.hctl, device.wwid);
	}
	stale_ = true;
	touch();
}

std::vector<DevNumber> Unit::legs() const
{
	std::vector<DevNumber> numbers;
	for (const auto &[number, leg] : legs_)
		numbers.push_back(number);
	return numbers;
}

std::string Unit::backend_of(unsigned slot) const
{
	const auto &path = config_.paths[slot];
	if (by_peer(slot))
		return nbd_backend(config_.name, "peer " + path.peer, "");
	return nbd_backend(config_.name, path.server.text(), path.export_name);
}

/// The slot whose connection this is. `epoch`: of a peer's export, even if it is not the latest one
/// that was granted and so has no slot any more.
std::optional<unsigned> Unit::slot_of_backend(const std::string &backend,
					      std::uint64_t &epoch) const
{
	for (unsigned i = 0; i < config_.paths.size(); i++) {
		if (config_.paths[i].kind != PathKind::SERVED)
			continue;
		const auto expected = backend_of(i);
		if (!by_peer(i)) {
			if (backend == expected)
				return i;
			continue;
		}
		if (!backend.starts_with(expected))
			continue;
		const auto name =
			ExportName::parse(std::string_view(backend).substr(expected.size()));
		if (!name || name->wwid != config_.wwid)
			continue;
		epoch = name->epoch;
		if (const auto granted = grant_of(i).epoch; granted == 0 || granted == epoch)
			return i;
	}
	return std::nullopt;
}

bool Unit::awaits_end() const
{
	return std::any_of(legs_.begin(), legs_.end(),
			   [](const auto &entry) { return !entry.second->alive; });
}

void Unit::drop_leg(DevNumber number)
{
	const auto found = legs_.find(number);
	if (found == legs_.end())
		return;
	const auto leg = found->second;
	log::say(Message::Plain, {.unit = config_.name}, "{} {} ({}) is gone", word(leg->kind()),
		 leg->device().sysname, number.text());
	(void)services_.settings.give_back(leg->device().sysname);
	if (!services_.dry_run)
		(void)unmark_leg(number);
	hint_gone(*leg);
	legs_.erase(found);
	if (const auto slot = slot_of(*leg)) {
		// One that was rejected is gone because we closed it: why is what people ask.
		if (slots_[*slot].monitor.state() != MonitorState::Rejected)
			slots_[*slot].text = reason_text(Reason::PATH_GONE);
		slots_[*slot].leg.reset();
		slots_[*slot].monitor.step(PathLost{now(), Reason::PATH_GONE});
		medium_.forget(*slot);
		slots_[*slot].coherence.forget();
		carried_.forget(*slot);
		if (state_.carried != carried_.state()) {
			state_.carried = carried_.state();
			(void)save_state();
		}
		tell(*slot, now());
	}
}

/// `cut`: its session is about to be.
void Unit::borrow_settings(Leg &leg, bool cut)
{
	if (leg.kind() != PathKind::DIRECT || services_.dry_run)
		return;
	ScsiLimits limits;
	limits.cut = cut;
	limits.command_timeout_s =
		static_cast<unsigned>(config_.effective_command_timeout().count());
	limits.eh_deadline_s = limits.command_timeout_s;
	auto wanted = scsi_settings(leg.device().sysname, limits);
	auto done = wanted ? services_.settings.borrow(leg.device().sysname, *wanted)
			   : Result<void>(tl::unexpected(wanted.error()));
	if (!done)
		log::say(Message::Warning, {.unit = config_.name},
			 "{} may hang for longer than the stall budget: {}", leg.device().sysname,
			 done.error().message());
}

bool Unit::has_leg(const std::string &sysname) const
{
	return std::any_of(slots_.begin(), slots_.end(), [&](const Slot &slot) {
		return slot.leg && slot.leg->device().sysname == sysname;
	});
}

/// The key that the device in this place registers.
void Unit::give_key(unsigned i)
{
	auto &leg = *slots_[i].leg;
	leg.key.wwid = config_.wwid;
	leg.key.key = 0;
	leg.key.serves = config_.serve;
	leg.key.carry = config_.build && !config_.reservations && !services_.dry_run &&
			leg.kind() == PathKind::DIRECT;
	leg.key.copy.reset();
	if (!config_.reservations || leg.kind() != PathKind::DIRECT || services_.dry_run)
		return;
	// Once: a path that comes back is given its key while I/O is held, that of / perhaps.
	static std::string host;
	if (host.empty())
		host = trimmed(read_file("/etc/machine-id", 64).value_or(""));
	if (host.empty()) {
		log::say(Message::Error, {.unit = config_.name},
			 "{} gets no reservation key: /etc/machine-id cannot be read",
			 leg.device().sysname);
		return;
	}
	leg.key.key = reservation_key(host, config_.wwid, config_.paths[i].name);
}

} // namespace swpath
