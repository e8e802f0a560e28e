// SPDX-License-Identifier: LGPL-2.1-or-later
#include "libpath/cluster/disk_sightings.h"

#include <iterator>
#include <utility>

#include "libpath/cluster/message_bytes.h"
#include "libpath/cluster/sync_message.h"

namespace swpath
{
namespace
{

constexpr MessageHead head{sightings_magic, sightings_version, "a message of what disks hosts see"};

constexpr std::size_t head_bytes = 4 + 2 + 1 + 2;
constexpr std::size_t entry_bytes = 8;
constexpr std::size_t each_max = (sync_data_bytes_max - head_bytes) / entry_bytes;

std::string encode(const SightingMessage &message)
{
	ByteWriter to;
	write_head(to, head);
	to.number(static_cast<std::uint8_t>(message.first));
	to.number(static_cast<std::uint16_t>(message.disks.size()));
	for (const auto disk : message.disks)
		to.number(disk);
	return to.bytes;
}

} // namespace

std::vector<std::string> sighting_messages(const DiskHashes &disks)
{
	std::vector<std::string> messages;
	SightingMessage message;
	for (const auto each : disks) {
		if (message.disks.size() == each_max) {
			messages.push_back(encode(message));
			message = {false, {}};
		}
		message.disks.insert(each);
	}
	messages.push_back(encode(message));
	return messages;
}

Result<SightingMessage> decode_sightings(std::string_view bytes)
{
	if (bytes.size() > sync_data_bytes_max)
		return fail(EMSGSIZE, "a message of what disks hosts see");
	ByteReader from(bytes);
	if (auto ours = read_head(from, head); !ours)
		return tl::unexpected(ours.error());
	SightingMessage message;
	message.first = from.flag();
	const auto count = from.number<std::uint16_t>();
	for (unsigned i = 0; i < count && from.good(); i++) {
		const auto disk = from.number<std::uint64_t>();
		// In order without doubles, so that equal ones are equal bytes.
		from.expect(disk != 0 && (message.disks.empty() || *message.disks.rbegin() < disk));
		message.disks.insert(disk);
	}
	if (!from.at_end())
		return fail(EBADMSG,
			    "a message of what disks hosts see that is not as it should be");
	return message;
}

void DiskSightings::set_own(DiskHashes disks)
{
	while (disks.size() > sightings_max)
		disks.erase(std::prev(disks.end()));
	own_ = std::move(disks);
}

DiskHashes DiskSightings::of_others() const
{
	DiskHashes all;
	for (const auto &[member, said] : members())
		if (member != self())
			all.insert(said.begin(), said.end());
	return all;
}

std::vector<std::string> DiskSightings::write(const DiskHashes &said) const
{
	return sighting_messages(said);
}

void DiskSightings::read(std::string_view message, DiskHashes &into) const
{
	const auto read = decode_sightings(message);
	if (!read)
		return;
	if (read->first)
		into.clear();
	for (const auto each : read->disks)
		if (into.size() < sightings_max)
			into.insert(each);
}

} // namespace swpath
