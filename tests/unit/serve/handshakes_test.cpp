// SPDX-License-Identifier: GPL-2.0-or-later
#include "libpath/serve/handshakes.h"

#include <gtest/gtest.h>

namespace swpath
{
namespace
{

using namespace std::chrono_literals;

sockaddr_storage peer(std::uint16_t port, bool six = false)
{
	sockaddr_storage address{};
	if (six) {
		auto &in = reinterpret_cast<sockaddr_in6 &>(address);
		in.sin6_family = AF_INET6;
		in.sin6_addr = in6addr_loopback;
		in.sin6_port = htons(port);
	} else {
		auto &in = reinterpret_cast<sockaddr_in &>(address);
		in.sin_family = AF_INET;
		in.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
		in.sin_port = htons(port);
	}
	return address;
}

constexpr Instant at(Duration since)
{
	return Instant{} + since;
}

TEST(Handshakes, HaveATimeLimitUntilAnExportIsUsedAndAfterIt)
{
	Handshakes all;
	ASSERT_TRUE(all.begin(peer(1), at(0s)));
	ASSERT_TRUE(all.begin(peer(1, true), at(1s)));
	all.uses(peer(1), true);
	EXPECT_TRUE(all.late(at(10s)).empty());
	ASSERT_EQ(all.late(at(11s)).size(), 1U);
	EXPECT_EQ(all.late(at(11s))[0].ss_family, AF_INET6);
	// Whoever asks for one thing after the other gets no more time for it.
	all.uses(peer(1), false);
	EXPECT_EQ(all.late(at(11s)).size(), 2U);
	EXPECT_EQ(all.all().size(), 2U);
	all.gone(peer(1));
	all.gone(peer(1, true));
	EXPECT_EQ(all.count(), 0U);
}

TEST(Handshakes, HaveABoundThatThoseWhoUseAnExportDoNotCountFor)
{
	Handshakes all;
	for (std::uint16_t i = 0; i < Handshakes::at_once_max; i++)
		ASSERT_TRUE(all.begin(peer(i), at(0s)));
	EXPECT_FALSE(all.begin(peer(1000), at(0s)));
	EXPECT_TRUE(all.begin(peer(7), at(0s))) << "its port, again";
	all.uses(peer(7), true);
	all.uses(peer(7), true);
	EXPECT_TRUE(all.begin(peer(1000), at(0s)));
	EXPECT_FALSE(all.begin(peer(1001), at(0s)));
	all.uses(peer(7), false);
	all.gone(peer(7));
	EXPECT_FALSE(all.begin(peer(1001), at(0s)));
	all.gone(peer(8));
	EXPECT_TRUE(all.begin(peer(1001), at(0s)));
}

} // namespace
} // namespace swpath
