// SPDX-License-Identifier: GPL-2.0-or-later
#include "libpath/base/words.h"

#include <gtest/gtest.h>

#include "libpath/unit/kinds.h"

namespace swpath
{
namespace
{

template <class E>
void goes_both_ways()
{
	for (std::size_t index = 0; index < Words<E>::all.size(); index++) {
		const auto value = static_cast<E>(index);
		EXPECT_EQ(from_word<E>(word(value)), value) << word(value);
	}
	EXPECT_FALSE(from_word<E>(""));
	EXPECT_FALSE(from_word<E>("no such word"));
	EXPECT_EQ(word(static_cast<E>(Words<E>::all.size())), "?");
}

TEST(Words, EveryWordOfTheKernelGoesBothWays)
{
	goes_both_ways<PathKind>();
	goes_both_ways<Fence>();
	goes_both_ways<UnitState>();
	goes_both_ways<Phase>();
	goes_both_ways<PathState>();
	goes_both_ways<Reason>();
	goes_both_ways<Method>();
	goes_both_ways<UeventAction>();
}

TEST(Words, TheOrderOfTheEnumIsThatOfTheWords)
{
	EXPECT_EQ(word(Reason::NO_PATH), "no-path");
	EXPECT_EQ(word(Method::PREEMPT_ABORT), "preempt-abort");
	EXPECT_EQ(word(Phase::NONE), "-");
}

TEST(Words, AreListedForMessages)
{
	EXPECT_EQ(words_listed<Fence>(), "prove, drain");
}

} // namespace
} // namespace swpath
