// SPDX-License-Identifier: LGPL-2.1-or-later
/// The form swpath.hints.
#include "libpath/control/json_form.h"

namespace swpath
{

using namespace json_form;

namespace
{

void read_port(const Json &json, PortReport &port, std::optional<Error> &error)
{
	Reader in(json, error, "port");
	in.read("port", port.port);
	in.read("bus", port.bus);
	in.read("given", port.given);
	in.read("shared", port.shared);
	in.read("text", port.text);
}

void read_bus(const Json &json, BusReport &bus, std::optional<Error> &error)
{
	Reader in(json, error, "bus");
	in.read("bus", bus.bus);
	in.read("lock", bus.lock);
	in.read("held", bus.held);
	in.read("marked", bus.marked);
	in.read("text", bus.text);
	in.read("shared", bus.shared);
	in.read("serves", bus.serves);
	in.read("server", bus.server);
	in.read("own", bus.own);
	in.read("epoch", bus.epoch);
	in.read("disk", bus.disk);
}

} // namespace

Json to_json(const HintsReport &report)
{
	Json json = head("swpath.hints", report.generated, report.source, report.version);
	json["state"] = value(report.state);
	json["engine"] = report.engine;
	json["lockspace"] = report.lockspace;
	json["number"] = report.number;
	json["process"] = report.process;
	json["restarts"] = report.restarts;
	json["trouble"] = report.trouble;
	Json ports = Json::array();
	for (const auto &port : report.ports)
		ports.push_back({{"port", port.port},
				 {"bus", port.bus},
				 {"given", port.given},
				 {"shared", port.shared},
				 {"text", port.text}});
	json["ports"] = std::move(ports);
	Json buses = Json::array();
	for (const auto &bus : report.buses)
		buses.push_back({{"bus", bus.bus},
				 {"lock", bus.lock},
				 {"held", bus.held},
				 {"marked", bus.marked},
				 {"text", bus.text},
				 {"shared", bus.shared},
				 {"serves", bus.serves},
				 {"server", bus.server},
				 {"own", bus.own},
				 {"epoch", bus.epoch},
				 {"disk", bus.disk}});
	json["buses"] = std::move(buses);
	return json;
}

Result<HintsReport> hints_from_json(const Json &json)
{
	HintsReport report;
	if (auto read = read_head(json, "swpath.hints", report.generated, report.source,
				  report.version);
	    !read)
		return tl::unexpected(std::move(read.error()));
	std::optional<Error> error;
	Reader in(json, error, "hints");
	in.read("state", report.state);
	in.read("engine", report.engine);
	in.read("lockspace", report.lockspace);
	in.read("number", report.number);
	in.read("process", report.process);
	in.read("restarts", report.restarts);
	in.read("trouble", report.trouble);
	in.each("ports",
		[&](const Json &each) { read_port(each, report.ports.emplace_back(), error); });
	in.each("buses",
		[&](const Json &each) { read_bus(each, report.buses.emplace_back(), error); });
	return finish(std::move(report), error);
}

} // namespace swpath
