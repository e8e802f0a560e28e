// SPDX-License-Identifier: GPL-2.0-or-later
#include "libpath/policy/path_order.h"

#include <gtest/gtest.h>

#include "tests/unit/policy/unit_status_maker.h"

namespace swpath
{
namespace
{

using Paths = std::vector<std::string>;
using test::online_unit;
using test::verifying_unit;

const Paths before{"direct", "peer beta"}, swapped{"peer beta", "direct"};

TEST(PathOrder, APathIsWhereItLeadsNotWhatPeopleCallIt)
{
	UnitConfig config;
	config.paths.resize(3);
	config.paths[0].hctl = "2:*";
	config.paths[1].kind = config.paths[2].kind = PathKind::SERVED;
	config.paths[1].peer = "beta";
	config.paths[2].server.host = "gamma";
	config.paths[2].export_name = "sw0";
	const auto paths = path_identities(config);
	config.paths[0].name = "left";
	EXPECT_EQ(path_identities(config), paths);
	config.paths[2].export_name = "sw1";
	EXPECT_NE(path_identities(config), paths);
	EXPECT_NE(paths[0], paths[1]);
}

TEST(PathOrder, APathBehindTheOthersChangesNoNumber)
{
	EXPECT_TRUE(keeps_numbers(before, {"direct", "peer beta", "peer gamma"}));
	EXPECT_FALSE(keeps_numbers(before, swapped));
	EXPECT_FALSE(keeps_numbers(before, {"direct"}));
}

TEST(PathOrder, NumbersAreNotChangedWhileWritesAreInDoubt)
{
	EXPECT_TRUE(may_renumber(online_unit()));
	EXPECT_TRUE(may_renumber(verifying_unit()));
	EXPECT_FALSE(may_renumber(verifying_unit(Phase::DRAIN)));
	auto doubtful = verifying_unit();
	doubtful.doubt = 1;
	EXPECT_FALSE(may_renumber(doubtful));
	doubtful.state = UnitState::FAILED;
	EXPECT_FALSE(may_renumber(doubtful));
}

TEST(PathOrder, WhatIsNotKnownIsTakenForWhatIsConfigured)
{
	EXPECT_TRUE(PathOrder().agrees(before));
}

TEST(PathOrder, WritesInDoubtAreUntracedIfTheNumbersWereOthers)
{
	PathOrder order({before, false});
	auto status = verifying_unit();
	status.doubt = 1;
	order.looked(status, swapped);
	EXPECT_FALSE(order.agrees(swapped));
	EXPECT_TRUE(order.untraced(status, swapped));
	order.loaded(swapped);
	EXPECT_TRUE(order.agrees(swapped));
	// The kernel has the device, and so knows its number.
	EXPECT_FALSE(order.untraced(status, swapped));
	status.from.reset();
	EXPECT_TRUE(order.untraced(status, swapped));
	// For the next process, too.
	EXPECT_TRUE(PathOrder(order.state()).untraced(status, swapped));
	order.looked(online_unit(), swapped);
	EXPECT_FALSE(order.state().untraced);
}

TEST(PathOrder, AFailureInTheMiddleOfAReloadIsSeenAfterIt)
{
	PathOrder order({before, false});
	order.looked(online_unit(), swapped);
	order.loaded(swapped);
	auto status = verifying_unit();
	status.doubt = 1;
	status.from.reset();
	order.looked(status, swapped);
	EXPECT_TRUE(order.untraced(status, swapped));
}

TEST(PathOrder, WithoutDoubtThereIsNothingToTrace)
{
	PathOrder order({before, false});
	order.looked(verifying_unit(), swapped);
	EXPECT_FALSE(order.untraced(verifying_unit(), swapped));
}

} // namespace
} // namespace swpath
