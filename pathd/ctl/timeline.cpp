// SPDX-License-Identifier: GPL-2.0-or-later
#include "pathd/ctl/timeline.h"

#include <algorithm>

#include <fmt/core.h>

#include "libpath/control/flight_recorder.h"

namespace swpath::ctl
{

namespace
{

using std::chrono::ceil;
using std::chrono::microseconds;
using std::chrono::milliseconds;

/// Shorter than this an axis shows nothing.
constexpr auto span_min = std::chrono::seconds(10);
/// A stamp that is off by less was not set, but rounded.
constexpr auto clock_tolerance = std::chrono::seconds(2);
/// Nothing is older on the axis.
constexpr std::uint64_t age_max_ms = 30 * 86'400'000ULL;
/// A sample is taken within this of the beginning of the hold that it is about.
constexpr auto sample_delay_max = std::chrono::hours(2);

WallTime time_of(const FlightSample &sample, const FlightReport &flight)
{
	const auto age = flight.uptime_ms - std::min(sample.uptime_ms, flight.uptime_ms);
	return flight.generated - milliseconds(age);
}

std::optional<WallTime> time_of(const SwitchReport &record, const FlightReport &flight)
{
	const auto first = std::find_if(
		flight.samples.begin(), flight.samples.end(),
		[&](const FlightSample &sample) { return sample.mv == record.record.mv; });
	if (first != flight.samples.end()) {
		const auto delay = first->at - record.at();
		if (delay >= -clock_tolerance && delay <= sample_delay_max)
			return time_of(*first, flight) - delay;
	}
	const auto boot = flight.generated - milliseconds(flight.uptime_ms);
	if (record.at() < boot - clock_tolerance || record.at() > flight.generated)
		return std::nullopt;
	return record.at();
}

UnitPast past_of(UnitState state)
{
	switch (state) {
	case UnitState::ONLINE:
		return UnitPast::Online;
	case UnitState::VERIFY:
		return UnitPast::Verify;
	case UnitState::HELD:
		return UnitPast::Held;
	case UnitState::FAILED:
		return UnitPast::Failed;
	}
	return UnitPast::Unknown;
}

PathPast past_of(const FlightSample &sample, unsigned path)
{
	if (sample.active == path)
		return PathPast::Active;
	if (path >= sample.nr_paths)
		return PathPast::Unknown;
	const FlightPath &one = sample.paths[path];
	if (one.state == PathState::ABSENT)
		return PathPast::Absent;
	const bool watched_ok = one.monitor == MonitorWord::Ok || one.monitor == MonitorWord::None;
	return one.state == PathState::READY && watched_ok ? PathPast::Ready : PathPast::NotReady;
}

/// Adds a span, or makes the last one longer if it says the same.
template <class Past>
void extend(std::vector<Span<Past>> &spans, const Span<Past> &next)
{
	if (next.to <= next.from)
		return;
	if (!spans.empty() && spans.back().past == next.past &&
	    spans.back().recorded == next.recorded)
		spans.back().to = next.to;
	else
		spans.push_back(next);
}

class Maker
{
public:
	Maker(const UnitReport &unit, const FlightReport &flight) : unit_(unit), flight_(flight) {}

	Timeline make()
	{
		find_holds();
		find_range();
		conclude();
		replay();
		find_late();
		return std::move(line_);
	}

private:
	void find_holds();
	void find_range();
	void name_paths();
	void conclude();
	void replay();
	void find_late();

	[[nodiscard]] bool recorded() const { return !flight_.samples.empty(); }
	/// As the last sample has it; the kernel's own view if there is none and it is known.
	[[nodiscard]] UnitState state_now() const
	{
		if (recorded())
			return flight_.samples.back().state;
		return unit_.number && unit_.since ? unit_.kernel_state : UnitState::ONLINE;
	}
	/// When the unit came to the state that a sample shows.
	[[nodiscard]] WallTime begin_of(const FlightSample &sample) const
	{
		return time_of(sample, flight_) -
		       milliseconds(std::min(sample.since_ms, age_max_ms));
	}
	/// From here on pathd's samples tell, before it the kernel's records.
	[[nodiscard]] WallTime told_from() const
	{
		return recorded() ? time_of(flight_.samples.front(), flight_) : line_.to;
	}

	const UnitReport &unit_;
	const FlightReport &flight_;
	Timeline line_;
};

void Maker::find_holds()
{
	line_.to = flight_.generated;
	std::optional<WallTime> last;
	for (const auto &record : unit_.history) {
		const auto at = time_of(record, flight_);
		line_.holds.push_back(
			{&record, record.record.mv, at, microseconds(record.record.total_us())});
		line_.without_time += !at;
		// A hold cannot begin before the one before it.
		line_.clock_was_set |= at && last && *at < *last;
		last = at ? at : last;
	}
	line_.clock_was_set |= line_.without_time > 0;
	for (const auto &sample : flight_.samples) {
		const auto off = sample.at - time_of(sample, flight_);
		line_.clock_was_set |= off > clock_tolerance || off < -clock_tolerance;
	}
	if (const auto now = state_now(); now == UnitState::ONLINE || now == UnitState::FAILED)
		return;
	if (!recorded()) {
		line_.holds.push_back({nullptr, unit_.mv, *unit_.since, line_.to - *unit_.since});
		return;
	}
	// The first sample of it may be a late one: pathd was started meanwhile.
	const auto mv = flight_.samples.back().mv;
	const auto first =
		std::find_if(flight_.samples.begin(), flight_.samples.end(),
			     [&](const FlightSample &sample) { return sample.mv == mv; });
	const auto at = begin_of(*first);
	line_.holds.push_back({nullptr, mv, at, line_.to - at});
}

void Maker::find_range()
{
	line_.from = line_.to - span_min;
	for (const auto &hold : line_.holds)
		line_.from = std::min(line_.from, hold.at.value_or(line_.from));
	line_.from = std::min(line_.from, told_from());
	// Some room before the first thing that happened.
	line_.from -= (line_.to - line_.from) / 40;
}

void Maker::name_paths()
{
	std::size_t count = flight_.path_names.size();
	for (const auto &each : unit_.history)
		for (const auto index : {each.record.from, each.record.to})
			count = std::max<std::size_t>(count, index ? std::size_t{*index} + 1 : 0);
	line_.paths.resize(std::min<std::size_t>(count, SW_PATHS_MAX));
	for (std::size_t i = 0; i < line_.paths.size(); i++)
		line_.paths[i].name = i < flight_.path_names.size() ? flight_.path_names[i]
								    : fmt::format("#{}", i);
	const auto name = [&](std::optional<unsigned> index, const std::string &recorded) {
		if (index && *index >= flight_.path_names.size() && *index < line_.paths.size())
			line_.paths[*index].name = recorded;
	};
	for (const auto &each : unit_.history) {
		name(each.record.from, each.from);
		name(each.record.to, each.to);
	}
}

/// What the kernel's records say about the time before pathd's samples.
void Maker::conclude()
{
	name_paths();
	const auto end = told_from();
	WallTime at = line_.from;
	UnitPast past = UnitPast::Unknown;
	int active = -1;
	const auto until = [&](WallTime to) {
		to = std::min(to, end);
		extend(line_.unit, {at, to, past, false});
		for (unsigned i = 0; i < line_.paths.size(); i++)
			extend(line_.paths[i].spans,
			       {at, to, active == int(i) ? PathPast::Active : PathPast::Unknown,
				false});
		at = std::max(at, to);
	};
	for (const auto &hold : line_.holds) {
		if (!hold.record || !hold.at)
			continue;
		until(*hold.at);
		past = hold.record->record.failed() ? UnitPast::Failed : UnitPast::Online;
		active = hold.record->record.to ? int(*hold.record->record.to) : -1;
	}
	// The state that the first sample found the unit in, or the one that it is in now, began
	// earlier.
	if (const auto &first = recorded() ? flight_.samples.front().state : state_now();
	    first != UnitState::ONLINE) {
		until(recorded() ? begin_of(flight_.samples.front()) : *unit_.since);
		past = past_of(first);
		active = -1;
	}
	until(end);
}

void Maker::replay()
{
	const auto &samples = flight_.samples;
	for (std::size_t i = 0; i < samples.size(); i++) {
		const auto from = time_of(samples[i], flight_);
		const auto to =
			i + 1 < samples.size() ? time_of(samples[i + 1], flight_) : line_.to;
		extend(line_.unit, {from, to, past_of(samples[i].state), true});
		for (unsigned path = 0; path < line_.paths.size(); path++)
			extend(line_.paths[path].spans,
			       {from, to, past_of(samples[i], path), true});
	}
}

void Maker::find_late()
{
	bool late = false;
	for (const auto &sample : flight_.samples) {
		const auto at = time_of(sample, flight_);
		if (sample.oldest_ms < flight_late_ms) {
			late = false;
			continue;
		}
		const auto age =
			milliseconds(std::min<std::uint64_t>(sample.oldest_ms, age_max_ms));
		if (!late) {
			// It was sent so long ago and has grown old since: a curve on an axis of
			// logarithms.
			auto &stretch = line_.late.emplace_back();
			for (const int part : {1000, 100, 10})
				if (at - age + age / part >= line_.from &&
				    age / part > milliseconds(0))
					stretch.push_back({at - age + age / part,
							   std::uint64_t((age / part).count())});
		}
		late = true;
		line_.late.back().push_back({at, std::uint64_t(age.count())});
	}
}

} // namespace

Timeline make_timeline(const UnitReport &unit, const FlightReport &flight)
{
	return Maker(unit, flight).make();
}

} // namespace swpath::ctl
