// SPDX-License-Identifier: GPL-2.0-or-later
#include "pathd/unit_end.h"

#include <cerrno>
#include <optional>

#include <fmt/core.h>

#include "libpath/policy/unit_removal.h"
#include "libpath/sys/dm.h"
#include "libpath/sys/leg_mark.h"
#include "libpath/sys/nbd.h"
#include "libpath/sys/udev.h"
#include "pathd/log.h"
#include "pathd/unit.h"

namespace swpath
{

using log::Message;

namespace
{

enum class Device { Missing, Free, Needed };

struct Finding {
	Device device = Device::Needed;
	std::string why; ///< Needed
};

Finding look_at(const UnitEnd &end)
{
	const auto info = dm::info(end.name);
	if (!info && info.error().code == std::errc::no_such_device)
		return {Device::Missing, ""};
	if (!info)
		return {Device::Needed, info.error().message()};
	if (dm::wwid_of(info->uuid) != end.wwid)
		return {Device::Missing, ""};
	UnitStatus status;
	// Without a live table nothing has ever gone through it.
	if (info->live_table) {
		const auto line = dm::status(end.name);
		if (!line)
			return {Device::Needed, line.error().message()};
		auto parsed = parse_status(line->params);
		if (!parsed)
			return {Device::Needed, parsed.error().message()};
		status = std::move(*parsed);
	}
	if (auto why = why_unit_stays(status, info->open_count))
		return {Device::Needed, std::move(*why)};
	return {Device::Free, ""};
}

std::string stays_text(const UnitEnd &end, const std::string &why)
{
	return fmt::format("/dev/{} is left as it is: {}", end.name, why);
}

/// Only if it is still this unit's: the number may be another connection's by now.
void end_connection(const UnitEnd &end, const UnitEnd::Leg &leg)
{
	const auto device = find_block_device(leg.sysname);
	if (!device ||
	    !device->nbd_backend.starts_with(fmt::format("{}{}:", nbd_backend_prefix, end.name)))
		return;
	if (const auto ended = disconnect_nbd(leg.sysname, device->nbd_backend); !ended)
		log::say(Message::Warning, {.unit = end.name}, "{} stays connected: {}",
			 leg.sysname, ended.error().message());
}

void unmark(const UnitEnd &end, const UnitEnd::Leg &leg)
{
	if (auto done = unmark_leg(leg.number); !done)
		log::say(Message::Warning, {.unit = end.name}, "{}", done.error().message());
}

} // namespace

UnitEnd Unit::end() const
{
	UnitEnd end;
	end.name = config_.name;
	end.wwid = config_.wwid;
	for (const auto &[number, leg] : legs_)
		end.legs.push_back({number, leg->device().sysname, leg->kind()});
	return end;
}

std::string fate_of(const UnitEnd &end)
{
	const auto found = look_at(end);
	switch (found.device) {
	case Device::Missing:
		return fmt::format("there is no /dev/{}", end.name);
	case Device::Free:
		return fmt::format("/dev/{} is removed, nobody uses it", end.name);
	case Device::Needed:
		break;
	}
	return stays_text(end, found.why);
}

bool remove_device(const UnitEnd &end)
{
	auto found = look_at(end);
	if (found.device == Device::Free) {
		const auto removed = dm::remove(end.name, dm::RemoveMode::Retry);
		if (removed)
			log::say(Message::Notice, {.unit = end.name}, "/dev/{} was removed",
				 end.name);
		else if (removed.error().code != std::errc::no_such_device)
			found = {Device::Needed, removed.error().message()};
	}
	if (found.device == Device::Needed)
		log::say(Message::Notice, {.unit = end.name},
			 "{}; close it, then `dmsetup remove {}`", stays_text(end, found.why),
			 end.name);
	return found.device != Device::Needed;
}

void end_connections(const UnitEnd &end)
{
	for (const auto &leg : end.legs) {
		if (leg.kind != PathKind::SERVED)
			continue;
		end_connection(end, leg);
		unmark(end, leg);
	}
}

void show_legs(const UnitEnd &end)
{
	for (const auto &leg : end.legs) {
		if (leg.kind != PathKind::DIRECT)
			continue;
		unmark(end, leg);
		const auto shown = trigger_change(leg.number);
		if (!shown && shown.error().code != std::errc::no_such_device)
			log::say(Message::Warning, {.unit = end.name},
				 "{} stays hidden from other programs: {}", leg.sysname,
				 shown.error().message());
	}
}

void show_again(const std::vector<DevNumber> &numbers)
{
	for (const auto number : numbers)
		if (trigger_change(number))
			log::say(Message::Notice, {},
				 "{} was hidden as a path of a unit and is none: it is shown again",
				 number.text());
}

} // namespace swpath
