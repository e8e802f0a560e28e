// SPDX-License-Identifier: LGPL-2.1-or-later
/// The form swpath.flight.
#include "libpath/control/json_form.h"

namespace swpath
{

using namespace json_form;

namespace
{

Json sample_to_json(const FlightSample &sample)
{
	Json paths = Json::array();
	for (unsigned i = 0; i < sample.nr_paths; i++)
		paths.push_back({{"kernel_state", value(sample.paths[i].state)},
				 {"monitor", value(sample.paths[i].monitor)}});
	return {{"at", value(sample.at)},
		{"uptime_ms", sample.uptime_ms},
		{"kernel_state", value(sample.state)},
		{"since_ms", sample.since_ms},
		{"phase", value(sample.phase)},
		{"reason_code", value(sample.reason)},
		{"mv", sample.mv},
		{"epoch", sample.epoch},
		{"active", value(sample.active)},
		{"held_ios", sample.held_bios},
		{"held_bytes", sample.held_bytes},
		{"oldest_ms", sample.oldest_ms},
		{"doubt_writes", sample.doubt},
		{"paths", std::move(paths)}};
}

void read_sample(const Json &json, FlightSample &sample, std::optional<Error> &error)
{
	Reader in(json, error, "sample");
	in.read("at", sample.at);
	in.read("uptime_ms", sample.uptime_ms);
	in.read("kernel_state", sample.state);
	in.read("since_ms", sample.since_ms);
	in.read("phase", sample.phase);
	in.read("reason_code", sample.reason);
	in.read("mv", sample.mv);
	in.read("epoch", sample.epoch);
	in.read("active", sample.active);
	in.read("held_ios", sample.held_bios);
	in.read("held_bytes", sample.held_bytes);
	in.read("oldest_ms", sample.oldest_ms);
	in.read("doubt_writes", sample.doubt);
	in.each("paths", [&](const Json &each) {
		if (sample.nr_paths == sample.paths.size()) {
			in.complain("paths", "has too many elements");
			return;
		}
		FlightPath &path = sample.paths[sample.nr_paths++];
		Reader of_path(each, error, "path");
		of_path.read("kernel_state", path.state);
		of_path.read("monitor", path.monitor);
	});
}

} // namespace

Json to_json(const FlightReport &report)
{
	Json json = head("swpath.flight", report.generated, report.source, report.version);
	json["name"] = report.name;
	json["uptime_ms"] = report.uptime_ms;
	json["path_names"] = report.path_names;
	Json samples = Json::array();
	for (const auto &sample : report.samples)
		samples.push_back(sample_to_json(sample));
	json["samples"] = std::move(samples);
	return json;
}

Result<FlightReport> flight_from_json(const Json &json)
{
	FlightReport report;
	if (auto read = read_head(json, "swpath.flight", report.generated, report.source,
				  report.version);
	    !read)
		return tl::unexpected(std::move(read.error()));
	std::optional<Error> error;
	Reader in(json, error, "flight");
	in.read("name", report.name);
	in.read("uptime_ms", report.uptime_ms);
	in.read("path_names", report.path_names);
	in.each("samples",
		[&](const Json &each) { read_sample(each, report.samples.emplace_back(), error); });
	return finish(std::move(report), error);
}

} // namespace swpath
