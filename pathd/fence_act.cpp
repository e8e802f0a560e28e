// SPDX-License-Identifier: GPL-2.0-or-later
#include "pathd/fence_act.h"

#include <cerrno>

#include "libpath/sys/reserve.h"

namespace swpath
{
namespace
{

using Kind = FenceAction::Kind;

int errno_of(const Error &error)
{
	if (error.code.category() != scsi_category())
		return error.code.value() == ENOTTY ? EOPNOTSUPP : error.code.value();
	switch (static_cast<ScsiOutcome>(error.code.value())) {
	case ScsiOutcome::ReservationConflict:
		return EBADE;
	case ScsiOutcome::IllegalRequest:
		return EOPNOTSUPP;
	case ScsiOutcome::Timeout:
		return ETIMEDOUT;
	case ScsiOutcome::Offline:
	case ScsiOutcome::NotConnected:
		return ENODEV;
	default:
		return EIO;
	}
}

FenceResult failed(const Error &error)
{
	return {{}, errno_of(error), error.message()};
}

FenceResult result_of(const Result<void> &done)
{
	return done ? FenceResult{} : failed(done.error());
}

/// Two commands: what they say belongs together if nothing changed between them.
FenceResult read_keys(Reserver &disk)
{
	for (unsigned attempt = 0; attempt < 3; attempt++) {
		auto keys = disk.keys();
		if (!keys)
			return failed(keys.error());
		const auto holder = disk.holder();
		if (!holder)
			return failed(holder.error());
		if (keys->generation != holder->generation)
			continue;
		FenceResult result;
		result.answer.keys = std::move(keys->keys);
		result.answer.type = holder->type;
		result.answer.generation = holder->generation;
		return result;
	}
	return {{}, EAGAIN, "the disk's keys do not stop changing"};
}

} // namespace

FenceResult carry_out_fence(int fd, const FenceAction &action)
{
	ScsiDisk scsi(fd, action.limit);
	Reserver disk(scsi);
	switch (action.kind) {
	case Kind::ReadKeys:
		return read_keys(disk);
	case Kind::RegisterKey:
		return result_of(disk.register_key(action.key));
	case Kind::PreemptAbort:
		return result_of(disk.preempt_and_abort(action.key, action.victim, action.type));
	case Kind::Reserve:
		return result_of(disk.reserve(action.key, action.type));
	case Kind::LuReset:
		return result_of(scsi.reset_unit());
	case Kind::ProveRejected: {
		const auto shut = disk.is_shut_out();
		if (!shut)
			return failed(shut.error());
		FenceResult result;
		result.answer.rejected = *shut;
		return result;
	}
	case Kind::Revoke:
	case Kind::AskClusterFence:
		break;
	}
	return {{}, EOPNOTSUPP, "not done by a disk"};
}

std::string_view fence_text(Kind kind)
{
	switch (kind) {
	case Kind::Revoke:
		return "revoke of the export";
	case Kind::ReadKeys:
		return "READ KEYS";
	case Kind::RegisterKey:
		return "REGISTER";
	case Kind::PreemptAbort:
		return "PREEMPT AND ABORT";
	case Kind::Reserve:
		return "RESERVE";
	case Kind::LuReset:
		return "reset of the logical unit";
	case Kind::ProveRejected:
		return "test of the rejection";
	case Kind::AskClusterFence:
		return "the cluster's fence";
	}
	return "?";
}

} // namespace swpath
