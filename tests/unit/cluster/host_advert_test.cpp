// SPDX-License-Identifier: GPL-2.0-or-later
#include "libpath/cluster/host_advert.h"

#include <gmock/gmock.h>

namespace swpath
{
namespace
{

using testing::ElementsAre;
using testing::HasSubstr;

ClusterConfig cluster()
{
	ClusterConfig config;
	config.name = "beta";
	config.listen = HostAddress{"10.0.0.2", 10808};
	config.serve = HostAddress{"10.0.0.2", 10809};
	config.priority = 7;
	return config;
}

TEST(HostAdvert, SaysWhereAHostAnswersAndServes)
{
	const auto texts = advert_texts(advert_of(cluster()));
	EXPECT_THAT(texts, ElementsAre("v=1", "group=swpath", "host=beta", "at=10.0.0.2:10808",
				       "serve=10809", "priority=7"));
	const auto read = read_advert(texts);
	ASSERT_TRUE(read) << read.error().message();
	EXPECT_EQ(*read, advert_of(cluster()));
}

TEST(HostAdvert, AnAddressThatStandsForAllIsNotSaid)
{
	auto config = cluster();
	config.serve.reset();
	for (const auto *all : {"0.0.0.0", "::"}) {
		config.listen->host = all;
		const auto read = read_advert(advert_texts(advert_of(config))).value();
		EXPECT_FALSE(read.at);
		EXPECT_EQ(read.serve_port, 0);
	}
}

TEST(HostAdvert, OfAKeyTheFirstCountsAndUnknownOnesArePassedOver)
{
	const auto read = read_advert({"more=1", "", "=", "v=1", "group=g", "host=b", "host=c"});
	ASSERT_TRUE(read) << read.error().message();
	EXPECT_EQ(*read, (HostAdvert{"g", "b", std::nullopt, 0, 100}));
}

TEST(HostAdvert, WhatIsWrongIsRefusedWithAReason)
{
	const auto error = [](const std::vector<std::string> &texts) {
		const auto read = read_advert(texts);
		return read ? std::string("read") : read.error().message();
	};
	EXPECT_EQ(read_advert({"v=2", "host=b"}).error().code, std::errc::protocol_not_supported);
	EXPECT_THAT(error({"host=b"}), HasSubstr("version"));
	EXPECT_THAT(error({"v=1"}), HasSubstr("name of its host"));
	EXPECT_THAT(error({"v=1", "host=a b"}), HasSubstr("name of its host"));
	EXPECT_THAT(error({"v=1", "host=b", "at=gamma:1"}), HasSubstr("no address"));
	EXPECT_THAT(error({"v=1", "host=b", "at=0.0.0.0:1"}), HasSubstr("no address"));
	EXPECT_THAT(error({"v=1", "host=b", "serve=70000"}), HasSubstr("no number"));
	EXPECT_THAT(error({"v=1", "host=b", "priority=-1"}), HasSubstr("no number"));
}

} // namespace
} // namespace swpath
