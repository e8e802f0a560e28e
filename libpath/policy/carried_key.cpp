// SPDX-License-Identifier: LGPL-2.1-or-later
#include "libpath/policy/carried_key.h"

#include <algorithm>
#include <utility>

#include <fmt/core.h>

namespace swpath
{

void CarriedKey::replace(std::uint64_t key)
{
	state_.last = state_.key;
	for (unsigned path = 0; path < SW_PATHS_MAX; path++)
		if (((state_.copies | state_.places | state_.had) & bit(path)) != 0) {
			state_.old.at(path) = state_.key;
			state_.strange &= ~bit(path);
		}
	state_.had = 0;
	state_.key = key;
	state_.copies = 0;
	state_.places = 0;
	state_.peers = 0;
	// Without a key users have no more rights than before it went.
	if (key != 0)
		refusals_.fill({});
}

/// It is users' again only where it has been gone in between.
bool CarriedKey::is_left(unsigned path, std::uint64_t own) const
{
	return own != 0 && own != state_.key && own == state_.old.at(path);
}

bool CarriedKey::looked(const NexusSight &sight, Instant now)
{
	const State before = state_;
	const auto &view = sight.view;
	const auto place = bit(sight.path);
	views_.at(sight.path) = view;
	type_ = view.type;

	// Nobody gives this nexus keys but us and our users.
	const bool replaced = ((state_.copies | state_.places | state_.had) & place) != 0 &&
			      view.own != 0 && view.own != state_.key;
	if ((state_.copies & place) != 0 && view.own != state_.key) {
		// It came to be used, and its users have changed it; or it was taken away with all
		// the others, which the disk's list tells below.
		state_.copies &= ~place;
		if (sight.in_use)
			state_.places |= place;
	}
	const bool speaks = sight.in_use || !sight.other_in_use;
	if (view.own != 0 && view.own != state_.key && !is_left(sight.path, view.own) &&
	    (replaced || sight.in_use || (view.own != state_.last && speaks && state_.key == 0))) {
		replace(view.own);
		state_.places = place;
	} else if (view.own != 0 && view.own == state_.key) {
		if ((state_.copies & place) == 0)
			state_.places |= place;
	} else if (state_.key != 0 && view.own == 0 && sight.in_use &&
		   (state_.places & place) != 0) {
		replace(0); // where it was, and users would have it still
	} else if (state_.key != 0 && !view.has(state_.key) && sight.began >= confirmed_) {
		// Preempted, or cleared: nothing is put back.
		replace(0);
		state_.last = 0;
	}
	if (!is_left(sight.path, view.own)) {
		// Not by users through this path as long as it is not in use: so not when it comes
		// to be used, either.
		const bool strange = view.own != 0 && view.own != state_.key && state_.key != 0;
		state_.old.at(sight.path) = strange ? view.own : 0;
		state_.strange = strange ? state_.strange | place : state_.strange & ~place;
	}
	if (state_.key != 0 && view.has(state_.key))
		confirmed_ = now;
	if (state_.last != 0 && state_.last == state_.key)
		state_.last = 0;
	return state_ != before;
}

void CarriedKey::forget(unsigned path)
{
	views_.at(path).reset();
	state_.had |= (state_.copies | state_.places) & bit(path);
	state_.copies &= ~bit(path);
	state_.places &= ~bit(path);
	state_.peers &= ~bit(path);
	refusals_.at(path).clear();
}

bool CarriedKey::answered(unsigned path, std::uint64_t key, std::string refusal)
{
	if (key != state_.key)
		return false;
	const auto before = state_.peers;
	if (refusal.empty() && key != 0)
		state_.peers |= bit(path);
	else
		state_.peers &= ~bit(path);
	refusals_.at(path) = std::move(refusal);
	return state_.peers != before;
}

void CarriedKey::changed(unsigned path, std::uint64_t key)
{
	if (key != 0 && key == state_.key)
		state_.copies |= bit(path);
	state_.places &= ~bit(path);
	views_.at(path).reset();
}

std::optional<NexusChange> CarriedKey::wanted(unsigned path) const
{
	const auto &view = views_.at(path);
	if (!view)
		return std::nullopt;
	const bool missing = view->own == 0 && state_.key != 0 && view->has(state_.key);
	const bool left = view->own != 0 && view->own == state_.last && view->own != state_.key;
	const bool older = is_left(path, view->own) && (state_.strange & bit(path)) == 0;
	if (!missing && !left && !older)
		return std::nullopt;
	return NexusChange{view->own, state_.key};
}

std::vector<unsigned> CarriedKey::paths() const
{
	std::vector<unsigned> paths;
	for (unsigned path = 0; path < SW_PATHS_MAX; path++)
		if (state_.key != 0 && ((state_.copies | state_.places) & bit(path)) != 0)
			paths.push_back(path);
	return paths;
}

std::string CarriedKey::missing(unsigned path) const
{
	const auto &view = views_.at(path);
	if (!view || state_.key == 0 || view->own == state_.key ||
	    view->type == ReservationType::None)
		return {};
	return fmt::format("the disk is reserved ({}), and this path has not got the key {} yet",
			   reservation_type_text(view->type), reservation_key_text(state_.key));
}

std::string CarriedKey::missing_by_peer(unsigned path, const std::string &peer) const
{
	if (!refusals_.at(path).empty())
		return fmt::format("{}: {}", peer, refusals_.at(path));
	if (state_.key == 0 || (state_.peers & bit(path)) != 0)
		return {};
	return fmt::format("{} has not said yet that the key of the unit's users is on its path",
			   peer);
}

void ClientKeys::told(const std::string &client, std::uint64_t key)
{
	state_.keys[client] = key;
}

bool ClientKeys::copy_is_left() const
{
	return state_.copy != 0 &&
	       std::none_of(state_.keys.begin(), state_.keys.end(),
			    [this](const auto &each) { return each.second == state_.copy; });
}

ClientKeys::Verdict ClientKeys::looked(const std::string &name, const NexusView &view)
{
	if (view.own != state_.copy)
		state_.copy = 0; // taken away, or this host's users have registered
	const auto key = state_.keys[name];
	const bool stale = copy_is_left();
	if (key == 0) {
		Verdict verdict;
		// To what another client needs at once: between two registrations it has no rights.
		if (stale) {
			verdict.change = NexusChange{view.own, 0};
			for (const auto &[other, left] : state_.keys)
				if (left != 0 && view.has(left))
					verdict.change->key = left;
		}
		if (view.type != ReservationType::None)
			verdict.refusal =
				fmt::format("the disk is reserved ({}), and {} has no key on it",
					    reservation_type_text(view.type), name);
		return verdict;
	}
	if (!view.has(key))
		return {std::nullopt,
			fmt::format("{}'s key {} is not on the disk any more: it was preempted",
				    name, reservation_key_text(key))};
	if (view.own == 0 || stale)
		return {NexusChange{view.own, key}, {}};
	if (view.type == ReservationType::None || for_registrants(view.type))
		return {};
	return {std::nullopt,
		fmt::format("the disk's reservation ({}) is for one nexus alone: it cannot be "
			    "carried to another host",
			    reservation_type_text(view.type))};
}

NexusView ClientKeys::own_view(NexusView view) const
{
	if (state_.copy != 0 && view.own == state_.copy)
		view.own = 0;
	return view;
}

} // namespace swpath
