// SPDX-License-Identifier: GPL-2.0-or-later
#include "libpath/policy/unit_finder.h"

#include <gmock/gmock.h>

namespace swpath
{
namespace
{

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

const std::string one = "naa.6001405000000000000000000000001";
const std::string two = "naa.6001405000000000000000000000002";

const DiscoverConfig shared_ones{Discovery::Shared, {}}, all_of_them{Discovery::All, {}};

std::vector<FoundUnit> found(const FinderView &view, const DiscoverConfig &policy = shared_ones)
{
	return find_units(policy, view).add;
}

/// Of a disk that is no unit.
std::string why_not(const FinderView &view, const std::string &wwid,
		    const DiscoverConfig &policy = shared_ones)
{
	const auto result = find_units(policy, view);
	EXPECT_THAT(result.add, IsEmpty());
	const auto why = result.why_not.find(wwid);
	return why == result.why_not.end() ? "" : why->second;
}

TEST(UnitFinder, ADiskOnASharedBusBecomesAUnit)
{
	FinderView view{.own = {{two, "sdc", true}, {one, "sdb", true}, {one, "sdd", true}}};
	EXPECT_THAT(found(view), ElementsAre(FoundUnit{"sw0", one}, FoundUnit{"sw1", two}));
	view.units = {"sw0", "sw1"};
	view.wwids = {one, two};
	EXPECT_THAT(found(view), IsEmpty());
}

TEST(UnitFinder, ADiskThatIsThisHostsAloneStaysWhatItIs)
{
	EXPECT_THAT(why_not({.own = {{one, "sdb"}}}, one), HasSubstr("no other host"));
}

TEST(UnitFinder, ADiskThatAPeerServesIsShared)
{
	EXPECT_THAT(found({.own = {{one, "sdb"}}, .served = {{one, ""}}}),
		    ElementsAre(FoundUnit{"sw0", one}));
}

TEST(UnitFinder, NothingIsFoundUnlessAnAdministratorWantsIt)
{
	EXPECT_THAT(why_not({.own = {{one, "sdb", true}}, .served = {{two, "sw1"}}}, one, {}),
		    HasSubstr("units = \"none\""));
	EXPECT_THAT(
		why_not({.own = {{one, "sdb", true}}}, one, {Discovery::All, {"naa.6001405*1"}}),
		HasSubstr("excepts"));
}

TEST(UnitFinder, ADiskInUseIsLeftAlone)
{
	EXPECT_EQ(why_not({.own = {{one, "sda", true}, {one, "sdb", true, true}}}, one),
		  "sdb is in use (mounted, or claimed by another driver)");
}

// Whatever a peer calls a disk, it is written into a file that the next pathd has to read.
TEST(UnitFinder, ANameWithMoreThanDigitsInItIsNoUniqueOne)
{
	for (const std::string wwid :
	     {"naa.6001\"\n[daemon]\nsocket_group = \"users", "naa.6001\\", "naa.", "eui.00 1"})
		EXPECT_THAT(why_not({.served = {{wwid, "sw3"}}}, wwid, all_of_them),
			    HasSubstr("not one that is unique"))
			<< wwid;
}

// Two guests of one kind of virtual machine have disks of one t10 name.
TEST(UnitFinder, ANameThatNeedNotBeUniqueIsNotTrusted)
{
	const std::string t10 = "t10.ATA     QEMU HARDDISK   QM00001";
	EXPECT_THAT(why_not({.own = {{t10, "sda", true}}}, t10), HasSubstr("unique in the world"));
}

TEST(UnitFinder, AUnitHasTheNameThatItsServerGaveIt)
{
	const FinderView view{.own = {{one, "sdb", true}, {two, "sdc", true}},
			      .served = {{one, "sw7"}, {two, "sw7"}}};
	EXPECT_THAT(found(view), ElementsAre(FoundUnit{"sw7", one}, FoundUnit{"sw0", two}));
	// What is no name of a unit is none here.
	EXPECT_THAT(found({.own = {{one, "sdb"}}, .served = {{one, "../x"}}}),
		    ElementsAre(FoundUnit{"sw0", one}));
}

TEST(UnitFinder, ADiskThatOnlyOthersHaveIsFoundIfAllAreWanted)
{
	const FinderView view{.served = {{one, "sw3"}}};
	EXPECT_THAT(why_not(view, one), HasSubstr("no path of its own"));
	EXPECT_THAT(found(view, all_of_them), ElementsAre(FoundUnit{"sw3", one}));
	EXPECT_THAT(why_not({.own = {{two, "sdb"}}}, two, all_of_them), HasSubstr("no other host"));
}

} // namespace
} // namespace swpath
