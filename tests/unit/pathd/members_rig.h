// SPDX-License-Identifier: GPL-2.0-or-later
/// A MembersEngine with a loop, for tests.
#pragma once

#include <array>
#include <functional>

#include <gtest/gtest.h>
#include <poll.h>

#include "libpath/sys/clock.h"
#include "pathd/members_engine.h"

namespace swpath
{

class MembersRig : public testing::Test
{
protected:
	void start(const std::string &program)
	{
		auto made = Mailbox::create();
		ASSERT_TRUE(made);
		mailbox = std::move(*made);
		auto opened = MembersEngine::create({"alpha", 7}, "swpath-test", mailbox, program);
		ASSERT_TRUE(opened) << opened.error().message();
		engine = std::move(*opened);
	}
	/// Until the condition holds; false: it did not within `limit`.
	bool run(const std::function<bool()> &condition, Duration limit = std::chrono::seconds(30))
	{
		for (const Instant end = now() + limit; now() < end;) {
			const auto before = now();
			mailbox->run();
			for (auto &event : engine->step(now()))
				events.push_back(std::move(event));
			longest = std::max(longest, now() - before);
			if (condition())
				return true;
			const auto left = engine->next().value_or(end) - now();
			std::array<pollfd, 2> watched{
				{{engine->fd(), POLLIN, 0}, {mailbox->fd(), POLLIN, 0}}};
			const auto ms = std::chrono::ceil<std::chrono::milliseconds>(left).count();
			(void)poll(watched.data(), watched.size(),
				   static_cast<int>(std::clamp<std::int64_t>(ms, 0, 1000)));
		}
		return condition();
	}
	[[nodiscard]] std::string trouble() const
	{
		return engine->trouble() ? engine->trouble()->message() : "";
	}
	[[nodiscard]] bool troubled(std::string_view text) const
	{
		return trouble().find(text) != std::string::npos;
	}

	std::shared_ptr<Mailbox> mailbox;
	std::unique_ptr<MembersEngine> engine;
	std::vector<ClusterEvent> events;
	Duration longest{}; ///< of all steps
};

} // namespace swpath
