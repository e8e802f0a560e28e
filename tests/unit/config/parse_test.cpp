// SPDX-License-Identifier: GPL-2.0-or-later
#include "tests/unit/config/config_text.h"

#include <fmt/core.h>
#include <gmock/gmock.h>

namespace swpath
{
namespace
{

using namespace std::chrono_literals;
using testing::AllOf;
using testing::HasSubstr;
using testing::StartsWith;

/// minimal_unit with lines of its own for the unit.
std::string unit_with(const std::string &lines)
{
	return "[unit.sw0]\nwwid = \"naa.60014051234567890abcdef012345678\"\n" + lines +
	       "\n[[unit.sw0.path]]\nkind = \"direct\"\n";
}

/// ... and with lines of its own for a second path.
std::string path_with(const std::string &lines)
{
	return std::string(minimal_unit) + "[[unit.sw0.path]]\n" + lines + "\n";
}

TEST(ParseConfig, NothingIsAConfiguration)
{
	EXPECT_EQ(good("").daemon, DaemonConfig{});
	EXPECT_TRUE(good("").units.empty());
	EXPECT_TRUE(parse_config({})->units.empty());
}

TEST(ParseConfig, AUnitNeedsAWwid)
{
	const auto config = good(minimal_unit);
	ASSERT_TRUE(config.unit("sw0"));
	const auto &unit = *config.unit("sw0");
	EXPECT_EQ(unit.name, "sw0");
	EXPECT_TRUE(unit.enabled);
	EXPECT_EQ(unit.mv_timeout, 3600s);
	EXPECT_EQ(unit.stall, 5s);
	EXPECT_EQ(unit.fence, Fence::PROVE);
	EXPECT_EQ(unit.failback.policy, FailbackPolicy::Auto);
	ASSERT_EQ(unit.paths.size(), 1U);
	EXPECT_EQ(unit.paths[0].name, "direct");
	EXPECT_THAT(problems("[unit.sw0]\n"), HasSubstr("a.toml:1:1: unit.sw0 has no wwid"));
}

TEST(ParseConfig, AUnitWithoutPathsHasItsOwnAndOneThroughEachPeer)
{
	const std::string unit = "[unit.sw0]\nwwid = \"t10.x\"\n";
	const auto alone = good(unit);
	ASSERT_EQ(alone.unit("sw0")->paths.size(), 1U);
	EXPECT_EQ(alone.unit("sw0")->paths[0].kind, PathKind::DIRECT);
	EXPECT_EQ(alone.unit("sw0")->paths[0].name, "direct");

	std::string cluster = "[cluster]\nname = \"alpha\"\nkey_file = \"/k\"\n"
			      "listen = \"10.0.0.1\"\nserve = \"10.0.0.1\"\n";
	for (int i = 2; i < 12; i++)
		cluster += fmt::format(
			"[[cluster.peer]]\nname = \"h{}\"\naddress = \"10.0.0.{}\"\n", i, i);
	const auto config = good(unit + "serve = true\n" + cluster);
	const auto &paths = config.unit("sw0")->paths;
	ASSERT_EQ(paths.size(), std::size_t(SW_PATHS_MAX)); // of more peers, the first
	EXPECT_EQ(paths[0].kind, PathKind::DIRECT);
	EXPECT_EQ(paths[1].kind, PathKind::SERVED);
	EXPECT_EQ(paths[1].peer, "h2");
	EXPECT_EQ(paths[1].name, "h2");
	EXPECT_EQ(paths[7].peer, "h8");
	EXPECT_THAT(units_without_path(config, "h8"), testing::IsEmpty());
	EXPECT_THAT(units_without_path(config, "h9"), testing::ElementsAre("sw0"));
	EXPECT_THAT(
		units_without_path(good(unit + "serve = true\nbuild = false\n" + cluster), "h9"),
		testing::IsEmpty());
	EXPECT_THAT(units_without_path(good(unit + "enabled = false\n" + cluster), "h9"),
		    testing::IsEmpty());
	EXPECT_THAT(units_without_path(good(std::string(minimal_unit) + cluster), "h9"),
		    testing::IsEmpty())
		<< "its paths are written";
	// One that is only served from here needs no other's.
	EXPECT_EQ(good(unit + "serve = true\nbuild = false\n" + cluster).unit("sw0")->paths.size(),
		  1U);
	EXPECT_THAT(problems(unit + cluster +
			     "[[cluster.peer]]\nname = \"direct\"\naddress = \"10.0.0.99\"\n"),
		    HasSubstr("a peer cannot be called 'direct'"));
}

TEST(ParseConfig, AUnitWithoutPathsHasAsManyOfItsOwnAsDirectPathsSays)
{
	const std::string unit = "[unit.sw0]\nwwid = \"naa.5000000000000001\"\n";
	const std::string cluster = "[cluster]\nname = \"alpha\"\nkey_file = \"/k\"\n"
				    "[[cluster.peer]]\nname = \"beta\"\naddress = \"10.0.0.2\"\n";
	const auto paths =
		good("[defaults]\ndirect_paths = 2\n" + unit + cluster).unit("sw0")->paths;
	ASSERT_EQ(paths.size(), 3U);
	EXPECT_EQ(paths[0].name, "direct");
	EXPECT_EQ(paths[1].name, "direct2");
	EXPECT_EQ(paths[1].kind, PathKind::DIRECT);
	EXPECT_EQ(paths[2].peer, "beta");
	EXPECT_EQ(good(unit + "direct_paths = 8\n" + cluster).unit("sw0")->paths.back().name,
		  "direct8");

	EXPECT_THAT(problems(unit + "direct_paths = 0\n"), HasSubstr("a whole number from 1 to 8"));
	EXPECT_THAT(problems(unit + "direct_paths = 9\n"), HasSubstr("a whole number from 1 to 8"));
	const auto path = "[[unit.sw0.path]]\nkind = \"direct\"\n";
	EXPECT_THAT(problems(unit + "direct_paths = 2\n" + path),
		    HasSubstr("sw0 has direct_paths, and paths of its own"));
	// That of all units is not this one's mistake.
	EXPECT_EQ(good("[defaults]\ndirect_paths = 2\n" + unit + path).unit("sw0")->paths.size(),
		  1U);
	EXPECT_THAT(problems(unit + cluster +
			     "[[cluster.peer]]\nname = \"direct2\"\naddress = \"10.0.0.99\"\n"),
		    HasSubstr("a peer cannot be called 'direct2'"));
}

TEST(ParseConfig, WhichDisksAreFoundIsSaidByDiscover)
{
	EXPECT_EQ(good("").discover.units, Discovery::None);
	const auto config =
		good("[discover]\nunits = \"shared\"\nexcept = [\"naa.5*\", \"eui.00\"]\n");
	EXPECT_EQ(config.discover.units, Discovery::Shared);
	EXPECT_THAT(config.discover.except, testing::ElementsAre("naa.5*", "eui.00"));
	EXPECT_THAT(problems("[discover]\nunits = \"some\"\n"), HasSubstr("none, shared, all"));
	EXPECT_THAT(problems("[discover]\nexcept = \"naa.5*\"\n"), HasSubstr("is not a list"));
	EXPECT_THAT(problems("[discover]\nexcept = [5]\n"),
		    HasSubstr("discover.except is not a string"));
	EXPECT_THAT(problems("[discover]\nunit = \"all\"\n"), HasSubstr("did you mean 'units'?"));
	const auto changes = diff(good(""), config);
	ASSERT_EQ(changes.size(), 1U);
	EXPECT_EQ(changes[0].kind, ConfigChangeKind::DiscoverChanged);
	EXPECT_THAT(changes[0].keys,
		    testing::Contains(KeyChange{"except", "[]", "[\"naa.5*\", \"eui.00\"]"}));
}

TEST(ParseConfig, ReadsEveryKey)
{
	const auto config = good(R"(
[daemon]
socket = "/run/other.sock"
socket_group = "storage"
log_level = "debug"
guard_interval = "2s"
[defaults]
check_interval = "2s"
stall = "8s"
failback = { policy = "manual", stable = "500ms" }
[unit.sw7]
wwid = "NAA.60014051234567890ABCDEF012345678"
enabled = false
mv_timeout = "10min"
stall = "3s"
fence = "drain"
lu_reset = false
reservations = true
witness = 64
failback = { interval = "1h" }
command_timeout = "2s"
path = [
  { kind = "direct", name = "fc", hctl = "2:0:*:*", by_path = "pci-*" },
  { kind = "served", server = "beta", export = "disk" },
  { kind = "served", server = "unix:/run/x.sock" },
]
)");
	EXPECT_EQ(config.daemon, (DaemonConfig{"/run/other.sock", "storage", LogLevel::Debug, 2s}));
	ASSERT_TRUE(config.unit("sw7"));
	const auto &unit = *config.unit("sw7");
	EXPECT_EQ(unit.wwid, "naa.60014051234567890abcdef012345678");
	EXPECT_FALSE(unit.enabled);
	EXPECT_EQ(unit.mv_timeout, 10min);
	EXPECT_EQ(unit.stall, 3s);
	EXPECT_EQ(unit.fence, Fence::DRAIN);
	EXPECT_FALSE(unit.lu_reset);
	EXPECT_TRUE(unit.reservations);
	EXPECT_EQ(unit.witness, 64U);
	EXPECT_EQ(unit.failback, (FailbackConfig{FailbackPolicy::Manual, 1h, 500ms}));
	EXPECT_EQ(unit.check_interval, 2s);
	EXPECT_EQ(unit.effective_command_timeout(), 2s);
	ASSERT_EQ(unit.paths.size(), 3U);
	EXPECT_EQ(unit.paths[0].hctl, "2:0:*:*");
	EXPECT_EQ(unit.paths[1].name, "beta");
	EXPECT_EQ(unit.paths[1].server.text(), "beta:10809");
	EXPECT_EQ(unit.paths[1].export_name, "disk");
	EXPECT_EQ(unit.paths[2].name, "local");
	EXPECT_EQ(unit.paths[2].export_name, "sw7");
}

TEST(ParseConfig, AnUnknownKeyIsRefusedWithItsPlaceAndASuggestion)
{
	EXPECT_EQ(problems("[defaults]\nstal = \"5s\"\n"),
		  "a.toml:2:1: unknown key 'stal' in [defaults] (did you mean 'stall'?)\n");
	EXPECT_EQ(problems("colour = 1\n"), "a.toml:1:1: unknown key 'colour'\n");
	EXPECT_EQ(problems("[demon]\n"),
		  "a.toml:1:2: unknown key 'demon' (did you mean 'daemon'?)\n");
	EXPECT_THAT(problems(path_with("kind = \"served\"\nserver = \"b\"\nexprot = \"x\"")),
		    HasSubstr("a.toml:8:1: unknown key 'exprot' in [unit.sw0.path.1] (did you mean "
			      "'export'?)"));
	EXPECT_THAT(problems("[defaults]\nwwid = \"naa.1\"\n"), HasSubstr("unknown key 'wwid'"));
}

TEST(ParseConfig, ABadValueIsRefusedWithItsPlace)
{
	EXPECT_EQ(
		problems(unit_with("stall = 5")),
		"a.toml:3:9: unit.sw0.stall is not a duration in double quotes (write for example "
		"\"5s\", \"500ms\", \"10min\" or \"1h\")\n");
	EXPECT_THAT(problems("[daemon]\nguard_interval = \"100ms\"\n"),
		    HasSubstr("daemon.guard_interval 100ms is not from 1s to 1h, or \"never\""));
	EXPECT_THAT(problems(unit_with("stall = \"5 s\"")), HasSubstr("'5 s' is not a duration"));
	EXPECT_THAT(problems(unit_with("stall = \"50ms\"")),
		    HasSubstr("50ms is not from 100ms to 10min, or \"never\""));
	EXPECT_THAT(problems(unit_with("mv_timeout = \"1500ms\"")),
		    HasSubstr("1500ms is not a multiple of 1s"));
	EXPECT_THAT(problems(unit_with("mv_timeout = \"0s\"")), HasSubstr("0s is not from 1s to"));
	EXPECT_THAT(problems(unit_with("fence = \"prov\"")),
		    HasSubstr("'prov' is none of prove, drain (did you mean 'prove'?)"));
	EXPECT_THAT(problems(unit_with("witness = 65")), HasSubstr("a whole number from 0 to 64"));
	EXPECT_THAT(problems(unit_with("witness = -1")), HasSubstr("a whole number from 0 to 64"));
	EXPECT_THAT(problems(unit_with("enabled = \"yes\"")), HasSubstr("neither true nor false"));
	EXPECT_THAT(problems(unit_with("failback = \"auto\"")), HasSubstr("is not a table"));
	EXPECT_THAT(problems("[daemon]\nsocket = \"x.sock\"\n"),
		    HasSubstr("is not an absolute path"));
	EXPECT_THAT(problems("unit = 1\n"), HasSubstr("unit is not a table"));
	EXPECT_THAT(problems("[unit]\nsw0 = 1\n"), HasSubstr("unit.sw0 is not a table"));
	EXPECT_THAT(problems("[unit.disk]\n"), HasSubstr("a unit cannot be called 'disk'"));
}

TEST(ParseConfig, StallMayBeNever)
{
	const auto config = good(unit_with("stall = \"never\""));
	EXPECT_EQ(config.unit("sw0")->stall, 0s);
	EXPECT_EQ(config.unit("sw0")->effective_command_timeout(), 30s);
}

TEST(ParseConfig, AHungPathMustGiveUpInsideTheStallBudget)
{
	EXPECT_THAT(problems(unit_with("command_timeout = \"5s\"")),
		    HasSubstr("command_timeout 5s is not below stall 5s"));
	EXPECT_EQ(problems(unit_with("command_timeout = \"4s\"")), "");
}

TEST(ParseConfig, AShortStallBudgetLeavesTheCommandTimeoutItsLeast)
{
	EXPECT_THAT(problems(unit_with("stall = \"500ms\"\ncommand_timeout = \"60s\"")),
		    HasSubstr("command_timeout 1min is not below stall 500ms"));
	EXPECT_THAT(problems(unit_with("stall = \"1s\"\ncommand_timeout = \"2s\"")),
		    HasSubstr("command_timeout 2s is not below stall 1s"));
	EXPECT_EQ(problems(unit_with("stall = \"1s\"\ncommand_timeout = \"1s\"")), "");
	EXPECT_EQ(problems(unit_with("stall = \"100ms\"\ncommand_timeout = \"1s\"")), "");
	EXPECT_EQ(problems(unit_with("stall = \"never\"\ncommand_timeout = \"60s\"")), "");
}

// What the hint of such a unit says must help.
TEST(ParseConfig, ADisabledUnitNeedBeNeitherBuiltNorServed)
{
	EXPECT_THAT(problems(unit_with("build = false")),
		    HasSubstr("neither built nor served: write enabled = false"));
	EXPECT_EQ(problems(unit_with("build = false\nenabled = false")), "");
}

// TOML has them as escapes. They would end a udev rule, or steer the terminal that shows them.
TEST(ParseConfig, AControlCharacterIsRefusedInEveryText)
{
	for (const auto *escape : {"\\u0000", "\\n", "\\t", "\\u001b", "\\u007f"}) {
		const std::string text = fmt::format("\"/a{}b\"", escape);
		for (const auto &config :
		     {"[daemon]\nsocket = " + text, "[daemon]\nsocket_group = " + text,
		      "[unit.sw0]\nwwid = " + text,
		      path_with("kind = \"direct\"\nby_path = " + text),
		      path_with("kind = \"served\"\nserver = " + text),
		      path_with("kind = \"served\"\nserver = \"beta\"\nexport = " + text),
		      "[discover]\nexcept = [" + text + "]"})
			EXPECT_THAT(problems(config), HasSubstr("holds a control character"))
				<< config;
	}
	EXPECT_EQ(problems(unit_with("").replace(19, 0, "t10.\\u00e9")).find("control"),
		  std::string::npos);
}

TEST(ParseConfig, TheSocketHasANameThatASocketCanHave)
{
	const auto socket = [](std::size_t bytes) {
		return fmt::format("[daemon]\nsocket = \"/{}\"\n", std::string(bytes - 1, 'a'));
	};
	EXPECT_EQ(problems(socket(107)), "");
	EXPECT_EQ(problems(socket(108)), "a.toml:2:10: daemon.socket has more than 107 bytes\n");
}

TEST(ParseConfig, TheCommandTimeoutFollowsTheStallBudget)
{
	const auto seconds = [](const char *stall) {
		return good(unit_with(std::string("stall = \"") + stall + "\""))
			.unit("sw0")
			->effective_command_timeout()
			.count();
	};
	EXPECT_EQ(seconds("5s"), 4);
	EXPECT_EQ(seconds("3500ms"), 2);
	EXPECT_EQ(seconds("500ms"), 1);
	EXPECT_EQ(seconds("10min"), 30);
}

TEST(ParseConfig, AWwidOfAnotherToolIsRecognised)
{
	const auto with_wwid = [](const std::string &wwid) {
		return problems("[unit.sw0]\nwwid = \"" + wwid +
				"\"\n[[unit.sw0.path]]\nkind = \"direct\"\n");
	};
	for (const char *wwid :
	     {"0x60014051234567890abcdef012345678", "wwn-0x60014051234567890abcdef012345678",
	      "360014051234567890abcdef012345678", "60014051234567890abcdef012345678"})
		EXPECT_THAT(with_wwid(wwid),
			    HasSubstr("did you mean 'naa.60014051234567890abcdef012345678'?"))
			<< wwid;
	EXPECT_THAT(with_wwid("naa.6001"),
		    HasSubstr("is not naa. and 16 or 32 hexadecimal digits"));
	EXPECT_THAT(with_wwid("eui.xx"), HasSubstr("is not eui. and 16, 24 or 32"));
	EXPECT_THAT(with_wwid(""), HasSubstr("is empty"));
	EXPECT_THAT(with_wwid(" t10.x"), HasSubstr("has blanks around it"));
	EXPECT_THAT(with_wwid(std::string(126, 'x')), HasSubstr("more than 125 bytes"));
	EXPECT_EQ(with_wwid("t10.LIO-ORG disk 1"), "");
	EXPECT_EQ(with_wwid("iqn.2026-11.example:disk,L,0x0"), "");
}

TEST(ParseConfig, APathHasTheKeysOfItsKind)
{
	EXPECT_THAT(problems(path_with("name = \"x\"")), HasSubstr("unit.sw0.path.1 has no kind"));
	EXPECT_THAT(problems(path_with("kind = \"served\"")),
		    HasSubstr("is served, but has no server"));
	EXPECT_THAT(problems(path_with("kind = \"served\"\nserver = \"b\"\nhctl = \"1:0:0:0\"")),
		    HasSubstr("unit.sw0.path.1.hctl does not belong to a served path"));
	EXPECT_THAT(problems(path_with("kind = \"direct\"\nname = \"x\"\nserver = \"b\"")),
		    HasSubstr("unit.sw0.path.1.server does not belong to a direct path"));
	EXPECT_THAT(problems(path_with("kind = \"served\"\nserver = \"a:b:c\"")),
		    HasSubstr("has several ':'"));
	EXPECT_THAT(problems(path_with("kind = \"direct\"\nname = \"x\"\nhctl = \"1:0:0\"")),
		    HasSubstr("is not HOST:CHANNEL:TARGET:LUN"));
	EXPECT_THAT(problems(path_with("kind = \"direct\"\nname = \"12\"")),
		    HasSubstr("is no name"));
	EXPECT_THAT(problems(path_with("kind = \"direct\"\nname = \"a b\"")),
		    HasSubstr("is no name"));
	EXPECT_THAT(problems(path_with("kind = \"direct\"")),
		    HasSubstr("a path of sw0 is called 'direct' already"));
	EXPECT_THAT(problems("[unit.sw0]\nwwid = \"t10.x\"\npath = 1\n"),
		    HasSubstr("write [[unit.sw0.path]]"));
	EXPECT_THAT(problems("[unit.sw0]\nwwid = \"t10.x\"\npath = []\n"),
		    HasSubstr("has an empty list of paths"));
	EXPECT_THAT(problems("[unit.sw0]\nwwid = \"t10.x\"\npath = [1]\n"),
		    HasSubstr("is not a table"));
}

TEST(ParseConfig, AUnitHasAtMostAsManyPathsAsTheKernelTakes)
{
	std::string text = "[unit.sw0]\nwwid = \"t10.x\"\n";
	for (int path = 0; path < SW_PATHS_MAX; path++)
		text += "[[unit.sw0.path]]\nkind = \"direct\"\nname = \"p" + std::to_string(path) +
			"\"\n";
	EXPECT_EQ(problems(text), "");
	EXPECT_THAT(problems(text + "[[unit.sw0.path]]\nkind = \"direct\"\nname = \"x\"\n"),
		    HasSubstr("sw0 has more than 8 paths"));
}

TEST(ParseConfig, AUnitIsDescribedInOneFile)
{
	const ConfigFile files[] = {{"a.toml", minimal_unit}, {"b.toml", minimal_unit}};
	EXPECT_EQ(problems(parse_config(files)),
		  "b.toml:1:1: unit sw0 is described in a.toml:1:1 already\n");
}

TEST(ParseConfig, ADiskIsInOneUnit)
{
	auto twin = std::string(minimal_unit);
	for (auto at = twin.find("sw0"); at != std::string::npos; at = twin.find("sw0"))
		twin.replace(at, 3, "sw1");
	EXPECT_THAT(problems(minimal_unit + twin), HasSubstr("sw0 and sw1 have the same wwid"));
}

TEST(ParseConfig, DefaultsOfALaterFileReachUnitsOfAnEarlierOne)
{
	const ConfigFile files[] = {
		{"a.toml", std::string("[defaults]\nstall = \"9s\"\n") + minimal_unit},
		{"b.toml", "[defaults]\nstall = \"7s\"\n"}};
	const auto config = parse_config(files);
	ASSERT_TRUE(config) << problems(config);
	EXPECT_EQ(config->unit("sw0")->stall, 7s);
}

TEST(ParseConfig, EveryProblemIsToldAtOnce)
{
	const auto text = problems(unit_with("stal = 1\nfence = \"x\"\nwitness = 99"));
	EXPECT_EQ(std::count(text.begin(), text.end(), '\n'), 3) << text;
}

TEST(ParseConfig, TextThatIsNotTomlIsRefusedWithItsPlace)
{
	EXPECT_THAT(problems("a = \n"), StartsWith("a.toml:1:"));
	EXPECT_THAT(problems("[unit.sw0\n"), StartsWith("a.toml:"));
	EXPECT_THAT(problems("a = 1\na = 2\n"), StartsWith("a.toml:2:"));
	EXPECT_THAT(problems("[)"), StartsWith("a.toml:1:"));
}

TEST(ParseConfig, BytesOutsideAsciiAreRefusedWithTheirPlace)
{
	EXPECT_EQ(problems("# a\nx = \"\xc3\xa4\"\n"),
		  "a.toml:2:6: byte 0xc3 is not ASCII text (write plain ASCII, in comments too)\n");
	EXPECT_THAT(problems(std::string("a\0b", 3)), HasSubstr("byte 0x00"));
	EXPECT_THAT(problems("\x7f"), HasSubstr("byte 0x7f"));
	EXPECT_THAT(problems(std::string((1 << 20) + 1, ' ')), HasSubstr("larger than 1 MiB"));
	EXPECT_EQ(problems("# tab\t and CRLF\r\n"), "");
}

// A level of a tree takes stack of whoever walks it, and a dot is a level.
TEST(ParseConfig, ANameOfManyPartsIsRefused)
{
	std::string name = "a";
	for (unsigned i = 0; i < 300'000; i++)
		name += ".a";
	for (const auto &text : {name + " = 1\n", "[" + name + "]\n", "[[" + name + "]]\n",
				 "a = { " + name + " = 1 }\n", "\"a\" . " + name + " = 1\n"})
		EXPECT_THAT(problems("# a\n" + text),
			    AllOf(StartsWith("a.toml:2:"),
				  HasSubstr("a name has more than 256 parts")));
	// Each level of values allows one more.
	std::string nested;
	for (unsigned i = 0; i < 1'000; i++)
		nested += name.substr(0, 2 * 256 - 1) + " = {";
	EXPECT_NE(problems(nested), "");
}

TEST(ParseConfig, DotsOfStringsAndCommentsArePartsOfNoName)
{
	const std::string dots(1'000, '.');
	const auto exporting = [](const std::string &name) {
		return path_with("kind = \"served\"\nserver = \"b\"\nexport = " + name);
	};
	EXPECT_EQ(problems("# " + dots + "\n" + minimal_unit), "");
	EXPECT_EQ(problems(exporting("\"" + dots + "\" # " + dots)), "");
	EXPECT_EQ(problems(exporting(R"("\"#'\\)" + dots + "\"")), "");
	EXPECT_EQ(problems("[discover]\nexcept = ['\\" + dots + R"(', """"a"\""")" + dots +
			   R"("""""])" + "\n"),
		  "");
	// What follows one is a name again.
	std::string name = "a";
	for (int part = 0; part < 300; part++)
		name += ".a";
	for (const auto *quoted : {R"("")", R"("\\")", R"("\"")", R"('\')", R"("""""")",
				   R"("""a"""")", R"("""a""""")", R"("""\"""""")", R"("""'""")",
				   R"('''''')", R"('''a''''')", R"('#')", R"("#")", R"(1 # ")"})
		EXPECT_THAT(problems(fmt::format("x = {}\n{} = 1\n", quoted, name)),
			    HasSubstr("a.toml:2:512: a name has more than 256 parts"))
			<< quoted;
}

// toml++ looks ahead through what may be a date, further than it can go back: that ended pathd.
TEST(ParseConfig, ANumberWithManyUnderscoresIsRefused)
{
	for (std::size_t underscores = 65; underscores < 200; underscores++) {
		const auto value = "1-------nd" + std::string(underscores, '_') + " 1_____\n";
		EXPECT_THAT(
			problems("# a\nx = " + value),
			HasSubstr("a.toml:2:5: more than 64 underscores follow a digit (write a "
				  "number without underscores"))
			<< underscores;
		EXPECT_THAT(problems("x=[''''''''," + value), HasSubstr("underscores"));
	}
	for (std::size_t underscores = 0; underscores <= 64; underscores++)
		EXPECT_THAT(problems("x = 1-------nd" + std::string(underscores, '_') + " 1" +
				     std::string(200, '1')),
			    StartsWith("a.toml:1:"))
			<< underscores;
	EXPECT_EQ(problems("# 1 " + std::string(200, '_') + "\n" + minimal_unit), "");
}

TEST(ParseConfig, DeepNestingIsRefused)
{
	EXPECT_NE(problems("a = " + std::string(100'000, '[')), "");
}

} // namespace
} // namespace swpath
