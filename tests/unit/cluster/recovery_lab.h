// SPDX-License-Identifier: GPL-2.0-or-later
/// Some recoveries and the messages between them, which go one by one as a test says.
#pragma once

#include <deque>
#include <memory>
#include <utility>

#include <fmt/core.h>

#include "libpath/cluster/recovery.h"

namespace swpath::test
{

/// Writes down what is done with it: "init", "process", "activate", "abort".
class LoggedService : public SyncService
{
public:
	LoggedService(std::uint16_t number, std::string says, std::vector<std::string> &log)
		: number_(number), says_(std::move(says)), log_(log)
	{
	}
	[[nodiscard]] ServiceId id() const override { return ServiceId{number_}; }
	void sync_init(const SyncRound &given) override
	{
		round = given;
		gathered.clear();
		note("init");
	}
	[[nodiscard]] SyncOutput sync_process() override
	{
		note("process");
		return {{says_}, true};
	}
	void sync_receive(const Member &from, std::string_view message) override
	{
		gathered[from] += message;
	}
	void sync_activate() override
	{
		note("activate");
		state = gathered;
		gathered.clear();
	}
	void sync_abort() override
	{
		note("abort");
		gathered.clear();
		round = {};
	}

	[[nodiscard]] std::vector<std::string> sync_news() override
	{
		return std::exchange(news, {});
	}
	void sync_hear(const Member &from, std::string_view message) override
	{
		state[from] += message;
	}

	SyncRound round;
	std::map<Member, std::string> gathered, state;
	std::vector<std::string> news; ///< to be said

private:
	void note(const char *what) { log_.push_back(fmt::format("{} {}", number_, what)); }
	std::uint16_t number_;
	std::string says_;
	std::vector<std::string> &log_;
};

struct RecoveryNode {
	RecoveryNode(std::string host, std::vector<std::uint16_t> numbers) : self{host, 1}
	{
		std::vector<SyncService *> lent;
		for (const auto number : numbers) {
			services.push_back(std::make_unique<LoggedService>(
				number, fmt::format("{}{}", host, number), log));
			lent.push_back(services.back().get());
		}
		recovery = std::make_unique<Recovery>(self, lent);
	}
	Member self;
	std::vector<std::string> log;
	std::vector<std::unique_ptr<LoggedService>> services;
	std::unique_ptr<Recovery> recovery;
};

struct RecoveryLab {
	struct Letter {
		Member from, to;
		std::string bytes;
	};

	RecoveryNode &add(const std::string &host, std::vector<std::uint16_t> numbers = {1, 2})
	{
		nodes.push_back(std::make_unique<RecoveryNode>(host, std::move(numbers)));
		return *nodes.back();
	}
	[[nodiscard]] Membership all(std::uint64_t sequence) const
	{
		Membership membership;
		membership.ring = {nodes.front()->self.host, sequence};
		for (const auto &node : nodes) {
			membership.members.push_back(node->self);
			membership.hosts.push_back(node->self.host);
		}
		put_in_order(membership.members);
		return membership;
	}
	void change(const Membership &membership)
	{
		for (auto &node : nodes)
			if (contains(membership.members, node->self))
				did(*node, node->recovery->change(membership, now));
	}
	void did(RecoveryNode &node, const RecoveryActions &actions)
	{
		for (const auto &frame : actions.send)
			for (const auto &other : nodes)
				if (other->self != node.self &&
				    (!frame.to || *frame.to == other->self))
					letters.push_back({node.self, other->self, frame.bytes});
		for (const auto &each : actions.left_out)
			left_out.push_back(each.host);
	}
	[[nodiscard]] RecoveryNode &node(const Member &member)
	{
		for (auto &each : nodes)
			if (each->self == member)
				return *each;
		throw std::out_of_range(member.host);
	}
	/// The first letter arrives; one to a silent host is lost. False: there was none.
	bool deliver()
	{
		if (letters.empty())
			return false;
		const auto letter = letters.front();
		letters.pop_front();
		if (letter.to.host == silent || letter.from.host == silent)
			return true;
		auto &to = node(letter.to);
		did(to, to.recovery->take(letter.from, letter.bytes, now));
		return true;
	}
	/// Until nothing is on its way; at most so many letters.
	void settle(unsigned most = 100000)
	{
		while (most-- > 0 && deliver())
			;
	}
	void pass(Duration time)
	{
		now += time;
		for (auto &each : nodes)
			if (each->self.host != silent)
				did(*each, each->recovery->tick(now));
	}
	/// Time goes by in small steps, and what is said arrives.
	void live(Duration time)
	{
		const auto end = now + time;
		settle();
		while (now < end) {
			pass(std::chrono::milliseconds(50));
			settle();
		}
	}

	std::vector<std::unique_ptr<RecoveryNode>> nodes;
	std::deque<Letter> letters;
	std::string silent; ///< a host that neither hears nor speaks
	std::vector<std::string> left_out;
	Instant now{std::chrono::seconds(1000)};
};

} // namespace swpath::test
