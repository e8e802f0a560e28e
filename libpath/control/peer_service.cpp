// SPDX-License-Identifier: LGPL-2.1-or-later
#include "libpath/control/peer_service.h"

#include <cerrno>

#include <fmt/core.h>

namespace swpath
{
namespace
{

PeerAnswer refusal(PeerStatus status, std::string text)
{
	PeerAnswer answer;
	answer.status = status;
	answer.text = std::move(text);
	return answer;
}

bool by_disk(PeerVerb verb)
{
	return verb == PeerVerb::Register || verb == PeerVerb::Keys || verb == PeerVerb::Reserve ||
	       verb == PeerVerb::PreemptAbort || verb == PeerVerb::LuReset;
}

FenceAction action_of(const PeerRequest &request, Duration limit)
{
	FenceAction action;
	action.mv = request.mv;
	action.key = request.key;
	action.victim = request.victim;
	action.type = request.type;
	action.limit = limit;
	switch (request.verb) {
	case PeerVerb::Register:
		action.kind = FenceAction::Kind::RegisterKey;
		break;
	case PeerVerb::Reserve:
		action.kind = FenceAction::Kind::Reserve;
		break;
	case PeerVerb::PreemptAbort:
		action.kind = FenceAction::Kind::PreemptAbort;
		break;
	case PeerVerb::LuReset:
		action.kind = FenceAction::Kind::LuReset;
		break;
	default:
		action.kind = FenceAction::Kind::ReadKeys;
		break;
	}
	return action;
}

} // namespace

PeerStatus peer_status_of(int error_number) noexcept
{
	switch (error_number) {
	case 0:
		return PeerStatus::Ok;
	case EINPROGRESS:
		return PeerStatus::InProgress;
	case ENOENT:
		return PeerStatus::NotRegistered;
	case EBADE:
		return PeerStatus::Conflict;
	case EOPNOTSUPP:
		return PeerStatus::Unsupported;
	case EACCES:
		return PeerStatus::Refused;
	case ENODEV:
		return PeerStatus::UnknownDisk;
	case ETIMEDOUT:
		return PeerStatus::Timeout;
	case EAGAIN:
		return PeerStatus::Busy;
	default:
		return PeerStatus::Failed;
	}
}

PeerAnswer PeerService::attest(const PeerDisk &disk) const
{
	PeerAnswer answer;
	answer.direct = disk.direct;
	answer.write_protected = disk.geometry.write_protected;
	answer.reservations = disk.reservations;
	answer.lu_reset = disk.lu_reset;
	answer.capacity_bytes = disk.geometry.capacity_bytes;
	answer.logical_block_bytes = disk.geometry.logical_block_bytes;
	answer.physical_block_bytes = disk.geometry.physical_block_bytes;
	answer.epoch = disk.epoch;
	answer.key = disk.key;
	answer.keys = disk.keys;
	answer.boot = own_.boot;
	answer.designators = disk.designators;
	return answer;
}

std::optional<PeerAnswer> PeerService::refuse(const PeerHello &hello, const PeerRequest &request,
					      const PeerDisk &disk) const
{
	if (request.verb == PeerVerb::Revoke)
		return std::nullopt;
	if (!disk.direct)
		return refusal(
			PeerStatus::UnknownDisk,
			fmt::format("this host has no proved direct path to {}", request.wwid));
	if (request.verb == PeerVerb::Export) {
		if (!disk.serving)
			return refusal(PeerStatus::Busy, "the server does not answer yet");
		if (disk.looped)
			return refusal(PeerStatus::Refused,
				       fmt::format("this host uses {} through another one itself",
						   request.wwid));
		if (disk.key != 0 && hello.host == own_.host)
			return refusal(PeerStatus::Refused, std::string(same_machine));
		return std::nullopt;
	}
	if (request.verb == PeerVerb::Carry)
		return disk.key == 0 ? std::nullopt
				     : std::optional(refusal(
					       PeerStatus::Conflict,
					       "reservations = true on this host, and not on the "
					       "one that asks: set it on all hosts, or on none"));
	if (request.verb == PeerVerb::LuReset)
		return disk.lu_reset ? std::nullopt
				     : std::optional(refusal(PeerStatus::Unsupported,
							     "lu_reset = false on this host"));
	if (!disk.reservations)
		return refusal(PeerStatus::Unsupported,
			       "no reservations: of the disk, or reservations = false");
	if (request.verb != PeerVerb::Keys && request.key != disk.key)
		return refusal(PeerStatus::Refused, fmt::format("{} is not this host's key",
								reservation_key_text(request.key)));
	return std::nullopt;
}

PeerService::Taken PeerService::take(const PeerHello &hello, const std::string &name,
				     const PeerRequest &request, const PeerDisk *disk, Instant now)
{
	if (!began_)
		began_ = now;
	const auto answered = [&](PeerAnswer answer) {
		answer.verb = request.verb;
		answer.id = request.id;
		return Taken{std::move(answer), std::nullopt, std::nullopt};
	};
	// What only looks is answered anew each time.
	if (request.verb == PeerVerb::Status) {
		PeerAnswer answer;
		answer.uptime_s = static_cast<std::uint32_t>(
			std::chrono::duration_cast<std::chrono::seconds>(now - *began_).count());
		return answered(std::move(answer));
	}
	if (request.verb == PeerVerb::Cast) {
		auto taken = answered(PeerAnswer{});
		taken.cast = request.cast;
		return taken;
	}
	if (disk == nullptr)
		return answered(refusal(PeerStatus::UnknownDisk,
					fmt::format("{} is not served here", request.wwid)));
	if (request.verb == PeerVerb::Attest)
		return answered(attest(*disk));

	switch (replays_.begin(hello, request)) {
	case PeerReplays::Verdict::Other:
		return answered(refusal(PeerStatus::BadRequest,
					"another request of this host has had the same id"));
	case PeerReplays::Verdict::Running:
		return {};
	case PeerReplays::Verdict::Done:
		return {replays_.answer(hello, request.id), std::nullopt, std::nullopt};
	case PeerReplays::Verdict::New:
		break;
	}
	if (auto no = refuse(hello, request, *disk)) {
		auto taken = answered(std::move(*no));
		replays_.done(hello, *taken.answer);
		return taken;
	}
	PeerOrder order;
	order.token = ++last_token_;
	order.client = name;
	order.request = request;
	order.limit = std::chrono::milliseconds(request.deadline_ms);
	if (by_disk(request.verb)) {
		order.kind = PeerOrder::Kind::Disk;
		order.action = action_of(request, order.limit);
	} else if (request.verb == PeerVerb::Carry) {
		order.kind = PeerOrder::Kind::Carry;
	} else {
		order.kind = request.verb == PeerVerb::Export ? PeerOrder::Kind::Export
							      : PeerOrder::Kind::Revoke;
	}
	running_[order.token] = {hello, request.verb, request.id};
	return {std::nullopt, std::move(order), std::nullopt};
}

std::optional<PeerService::Done> PeerService::done(std::uint64_t token, PeerAnswer answer)
{
	const auto found = running_.find(token);
	if (found == running_.end())
		return std::nullopt;
	answer.verb = found->second.verb;
	answer.id = found->second.id;
	Done done{found->second.client, std::move(answer)};
	running_.erase(found);
	replays_.done(done.client, done.answer);
	return done;
}

} // namespace swpath
