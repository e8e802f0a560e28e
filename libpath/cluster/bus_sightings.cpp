// SPDX-License-Identifier: LGPL-2.1-or-later
#include "libpath/cluster/bus_sightings.h"

#include <iterator>
#include <utility>

#include "libpath/cluster/message_bytes.h"
#include "libpath/cluster/sync_message.h"

namespace swpath
{
namespace
{

constexpr MessageHead head{sightings_magic, sightings_version,
			   "a message of what hosts see on their buses"};

constexpr std::size_t head_bytes = 4 + 2 + 1 + 2;
constexpr std::size_t entry_bytes = 4 + 1 + 8;
constexpr std::size_t each_max = (sync_data_bytes_max - head_bytes) / entry_bytes;

std::string encode(const SightingMessage &message)
{
	ByteWriter to;
	write_head(to, head);
	to.number(static_cast<std::uint8_t>(message.first));
	to.number(static_cast<std::uint16_t>(message.sightings.size()));
	for (const auto &each : message.sightings) {
		to.number(each.bus.allocation_class);
		to.number(static_cast<std::uint8_t>(each.bus.letter));
		to.number(each.disk);
	}
	return to.bytes;
}

} // namespace

std::vector<std::string> sighting_messages(const BusSightingSet &sightings)
{
	std::vector<std::string> messages;
	SightingMessage message;
	for (const auto &each : sightings) {
		if (message.sightings.size() == each_max) {
			messages.push_back(encode(message));
			message = {false, {}};
		}
		message.sightings.insert(each);
	}
	messages.push_back(encode(message));
	return messages;
}

Result<SightingMessage> decode_sightings(std::string_view bytes)
{
	if (bytes.size() > sync_data_bytes_max)
		return fail(EMSGSIZE, "a message of what hosts see on their buses");
	ByteReader from(bytes);
	if (auto ours = read_head(from, head); !ours)
		return tl::unexpected(ours.error());
	SightingMessage message;
	message.first = from.flag();
	const auto count = from.number<std::uint16_t>();
	for (unsigned i = 0; i < count && from.good(); i++) {
		BusSighting each;
		each.bus.allocation_class = from.number<std::uint32_t>();
		each.bus.letter = static_cast<char>(from.number<std::uint8_t>());
		each.disk = from.number<std::uint64_t>();
		from.expect(each.bus.letter >= BusName::letter_min &&
			    each.bus.letter <= BusName::letter_max && each.disk != 0);
		// In order without doubles, so that equal ones are equal bytes.
		from.expect(message.sightings.empty() || *message.sightings.rbegin() < each);
		message.sightings.insert(each);
	}
	if (!from.at_end())
		return fail(
			EBADMSG,
			"a message of what hosts see on their buses that is not as it should be");
	return message;
}

void BusSightings::set_own(BusSightingSet sightings)
{
	while (sightings.size() > sightings_max)
		sightings.erase(std::prev(sightings.end()));
	own_ = std::move(sightings);
}

BusSightingSet BusSightings::of_others() const
{
	BusSightingSet all;
	for (const auto &[member, said] : members())
		if (member != self())
			all.insert(said.begin(), said.end());
	return all;
}

std::set<std::uint64_t> BusSightings::disks_of_others() const
{
	std::set<std::uint64_t> disks;
	for (const auto &each : of_others())
		disks.insert(each.disk);
	return disks;
}

std::vector<std::string> BusSightings::write(const BusSightingSet &said) const
{
	return sighting_messages(said);
}

void BusSightings::read(std::string_view message, BusSightingSet &into) const
{
	const auto read = decode_sightings(message);
	if (!read)
		return;
	if (read->first)
		into.clear();
	for (const auto &each : read->sightings)
		if (into.size() < sightings_max)
			into.insert(each);
}

} // namespace swpath
