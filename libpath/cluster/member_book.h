// SPDX-License-Identifier: LGPL-2.1-or-later
/// What each member says of itself, the same on all: said by all in each round of the recovery, and
/// as news when it changes between rounds. Pure.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "libpath/cluster/sync_service.h"

namespace swpath
{

/// `Said` can be copied, compared, and is empty as it is made.
template <class Said>
class MemberBook : public SyncService
{
public:
	explicit MemberBook(Member self) : self_(std::move(self)) {}

	/// The round that the book is of; not valid: none yet.
	[[nodiscard]] const SyncTag &tag() const { return tag_; }

	void sync_init(const SyncRound &round) override
	{
		round_ = round.tag;
		gathered_.clear();
	}
	[[nodiscard]] SyncOutput sync_process() override { return {write(own_), true}; }
	void sync_receive(const Member &from, std::string_view message) override
	{
		read(message, gathered_[from]);
	}
	void sync_activate() override
	{
		members_ = std::exchange(gathered_, {});
		tag_ = *std::exchange(round_, std::nullopt);
	}
	void sync_abort() override
	{
		gathered_.clear();
		round_.reset();
	}
	[[nodiscard]] std::vector<std::string> sync_news() override
	{
		if (round_ || !tag_.valid() || members_[self_] == own_)
			return {};
		members_[self_] = own_;
		return write(own_);
	}
	void sync_hear(const Member &from, std::string_view message) override
	{
		read(message, members_[from]);
	}

protected:
	/// As messages of at most sync_data_bytes_max bytes, at least one.
	[[nodiscard]] virtual std::vector<std::string> write(const Said &said) const = 0;
	/// Adds a message of a member; the first of several replaces what was there. What is no
	/// such message changes nothing.
	virtual void read(std::string_view message, Said &into) const = 0;

	[[nodiscard]] const Member &self() const { return self_; }
	/// With this host as it was told to the others.
	[[nodiscard]] const std::map<Member, Said> &members() const { return members_; }

	Said own_;

private:
	Member self_;
	std::map<Member, Said> members_;
	std::map<Member, Said> gathered_; ///< in the round under way
	std::optional<SyncTag> round_;
	SyncTag tag_;
};

} // namespace swpath
