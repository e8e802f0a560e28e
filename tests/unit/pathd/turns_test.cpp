// SPDX-License-Identifier: GPL-2.0-or-later
#include "pathd/turns.h"

#include <string>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace swpath
{
namespace
{

using namespace std::chrono_literals;
using testing::ElementsAre;
using testing::IsEmpty;

struct Player {
	[[nodiscard]] const std::string &name() const { return name_; }
	std::string name_;
	std::optional<Instant> note;
};

constexpr Instant at(Duration since)
{
	return Instant{since};
}

class TurnsTest : public testing::Test
{
protected:
	void put(Player &player, Instant when) { turns_.put(player, player.note, when); }
	void drop(Player &player) { turns_.drop(player, player.note); }

	Player a_{"a", {}}, b_{"b", {}}, c_{"c", {}};
	Turns<Player> turns_;
};

TEST_F(TurnsTest, ComeInTheOrderOfTimeThenOfNames)
{
	put(c_, at(1s));
	put(b_, at(2s));
	put(a_, at(2s));
	EXPECT_EQ(turns_.next(), at(1s));
	EXPECT_THAT(turns_.due(at(999ms)), IsEmpty());
	EXPECT_THAT(turns_.due(at(1s)), ElementsAre(&c_));
	EXPECT_THAT(turns_.due(at(3s)), ElementsAre(&c_, &a_, &b_));
}

TEST_F(TurnsTest, LastUntilAnotherIsPut)
{
	put(a_, at(1s));
	put(b_, at(2s));
	EXPECT_THAT(turns_.due(at(1s)), ElementsAre(&a_));
	EXPECT_THAT(turns_.due(at(1s)), ElementsAre(&a_));
	put(a_, at(3s));
	EXPECT_THAT(turns_.due(at(1s)), IsEmpty());
	EXPECT_EQ(turns_.next(), at(2s));
	put(a_, at(3s));
	put(a_, Instant{});
	EXPECT_EQ(turns_.next(), Instant{});
	EXPECT_THAT(turns_.due(at(5s)), ElementsAre(&a_, &b_));
}

TEST_F(TurnsTest, EndWithTheirUnit)
{
	put(a_, at(1s));
	put(b_, at(1s));
	drop(a_);
	drop(c_);
	EXPECT_THAT(turns_.due(at(1s)), ElementsAre(&b_));
	drop(b_);
	EXPECT_EQ(turns_.next(), std::nullopt);
	put(a_, at(4s));
	EXPECT_EQ(turns_.next(), at(4s));
}

} // namespace
} // namespace swpath
