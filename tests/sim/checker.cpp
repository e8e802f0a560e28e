// SPDX-License-Identifier: GPL-2.0-or-later
#include "checker.h"

#include <algorithm>

#include <fmt/core.h>

namespace swpath::sim
{

namespace
{

/// Servers look once a second; then the answer of a disk, and the end of the export.
constexpr Nanos preempted_served_max = 5 * sec;
/// By then a path that works again has been found, and people have ended what they can.
constexpr Nanos found_again_max = 60 * sec;

} // namespace

void Checker::breach(const char *promise, std::string text)
{
	if (violation_.promise.empty())
		violation_ = {promise, std::move(text), schedule_.now()};
}

void Checker::unknown(std::uint32_t number)
{
	blocks_[number].known = false;
}

void Checker::write_begins(std::uint32_t number, Stamp stamp)
{
	auto &block = blocks_[number];
	block.versions.push_back({stamp, false});
	block.since_durable.push_back(stamp);
}

void Checker::write_ends(std::uint32_t number, Stamp stamp, Status status, bool fua,
			 const Point &since)
{
	auto &block = blocks_[number];
	if (status != Status::Ok || since.ghosts != block.ghosts ||
	    (since.losses != losses_ && !fua)) // it may have happened
		return;
	block.versions.assign(1, {stamp, true});
	block.known = true;
	if (fua)
		block.since_durable.assign(1, stamp);
}

/// The block is `value` from now on: what was older is gone, what is newer may still come.
void Checker::settle(Block &block, Stamp value)
{
	const auto at = std::find_if(block.versions.begin(), block.versions.end(),
				     [value](const Version &v) { return v.stamp == value; });
	if (at == block.versions.end())
		block.versions.assign(1, {value, true});
	else
		block.versions.erase(block.versions.begin(), at);
	block.versions.front().acknowledged = true;
	block.known = true;
}

void Checker::read_ends(std::uint32_t number, Stamp value, const Point &since)
{
	if (since.losses != losses_ || since.ghosts != blocks_[number].ghosts)
		return;
	auto &block = blocks_[number];
	if (block.known && std::none_of(block.versions.begin(), block.versions.end(),
					[value](const Version &v) { return v.stamp == value; }))
		breach("P1", fmt::format("block {} returned {}, and {} had been acknowledged",
					 number, value, block.versions.front().stamp));
	settle(block, value);
}

Checker::FlushPoint Checker::flush_begins() const
{
	FlushPoint point{.since = {losses_, ghosts_}};
	for (std::uint32_t i = 0; i < block_count; i++)
		point.acknowledged[i] = blocks_[i].known ? blocks_[i].versions.front().stamp : 0;
	return point;
}

/// A flush that was out when the cache was lost proves nothing about what had been in it, nor one
/// that a ghost came in between.
void Checker::flush_ends(const FlushPoint &point)
{
	if (point.since.losses != losses_ || point.since.ghosts != ghosts_)
		return;
	for (std::uint32_t i = 0; i < block_count; i++) {
		auto &since = blocks_[i].since_durable;
		const auto at = std::find(since.begin(), since.end(), point.acknowledged[i]);
		if (at != since.end())
			since.erase(since.begin(), at);
	}
}

void Checker::cache_lost()
{
	losses_++;
	for (auto &block : blocks_) {
		// Older versions than the latest acknowledged one may be back, a durable one at
		// least.
		std::vector<Version> versions;
		for (const Stamp stamp : block.since_durable)
			versions.push_back({stamp, false});
		versions.front().acknowledged = true;
		block.versions = std::move(versions);
	}
}

void Checker::opened(std::uint64_t opening, unsigned path, std::uint64_t device,
		     std::uint64_t epoch)
{
	const bool another = path != open_path_ || device != open_device_;
	opening_ = opening;
	lost_at_.clear();
	if (another && epoch == epoch_)
		breach("P9",
		       fmt::format("I/O went on by another device and the epoch stayed {}", epoch));
	open_path_ = path;
	open_device_ = device;
	if (const auto out = withdrawn_.find(path);
	    out != withdrawn_.end() && out->second == device)
		breach("P3", fmt::format("path {} was opened, which a person had failed", path));
	if (epoch < epoch_)
		breach("P9", "the epoch went back");
	epoch_ = epoch;
}

void Checker::switched(std::uint64_t epoch, bool moved)
{
	if (moved && epoch <= epoch_ && epoch_ != 0)
		breach("P9", fmt::format("a switch left the epoch at {}", epoch));
}

void Checker::client_booted(std::uint64_t boot)
{
	boot_ = boot;
	epoch_ = 0;
	withdrawn_.clear();
	lost_at_.clear();
}

void Checker::timed_out(Nanos began)
{
	expect(!works_since_ || schedule_.now() - std::max(began, *works_since_) < found_again_max,
	       "P5", "a hold ended in errors, and nothing has been broken for long");
}

void Checker::server_lost(unsigned server, std::uint64_t opening, bool crash)
{
	if (opening != opening_)
		return;
	auto &crashed = lost_at_[server];
	crashed = crashed || crash;
}

/// The same server, if it has not crashed, has ended each of them by the way that is used again.
void Checker::believed_revocation(unsigned by)
{
	for (const auto &[server, crashed] : lost_at_)
		if (server != by || crashed)
			breach("P2", fmt::format("the word of server {} was taken for proof, and "
						 "it has lost writes{}",
						 server, crashed ? " in a crash" : ""));
}

void Checker::proved(unsigned path, bool by_ticket)
{
	const auto wrong = wrong_since_.find(path);
	if (wrong == wrong_since_.end())
		return;
	const Nanos life = by_ticket ? ticket_life_ : verified_life_;
	if (schedule_.now() - wrong->second > life)
		breach("P3", fmt::format("path {} was opened by {} {} ms after it came to lead to "
					 "another disk",
					 path, by_ticket ? "a ticket" : "a commit",
					 (schedule_.now() - wrong->second) / ms));
}

bool Checker::outlived(Nanos since, bool by_ticket) const
{
	return schedule_.now() - since > (by_ticket ? ticket_life_ : verified_life_);
}

void Checker::witnessed(unsigned path, bool by_ticket, Stamp stamp, const Sight &sight)
{
	if (stamp != sight.shown && outlived(sight.at, by_ticket))
		breach("P1", fmt::format("path {} was opened and shows {} in block {}, where the "
					 "witness has had {} for {} ms",
					 path, sight.shown, sight.block, stamp,
					 (schedule_.now() - sight.at) / ms));
}

const Checker::Sight *Checker::distrust(unsigned path) const
{
	const auto at = distrusted_.find(path);
	return at == distrusted_.end() ? nullptr : &at->second;
}

void Checker::trusted_again(unsigned path, bool by_ticket)
{
	const auto *sight = distrust(path);
	if (sight != nullptr && outlived(sight->at, by_ticket))
		breach("P1", fmt::format("path {} was opened and still shows {} in block {}, for "
					 "which it had been found not coherent",
					 path, sight->shown, sight->block));
}

void Checker::key_registered(std::uint64_t key)
{
	users_key_ = key;
	known_key_ = 0;
}

void Checker::key_preempted(std::uint64_t key)
{
	preempted_.emplace(key, schedule_.now());
	users_key_ = known_key_ = 0;
	people_changed();
}

void Checker::key_known(std::uint64_t key)
{
	opened_early_ += opened_early_ < early_looks_max;
	expect(known_key_ == 0 || known_key_ != users_key_ || key == known_key_, "P7",
	       "the users' key was known, and another one is taken for theirs");
	if (key == 0 || key != users_key_) {
		known_key_ = 0;
	} else if (known_key_ != key) {
		known_key_ = key;
		known_since_ = schedule_.now();
	}
}

void Checker::key_copied(std::uint64_t key)
{
	expect(!preempted_.contains(key), "P7", "a key that was preempted came back");
}

void Checker::key_taken_off(std::uint64_t key, bool holder)
{
	expect(key == 0 || key != users_key_, "P7", "the users' key was taken off a path of ours");
	// What is left of a key that its users gave up.
	if (holder)
		people_changed();
}

void Checker::reserved(bool now)
{
	reserved_since_ = now ? schedule_.now() : 0;
}

void Checker::held(std::optional<unsigned> holder)
{
	held_ = {holder, peoples_changes_};
}

void Checker::went_on(std::optional<unsigned> holder)
{
	expect(holder == held_.holder || peoples_changes_ != held_.peoples_changes, "P7",
	       "the reservation is another one after the switch");
}

/// A key that is known, on a disk that is reserved: a check that began later has to see whether the
/// path has it.
void Checker::vouched(unsigned path, std::optional<std::uint64_t> own, Nanos began)
{
	if (!own && known_key_ != 0 && reserved_since_ != 0 && began > known_since_ &&
	    began > reserved_since_)
		breach("P7",
		       fmt::format("path {} got a ticket and has no key, and the users' {:#x} "
				   "has been known for {} ms",
				   path, known_key_, (schedule_.now() - known_since_) / ms));
}

void Checker::vouched_by_peer(unsigned path, std::optional<std::uint64_t> told, Nanos began)
{
	if (known_key_ != 0 && told != known_key_ && began > known_since_)
		breach("P7", fmt::format("path {} got a ticket, and its peer has not been told of "
					 "the users' key {:#x}, known for {} ms",
					 path, known_key_, (schedule_.now() - known_since_) / ms));
}

void Checker::served(std::uint64_t told, Nanos watched_since)
{
	const auto preempted = preempted_.find(told);
	if (reserved_since_ == 0 || (told != 0 && preempted == preempted_.end()))
		return;
	const Nanos lost = told == 0 ? 0 : preempted->second;
	const Nanos since = std::max({watched_since, lost, reserved_since_});
	if (schedule_.now() - since > preempted_served_max)
		breach("P7", fmt::format("a client is served whose {} for {} ms",
					 told == 0 ? "disk is reserved, and it has had no key"
						   : "key has been preempted",
					 (schedule_.now() - since) / ms));
}

/// Rightly so if the users have no key any more, or so new a one that nobody has carried it yet; or
/// had when the kernel went on with this path, and no pathd has looked at it since.
void Checker::conflicted()
{
	expect(users_reserve_ && (known_key_ == 0 || !outlived(known_since_, true) ||
				  opened_early_ < early_looks_max),
	       "P7", "a user's write met a reservation that is the unit's own");
}

void Checker::opened_reserved(unsigned path, std::optional<std::uint64_t> key, bool served,
			      bool by_ticket)
{
	const auto own = key && served ? users_key_ : key.value_or(0);
	const bool early = known_key_ == 0 || !outlived(known_since_, by_ticket);
	opened_early_ = users_reserve_ && own != users_key_ && early ? 0 : early_looks_max;
	if (users_reserve_ && own != known_key_ && !early)
		breach("P7", fmt::format("path {} was opened without the users' key {:#x}, known "
					 "for {} ms",
					 path, known_key_, (schedule_.now() - known_since_) / ms));
}

void Checker::path_leads_to(unsigned path, unsigned identity, Nanos since)
{
	if (identity == right_disk_)
		wrong_since_.erase(path);
	else
		wrong_since_[path] = since;
}

/// A late write that no promise forbids: what the block is now, the next read tells.
void Checker::ghost(const Request &request)
{
	auto &block = blocks_[request.block];
	unknown(request.block);
	block.ghosts++;
	ghosts_++;
	block.since_durable.insert(block.since_durable.begin(), request.stamp);
}

void Checker::written(const Request &request, unsigned identity)
{
	if (!request.user)
		return;
	if (identity != right_disk_) {
		breach("P3", fmt::format("write {} went to disk {}", request.stamp, identity));
		return;
	}
	if (request.boot != boot_) {
		ghosts_of_crash_++;
		ghost(request);
		return;
	}
	if (request.opening == opening_)
		return;
	if (proving_) {
		breach("P2", fmt::format("write {} of block {}, given to path {}, changed the disk "
					 "after the switch",
					 request.stamp, request.block, request.path));
		return;
	}
	ghosts_by_policy_++;
	ghost(request);
}

} // namespace swpath::sim
