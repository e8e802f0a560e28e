// SPDX-License-Identifier: GPL-2.0-or-later
#include "libpath/unit/nbd_endpoint.h"

#include <gtest/gtest.h>

namespace swpath
{
namespace
{

TEST(NbdEndpoint, ReadsWhatItWrites)
{
	for (const char *text :
	     {"beta:10809", "10.0.0.2:1", "[fe80::1]:10809", "unix:/run/x.sock"}) {
		const auto endpoint = NbdEndpoint::parse(text);
		ASSERT_TRUE(endpoint) << text;
		EXPECT_EQ(endpoint->text(), text);
	}
}

TEST(NbdEndpoint, ThePortOfNbdIsTheDefault)
{
	EXPECT_EQ(NbdEndpoint::parse("beta")->text(), "beta:10809");
	EXPECT_EQ(NbdEndpoint::parse("[::1]")->text(), "[::1]:10809");
}

TEST(NbdEndpoint, RefusesWhatCannotBeReached)
{
	for (const char *text :
	     {"unix", "", ":", ":10809", "beta:", "beta:0", "beta:65536", "beta:port", "a:b:c",
	      "fe80::1", "[fe80::1", "[fe80::1]x", "[beta]:1", "[]:1", "be ta:1", "nbd://beta",
	      "unix:", "unix:run/x"})
		EXPECT_FALSE(NbdEndpoint::parse(text)) << text;
	EXPECT_FALSE(NbdEndpoint::parse("unix:/" + std::string(200, 'x')));
	EXPECT_FALSE(NbdEndpoint::parse(std::string(300, 'x')));
}

} // namespace
} // namespace swpath
