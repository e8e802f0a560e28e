// SPDX-License-Identifier: GPL-2.0-or-later
#include "pathd/ctl/picture_verb.h"

#include <fmt/core.h>

#include "libpath/control/client.h"
#include "libpath/control/report_json.h"
#include "libpath/sys/clock.h"
#include "pathd/ctl/output.h"
#include "pathd/ctl/picture.h"
#include "pathd/ctl/sight.h"

namespace swpath::ctl
{

namespace
{

/// What the picture can say where nobody recorded.
FlightReport without_samples(const UnitReport &unit, const Report &report)
{
	FlightReport flight;
	flight.generated = report.generated;
	flight.version = program_version();
	flight.name = unit.name;
	flight.uptime_ms = std::uint64_t(
		std::chrono::duration_cast<std::chrono::milliseconds>(now().time_since_epoch())
			.count());
	for (const auto &path : unit.paths)
		flight.path_names.push_back(path_name(path));
	return flight;
}

Answered<FlightReport> ask_daemon(const CommandLine &line, const std::string &unit)
{
	auto client = ControlClient::connect(line.socket, line.timeout);
	if (!client)
		return tl::unexpected(std::move(client.error()));
	return client->flight(unit);
}

/// A picture is one unit's.
Answered<void> only_one(const Report &report)
{
	if (report.units.empty())
		return refuse(RefusalKind::NotFound, "there is no unit");
	if (report.units.size() > 1)
		return refuse(
			RefusalKind::Usage, "there are several units, a picture is of one",
			fmt::format("`pathctl history {} --svg FILE`", report.units.front().name));
	return {};
}

} // namespace

int draw_history(const CommandLine &line)
{
	const auto sight = look(line, true);
	if (!sight)
		return failed(line, sight.error());
	if (const auto one = only_one(sight->report); !one)
		return failed(line, one.error());
	const UnitReport &unit = sight->report.units.front();

	std::optional<Refusal> missing = sight->without_daemon;
	auto flight = without_samples(unit, sight->report);
	if (!missing) {
		if (auto recorded = ask_daemon(line, unit.name))
			flight = std::move(*recorded);
		else
			missing = recorded.error();
	}
	if (missing)
		print_error(
			fmt::format("pathctl: {}: {}; the picture has what the kernel remembers, "
				    "and says so\n",
				    unit.name, missing->message));

	const auto picture = render_picture(unit, flight, missing ? missing->message : "");
	if (line.svg == "-")
		return print(picture) ? shown_status(missing) : exit_status(RefusalKind::Failed);
	const auto written = write_whole(line.svg, picture);
	if (written)
		return shown_status(missing);
	return failed(
		line,
		{RefusalKind::Failed,
		 fmt::format("cannot write the picture: {}", written.error().message()),
		 "name a file in a directory that you may write to, or - for standard output"});
}

} // namespace swpath::ctl
