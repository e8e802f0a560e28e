// SPDX-License-Identifier: GPL-2.0-or-later
#include "pathd/unit_remover.h"

#include <future>
#include <mutex>
#include <set>

#include <gmock/gmock.h>
#include <poll.h>

#include "libpath/sys/clock.h"

namespace swpath
{
namespace
{

using namespace std::chrono_literals;

using testing::ElementsAre;
using testing::IsEmpty;

class UnitRemoverTest : public testing::Test
{
protected:
	void SetUp() override
	{
		auto made = Mailbox::create();
		ASSERT_TRUE(made);
		mailbox_ = std::move(*made);
		RemovalActs acts;
		acts.remove = [this](const UnitEnd &end) {
			const std::lock_guard lock(mutex_);
			done_.push_back("remove " + end.name);
			return !open_.contains(end.name);
		};
		acts.disconnect = [this](const UnitEnd &end) {
			if (end.name == hangs_)
				go_.get_future().get();
			const std::lock_guard lock(mutex_);
			done_.push_back("disconnect " + end.name);
		};
		acts.show = [this](const UnitEnd &end) { shown_.push_back(end.name); };
		remover_ = std::make_unique<UnitRemover>(
			mailbox_, [this](std::string_view wwid) { return kept_ == wwid; },
			[this] { settled_++; }, std::move(acts));
	}
	void add(int unit)
	{
		remover_->add({"sw" + std::to_string(unit), "naa." + std::to_string(unit), {}});
	}
	/// Letters of the thread, until so many times units were settled.
	void settle(int times)
	{
		while (settled_ < times) {
			pollfd letters{mailbox_->fd(), POLLIN, 0};
			ASSERT_EQ(::poll(&letters, 1, 30'000), 1);
			mailbox_->run();
		}
	}
	std::vector<std::string> removing() const
	{
		std::vector<std::string> names;
		for (const auto &end : remover_->removing())
			names.push_back(end.name);
		return names;
	}

	std::shared_ptr<Mailbox> mailbox_;
	std::unique_ptr<UnitRemover> remover_;
	std::mutex mutex_;
	std::vector<std::string> done_;
	std::vector<std::string> shown_;
	std::set<std::string> open_;
	std::string hangs_;
	std::promise<void> go_;
	std::string kept_;
	int settled_ = 0;
};

TEST_F(UnitRemoverTest, ManyUnitsGoTogetherAndTheirDisksAreShownAfterOneWait)
{
	for (int unit = 0; unit < 40; unit++)
		add(unit);
	EXPECT_TRUE(remover_->deadline());
	remover_->step(now());
	settle(1);
	EXPECT_EQ(done_.size(), 80U);
	EXPECT_THAT(removing(), IsEmpty());
	remover_->step(now());
	EXPECT_THAT(shown_, IsEmpty()) << "udev has not read its rules yet";
	ASSERT_TRUE(remover_->deadline());
	EXPECT_LE(*remover_->deadline(), now() + 4s);
	remover_->step(now() + 4s);
	EXPECT_EQ(shown_.size(), 40U);
	EXPECT_FALSE(remover_->deadline());
}

TEST_F(UnitRemoverTest, AUnitThatIsNeededIsLeftAndMayHaveAKeeperAtOnce)
{
	hangs_ = "sw1";
	open_ = {"sw0"};
	add(0);
	add(1);
	remover_->step(now());
	EXPECT_TRUE(remover_->removes("sw0"));
	EXPECT_FALSE(remover_->removes("sw9"));
	settle(1);
	EXPECT_FALSE(remover_->removes("sw0"));
	EXPECT_THAT(removing(), ElementsAre("sw1")) << "its server does not let it go yet";
	go_.set_value();
	settle(2);
	EXPECT_THAT(removing(), IsEmpty());
	remover_->step(now() + 4s);
	EXPECT_THAT(shown_, ElementsAre("sw1"));
}

TEST_F(UnitRemoverTest, WhatIsTakenOutMeanwhileIsNotForgotten)
{
	hangs_ = "sw0";
	add(0);
	remover_->step(now());
	add(1);
	remover_->step(now());
	EXPECT_FALSE(remover_->deadline()) << "a letter comes";
	go_.set_value();
	settle(1);
	EXPECT_THAT(removing(), ElementsAre("sw1"));
	remover_->step(now());
	settle(2);
	EXPECT_THAT(removing(), IsEmpty());
	EXPECT_THAT(done_,
		    ElementsAre("remove sw0", "disconnect sw0", "remove sw1", "disconnect sw1"));
}

TEST_F(UnitRemoverTest, ADiskThatIsAUnitAgainStaysHidden)
{
	add(0);
	add(1);
	remover_->step(now());
	settle(1);
	kept_ = "naa.0";
	remover_->step(now() + 4s);
	EXPECT_THAT(shown_, ElementsAre("sw1"));
}

} // namespace
} // namespace swpath
