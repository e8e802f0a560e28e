// SPDX-License-Identifier: GPL-2.0-or-later
/// How many of each other's events the members know of: a vector clock, put before every frame.
/// With it a judge can say what came before what on hosts that have no clock in common.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>

#include "libpath/cluster/member.h"

namespace swpath::members
{

class Knowledge
{
public:
	explicit Knowledge(Member self) : self_(std::move(self)) {}

	/// Something happened here. Its number, from 1.
	std::uint64_t count() { return ++known_[self_]; }
	[[nodiscard]] const std::map<Member, std::uint64_t> &known() const { return known_; }

	/// The frame with all that is known here before it.
	[[nodiscard]] std::string put_before(std::string_view frame) const;
	/// Learns what the sender knew, and returns its frame; empty if it is none.
	[[nodiscard]] std::string_view learn(std::string_view frame);

private:
	Member self_;
	std::map<Member, std::uint64_t> known_;
};

} // namespace swpath::members
