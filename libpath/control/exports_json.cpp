// SPDX-License-Identifier: LGPL-2.1-or-later
/// The form swpath.exports.
#include "libpath/control/json_form.h"

namespace swpath
{

using namespace json_form;

namespace
{

void read_export(const Json &json, ExportReport &report, std::optional<Error> &error)
{
	Reader in(json, error, "export");
	in.read("unit", report.unit);
	in.read("wwid", report.wwid);
	in.read("client", report.client);
	in.read("epoch", report.epoch);
	in.read("state", report.state);
	in.read("since", report.since);
	in.read("device", report.device);
	in.read("addresses", report.addresses);
	in.read("read_only", report.read_only);
	in.read("connections", report.connections);
	in.read("inflight_requests", report.inflight_requests);
	in.read("oldest_ms", report.oldest_ms);
	in.read("requests", report.requests);
	in.read("lost", report.lost);
	in.read("refused", report.refused);
}

void read_not_served(const Json &json, NotServed &unit, std::optional<Error> &error)
{
	Reader in(json, error, "not served");
	in.read("unit", unit.unit);
	in.read("wwid", unit.wwid);
	in.read("reason", unit.reason);
}

} // namespace

Json to_json(const ExportsReport &report)
{
	Json json = head("swpath.exports", report.generated, report.source, report.version);
	json["address"] = report.address;
	json["tls"] = report.tls;
	json["answers"] = report.answers;
	json["process"] = value(report.process);
	json["trouble"] = report.trouble;
	json["told"] = value(report.told);
	Json exports = Json::array();
	for (const auto &each : report.exports)
		exports.push_back({{"unit", each.unit},
				   {"wwid", each.wwid},
				   {"client", each.client},
				   {"epoch", each.epoch},
				   {"state", value(each.state)},
				   {"since", value(each.since)},
				   {"device", each.device},
				   {"addresses", each.addresses},
				   {"read_only", each.read_only},
				   {"connections", each.connections},
				   {"inflight_requests", each.inflight_requests},
				   {"oldest_ms", each.oldest_ms},
				   {"requests", each.requests},
				   {"lost", each.lost},
				   {"refused", each.refused}});
	json["exports"] = std::move(exports);
	Json not_served = Json::array();
	for (const auto &each : report.not_served)
		not_served.push_back(
			{{"unit", each.unit}, {"wwid", each.wwid}, {"reason", each.reason}});
	json["not_served"] = std::move(not_served);
	return json;
}

Result<ExportsReport> exports_from_json(const Json &json)
{
	ExportsReport report;
	if (auto read = read_head(json, "swpath.exports", report.generated, report.source,
				  report.version);
	    !read)
		return tl::unexpected(std::move(read.error()));
	std::optional<Error> error;
	Reader in(json, error, "exports");
	in.read("address", report.address);
	in.read("tls", report.tls);
	in.read("answers", report.answers);
	in.read("process", report.process);
	in.read("trouble", report.trouble);
	in.read("told", report.told);
	in.each("exports",
		[&](const Json &each) { read_export(each, report.exports.emplace_back(), error); });
	in.each("not_served", [&](const Json &each) {
		read_not_served(each, report.not_served.emplace_back(), error);
	});
	return finish(std::move(report), error);
}

} // namespace swpath
