// SPDX-License-Identifier: GPL-2.0-or-later
#include "libpath/base/unique_fd.h"

#include <fcntl.h>
#include <gtest/gtest.h>

namespace swpath
{
namespace
{

bool is_open(int fd)
{
	return fcntl(fd, F_GETFD) >= 0;
}

UniqueFd some_file()
{
	return UniqueFd(open("/dev/null", O_RDONLY | O_CLOEXEC));
}

TEST(UniqueFd, ClosesAtItsEnd)
{
	int number;
	{
		const auto fd = some_file();
		number = fd.get();
		ASSERT_TRUE(is_open(number));
	}
	EXPECT_FALSE(is_open(number));
}

TEST(UniqueFd, MoveAssignmentClosesWhatWasHeld)
{
	auto first = some_file();
	auto second = some_file();
	const int old = first.get(), kept = second.get();
	first = std::move(second);
	EXPECT_FALSE(is_open(old));
	EXPECT_TRUE(is_open(kept));
	EXPECT_EQ(first.get(), kept);
}

TEST(UniqueFd, AReleasedDescriptorStaysOpen)
{
	auto fd = some_file();
	const int number = fd.release();
	EXPECT_FALSE(fd);
	EXPECT_TRUE(is_open(number));
	close(number);
}

} // namespace
} // namespace swpath
