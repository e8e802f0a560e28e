// SPDX-License-Identifier: GPL-2.0-or-later
#include <fmt/core.h>
#include <gmock/gmock.h>

#include "tests/unit/config/config_text.h"

namespace swpath
{
namespace
{

using testing::Contains;
using testing::HasSubstr;
using testing::IsEmpty;

constexpr const char *cluster = R"([cluster]
name = "alpha"
key_file = "/etc/swpath/keys"
listen = "10.0.0.1"
serve = "10.0.0.1"
[[cluster.peer]]
name = "beta"
address = "10.0.0.2"
[[cluster.peer]]
name = "gamma"
address = "[fe80::3]:7"
)";
constexpr const char *unit = R"([unit.sw0]
wwid = "t10.a"
serve = true
[[unit.sw0.path]]
kind = "direct"
[[unit.sw0.path]]
kind = "served"
peer = "beta"
)";

TEST(ClusterConfig, ReadsEveryKey)
{
	const auto config = good(std::string(cluster) + unit);
	const auto &read = config.cluster;
	EXPECT_EQ(read.name, "alpha");
	EXPECT_EQ(read.key_file, "/etc/swpath/keys");
	EXPECT_EQ(read.listen->text(), "10.0.0.1:10808");
	EXPECT_EQ(read.serve->text(), "10.0.0.1:10809");
	EXPECT_FALSE(read.plain);
	ASSERT_EQ(read.peers.size(), 2U);
	EXPECT_EQ(read.peer("beta")->address.text(), "10.0.0.2:10808");
	EXPECT_EQ(read.peer("gamma")->address.text(), "[fe80::3]:7");
	EXPECT_EQ(read.peer("delta"), nullptr);
	const auto &path = config.unit("sw0")->paths[1];
	EXPECT_EQ(path.peer, "beta");
	EXPECT_EQ(path.name, "beta");
	EXPECT_TRUE(config.unit("sw0")->serve);
	EXPECT_TRUE(config.unit("sw0")->build);
	EXPECT_FALSE(good(minimal_unit).cluster.configured());
}

TEST(ClusterConfig, WhatCannotWorkIsRefused)
{
	const auto with = [](const std::string &from, const std::string &to) {
		return problems(changed(std::string(cluster) + unit, from, to));
	};
	EXPECT_THAT(with("\"10.0.0.2\"", "\"beta.example\""), HasSubstr("not a numeric address"));
	EXPECT_THAT(with("key_file = \"/etc/swpath/keys\"\n", ""), HasSubstr("no key_file"));
	EXPECT_THAT(with("\"/etc/swpath/keys\"", "\"keys\""),
		    HasSubstr("cluster.key_file 'keys' is not an absolute path"));
	EXPECT_THAT(with("listen = \"10.0.0.1\"\n", ""), HasSubstr("does not listen"));
	EXPECT_THAT(with("serve = \"10.0.0.1\"\n", ""), HasSubstr("is to be served"));
	EXPECT_THAT(
		with("serve = \"10.0.0.1\"\n", "serve = \"10.0.0.1:10808\"\n"),
		HasSubstr("listens and serves at 10.0.0.1:10808: give one of them another port"));
	EXPECT_THAT(with("peer = \"beta\"", "peer = \"delta\""),
		    HasSubstr("'delta' is no [[cluster.peer]]"));
	EXPECT_THAT(with("name = \"gamma\"", "name = \"beta\""), HasSubstr("two peers"));
	EXPECT_THAT(with("name = \"gamma\"", "name = \"alpha\""), HasSubstr("own name"));
	EXPECT_THAT(with("peer = \"beta\"", "peer = \"beta\"\nexport = \"x\""),
		    HasSubstr("do not belong here"));
	EXPECT_THAT(with("serve = true", "serve = true\nbuild = false"), HasSubstr("is of no use"));
	EXPECT_THAT(problems(changed(minimal_unit, "[[unit", "build = false\n[[unit")),
		    HasSubstr("neither built nor served"));
	EXPECT_THAT(with("serve = \"10", "plian = true\nserve = \"10"), HasSubstr("did you mean"));
}

TEST(ClusterConfig, MoreHostsThanAClusterHasAreRefused)
{
	const auto with = [](unsigned peers) {
		std::string text(cluster);
		for (unsigned i = 2; i < peers; i++)
			text += fmt::format(
				"[[cluster.peer]]\nname = \"h{}\"\naddress = \"10.0.1.{}\"\n", i,
				i);
		return problems(text);
	};
	EXPECT_EQ(with(63), "");
	EXPECT_EQ(with(64), "a.toml:1:1: cluster: 64 peers; a cluster has at most 64 hosts, this "
			    "one included\n");
}

TEST(ClusterConfig, AnEngineHasAGroupAndIsStaticByDefault)
{
	const auto with = [](const std::string &to) {
		return changed(std::string(cluster) + unit, "serve = \"10.0.0.1\"",
			       to + "\nserve = \"10.0.0.1\"");
	};
	const auto plain = good(std::string(cluster) + unit);
	EXPECT_EQ(plain.cluster.engine, ClusterEngineKind::Static);
	const auto config = good(with("engine = \"corosync\"\ngroup = \"disks\""));
	EXPECT_EQ(config.cluster.engine, ClusterEngineKind::Corosync);
	EXPECT_EQ(config.cluster.group, "disks");
	EXPECT_EQ(good(with("engine = \"corosync\"")).cluster.group, "swpath");
	const auto changes = diff(plain, config);
	ASSERT_EQ(changes.size(), 1U);
	EXPECT_THAT(changes[0].keys, Contains(KeyChange{"engine", "\"static\"", "\"corosync\""}));
	EXPECT_THAT(problems(with("engine = \"corosnyc\"")), HasSubstr("did you mean 'corosync'"));
	EXPECT_THAT(problems(with("group = \"\"")), HasSubstr("is empty"));
	EXPECT_THAT(problems(with("group = \"" + std::string(129, 'g') + "\"")),
		    HasSubstr("more than 128 bytes"));
}

TEST(ClusterConfig, AChangeIsNamed)
{
	const auto before = good(std::string(cluster) + unit);
	const auto after = good(changed(std::string(cluster) + unit, "serve = \"10.0.0.1\"",
					"plain = true\nserve = \"10.0.0.1\""));
	EXPECT_THAT(diff(before, before), IsEmpty());
	const auto changes = diff(before, after);
	ASSERT_EQ(changes.size(), 1U);
	EXPECT_EQ(changes[0].kind, ConfigChangeKind::ClusterChanged);
	EXPECT_THAT(changes[0].keys, Contains(KeyChange{"plain", "false", "true"}));
}

} // namespace
} // namespace swpath
