// SPDX-License-Identifier: GPL-2.0-or-later
#include "tests/unit/config/config_text.h"

#include <algorithm>

#include <gmock/gmock.h>

namespace swpath
{
namespace
{

using testing::ElementsAre;
using testing::IsEmpty;

constexpr const char *two_units = R"([unit.sw0]
wwid = "t10.a"
[[unit.sw0.path]]
kind = "direct"
[[unit.sw0.path]]
kind = "served"
server = "beta"
[unit.sw1]
wwid = "t10.b"
[[unit.sw1.path]]
kind = "direct"
)";

std::string changed(std::string text, const std::string &from, const std::string &to)
{
	const auto at = text.find(from);
	EXPECT_NE(at, std::string::npos) << from;
	return text.replace(at, from.size(), to);
}

const EffectiveValue &value_of(const std::vector<EffectiveValue> &values, const std::string &key)
{
	static const EffectiveValue none;
	const auto found = std::find_if(values.begin(), values.end(),
					[&](const auto &each) { return each.key == key; });
	return found == values.end() ? none : *found;
}

TEST(ConfigDiff, AConfigurationDoesNotDifferFromItself)
{
	EXPECT_THAT(diff(good(two_units), good(two_units)), IsEmpty());
	EXPECT_THAT(diff(good(two_units), good("# moved\n\n" + std::string(two_units))), IsEmpty());
	EXPECT_THAT(diff(good(two_units),
			 good("[defaults]\nstall = \"5000ms\"\n" + std::string(two_units))),
		    IsEmpty());
}

TEST(ConfigDiff, NamesOnlyTheUnitThatChanged)
{
	const auto changes =
		diff(good(two_units), good(changed(two_units, "server = \"beta\"",
						   "server = \"gamma:1\"\nname = \"beta\"")));
	ASSERT_EQ(changes.size(), 1U);
	EXPECT_EQ(changes[0].kind, ConfigChangeKind::UnitChanged);
	EXPECT_EQ(changes[0].unit, "sw0");
	EXPECT_THAT(changes[0].keys,
		    ElementsAre(KeyChange{"path.1.server", "\"beta:10809\"", "\"gamma:1\""}));
}

TEST(ConfigDiff, SaysWhatCameAndWent)
{
	const auto moved = changed(changed(two_units, "[unit.sw1]", "[unit.sw2]"),
				   "[[unit.sw1.path]]", "[[unit.sw2.path]]");
	const auto changes = diff(good(two_units), good(moved));
	ASSERT_EQ(changes.size(), 2U);
	EXPECT_EQ(changes[0].kind, ConfigChangeKind::UnitRemoved);
	EXPECT_EQ(changes[0].unit, "sw1");
	EXPECT_EQ(changes[1].kind, ConfigChangeKind::UnitAdded);
	EXPECT_EQ(changes[1].unit, "sw2");
}

TEST(ConfigDiff, APathThatIsAddedOrTakenAwayIsAChangeOfItsKeys)
{
	const std::string served = "[[unit.sw0.path]]\nkind = \"served\"\nserver = \"beta\"\n";
	const auto fewer = diff(good(two_units), good(changed(two_units, served, "")));
	ASSERT_EQ(fewer.size(), 1U);
	EXPECT_THAT(fewer[0].keys, ElementsAre(KeyChange{"path.1.kind", "\"served\"", ""},
					       KeyChange{"path.1.name", "\"beta\"", ""},
					       KeyChange{"path.1.server", "\"beta:10809\"", ""},
					       KeyChange{"path.1.export", "\"sw0\"", ""}));
	const auto more = diff(good(changed(two_units, served, "")), good(two_units));
	EXPECT_EQ(more[0].keys.size(), 4U);
	EXPECT_EQ(more[0].keys[0].before, "");
}

TEST(ConfigDiff, TheDaemonsOwnSettingsTouchNoUnit)
{
	const auto changes = diff(good(two_units), good("[daemon]\nlog_level = \"debug\"\n" +
							std::string(two_units)));
	ASSERT_EQ(changes.size(), 1U);
	EXPECT_EQ(changes[0].kind, ConfigChangeKind::DaemonChanged);
	EXPECT_THAT(changes[0].keys, ElementsAre(KeyChange{"log_level", "\"info\"", "\"debug\""}));
}

// An administrator is about to change a.toml when a disk turns up.
TEST(TakeNewUnits, WhatIsInTheFileAndNewIsTakenAndNothingElse)
{
	const auto before = good(two_units);
	const ConfigFile files[] = {
		{"a.toml", "[daemon]\nlog_level = \"debug\"\n[unit.sw0]\nwwid = \"t10.a\"\n"
			   "stall = \"9s\"\n[unit.sw7]\nwwid = \"t10.g\"\n"},
		{"d/found.toml", "\n[unit.sw1]\nwwid = \"t10.c\"\n[unit.sw2]\nwwid = \"t10.b\"\n"
				 "[unit.sw3]\nwwid = \"t10.d\"\nserve = false\n"},
	};
	const auto loaded = parse_config(files);
	ASSERT_TRUE(loaded) << problems(loaded);
	auto running = before;
	EXPECT_THAT(take_new_units(running, *loaded, "d//found.toml"), ElementsAre("sw3"))
		<< "sw1 is another disk here, and t10.b another unit";
	const auto changes = diff(before, running);
	ASSERT_EQ(changes.size(), 1U);
	EXPECT_EQ(changes[0].kind, ConfigChangeKind::UnitAdded);
	EXPECT_EQ(changes[0].unit, "sw3");
	EXPECT_EQ(running.unit("sw3")->wwid, "t10.d");
	EXPECT_EQ(running.origins.at("unit.sw3.wwid").text(), "d/found.toml:7:1");
	EXPECT_THAT(take_new_units(running, *loaded, "d/found.toml"), IsEmpty());
}

TEST(EffectiveValues, SayWhereEachCameFrom)
{
	const auto values = effective_values(good(
		"[defaults]\nstall = \"9s\"\n"
		"failback = { policy = \"manual\" }\n" +
		changed(two_units, "wwid = \"t10.a\"", "wwid = \"t10.a\"\nfence = \"drain\"")));
	EXPECT_EQ(value_of(values, "unit.sw0.stall").value, "\"9s\"");
	EXPECT_EQ(value_of(values, "unit.sw0.stall").origin.text(), "a.toml:2:1");
	EXPECT_EQ(value_of(values, "unit.sw0.failback.policy").origin.text(), "a.toml:3:14");
	EXPECT_EQ(value_of(values, "unit.sw0.failback.interval").origin.text(), "default");
	EXPECT_EQ(value_of(values, "unit.sw0.fence").origin.text(), "a.toml:6:1");
	EXPECT_EQ(value_of(values, "unit.sw1.fence").origin.text(), "default");
	EXPECT_EQ(value_of(values, "unit.sw1.fence").value, "\"prove\"");
	EXPECT_EQ(value_of(values, "unit.sw0.command_timeout").value, "\"auto\"");
	EXPECT_EQ(value_of(values, "unit.sw0.path.1.server").origin.text(), "a.toml:11:1");
	EXPECT_EQ(value_of(values, "daemon.socket").value, "\"/run/swpath/pathd.sock\"");
}

TEST(EffectiveValues, CanBeReadBack)
{
	const auto config = good(two_units);
	std::string text;
	for (const auto &each : effective_values(config)) {
		auto key = each.key;
		// A list's element has no dotted key in TOML; the paths are written as they were.
		if (key.find(".path.") == std::string::npos)
			text += key + " = " + each.value + "\n";
	}
	text += "unit.sw0.path = [{kind = \"direct\"}, {kind = \"served\", server = \"beta\"}]\n"
		"unit.sw1.path = [{kind = \"direct\"}]\n";
	EXPECT_THAT(diff(config, good(text)), IsEmpty());
}

// A reload takes no other [cluster], so no unit is asked to find a peer of one.
TEST(DerivePaths, UnitsFollowTheClusterThatRuns)
{
	const std::string unit = "[unit.sw0]\nwwid = \"t10.a\"\n";
	const std::string cluster = "[cluster]\nname = \"alpha\"\nkey_file = \"/k\"\n"
				    "[[cluster.peer]]\nname = \"beta\"\naddress = \"10.0.0.2\"\n";
	const auto running = good(unit + cluster);
	auto loaded = good(unit + cluster +
			   "[[cluster.peer]]\nname = \"gamma\"\naddress = \"10.0.0.3\"\n");
	ASSERT_EQ(loaded.unit("sw0")->paths.size(), 3U);
	derive_paths(loaded, running.cluster);
	const auto changes = diff(running, loaded);
	ASSERT_EQ(changes.size(), 1U);
	EXPECT_EQ(changes[0].kind, ConfigChangeKind::ClusterChanged);
	auto written = good(two_units);
	derive_paths(written, running.cluster);
	EXPECT_THAT(diff(good(two_units), written), IsEmpty());
}

TEST(KeepStarted, WhatIsReadAtTheStartStaysAsItIsAndGoesOnToDiffer)
{
	constexpr const char *before = "[daemon]\nsocket = \"/a\"\nsocket_group = \"x\"\n"
				       "log_level = \"error\"\n[hints]\nlockspace = \"a\"\n"
				       "[cluster]\nname = \"alpha\"\nkey_file = \"/k\"\n";
	const auto running = good(before);
	const auto wanted = good("[daemon]\nsocket = \"/b\"\nsocket_group = \"y\"\n"
				 "log_level = \"debug\"\n[hints]\nlockspace = \"b\"\n"
				 "[cluster]\nname = \"beta\"\nkey_file = \"/k\"\n");
	auto taken = wanted;
	keep_started(taken, running);
	EXPECT_EQ(taken.daemon.log_level, LogLevel::Debug);
	EXPECT_EQ(taken.daemon.socket, "/a");
	EXPECT_EQ(taken.daemon.socket_group, "x");
	EXPECT_EQ(taken.hints, running.hints);
	EXPECT_EQ(taken.cluster, running.cluster);
	const auto left = diff(taken, wanted);
	ASSERT_EQ(left.size(), 3U);
	constexpr const char *why = " is read when pathd starts: restart it (units go on)";
	EXPECT_EQ(needs_restart(left[0]), std::string("[daemon] socket, socket_group") + why);
	EXPECT_EQ(needs_restart(left[1]), std::string("[cluster]") + why);
	EXPECT_EQ(needs_restart(left[2]), std::string("[hints]") + why);
	EXPECT_THAT(left[0].keys, ElementsAre(KeyChange{"socket", "\"/a\"", "\"/b\""},
					      KeyChange{"socket_group", "\"x\"", "\"y\""}));
	for (const auto &change : diff(good("[daemon]\nlog_level = \"error\"\n"),
				       good("[daemon]\nlog_level = \"debug\"\n")))
		EXPECT_EQ(needs_restart(change), "");
	for (const auto &change : diff(good(two_units), good("")))
		EXPECT_EQ(needs_restart(change), "");
}

} // namespace
} // namespace swpath
