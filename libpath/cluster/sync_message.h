// SPDX-License-Identifier: LGPL-2.1-or-later
/// What the recoveries of the members say to each other, as bytes and back. docs/protocol.md has
/// the layout. Pure and bounded: a frame is at most sync_frame_bytes_max, whatever it claims. The
/// sender is not in it: the engine knows it, by a key or by a node's number.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "libpath/base/result.h"
#include "libpath/cluster/sync_service.h"

namespace swpath
{

inline constexpr std::uint32_t sync_magic = 0x53575053; ///< "SWPS"
inline constexpr std::uint16_t sync_version = 1;
inline constexpr std::size_t sync_data_bytes_max = 8192;
inline constexpr std::size_t sync_frame_bytes_max = 12288;
inline constexpr std::size_t sync_services_max = 64;
inline constexpr std::uint64_t sync_epoch_max = std::uint64_t(1) << 62;
/// An epoch grows by one at a time: one that is further ahead of what a host has seen is not
/// believed.
inline constexpr std::uint64_t sync_epoch_leap_max = std::uint64_t(1) << 32;

/// "These are the members that I know of, and my services." A round begins when all members say
/// the same list with the same tag.
struct SyncExchange {
	std::vector<Member> members;     ///< in order
	std::vector<ServiceId> services; ///< in order
	SyncTag last;                    ///< the last complete round
	bool again = false;              ///< said before, and an answer is missing

	bool operator==(const SyncExchange &) const = default;
};

/// A message of a service.
struct SyncData {
	ServiceId service{};
	std::uint32_t number = 0; ///< of the sender's for this service, from 0
	std::string bytes;

	bool operator==(const SyncData &) const = default;
};

/// "I have come so far": 2i + 1, the i-th service has said all; 2i + 2, it is activated.
struct SyncStep {
	std::uint32_t step = 0;
	std::uint32_t messages = 0; ///< odd steps: how many SyncData there were

	bool operator==(const SyncStep &) const = default;
};

/// "I wait for `whom` to come to `step`, and have so many messages": what is missing is said again.
struct SyncAsk {
	Member whom;
	std::uint32_t step = 0;
	std::uint32_t have = 0;

	bool operator==(const SyncAsk &) const = default;
};

/// "Since our round has ended, this has changed": a service to itself on the other members.
struct SyncNews {
	ServiceId service{};
	std::string bytes;

	bool operator==(const SyncNews &) const = default;
};

struct SyncMessage {
	SyncTag tag;
	std::variant<SyncExchange, SyncData, SyncStep, SyncAsk, SyncNews> body;

	bool operator==(const SyncMessage &) const = default;
};

[[nodiscard]] std::string encode(const SyncMessage &message);

/// Errors: EPROTONOSUPPORT another version; EMSGSIZE longer than sync_frame_bytes_max; EBADMSG
/// anything else.
[[nodiscard]] Result<SyncMessage> decode_sync_message(std::string_view bytes);

} // namespace swpath
