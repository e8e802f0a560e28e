// SPDX-License-Identifier: GPL-2.0-or-later
#include "libpath/cluster/disk_sightings.h"

#include <cerrno>

#include <gmock/gmock.h>

#include "libpath/cluster/sync_message.h"

namespace swpath
{
namespace
{

using ::testing::IsEmpty;
using ::testing::SizeIs;

const Member a{"a", 1}, b{"b", 1}, c{"c", 1};
int error_of(std::string_view bytes)
{
	const auto read = decode_sightings(bytes);
	return read ? 0 : read.error().code.value();
}

DiskHashes disks(std::uint64_t count)
{
	DiskHashes set;
	for (std::uint64_t i = 1; i <= count; i++)
		set.insert(i);
	return set;
}

TEST(DiskSightings, AreThoseOfTheOthersAfterARound)
{
	std::map<Member, DiskSightings> all;
	for (const auto &each : {a, b, c})
		all.try_emplace(each, each);
	all.at(a).set_own({1});
	all.at(b).set_own({1, 7});
	all.at(c).set_own(disks(sightings_max + 1));
	const SyncRound round{{{"a", 1}, 5}, {a, b, c}, {a}};
	for (auto &[to, book] : all)
		book.sync_init(round);
	for (auto &[from, book] : all)
		for (const auto &message : book.sync_process().messages) {
			EXPECT_LE(message.size(), sync_data_bytes_max);
			for (auto &[to, other] : all)
				other.sync_receive(from, message);
		}
	EXPECT_THAT(all.at(a).of_others(), IsEmpty());
	for (auto &[to, book] : all)
		book.sync_activate();
	EXPECT_EQ(all.at(c).of_others(), (DiskHashes{1, 7}));
	EXPECT_THAT(all.at(b).of_others(), SizeIs(sightings_max));
	// What changes is news, once.
	EXPECT_THAT(all.at(b).sync_news(), IsEmpty());
	all.at(b).set_own({});
	for (const auto &message : all.at(b).sync_news())
		all.at(c).sync_hear(b, message);
	EXPECT_THAT(all.at(b).sync_news(), IsEmpty());
	EXPECT_EQ(all.at(c).of_others(), (DiskHashes{1}));
	all.at(c).sync_hear(b, "garbage");
	EXPECT_EQ(all.at(c).of_others(), (DiskHashes{1}));
}

TEST(DiskSightings, AMessageThatIsNotAsWrittenIsRefused)
{
	const auto bytes = sighting_messages({1, 2}).at(0);
	ASSERT_EQ(error_of(bytes), 0);
	for (std::size_t size = 0; size < bytes.size(); size++)
		EXPECT_EQ(error_of(bytes.substr(0, size)), EBADMSG);
	EXPECT_EQ(error_of(bytes + '\0'), EBADMSG);
	auto other = bytes;
	other[5] = 9;
	EXPECT_EQ(error_of(other), EPROTONOSUPPORT);
	EXPECT_EQ(error_of(std::string(sync_data_bytes_max + 1, 'x')), EMSGSIZE);
	constexpr std::size_t head = 9, entry = 8;
	const auto with = [&](std::size_t at, char byte) {
		auto changed = bytes;
		changed[at] = byte;
		return error_of(changed);
	};
	EXPECT_EQ(with(head + entry - 1, 0), EBADMSG); // disk 0
	EXPECT_EQ(with(head + entry - 1, 2), EBADMSG); // twice
	EXPECT_EQ(with(head + entry - 1, 3), EBADMSG); // not in order
	EXPECT_EQ(with(6, 2), EBADMSG);                // no flag
}

} // namespace
} // namespace swpath
