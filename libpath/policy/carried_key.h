// SPDX-License-Identifier: LGPL-2.1-or-later
/// Reservations that a unit's users make hold over a switch (P7).
///
/// A user registers a key through /dev/swN, so on the nexus of a direct path that is in use. Two
/// rules carry it. CarriedKey, on the user's host: the unit's other direct paths have the same key,
/// before they are needed. ClientKeys, on a host that serves it: its nexus is registered, with a
/// client's key if it has none of its own, and serves each client only while that client's key is
/// on the disk, so that who preempts that key has shut the client out of every way.
///
/// The reservation itself is not touched: type and holder stay what they are, and nobody's key is
/// preempted. That is why only types for registrants can be carried: with the others one nexus
/// alone has the right, and it is the one that was lost.
///
/// For units without `reservations`; with it, the keys are ours and the fence's.
///
/// Pure: looks come in with their time, changes to be made come out.
#pragma once

#include <array>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "libpath/base/instant.h"
#include "libpath/unit/kinds.h"
#include "libpath/unit/reservation.h"

namespace swpath
{

/// How one look at a disk through one direct path went.
struct NexusSight {
	unsigned path = 0; ///< in the table's order; less than SW_PATHS_MAX
	Instant began{};
	/// The path is in use: what users send to the unit goes through it.
	bool in_use = false;
	/// Another direct path is: then a key on this one is not our users' unless they have it
	/// there, too.
	bool other_in_use = false;
	NexusView view;
};

class CarriedKey
{
public:
	/// What has to outlive the daemon: a copy must not be taken for a user's key.
	struct State {
		std::uint64_t key = 0;    ///< the unit's users'; 0: none
		std::uint64_t last = 0;   ///< the one before, to be taken off other paths
		std::uint32_t copies = 0; ///< a bit for each path that has it from us
		std::uint32_t places = 0; ///< a bit for each path that has or had it from users
		std::uint32_t peers = 0;  ///< a bit for each path whose peer says it has it
		std::uint32_t had = 0; ///< a bit for each path that had `key` by an earlier device
		/// What each path had before `key`, and may have still: it need not be `last`, for
		/// a path may be away while users change their key more than once. 0: nothing.
		std::array<std::uint64_t, SW_PATHS_MAX> old{};
		/// A bit for each path whose `old` was never known for users': it stays where it
		/// is.
		std::uint32_t strange = 0;
		bool operator==(const State &) const = default;
	};

	CarriedKey() = default;
	explicit CarriedKey(const State &state) : state_(state) {}

	/// True: the state has changed.
	[[nodiscard]] bool looked(const NexusSight &sight, Instant now);
	/// The path's nexus has been given `key`, which wanted() said.
	void changed(unsigned path, std::uint64_t key);
	/// Another nexus, or another connection to a peer, stands for the path.
	void forget(unsigned path);
	/// The path's peer was told `key`, and answers that our users have the same rights there
	/// (`refusal` is empty), or why not. An answer for another key than the present one says
	/// nothing. True: the state has changed.
	[[nodiscard]] bool answered(unsigned path, std::uint64_t key, std::string refusal);

	[[nodiscard]] const State &state() const { return state_; }
	/// What the path's nexus is to have instead of what it has; no value: it is right as it
	/// is, or not known.
	[[nodiscard]] std::optional<NexusChange> wanted(unsigned path) const;
	/// Why the path is not to be opened; empty: it may be.
	[[nodiscard]] std::string missing(unsigned path) const;
	/// The same of a path by `peer`: until that has answered for the key, nobody knows whether
	/// a write there would meet a reservation.
	[[nodiscard]] std::string missing_by_peer(unsigned path, const std::string &peer) const;
	/// The paths whose nexuses have the key, from users or from us, in order.
	[[nodiscard]] std::vector<unsigned> paths() const;
	/// The reservation as it was seen last, through any path.
	[[nodiscard]] ReservationType type() const { return type_; }

private:
	static constexpr std::uint32_t bit(unsigned path) { return 1U << path; }
	void replace(std::uint64_t key);
	[[nodiscard]] bool is_left(unsigned path, std::uint64_t own) const;

	State state_;
	std::array<std::optional<NexusView>, SW_PATHS_MAX> views_{};
	std::array<std::string, SW_PATHS_MAX> refusals_{}; ///< of peers, the last one of each
	ReservationType type_ = ReservationType::None;
	Instant confirmed_{}; ///< the key was on the disk then
};

class ClientKeys
{
public:
	struct State {
		/// Of the clients that have told: their users' keys; 0: none.
		std::map<std::string, std::uint64_t> keys;
		std::uint64_t copy = 0; ///< what our nexus has from us; 0: nothing
		bool operator==(const State &) const = default;
	};

	ClientKeys() = default;
	explicit ClientKeys(State state) : state_(std::move(state)) {}

	/// The client says what its users' key is.
	void told(const std::string &client, std::uint64_t key);
	/// It is not served any more. Its key is taken off our nexus first: told() 0 and looked().
	void forget(const std::string &client) { state_.keys.erase(client); }

	struct Verdict {
		/// What our nexus is to have instead; then look again.
		std::optional<NexusChange> change;
		/// Why the client may not use the disk through us; empty: it has the rights here
		/// that it has itself.
		std::string refusal;
	};
	/// For a client that has told. Where our nexus has another client's key it keeps it: the
	/// types that can be carried give all registrants the same rights.
	[[nodiscard]] Verdict looked(const std::string &client, const NexusView &view);
	/// Our nexus has been given what `change` said.
	void changed(std::uint64_t key) { state_.copy = key; }

	/// The view without the copy: what this host's own users have.
	[[nodiscard]] NexusView own_view(NexusView view) const;
	[[nodiscard]] const State &state() const { return state_; }

	/// Our nexus has a key from us that is none of the clients' any more.
	[[nodiscard]] bool copy_is_left() const;

private:
	State state_;
};

} // namespace swpath
