// SPDX-License-Identifier: GPL-2.0-or-later
#include <nlohmann/json.hpp>

#include "libpath/control/event.h"
#include "libpath/control/frame_reader.h"
#include "libpath/control/report_json.h"
#include "libpath/control/service.h"
#include "libpath/control/wire.h"
#include "tests/fuzz/fuzz.h"

namespace
{

using namespace swpath;

/// Has a unit with two paths, so that names can be found, and takes every order.
struct Handler : ControlHandler {
	Report state;

	Handler()
	{
		UnitReport unit;
		unit.name = "sw0";
		unit.wwid = "naa.6001";
		unit.number = DevNumber{253, 0};
		unit.paths.resize(2);
		unit.paths[0].device = "sda";
		unit.paths[1].index = 1;
		unit.paths[1].label = "beta";
		state.units.push_back(unit);
	}
	const Report &report() override { return state; }
	FlightReport flight(const std::string &unit) override
	{
		FUZZ_EXPECT(unit == "sw0");
		FlightReport report;
		report.name = unit;
		report.samples.resize(2);
		return report;
	}
	ClusterReport cluster() override
	{
		ClusterReport report;
		report.members = {"alpha", "beta"};
		report.peers.resize(1);
		return report;
	}
	ExportsReport exports() override
	{
		ExportsReport report;
		report.exports.resize(1);
		report.exports[0].unit = "sw0";
		report.not_served.resize(1);
		return report;
	}
	Answered<ExplainReport> explain(const std::string &disk) override
	{
		ExplainReport report;
		report.disk = disk;
		report.explanations.push_back({"unit sw0", {"One.", "Two."}});
		return report;
	}
	HintsReport hints() override
	{
		HintsReport report;
		report.ports.resize(1);
		report.buses.resize(2);
		return report;
	}
	void order(CallId, const Order &order) override
	{
		FUZZ_EXPECT(order.unit == "sw0");
		FUZZ_EXPECT(order.path.has_value() == takes_path(order.verb));
		FUZZ_EXPECT(!order.path || *order.path < 2);
		(void)plan_order(order, state.units[0]);
	}
	void reload(CallId, bool) override {}
};

/// What one end writes the other one reads.
void check_reply(const Reply &reply)
{
	FrameReader reader(reply_limits);
	FUZZ_EXPECT(reader.feed(encode_reply(reply)).has_value());
	const auto message = reader.next();
	FUZZ_EXPECT(message && *message);
	const auto again = parse_reply(**message);
	FUZZ_EXPECT(again && again->error == reply.error);
	(void)refusal_of(*again);
}

/// A form that can be read is written so that it reads as the same.
void check_forms(const Json &json)
{
	if (const auto report = report_from_json(json)) {
		const auto again = report_from_json(to_json(*report));
		FUZZ_EXPECT(again && *again == *report);
		FUZZ_EXPECT(diff_events(*report, *again, 0).empty());
		FUZZ_EXPECT(!dump_events(*report, 0).empty());
	}
	if (const auto history = history_from_json(json)) {
		const auto again = history_from_json(history_to_json(*history));
		FUZZ_EXPECT(again && *again == *history);
	}
	if (const auto flight = flight_from_json(json)) {
		const auto again = flight_from_json(to_json(*flight));
		FUZZ_EXPECT(again && *again == *flight);
	}
	if (const auto cluster = cluster_from_json(json)) {
		const auto again = cluster_from_json(to_json(*cluster));
		FUZZ_EXPECT(again && *again == *cluster);
	}
	if (const auto exports = exports_from_json(json)) {
		const auto again = exports_from_json(to_json(*exports));
		FUZZ_EXPECT(again && *again == *exports);
	}
	if (const auto explained = explain_from_json(json)) {
		const auto again = explain_from_json(to_json(*explained));
		FUZZ_EXPECT(again && *again == *explained);
	}
	if (const auto hints = hints_from_json(json)) {
		const auto again = hints_from_json(to_json(*hints));
		FUZZ_EXPECT(again && *again == *hints);
	}
	if (const auto event = event_from_json(json)) {
		const auto again = event_from_json(to_json(*event));
		FUZZ_EXPECT(again.has_value());
	}
}

} // namespace

/// Bytes from a peer, to either end: calls are answered or refused, forms are read or refused.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t *data, std::size_t size)
{
	static Handler handler;
	FrameReader reader(request_limits);
	const auto bytes = text_of(data, size);
	if (!reader.feed(bytes.substr(0, size / 2)) || !reader.feed(bytes.substr(size / 2)))
		return 0;
	for (;;) {
		const auto message = reader.next();
		if (!message || !*message)
			return 0;
		check_forms(**message);
		(void)parse_reply(**message);
		const auto call = parse_call(**message);
		if (!call)
			continue;
		for (const uid_t uid : {0, 1000}) {
			const auto done = dispatch(*call, uid, 1, handler);
			if (done.reply)
				check_reply(*done.reply);
		}
	}
}
