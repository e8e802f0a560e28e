// SPDX-License-Identifier: GPL-2.0-or-later
#include "libpath/cluster/news_queue.h"

#include <cerrno>

#include <gtest/gtest.h>

namespace swpath
{
namespace
{

const Membership two{{"1", 7}, {{"alpha", 1}, {"beta", 2}}, {"alpha", "beta"}};
const Membership one{{"1", 8}, {{"alpha", 1}}, {"alpha"}};

ClusterFrame frame(std::string bytes)
{
	return {{"beta", 2}, std::move(bytes)};
}

std::vector<MembersNews> taken(NewsQueue &queue)
{
	std::vector<MembersNews> all;
	while (const auto *packet = queue.front()) {
		all.push_back(*decode_members_news(*packet));
		queue.pop();
	}
	return all;
}

TEST(NewsQueue, GivesOutInOrder)
{
	NewsQueue queue;
	EXPECT_EQ(queue.front(), nullptr);
	const std::vector<MembersNews> news{MembersTrouble{}, two, frame("a"), MembersPong{},
					    frame("b")};
	for (const auto &each : news)
		queue.push(each);
	EXPECT_EQ(taken(queue), news);
	EXPECT_EQ(queue.dropped(), 0U);
}

TEST(NewsQueue, AMembershipVoidsTheOneBeforeAndItsFrames)
{
	NewsQueue queue;
	for (const MembersNews &each :
	     std::vector<MembersNews>{two, frame("a"), MembersPong{}, one, frame("b")})
		queue.push(each);
	EXPECT_EQ(taken(queue), (std::vector<MembersNews>{MembersPong{}, one, frame("b")}));
}

TEST(NewsQueue, OfTroubleAndOfAnswersOnlyTheLastIsKept)
{
	NewsQueue queue;
	for (int i = 0; i < 1000; i++) {
		queue.push(MembersPong{});
		queue.push(MembersTrouble{EIO, std::to_string(i)});
	}
	EXPECT_EQ(taken(queue),
		  (std::vector<MembersNews>{MembersPong{}, MembersTrouble{EIO, "999"}}));
}

TEST(NewsQueue, WholeFramesAreLostForLackOfRoomAndNothingElse)
{
	NewsQueue queue;
	queue.push(two);
	const std::string large(sync_frame_bytes_max, 'x');
	const auto fit = NewsQueue::bytes_max / encode(MembersNews(frame(large))).size();
	for (std::size_t i = 0; i < fit + 3; i++)
		queue.push(frame(large));
	EXPECT_EQ(queue.dropped(), 3U);
	queue.push(MembersPong{});
	EXPECT_EQ(taken(queue).size(), 1 + fit + 1);
	// There is room again, for many small ones up to their number.
	for (std::size_t i = 0; i < NewsQueue::frames_max + 2; i++)
		queue.push(frame("y"));
	EXPECT_EQ(queue.dropped(), 5U);
	queue.push(one);
	EXPECT_EQ(taken(queue), (std::vector<MembersNews>{one}));
	queue.push(frame("z"));
	EXPECT_EQ(taken(queue).size(), 1U);
}

} // namespace
} // namespace swpath
