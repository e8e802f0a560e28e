// SPDX-License-Identifier: GPL-2.0-or-later
/// Of a unit's keeper: serving this host's direct path to peers.
#include <algorithm>
#include <cerrno>

#include <fmt/core.h>

#include "libpath/policy/export_end.h"
#include "libpath/sys/clock.h"
#include "pathd/log.h"
#include "pathd/unit.h"

namespace swpath
{

using log::Message;

namespace
{

PeerStatus status_of(RefusalKind kind)
{
	switch (kind) {
	case RefusalKind::Unsafe:
	case RefusalKind::NotReachable:
		return PeerStatus::Busy;
	case RefusalKind::Timeout:
		return PeerStatus::Timeout;
	default:
		return PeerStatus::Failed;
	}
}

} // namespace

/// The first direct path that is proved.
Leg *Unit::served_leg() const
{
	for (const auto &slot : slots_)
		if (slot.leg && slot.leg->kind() == PathKind::DIRECT && slot.leg->proved)
			return slot.leg.get();
	return nullptr;
}

/// Each may be the one that an earlier server had I/O in, and that hangs since.
std::vector<std::string> Unit::direct_devices() const
{
	std::vector<std::string> devices;
	for (const auto &[number, leg] : legs_)
		if (leg->kind() == PathKind::DIRECT)
			devices.push_back(leg->device().devnode);
	return devices;
}

/// This host uses the disk through another one.
bool Unit::is_served() const
{
	return kernel_ && kernel_->status.active &&
	       kernel_->status.paths[*kernel_->status.active].kind == PathKind::SERVED;
}

bool Unit::can_serve() const
{
	return config_.serve && services_.serving != nullptr && services_.serving->answers() &&
	       served_leg() != nullptr && geometry_ && state_.identity && !is_served();
}

std::optional<PeerDisk> Unit::peer_disk(const std::string &peer) const
{
	if (!config_.serve || services_.serving == nullptr)
		return std::nullopt;
	PeerDisk disk;
	const auto *leg = served_leg();
	disk.direct = leg != nullptr && geometry_ && state_.identity;
	disk.looped = is_served();
	const auto state = services_.serving->state(config_.wwid, peer);
	disk.serving = state && services_.serving->answers();
	if (state)
		disk.epoch = state->epoch;
	disk.lu_reset = config_.lu_reset;
	// The server may still send by one that has failed, or is not the one for new exports.
	for (const auto &slot : slots_)
		if (slot.leg && slot.leg->key.key != 0)
			disk.keys.push_back(slot.leg->key.key);
	if (!disk.direct)
		return disk;
	disk.reservations = leg->key.key != 0 && leg->reservations;
	disk.key = leg->key.key;
	disk.geometry = *geometry_;
	disk.geometry.capacity_bytes = leg->capacity_bytes;
	for (const auto &each : state_.identity->of_unit())
		disk.designators.push_back(each.text());
	std::sort(disk.designators.begin(), disk.designators.end());
	return disk;
}

ServeFacts Unit::serve_facts(Instant now) const
{
	ServeFacts facts;
	const auto disk = peer_disk({});
	facts.direct = disk && disk->direct;
	if (disk && disk->looped)
		facts.looped = path_label(*kernel_->status.active);
	for (unsigned i = 0; i < slots_.size(); i++)
		if (config_.paths[i].kind == PathKind::DIRECT)
			facts.direct_text +=
				fmt::format("{}{}: {}", facts.direct_text.empty() ? "" : ", ",
					    path_label(i), path_text(i, now));
	return facts;
}

void Unit::answer_peer(std::uint64_t token, PeerStatus status, std::string text)
{
	PeerAnswer answer;
	answer.status = status;
	answer.text = std::move(text);
	services_.peers->done(token, answer);
}

void Unit::carry_out(const PeerOrder &order, const std::string &address)
{
	auto *leg = served_leg();
	const auto token = order.token;
	const ExportName name{config_.wwid, order.client, order.request.epoch};
	const auto failed = [this, token](const Refusal &refusal) {
		answer_peer(token, status_of(refusal.kind), refusal.message);
	};
	bool taken = false;
	switch (order.kind) {
	case PeerOrder::Kind::Export: {
		auto client = ClientPattern::parse(address);
		if (!client)
			return answer_peer(token, PeerStatus::Failed, client.error().context);
		if (!leg)
			break;
		log::say(Message::Notice, {.unit = config_.name}, "serving {} at {}", name.text(),
			 client->text());
		taken = services_.serving->export_disk(
			{name,
			 leg->device().devnode,
			 {std::move(*client)},
			 order.request.read_only},
			[this, here = std::weak_ptr(here_), token, key = leg->key.key,
			 checked = leg->sequence, name,
			 failed](const Answered<ExportedReply> &reply) {
				if (here.expired())
					return;
				if (!reply)
					return failed(reply.error());
				// The check was of what had the device's name a moment ago. A name
				// of the disk is not enough to tell, for the kernel does not know
				// all.
				if (const auto opened = reply->disk_sequence;
				    checked != 0 && opened != 0 && checked != opened) {
					serve_no_more(name,
						      "the disk was exchanged for another one");
					return failed(
						{RefusalKind::Failed,
						 "the disk was exchanged a moment ago; ask again",
						 {}});
				}
				PeerAnswer answer;
				answer.export_name = reply->name;
				answer.nexus = reply->disk_sequence;
				answer.key = key;
				answer.port = services_.serving->port();
				services_.peers->done(token, answer);
			});
		break;
	}
	case PeerOrder::Kind::Revoke:
		taken = services_.serving->revoke(
			name, direct_devices(), time_to_revoke(order),
			[this, here = std::weak_ptr(here_), token, failed,
			 client = order.client](const Answered<Revoked> &revoked) {
				if (here.expired())
					return;
				if (!revoked)
					return failed(revoked.error());
				log::say(Message::Notice, {.unit = config_.name}, "for {}: {}",
					 client, revoked->text);
				services_.peers->done(token, answer_of(*revoked));
			});
		break;
	case PeerOrder::Kind::Carry:
		return carry_for(order);
	case PeerOrder::Kind::Disk:
		log::say(Message::Notice, {.unit = config_.name}, "for {}: {}", order.client,
			 fence_text(order.action.kind));
		taken = leg && leg->fence(order.action, [this, here = std::weak_ptr(here_),
							 token](const FenceResult &result) {
			if (here.expired())
				return;
			PeerAnswer answer;
			answer.status = peer_status_of(result.error);
			answer.text = result.text;
			answer.keys = result.answer.keys;
			answer.type = result.answer.type;
			answer.generation = result.answer.generation;
			services_.peers->done(token, answer);
		});
		break;
	}
	if (!taken)
		answer_peer(token, PeerStatus::Busy, "this host's path hangs, or is not there");
}

/// The device that an export is by, as the server last told it; empty: it has not.
std::string Unit::device_served(const ExportName &name) const
{
	if (const auto &told = services_.serving->told())
		for (const auto &each : told->exports)
			if (each.view.order.name == name)
				return each.view.order.device;
	return {};
}

/// A host that has lost its own path, or uses the disk through another one, serves no more.
void Unit::look_after_exports()
{
	if (!config_.serve || services_.serving == nullptr || !services_.serving->answers())
		return;
	const auto open = services_.serving->open_exports(config_.wwid);
	if (open.empty() || revoking_ > 0 || now() < revoke_next_)
		return;
	const auto disk = peer_disk(open.front().client);
	if (!disk)
		return;
	std::vector<ServingPath> paths;
	for (const auto &slot : slots_)
		if (slot.leg && slot.leg->kind() == PathKind::DIRECT)
			paths.push_back({slot.leg->device().devnode, slot.leg->settled,
					 slot.leg->fault, slot.leg->failures,
					 slot.leg->key.key != 0 && slot.leg->key.may_register});
	for (const auto &name : open)
		if (const auto why =
			    why_export_ends(paths, device_served(name), disk->looped, disk->direct);
		    !why.empty())
			serve_no_more(name, why);
}

void Unit::serve_no_more(const ExportName &name, std::string_view why)
{
	log::say(Message::Warning, {.unit = config_.name}, "serving {} no more: {}", name.text(),
		 why);
	const bool taken = services_.serving->revoke(
		name, direct_devices(), end_export_limit,
		[this, here = std::weak_ptr(here_)](const Answered<Revoked> &revoked) {
			if (here.expired())
				return;
			revoking_--;
			revoke_next_ = now() + end_export_limit;
			log::say(Message::Notice, {.unit = config_.name}, "{}",
				 revoked ? revoked->text : revoked.error().message);
		});
	revoking_ += taken ? 1 : 0;
}

} // namespace swpath
