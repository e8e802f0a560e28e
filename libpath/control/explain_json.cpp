// SPDX-License-Identifier: LGPL-2.1-or-later
/// The form swpath.explain.
#include "libpath/control/json_form.h"

namespace swpath
{

using namespace json_form;

Json to_json(const ExplainReport &report)
{
	Json json = head("swpath.explain", report.generated, report.source, report.version);
	json["disk"] = report.disk;
	json["unit"] = report.unit;
	json["wwid"] = report.wwid;
	Json explanations = Json::array();
	for (const auto &each : report.explanations)
		explanations.push_back({{"about", each.about}, {"sentences", each.sentences}});
	json["explanations"] = std::move(explanations);
	return json;
}

Result<ExplainReport> explain_from_json(const Json &json)
{
	ExplainReport report;
	if (auto read = read_head(json, "swpath.explain", report.generated, report.source,
				  report.version);
	    !read)
		return tl::unexpected(std::move(read.error()));
	std::optional<Error> error;
	Reader in(json, error, "explain");
	in.read("disk", report.disk);
	in.read("unit", report.unit);
	in.read("wwid", report.wwid);
	in.each("explanations", [&](const Json &each) {
		auto &explanation = report.explanations.emplace_back();
		Reader of(each, error, "explanation");
		of.read("about", explanation.about);
		of.read("sentences", explanation.sentences);
	});
	return finish(std::move(report), error);
}

} // namespace swpath
