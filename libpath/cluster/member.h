// SPDX-License-Identifier: LGPL-2.1-or-later
/// Who takes part in the cluster, and which membership is meant. All of it is passed by value: what
/// a round began with cannot change under it.
#pragma once

#include <algorithm>
#include <compare>
#include <cstdint>
#include <string>
#include <vector>

namespace swpath
{

inline constexpr std::size_t member_host_bytes_max = 64;
inline constexpr std::size_t members_max = 64;

/// One life of one host's pathd.
struct Member {
	std::string host;              ///< its name; compared byte by byte
	std::uint64_t incarnation = 0; ///< another one after a restart

	auto operator<=>(const Member &) const = default;
};

/// A membership as the engine counts them.
struct RingId {
	std::string leader;         ///< host that formed it
	std::uint64_t sequence = 0; ///< grows; 0: none

	auto operator<=>(const RingId &) const = default;
};

/// One attempt of the members of a ring to recover together. `epoch` grows with each attempt, so
/// that one that was given up is never taken for its successor in the same ring.
struct SyncTag {
	RingId ring;
	std::uint64_t epoch = 0; ///< 0: none

	[[nodiscard]] bool valid() const { return epoch != 0; }
	auto operator<=>(const SyncTag &) const = default;
};

/// What an engine says after each change.
struct Membership {
	RingId ring;
	std::vector<Member> members; ///< sorted, each once; empty: this host has left
	/// Hosts that the engine's lower layer still has. A member of another host is a ghost: the
	/// engine lists it (corosync before 2026-07 can), and it will never speak.
	std::vector<std::string> hosts;

	bool operator==(const Membership &) const = default;
};

/// Sorted, each once: the form that every list of members has.
inline void put_in_order(std::vector<Member> &members)
{
	std::sort(members.begin(), members.end());
	members.erase(std::unique(members.begin(), members.end()), members.end());
}

[[nodiscard]] inline bool contains(const std::vector<Member> &members, const Member &one)
{
	return std::binary_search(members.begin(), members.end(), one);
}

} // namespace swpath
