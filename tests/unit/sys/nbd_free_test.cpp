// SPDX-License-Identifier: GPL-2.0-or-later
#include "libpath/sys/nbd.h"

#include "tests/unit/sys/temporary_directory.h"

namespace swpath
{
namespace
{

class FindFreeNbd : public TemporaryDirectory
{
protected:
	void device(const std::string &name, const std::string &size, const std::string &number,
		    bool connected = false) const
	{
		write("block/" + name + "/size", size + "\n");
		write("block/" + name + "/dev", number + "\n");
		if (connected)
			write("block/" + name + "/pid", "4711\n");
	}
};

TEST_F(FindFreeNbd, TakesTheFirstThatHasNoConnectionAndNoSize)
{
	device("nbd0", "2048", "43:0", true);
	device("nbd1", "0", "43:32", true); // its server has died
	device("nbd2", "2048", "43:64");    // set up by ioctl
	device("nbd10", "0", "43:320");
	device("nbd3", "0", "43:96");
	device("sda", "0", "8:0");
	const auto found = find_free_nbd({}, directory_);
	ASSERT_TRUE(found);
	EXPECT_EQ(found->index, 3U);
	EXPECT_EQ(found->number, (DevNumber{43, 96}));
	EXPECT_EQ(find_free_nbd(3, directory_)->index, 10U);
	EXPECT_EQ(find_free_nbd(10, directory_).error().code, std::errc::no_such_device);
}

TEST_F(FindFreeNbd, AnotherConnectionOfTheNumberIsNotEnded)
{
	device("nbd3", "2048", "43:96", true);
	write("block/nbd3/backend", "swpath:sw0:peer beta/naa.6001@alpha@8\n");
	EXPECT_TRUE(disconnect_nbd("nbd3", "swpath:sw0:peer beta/naa.6001@alpha@7", directory_));
	EXPECT_TRUE(disconnect_nbd("nbd4", "swpath:sw0:peer beta/naa.6001@alpha@7", directory_))
		<< "it has ended";
	EXPECT_EQ(disconnect_nbd("sda", "", directory_).error().code, std::errc::invalid_argument);
}

TEST_F(FindFreeNbd, WithoutTheModuleThereIsNone)
{
	EXPECT_EQ(find_free_nbd({}, directory_).error().code, std::errc::no_such_device);
}

} // namespace
} // namespace swpath
