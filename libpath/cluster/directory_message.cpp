// SPDX-License-Identifier: LGPL-2.1-or-later
#include "libpath/cluster/directory_message.h"

#include <cerrno>
#include <utility>

#include "libpath/cluster/message_bytes.h"
#include "libpath/cluster/sync_message.h"

namespace swpath
{
namespace
{

constexpr MessageHead head{directory_magic, directory_version, "a message of the server directory"};

/// Of a disk in an offer, with all that belongs to it.
std::size_t entry_bytes(const DirectoryOffers::Disk &disk)
{
	return 2 + disk.disk.size() + 2 + 2 + disk.unit.size();
}
constexpr std::size_t head_bytes_max = 4 + 2 + 1 + 2 + directory_address_bytes_max + 2;

std::string disk(ByteReader &from)
{
	auto text = from.text(directory_disk_bytes_max);
	from.expect(!text.empty());
	return text;
}

DirectoryOffers read_offers(ByteReader &from)
{
	DirectoryOffers offers;
	offers.first = from.flag();
	offers.address = from.text(directory_address_bytes_max);
	const auto count = from.number<std::uint16_t>();
	for (unsigned i = 0; i < count && from.good(); i++) {
		DirectoryOffers::Disk each;
		each.disk = disk(from);
		each.priority = from.number<std::uint16_t>();
		each.unit = from.text(directory_unit_bytes_max);
		offers.disks.push_back(std::move(each));
	}
	return offers;
}

} // namespace

std::string encode(const DirectoryOffers &offers)
{
	ByteWriter to;
	write_head(to, head);
	to.number(static_cast<std::uint8_t>(offers.first));
	to.text(offers.address, directory_address_bytes_max);
	to.number(static_cast<std::uint16_t>(offers.disks.size()));
	for (const auto &each : offers.disks) {
		to.text(each.disk, directory_disk_bytes_max);
		to.number(each.priority);
		to.text(each.unit, directory_unit_bytes_max);
	}
	return to.bytes;
}

Result<DirectoryOffers> decode_offers(std::string_view bytes)
{
	if (bytes.size() > sync_data_bytes_max)
		return fail(EMSGSIZE, "a message of the server directory");
	ByteReader from(bytes);
	if (auto ours = read_head(from, head); !ours)
		return tl::unexpected(ours.error());
	auto offers = read_offers(from);
	if (!from.at_end())
		return fail(EBADMSG,
			    "a message of the server directory that is not as it should be");
	return offers;
}

std::vector<std::string> offer_messages(const std::string &address,
					const std::vector<DirectoryOffers::Disk> &disks)
{
	std::vector<std::string> messages;
	DirectoryOffers offers{true, address, {}};
	std::size_t bytes = head_bytes_max;
	for (const auto &disk : disks) {
		if (bytes + entry_bytes(disk) > sync_data_bytes_max) {
			messages.push_back(encode(offers));
			offers.first = false;
			offers.disks.clear();
			bytes = head_bytes_max;
		}
		bytes += entry_bytes(disk);
		offers.disks.push_back(disk);
	}
	messages.push_back(encode(offers));
	return messages;
}

} // namespace swpath
