// SPDX-License-Identifier: GPL-2.0-or-later
#include "libpath/hints/lock_line.h"

#include <cerrno>

#include <gtest/gtest.h>

namespace swpath
{
namespace
{

const std::string hex = "00010203040506070809000102030405060708090001020304050607080900ff";

TEST(LockLine, AnOrderIsReadWhole)
{
	const auto hold = LockOrder::parse("hold swbus$17$B");
	ASSERT_TRUE(hold);
	EXPECT_EQ(hold->kind, LockOrderKind::Hold);
	EXPECT_EQ(hold->name, "swbus$17$B");
	EXPECT_EQ(LockOrder::parse("release a")->kind, LockOrderKind::Release);
	EXPECT_EQ(LockOrder::parse("value a")->kind, LockOrderKind::Value);
	const auto publish = LockOrder::parse("publish a " + hex + " 1500");
	ASSERT_TRUE(publish);
	EXPECT_EQ(publish->limit, std::chrono::milliseconds(1500));
	EXPECT_EQ(lock_hex(publish->bytes), hex);
}

TEST(LockLine, AWrongOrderIsRefusedWithItsCause)
{
	const std::pair<std::string, const char *> wrong[] = {
		{"", "an order begins with one of hold, release, publish, value"},
		{"take a", "an order begins with one of hold, release, publish, value"},
		{"hold", "hold has 2 words, not 1"},
		{"hold a b", "hold has 2 words, not 3"},
		{"publish a b", "publish has 4 words, not 3"},
		{"publish a " + hex.substr(1) + " 1", "a value has 64 hexadecimal digits"},
		{"publish a g" + hex.substr(1) + " 1", "a value has 64 hexadecimal digits"},
		{"publish a " + hex + " -1", "a limit is 0 to 3600000 ms"},
		{"publish a " + hex + " 3600001", "a limit is 0 to 3600000 ms"},
		{"hold a/b",
		 "lock 'a/b': a name is 1 to 64 letters, digits, '$', '.', '_' and '-'"},
	};
	for (const auto &[line, why] : wrong) {
		const auto order = LockOrder::parse(line);
		ASSERT_FALSE(order) << line;
		EXPECT_EQ(order.error().context, why) << line;
	}
}

TEST(LockLine, AnEventIsOneLine)
{
	LockBytes bytes{};
	bytes[31] = std::byte{0xff};
	const std::string zeros(62, '0');
	EXPECT_EQ(lock_line({LockEventKind::Held, "a", {bytes, true}, {}}),
		  "held a valid " + zeros + "ff");
	EXPECT_EQ(lock_line({LockEventKind::Changed, "a", {{}, false}, {}}),
		  "changed a invalid " + zeros + "00");
	EXPECT_EQ(lock_line("a", {bytes, true}), "value a valid " + zeros + "ff");
	EXPECT_EQ(lock_line({LockEventKind::Failed,
			     "a",
			     {},
			     Error{{ETIMEDOUT, std::generic_category()}, "publish 'a'"}}),
		  "failed a " + std::to_string(ETIMEDOUT) + " publish 'a': Connection timed out");
}

TEST(LockLine, WhatIsSaidIsReadBack)
{
	for (const auto *line : {"hold a", "release swbus$17$B", "value a"})
		EXPECT_EQ(lock_line(*LockOrder::parse(line)), line);
	EXPECT_EQ(lock_line(*LockOrder::parse("publish a " + hex + " 1500")),
		  "publish a " + hex + " 1500");
	for (const auto *kind : {"held", "changed", "published", "overtaken"})
		for (const auto *validity : {"valid", "invalid"}) {
			const auto line = std::string(kind) + " swbus$17$B " + validity + " " + hex;
			const auto event = parse_lock_event(line);
			ASSERT_TRUE(event) << event.error().message();
			EXPECT_EQ(lock_line(*event), line);
		}
	const auto failed = parse_lock_event("failed a 110 publish 'a': it  was: locked");
	ASSERT_TRUE(failed && failed->error);
	EXPECT_EQ(failed->error->code.value(), 110);
	EXPECT_EQ(failed->error->context, "publish 'a': it  was: locked");
}

TEST(LockLine, AWrongEventIsRefusedWithItsCause)
{
	for (const auto &line :
	     {std::string(), std::string("taken a valid ") + hex, std::string("held a valid"),
	      "held a/b valid " + hex, "held a maybe " + hex, "held a valid 0" + hex,
	      "held a valid " + hex + " more", std::string("failed a 0 text"),
	      std::string("failed a"), std::string("failed a x text")}) {
		const auto event = parse_lock_event(line);
		ASSERT_FALSE(event) << line;
		EXPECT_EQ(event.error().code.value(), EINVAL);
		EXPECT_FALSE(event.error().context.empty());
	}
}

} // namespace
} // namespace swpath
