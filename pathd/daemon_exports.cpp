// SPDX-License-Identifier: GPL-2.0-or-later
/// Of the daemon: what this host serves, told to people; and what it has served and, by a new
/// configuration, serves no more.
#include <algorithm>

#include <fmt/core.h>

#include "libpath/sys/clock.h"
#include "pathd/daemon.h"
#include "pathd/log.h"
#include "pathd/wall_clock.h"

namespace swpath
{

using log::Message;

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

/// Empty: no unit of this host has the disk.
std::vector<std::string> Daemon::direct_devices(const std::string &wwid) const
{
	for (const auto &[name, unit] : units_)
		if (unit->config().wwid == wwid)
			return unit->direct_devices();
	return {};
}

/// A disk that is not served, and was served to the peer: it may have to know that this is over.
std::optional<PeerDisk> Daemon::once_served(const std::string &wwid, const std::string &peer) const
{
	const auto state = serving_ ? serving_->state(wwid, peer) : std::nullopt;
	if (!state || state->epoch == 0)
		return std::nullopt;
	PeerDisk disk;
	disk.serving = serving_->answers();
	disk.epoch = state->epoch;
	return disk;
}

void Daemon::revoke_once_served(const PeerOrder &order)
{
	const auto busy = [this, token = order.token](std::string text) {
		PeerAnswer answer;
		answer.status = PeerStatus::Busy;
		answer.text = std::move(text);
		peers_->done(token, answer);
	};
	const ExportName name{order.request.wwid, order.client, order.request.epoch};
	const bool taken = serving_->revoke(
		name, direct_devices(name.wwid), time_to_revoke(order),
		[this, busy, token = order.token](const Answered<Revoked> &revoked) {
			if (!revoked)
				return busy(revoked.error().message);
			peers_->done(token, answer_of(*revoked));
		});
	if (!taken)
		busy("the server is being asked");
}

/// Nobody looks after the path and the rights of a disk that no unit serves.
void Daemon::end_exports(Instant now)
{
	if (!serving_->answers() || ending_exports_ > 0 || now < end_exports_at_)
		return;
	for (const auto &name : serving_->open_exports()) {
		if (served_unit(name.wwid) != nullptr)
			continue;
		end_exports_at_ = now + end_export_limit;
		log::say(Message::Warning, {},
			 "serving {} no more: no unit of this host has the disk and serve = true",
			 name.text());
		const bool taken = serving_->revoke(
			name, direct_devices(name.wwid), end_export_limit,
			[this](const Answered<Revoked> &revoked) {
				ending_exports_--;
				end_exports_at_ = swpath::now() + end_export_limit;
				log::say(Message::Notice, {}, "{}",
					 revoked ? revoked->text : revoked.error().message);
			});
		ending_exports_ += taken ? 1 : 0;
	}
}

} // namespace swpath
