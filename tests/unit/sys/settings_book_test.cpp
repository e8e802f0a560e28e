// SPDX-License-Identifier: GPL-2.0-or-later
#include "libpath/sys/settings_book.h"

#include <csignal>

#include <fcntl.h>
#include <gmock/gmock.h>
#include <sys/resource.h>
#include <sys/stat.h>

#include "libpath/base/unique_fd.h"
#include "libpath/sys/file.h"
#include "tests/unit/sys/temporary_directory.h"

namespace swpath
{
namespace
{

using testing::ElementsAre;
using testing::IsEmpty;

class Book : public TemporaryDirectory
{
protected:
	[[nodiscard]] SettingsBook open() const
	{
		auto book = SettingsBook::open(path("run/settings"));
		EXPECT_TRUE(book) << book.error().message();
		return *book;
	}
	[[nodiscard]] std::string value(const std::string &name) const
	{
		return *read_attribute(path(name));
	}
	void somebody_sets(const std::string &name, const std::string &text) const
	{
		write(name, text + "\n");
	}

	const std::string timeout = write("timeout", "30\n");
	const std::string deadline = write("deadline", "off\n");
};

TEST_F(Book, PutsBackWhatItFound)
{
	auto book = open();
	ASSERT_TRUE(book.borrow("sda", {{timeout, "4"}, {deadline, "10"}}));
	EXPECT_EQ(value("timeout"), "4");
	EXPECT_EQ(value("deadline"), "10");
	EXPECT_THAT(book.legs(), ElementsAre("sda"));
	ASSERT_TRUE(book.give_back("sda"));
	EXPECT_EQ(value("timeout"), "30");
	EXPECT_EQ(value("deadline"), "off");
	EXPECT_THAT(book.legs(), IsEmpty());
}

TEST_F(Book, RemembersAcrossARestart)
{
	ASSERT_TRUE(open().borrow("sda", {{timeout, "4"}}));
	auto second = open();
	EXPECT_THAT(second.legs(), ElementsAre("sda"));
	ASSERT_TRUE(second.borrow("sda", {{timeout, "3"}}));
	EXPECT_EQ(value("timeout"), "3");
	auto third = open();
	ASSERT_TRUE(third.give_back("sda"));
	EXPECT_EQ(value("timeout"), "30");
	EXPECT_THAT(open().legs(), IsEmpty());
}

TEST_F(Book, AThousandUnitsFitIn)
{
	std::string text = "swpath settings 1\n";
	// As long as the path of a disk behind a bridge and a remote port.
	const std::string device(120, 'd');
	for (unsigned leg = 0; leg < 8000; leg++) {
		const auto name = "leg" + std::to_string(leg);
		text += write(device + "/" + name, "4\n") + "\t30\t4\t" + name + "\n";
	}
	ASSERT_GT(text.size(), 1U << 20);
	write("run/settings", text);
	EXPECT_EQ(open().legs().size(), 8000U);
}

TEST_F(Book, ALegMoreIsALineMoreHoweverManyThereAre)
{
	auto book = open();
	for (unsigned leg = 0; leg < 1000; leg++)
		ASSERT_TRUE(book.borrow("leg" + std::to_string(leg),
					{{write("d" + std::to_string(leg), "30\n"), "4"}}));
	const UniqueFd file(::open(path("run/settings").c_str(), O_RDONLY | O_CLOEXEC));
	struct stat before {
	}, after{};
	ASSERT_EQ(fstat(file.get(), &before), 0);
	ASSERT_TRUE(book.borrow("sda", {{deadline, "10"}}));
	ASSERT_EQ(fstat(file.get(), &after), 0);
	EXPECT_EQ(after.st_nlink, 1U) << "it is another file now";
	EXPECT_LT(after.st_size - before.st_size, 300);
	EXPECT_EQ(open().legs().size(), 1001U);
	ASSERT_TRUE(book.give_back("leg7"));
	EXPECT_EQ(value("d7"), "30");
	EXPECT_EQ(open().legs().size(), 1000U);
}

TEST_F(Book, ItDoesNotGrowForever)
{
	auto book = open();
	ASSERT_TRUE(book.borrow("sdb", {{deadline, "10"}}));
	for (unsigned i = 0; i < 3000; i++) {
		ASSERT_TRUE(book.borrow("sda", {{timeout, "4"}, {deadline, "10"}}));
		ASSERT_TRUE(book.give_back("sda"));
	}
	EXPECT_LT(std::filesystem::file_size(path("run/settings")), 100U << 10);
	EXPECT_THAT(open().legs(), ElementsAre("sdb"));
}

TEST_F(Book, ALineWhoseWriterDiedIsNone)
{
	ASSERT_TRUE(open().borrow("sda", {{timeout, "4"}}));
	const auto whole = read_file(path("run/settings"), 4096).value();
	const auto begun = deadline + "\toff\t10\tsd";
	for (std::size_t bytes = 0; bytes <= begun.size(); bytes++) {
		write("run/settings", whole + begun.substr(0, bytes));
		ASSERT_THAT(open().legs(), ElementsAre("sda")) << bytes;
	}
	// What comes next is no part of it.
	auto book = open();
	ASSERT_TRUE(book.borrow("sdb", {{deadline, "10"}}));
	EXPECT_THAT(open().legs(), ElementsAre("sda", "sdb"));
}

TEST_F(Book, ASharedAttributeGoesBackWithItsLastLeg)
{
	auto book = open();
	ASSERT_TRUE(book.borrow("sda", {{deadline, "10"}}));
	ASSERT_TRUE(book.borrow("sdb", {{deadline, "10"}}));
	ASSERT_TRUE(book.give_back("sda"));
	EXPECT_EQ(value("deadline"), "10");
	ASSERT_TRUE(book.give_back("sdb"));
	EXPECT_EQ(value("deadline"), "off");
}

TEST_F(Book, AValueThatSomebodyElseChangedIsTheirs)
{
	auto book = open();
	ASSERT_TRUE(book.borrow("sda", {{timeout, "4"}}));
	somebody_sets("timeout", "60");
	ASSERT_TRUE(book.give_back("sda"));
	EXPECT_EQ(value("timeout"), "60");

	ASSERT_TRUE(book.borrow("sda", {{timeout, "4"}}));
	somebody_sets("timeout", "90");
	ASSERT_TRUE(book.borrow("sda", {{timeout, "4"}}));
	ASSERT_TRUE(book.give_back("sda"));
	EXPECT_EQ(value("timeout"), "90");
}

TEST_F(Book, DyingBeforeTheValueWasSetPutsNothingBack)
{
	write("run/settings", "swpath settings 1\n" + timeout + "\t20\t4\tsda\n");
	auto book = open();
	ASSERT_TRUE(book.give_back("sda"));
	EXPECT_EQ(value("timeout"), "30");
}

TEST_F(Book, WhatIsRefusedStaysBorrowed)
{
	auto book = open();
	ASSERT_TRUE(book.borrow("sda", {{timeout, "4"}}));
	{
		const auto handler = ::signal(SIGXFSZ, SIG_IGN);
		rlimit before{};
		ASSERT_EQ(::getrlimit(RLIMIT_FSIZE, &before), 0);
		const rlimit none{0, before.rlim_max};
		ASSERT_EQ(::setrlimit(RLIMIT_FSIZE, &none), 0);
		const auto refused = book.give_back("sda");
		ASSERT_EQ(::setrlimit(RLIMIT_FSIZE, &before), 0);
		::signal(SIGXFSZ, handler);
		ASSERT_FALSE(refused);
	}
	EXPECT_THAT(book.legs(), ElementsAre("sda"));
	somebody_sets("timeout", "4"); // the refused write may have emptied the file of the test
	ASSERT_TRUE(open().give_back("sda"));
	EXPECT_EQ(value("timeout"), "30");
}

TEST_F(Book, WhatIsNoLongerWantedGoesBack)
{
	auto book = open();
	ASSERT_TRUE(book.borrow("sda", {{timeout, "4"}, {deadline, "10"}}));
	ASSERT_TRUE(book.borrow("sda", {{timeout, "4"}}));
	EXPECT_EQ(value("deadline"), "off");
	EXPECT_EQ(value("timeout"), "4");
}

TEST_F(Book, ADeviceThatIsGoneIsNoError)
{
	auto book = open();
	ASSERT_TRUE(book.borrow("sda", {{timeout, "4"}}));
	std::filesystem::remove(timeout);
	EXPECT_TRUE(book.give_back("sda"));
	EXPECT_TRUE(book.give_back("sdx"));
}

TEST_F(Book, ADeviceThatIsGoneIsForgottenAtARestart)
{
	ASSERT_TRUE(open().borrow("sda", {{timeout, "4"}}));
	std::filesystem::remove(timeout);
	EXPECT_THAT(open().legs(), IsEmpty());
}

TEST_F(Book, AsManyAsPossibleAreSet)
{
	auto book = open();
	const auto done = book.borrow("sda", {{path("none"), "1"}, {timeout, "4"}});
	ASSERT_FALSE(done);
	EXPECT_EQ(done.error().context, "read " + path("none"));
	EXPECT_EQ(value("timeout"), "4");
	ASSERT_TRUE(book.give_back("sda"));
	EXPECT_EQ(value("timeout"), "30");
}

TEST_F(Book, AnotherFileIsNotTakenForABook)
{
	write("run/settings", "something else\n");
	EXPECT_EQ(SettingsBook::open(path("run/settings")).error().context,
		  path("run/settings") + ":1: is not a book of settings");
	for (const char *line : {"x", "/a\tb\tc", "/a\tb\tc\t", "", "a\tb\tc\tsda"}) {
		write("run/settings", "swpath settings 1\n" + std::string(line) + "\n");
		EXPECT_EQ(SettingsBook::open(path("run/settings")).error().context,
			  path("run/settings") + ":2: is not a setting")
			<< line;
	}
}

} // namespace
} // namespace swpath
