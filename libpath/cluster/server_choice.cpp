// SPDX-License-Identifier: LGPL-2.1-or-later
#include "libpath/cluster/server_choice.h"

#include <utility>

namespace swpath
{

ServerActions ServerChoice::use(const DiskServer &server)
{
	current_ = server;
	searching_ = false;
	return {server, {}};
}

ServerActions ServerChoice::ask(Instant now)
{
	searching_ = true;
	again_.failed(now);
	return {{}, DirectoryQuery{++number_, disk_, last_failed_}};
}

ServerActions ServerChoice::next(Instant now)
{
	for (const auto &each : told_)
		if (!tried_.contains(each.member))
			return use(each);
	return ask(now);
}

ServerActions ServerChoice::told(std::vector<DiskServer> servers, const SyncTag &tag, Instant now)
{
	if (tag.epoch < tag_.epoch || (tag == tag_ && servers == told_))
		return {};
	told_ = std::move(servers);
	tag_ = tag;
	if (!searching_)
		return {};
	// They have just recovered: each is worth another try.
	tried_.clear();
	return told_.empty() ? ServerActions{} : next(now);
}

ServerActions ServerChoice::begin(Instant now)
{
	if (current_ || searching_)
		return {};
	return next(now);
}

ServerActions ServerChoice::failed(Instant now)
{
	if (!current_)
		return {};
	last_failed_ = current_->member.host;
	tried_.insert(current_->member);
	current_.reset();
	return next(now);
}

void ServerChoice::works()
{
	tried_.clear();
	again_.worked();
}

ServerActions ServerChoice::take(const DirectoryAnswer &answer)
{
	if (!searching_ || answer.number != number_ || answer.disk != disk_ ||
	    tried_.contains(answer.server.member))
		return {};
	return use(answer.server);
}

ServerActions ServerChoice::tick(Instant now)
{
	if (!searching_ || !again_.due(now))
		return {};
	// Whoever is asked for again may be back, too.
	tried_.clear();
	return ask(now);
}

} // namespace swpath
