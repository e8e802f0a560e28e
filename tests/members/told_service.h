// SPDX-License-Identifier: GPL-2.0-or-later
/// A service that tells of everything that is done with it. Its state is a counter for each host,
/// the greatest wins; it is said in pieces, over some calls.
#pragma once

#include <functional>
#include <map>
#include <string>

#include "libpath/cluster/sync_service.h"

namespace swpath::members
{

using Counters = std::map<std::string, std::uint64_t>;

class ToldService : public SyncService
{
public:
	/// What happened, in which round, with which state.
	using Tell = std::function<void(const std::string &service, const char *event,
					const SyncRound &round, const Counters &state)>;

	/// `calls`: of sync_process(), until it is done.
	ToldService(ServiceId id, std::string name, std::string host, unsigned calls, Tell tell)
		: id_(id), name_(std::move(name)), host_(std::move(host)), calls_(calls),
		  tell_(std::move(tell))
	{
	}

	/// Something happened on this host.
	void count() { state_[host_]++; }
	/// So many counters more, that stay as they are.
	void grow(unsigned entries);

	[[nodiscard]] ServiceId id() const override { return id_; }
	void sync_init(const SyncRound &round) override;
	[[nodiscard]] SyncOutput sync_process() override;
	void sync_receive(const Member &from, std::string_view message) override;
	void sync_activate() override;
	void sync_abort() override;

private:
	ServiceId id_;
	std::string name_, host_;
	unsigned calls_;
	Tell tell_;
	SyncRound round_;
	unsigned called_ = 0;
	Counters state_, gathered_;
};

} // namespace swpath::members
