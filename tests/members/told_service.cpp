// SPDX-License-Identifier: GPL-2.0-or-later
#include "told_service.h"

#include <algorithm>
#include <utility>

#include <fmt/core.h>

#include "libpath/base/byte_order.h"

namespace swpath::members
{

void ToldService::grow(unsigned entries)
{
	for (unsigned i = 0; i < entries; i++)
		state_[fmt::format("{}#{}", host_, i)] = 1;
}

void ToldService::sync_init(const SyncRound &round)
{
	tell_(name_, "init", round, gathered_);
	round_ = round;
	called_ = 0;
}

SyncOutput ToldService::sync_process()
{
	SyncOutput output;
	if (called_++ == 0) {
		tell_(name_, "process", round_, state_);
		for (const auto &[host, value] : state_) {
			ByteWriter to;
			to.text(host, member_host_bytes_max);
			to.number(value);
			output.messages.push_back(std::move(to.bytes));
		}
	}
	output.done = called_ >= calls_;
	if (output.done)
		tell_(name_, "done", round_, {});
	return output;
}

void ToldService::sync_receive(const Member &, std::string_view message)
{
	ByteReader from(message);
	const auto host = from.text(member_host_bytes_max);
	auto &value = gathered_[host];
	value = std::max(value, from.number<std::uint64_t>());
}

void ToldService::sync_activate()
{
	state_ = std::exchange(gathered_, {});
	tell_(name_, "activate", round_, state_);
}

void ToldService::sync_abort()
{
	gathered_.clear();
	tell_(name_, "abort", round_, state_);
}

} // namespace swpath::members
