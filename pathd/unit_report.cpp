// SPDX-License-Identifier: GPL-2.0-or-later
/// Of a unit's keeper: what it tells people.
#include <fmt/core.h>

#include "libpath/base/text.h"
#include "libpath/control/derive.h"
#include "libpath/sys/clock.h"
#include "pathd/unit.h"
#include "pathd/wall_clock.h"

namespace swpath
{

namespace
{

MonitorWord monitor_word(MonitorState state)
{
	switch (state) {
	case MonitorState::Unknown:
		return MonitorWord::Unknown;
	case MonitorState::Checking:
		return MonitorWord::Checking;
	case MonitorState::Ok:
		return MonitorWord::Ok;
	case MonitorState::Failed:
		return MonitorWord::Failed;
	case MonitorState::Rejected:
		return MonitorWord::Rejected;
	case MonitorState::Damped:
		return MonitorWord::Damped;
	}
	return MonitorWord::None;
}

std::int64_t whole_seconds(Duration duration)
{
	return std::max<std::int64_t>(
		0, std::chrono::duration_cast<std::chrono::seconds>(duration).count());
}

std::uint64_t uptime_ms(Instant now)
{
	return std::uint64_t(
		std::chrono::duration_cast<std::chrono::milliseconds>(now.time_since_epoch())
			.count());
}

} // namespace

/// Gives the flight recorder its look: what the kernel just said, and the monitors' words.
void Unit::record(Instant now)
{
	std::array<FlightRecorder::Path, SW_PATHS_MAX> paths;
	for (unsigned i = 0; i < slots_.size() && i < paths.size(); i++) {
		paths[i].monitor = monitor_word(slots_[i].monitor.state());
		if (in_table(i)) {
			paths[i].proved_at = slots_[i].monitor.proved_at();
			paths[i].proof = slots_[i].proof;
		}
	}
	flight_.look(kernel_->status, paths, wall_time(now), now);
}

FlightReport Unit::flight(Instant now)
{
	FlightReport flight;
	for (const auto &path : report(now).paths)
		flight.path_names.push_back(path_name(path));
	flight.generated = wall_now();
	flight.source = Source::Pathd;
	flight.version = SWPATH_VERSION;
	flight.name = config_.name;
	flight.uptime_ms = uptime_ms(now);
	flight.samples = flight_.samples();
	return flight;
}

/// One clause about a path that is not simply ok.
std::string Unit::path_text(unsigned i, Instant now) const
{
	const auto &slot = slots_[i];
	const auto every = [&] {
		return fmt::format("next check in {} s",
				   whole_seconds(slot.monitor.next_probe() - now));
	};
	if (!slot.leg && !slot.stranger.empty())
		return slot.stranger;
	switch (slot.monitor.state()) {
	case MonitorState::Unknown:
		return slot.attaching ? "connecting" : slot.leg ? "first check" : "no device";
	case MonitorState::Ok:
		return {};
	case MonitorState::Checking:
	case MonitorState::Damped: {
		const auto from = slot.monitor.usable_from();
		const std::string until = from ? fmt::format("used again in {} s if it stays so",
							     whole_seconds(*from - now))
					       : std::string();
		return slot.monitor.state() == MonitorState::Damped
			       ? fmt::format("answers, but failed too often of late; {}", until)
			       : fmt::format("answers again; {}", until);
	}
	case MonitorState::Failed:
	case MonitorState::Rejected:
		return slot.text.empty() ? every() : fmt::format("{}; {}", slot.text, every());
	}
	return {};
}

void Unit::describe_path(PathReport &path, unsigned i, Instant now) const
{
	const auto &slot = slots_[i];
	const auto &config = config_.paths[i];
	path.index = i;
	path.kind = config.kind;
	path.label = config.name;
	path.device.clear();
	path.number.reset();
	if (slot.leg) {
		path.device = slot.leg->device().sysname;
		path.number = slot.leg->number();
	}
	if (by_peer(i))
		path.endpoint = fmt::format("peer {}", config.peer);
	else if (config.kind == PathKind::SERVED)
		path.endpoint = config.server.text();
	else if (slot.leg)
		path.endpoint = fmt::format("{} {}", word(slot.leg->device().transport),
					    slot.leg->device().hctl);
	path.monitor = monitor_word(slot.monitor.state());
	path.text = path_text(i, now);
	if (slot.since)
		path.since = wall_time(*slot.since);
	if (slot.last_probe)
		path.last_probe = wall_time(*slot.last_probe);
	if (!slot.leg || !slot.leg->probing_since())
		path.next_probe = wall_time(std::max(slot.monitor.next_probe(), now));
}

UnitReport Unit::report(Instant now)
{
	using std::chrono::duration_cast;

	if (config_.build && !table_busy_)
		(void)look(now);
	UnitReport unit;
	unit.name = config_.name;
	unit.wwid = config_.wwid;
	unit.fence = config_.fence;
	unit.mv_timeout_s = static_cast<std::uint32_t>(
		duration_cast<std::chrono::seconds>(config_.mv_timeout).count());
	unit.stall_ms = static_cast<std::uint32_t>(
		duration_cast<std::chrono::milliseconds>(config_.stall).count());
	if (geometry_)
		unit.size_bytes = geometry_->capacity_bytes;
	unit.paths.resize(slots_.size());

	if (kernel_) {
		unit.number = number_;
		unit.size_bytes = length_sectors_ * 512;
		set_kernel_status(unit, kernel_->status, wall_now());
		set_kernel_table(unit, kernel_->table);
	}
	for (unsigned i = 0; i < slots_.size() && i < unit.paths.size(); i++)
		describe_path(unit.paths[i], i, now);

	if (const auto key = carried_.state().key; key != 0)
		unit.reservation = ReservationReport{reservation_key_text(key), carried_.type(),
						     carried_.paths()};
	if (services_.directory != nullptr)
		for (const auto &server : services_.directory->servers(config_.wwid))
			unit.servers.push_back(
				{server.member.host, server.address, server.priority});
	unit.pinned = pinned();
	unit.missing = waiting_;
	if (kernel_) {
		const auto decision = failback_now(now);
		unit.failback = FailbackReport{.automatic = failback_rule_.automatic,
					       .verdict = failback_verdict_word(decision.verdict),
					       .to = decision.to,
					       .next = {}};
		if (decision.at)
			unit.failback->next = wall_time(*decision.at);
		set_history(unit, history_);
		flight_.certify(unit.history);
		if (const auto text = mv_.waiting_for(kernel_->status, candidates(), now);
		    !text.empty())
			unit.missing = text;
	}
	unit.only_served = !config_.build;
	sum_up(unit);
	return unit;
}

} // namespace swpath
