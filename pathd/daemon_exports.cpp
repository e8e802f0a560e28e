// SPDX-License-Identifier: GPL-2.0-or-later
/// Of the daemon: what this host serves, told to people.
#include <algorithm>

#include "libpath/sys/clock.h"
#include "pathd/daemon.h"
#include "pathd/wall_clock.h"

namespace swpath
{

namespace
{

ExportReport export_report(const ServeReport::Entry &entry, WallTime told)
{
	const auto &[view, since_ms] = entry;
	ExportReport report;
	report.wwid = view.order.name.wwid;
	report.client = view.order.name.client;
	report.epoch = view.order.name.epoch;
	report.state = view.state;
	report.since = told - std::chrono::milliseconds(since_ms);
	report.device = view.order.device;
	for (const auto &each : view.order.clients)
		report.addresses.push_back(each.text());
	report.read_only = view.order.read_only;
	report.connections = view.connections;
	report.inflight_requests = view.in_flight;
	if (view.oldest)
		report.oldest_ms = static_cast<std::uint64_t>(
			std::chrono::duration_cast<std::chrono::milliseconds>(*view.oldest)
				.count());
	report.requests = view.requests;
	report.lost = view.lost;
	report.refused = view.refused;
	return report;
}

} // namespace

ExportsReport Daemon::exports()
{
	const Instant at = now();
	ExportsReport report;
	report.generated = wall_now();
	report.version = SWPATH_VERSION;
	if (config_.cluster.serve)
		report.address = config_.cluster.serve->text();
	report.tls = report.address.empty() ? false : !config_.cluster.plain;
	report.trouble = join_trouble_;
	if (serving_) {
		const auto &told = serving_->told();
		report.answers = serving_->answers();
		report.trouble = serving_->trouble();
		if (!report.answers && report.trouble.empty())
			report.trouble = "it is being started";
		if (told) {
			report.process = static_cast<std::uint32_t>(told->pid);
			report.tls = told->tls;
			report.told = report.generated -
				      std::chrono::duration_cast<std::chrono::milliseconds>(
					      at - serving_->told_at());
			for (const auto &each : told->exports)
				report.exports.push_back(export_report(each, *report.told));
		}
	}
	std::sort(report.exports.begin(), report.exports.end(), [](const auto &a, const auto &b) {
		return std::tie(a.wwid, a.client, a.epoch) < std::tie(b.wwid, b.client, b.epoch);
	});

	for (const auto &[name, config] : config_.units) {
		if (!config.serve)
			continue;
		bool served = false;
		for (auto &each : report.exports)
			if (each.wwid == config.wwid) {
				each.unit = name;
				served = served ||
					 (report.answers && each.state == ExportState::Open);
			}
		if (served)
			continue;
		const auto unit = units_.find(name);
		ServeFacts facts;
		if (unit != units_.end())
			facts = unit->second->serve_facts(at);
		facts.enabled = config.enabled;
		if (!report.answers)
			facts.server_trouble = report.trouble.empty()
						       ? "the cluster is being joined"
						       : report.trouble;
		report.not_served.push_back({name, config.wwid, why_not_served(facts)});
	}
	return report;
}

} // namespace swpath
