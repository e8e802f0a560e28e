// SPDX-License-Identifier: GPL-2.0-or-later
#include <cerrno>
#include <cstring>

#include <arpa/inet.h>
#include <gmock/gmock.h>

#include "libpath/serve/client_address.h"
#include "libpath/serve/export_name.h"

namespace swpath
{
namespace
{

ClientAddress client(const char *text)
{
	sockaddr_in inet{};
	inet.sin_family = AF_INET;
	sockaddr_in6 inet6{};
	inet6.sin6_family = AF_INET6;
	if (inet_pton(AF_INET, text, &inet.sin_addr) == 1)
		return *ClientAddress::from(reinterpret_cast<sockaddr *>(&inet), sizeof(inet), 0);
	EXPECT_EQ(inet_pton(AF_INET6, text, &inet6.sin6_addr), 1) << text;
	return *ClientAddress::from(reinterpret_cast<sockaddr *>(&inet6), sizeof(inet6), 0);
}

bool lets_in(std::string_view pattern, const ClientAddress &who)
{
	const auto parsed = ClientPattern::parse(pattern);
	EXPECT_TRUE(parsed) << pattern;
	return parsed && parsed->matches(who);
}

TEST(ClientPattern, AnAddressIsThatAddress)
{
	EXPECT_TRUE(lets_in("10.0.0.2", client("10.0.0.2")));
	EXPECT_FALSE(lets_in("10.0.0.2", client("10.0.0.3")));
	EXPECT_TRUE(lets_in("fe80::1", client("fe80::1")));
	EXPECT_FALSE(lets_in("fe80::1", client("10.0.0.2")));
}

TEST(ClientPattern, ANetworkIsItsPrefix)
{
	EXPECT_TRUE(lets_in("10.0.0.0/23", client("10.0.1.255")));
	EXPECT_FALSE(lets_in("10.0.0.0/23", client("10.0.2.0")));
	EXPECT_TRUE(lets_in("0.0.0.0/0", client("192.0.2.1")));
	EXPECT_FALSE(lets_in("0.0.0.0/0", client("fe80::1")));
	EXPECT_TRUE(lets_in("fe80::/10", client("febf::1")));
	EXPECT_FALSE(lets_in("fe80::/10", client("fec0::1")));
}

TEST(ClientPattern, AnIpv4ClientOfADualStackListenerIsAnIpv4Client)
{
	EXPECT_TRUE(lets_in("10.0.0.2", client("::ffff:10.0.0.2")));
	EXPECT_EQ(client("::ffff:10.0.0.2").text(), "10.0.0.2");
}

// What getnameinfo(3) says of a peer of a dual-stack listener, or on a network without addresses of
// its own.
TEST(ClientPattern, AnAddressIsTheSameHoweverItIsWritten)
{
	EXPECT_TRUE(lets_in("::ffff:10.0.0.2", client("10.0.0.2")));
	EXPECT_TRUE(lets_in("::ffff:10.0.0.2", client("::ffff:10.0.0.2")));
	EXPECT_FALSE(lets_in("::ffff:10.0.0.2", client("10.0.0.3")));
	EXPECT_TRUE(lets_in("::ffff:10.0.0.0/120", client("10.0.0.255")));
	EXPECT_FALSE(lets_in("::ffff:10.0.0.0/120", client("10.0.1.0")));
	EXPECT_TRUE(lets_in("fe80::1%eth0", client("fe80::1")));
	EXPECT_FALSE(lets_in("fe80::1%eth0", client("fe80::2")));
	const auto text = [](const char *written) { return ClientPattern::parse(written)->text(); };
	EXPECT_EQ(text("::ffff:10.0.0.2"), "10.0.0.2");
	EXPECT_EQ(text("::ffff:10.0.0.0/120"), "10.0.0.0/24");
	EXPECT_EQ(text("FE80:0::1%eth0"), "fe80::1");
	EXPECT_EQ(text("fe80::/10"), "fe80::/10");
	EXPECT_EQ(text("::/0"), "::/0");
	EXPECT_EQ(*ClientPattern::parse("fe80:0::1%2"), *ClientPattern::parse("fe80::1"));
}

TEST(ClientPattern, UsersOfThisHost)
{
	ClientAddress user;
	user.uid = 33;
	EXPECT_TRUE(lets_in("unix", user));
	EXPECT_TRUE(lets_in("unix:33", user));
	EXPECT_FALSE(lets_in("unix:0", user));
	EXPECT_TRUE(lets_in("any", user));
	EXPECT_FALSE(lets_in("unix", client("127.0.0.1")));
	EXPECT_EQ(user.text(), "unix:33");
}

TEST(ClientPattern, WhatIsNoneIsRefusedWithWhatIsAllowed)
{
	for (const char *text :
	     {"", "beta", "10.0.0", "10.0.0.0/33", "fe80::/129", "10.0.0.0/", "unix:x", "unix:-1",
	      "10.0.0.2 ", "*", "fe80::1%", "%eth0", "10.0.0.2%eth0", "%"}) {
		const auto parsed = ClientPattern::parse(text);
		ASSERT_FALSE(parsed) << text;
		EXPECT_EQ(parsed.error().code.value(), EINVAL);
		EXPECT_THAT(parsed.error().context, testing::HasSubstr("10.0.0.0/24"));
	}
}

TEST(ClientAddress, OtherFamiliesAreRefused)
{
	sockaddr_storage other{};
	other.ss_family = AF_VSOCK;
	EXPECT_EQ(ClientAddress::from(reinterpret_cast<sockaddr *>(&other), sizeof(other), 0)
			  .error()
			  .code.value(),
		  EAFNOSUPPORT);
	EXPECT_FALSE(ClientAddress::from(reinterpret_cast<sockaddr *>(&other), 0, 0));
}

TEST(ExportName, IsWhatItIsWrittenAs)
{
	const auto name = ExportName::parse("t10.A B@C@alpha@18446744073709551615");
	ASSERT_TRUE(name);
	EXPECT_EQ(name->wwid, "t10.A B@C");
	EXPECT_EQ(name->client, "alpha");
	EXPECT_EQ(name->epoch, UINT64_MAX);
	EXPECT_EQ(name->text(), "t10.A B@C@alpha@18446744073709551615");
	for (const char *text :
	     {"", "@", "@1", "@@1", "a@@1", "@a@1", "naa.1", "naa.1@1", "naa.1@a@", "naa.1@a@-1",
	      "naa.1@a@18446744073709551616", "naa\n@a@1", "naa.1@a\n@1"})
		EXPECT_FALSE(ExportName::parse(text)) << text;
	EXPECT_FALSE(ExportName::parse(std::string(256, 'a') + "@a@1"));
}

} // namespace
} // namespace swpath
