// SPDX-License-Identifier: GPL-2.0-or-later
#include <gmock/gmock.h>

#include "tests/unit/config/config_text.h"

namespace swpath
{
namespace
{

using testing::Contains;
using testing::HasSubstr;
using testing::IsEmpty;

constexpr const char *hints = R"([hints]
engine = "dlm"
lockspace = "disks"
number = 7
[[hints.bus]]
port = "pci-0000:00:05.0-*"
name = "$17$B"
)";

TEST(HintsConfig, IsReadWhole)
{
	const auto config = good(std::string(hints) + minimal_unit).hints;
	EXPECT_TRUE(config.configured);
	EXPECT_EQ(config.engine, LockEngine::Dlm);
	EXPECT_EQ(config.lockspace, "disks");
	EXPECT_EQ(config.number, 7);
	ASSERT_EQ(config.buses.size(), 1U);
	EXPECT_EQ(config.buses[0], (BusConfig{"pci-0000:00:05.0-*", {17, 'B'}}));

	const auto plain = good(std::string("[hints]\nnumber = \"auto\"\n") + minimal_unit).hints;
	EXPECT_TRUE(plain.configured);
	EXPECT_EQ(plain.engine, LockEngine::Local);
	EXPECT_EQ(plain.lockspace, "swpath");
	EXPECT_FALSE(plain.number);
	EXPECT_FALSE(good(minimal_unit).hints.configured);
}

TEST(HintsConfig, WhatCannotWorkIsRefused)
{
	const auto with = [](const std::string &from, const std::string &to) {
		return problems(changed(std::string(hints) + minimal_unit, from, to));
	};
	EXPECT_THAT(with("\"dlm\"", "\"dln\""), HasSubstr(":2:10: hints.engine 'dln' is none of "
							  "local, dlm (did you mean 'dlm'?)"));
	EXPECT_THAT(with("lockspace", "lokspace"), HasSubstr("did you mean 'lockspace'?"));
	EXPECT_THAT(with("\"disks\"", "\"a b\""), HasSubstr(":3:13: hints.lockspace: "));
	EXPECT_THAT(with("= 7", "= 0"), HasSubstr(":4:10: hints.number is no whole number from 1"));
	EXPECT_THAT(with("= 7", "= 65536"), HasSubstr("from 1 to 65535"));
	EXPECT_THAT(with("$17$B", "$17B"), HasSubstr(":7:8: hints.bus.0.name: "));
	EXPECT_THAT(with("$17$B", "$0$B"), HasSubstr("the class is a number from 1"));
	EXPECT_THAT(with("$17$B", "$2147483648$A"), HasSubstr("for the names that are derived"));
	EXPECT_THAT(with("name = \"$17$B\"\n", ""), HasSubstr("needs a port and a name"));
	EXPECT_THAT(with("[[hints.bus]]\n", "[[hints.bus]]\nport = \"pci-0000:00:05.0-*\"\n"
					    "name = \"$18$A\"\n[[hints.bus]]\n"),
		    HasSubstr("is $18$A already"));
	EXPECT_THAT(with("[[hints.bus]]", "[hints.bus]"), HasSubstr("write [[hints.bus]]"));
}

TEST(HintsConfig, IsShownAndAChangeIsNamed)
{
	const auto before = good(std::string(hints) + minimal_unit);
	const auto after = good(changed(std::string(hints) + minimal_unit, "number = 7\n", ""));
	EXPECT_THAT(diff(before, before), IsEmpty());
	const auto changes = diff(before, after);
	ASSERT_EQ(changes.size(), 1U);
	EXPECT_EQ(changes[0].kind, ConfigChangeKind::HintsChanged);
	EXPECT_THAT(changes[0].keys, Contains(KeyChange{"number", "7", "\"auto\""}));
	std::string shown;
	for (const auto &each : effective_values(before))
		shown += each.key + " = " + each.value + "\n";
	EXPECT_THAT(shown, HasSubstr("hints.bus.0.name = \"$17$B\""));
	EXPECT_THAT(shown, HasSubstr("hints.engine = \"dlm\""));
}

} // namespace
} // namespace swpath
