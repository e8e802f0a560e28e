// SPDX-License-Identifier: LGPL-2.1-or-later
/// What to ask a distributed lock manager for next, about one name. Pure: its answers and the time
/// go in, requests and news come out.
///
/// The idiom. Everyone holds the name Shared: so the value outlives any of them, and stays valid
/// when one dies. Who publishes goes up to Exclusive, and writes on the way back down. Going up
/// makes the manager tell the others that they are in the way (a blocking AST): they step back to
/// Null, pause, and go up to Shared again, which reads the value. So the way of a change is that of
/// the lock itself.
///
/// Two that go up at once would wait for each other for ever. So nobody waits on the way up: the
/// request is refused if it cannot be granted, but those in the way are told; one that is told
/// steps back even if it wants to go up itself, and each tries again after a pause of its own
/// random length, from where it is. The pause before Shared is longer than several of those.
///
/// A value is written only over the one that the caller has been told of; it is read again on the
/// way up.
#pragma once

#include <cstdint>
#include <optional>
#include <random>
#include <vector>

#include "libpath/hints/lock_space.h"

namespace swpath
{

enum class LockMode : std::uint8_t { None, Null, Shared, Exclusive };

/// The one request that is under way; its answer is LockKeeper::completed().
struct LockRequest {
	LockMode from = LockMode::None; ///< None: a new lock, otherwise a conversion
	LockMode to = LockMode::None;   ///< None: unlock
	/// Refuse it rather than queue it, and tell those in the way all the same.
	bool no_queue = false;
	std::optional<LockBytes> write; ///< Exclusive to Shared: the value to leave behind

	bool operator==(const LockRequest &) const = default;
};

struct LockNews {
	LockEventKind kind = LockEventKind::Held;
	LockValue value;
	int error = 0; ///< Failed: errno

	bool operator==(const LockNews &) const = default;
};

struct LockKeeperStep {
	std::optional<LockRequest> request;
	std::vector<LockNews> news;
};

class LockKeeper
{
public:
	/// How long who stepped back leaves the way free.
	static constexpr Duration step_back = std::chrono::milliseconds(500);
	/// Between two tries to go up: a random time between these.
	static constexpr Duration retry_min = std::chrono::milliseconds(20);
	static constexpr Duration retry_max = std::chrono::milliseconds(150);
	/// After the manager refused what it should have queued.
	static constexpr Duration error_pause = std::chrono::seconds(1);

	explicit LockKeeper(std::uint32_t seed) : random_(seed) {}

	/// Errors: ENOENT not held yet, EBUSY the publish before is not over.
	[[nodiscard]] Result<void> publish(const LockBytes &bytes, Instant deadline);
	/// From now on all that is asked for is to be let go. Its last answer makes gone() true.
	void release() { released_ = true; }

	/// The manager granted the request (`error` 0), with the value where it was read, or
	/// refused it (errno).
	[[nodiscard]] LockKeeperStep completed(int error, const LockValue &value, Instant now);
	/// The manager says that we are in somebody's way.
	[[nodiscard]] LockKeeperStep blocked(Instant now);
	/// Time has passed, or publish() or release() was called.
	[[nodiscard]] LockKeeperStep step(Instant now);

	/// When step() is to be called next; nothing: not before something else happens.
	[[nodiscard]] std::optional<Instant> next() const;
	[[nodiscard]] std::optional<LockValue> told() const { return told_; }
	[[nodiscard]] LockMode mode() const { return mode_; }
	[[nodiscard]] bool gone() const { return released_ && !asked_ && mode_ == LockMode::None; }

private:
	struct Wish {
		LockBytes bytes{};
		Instant deadline{};
	};
	void ask(LockKeeperStep &out, LockMode to, bool no_queue = false);
	void granted(LockKeeperStep &out, const LockRequest &request, const LockValue &value,
		     Instant now);
	void refused(LockKeeperStep &out, const LockRequest &request, int error, Instant now);
	void decide(LockKeeperStep &out, Instant now);
	[[nodiscard]] Instant soon(Instant now);

	LockMode mode_ = LockMode::None;
	std::optional<LockRequest> asked_;
	std::optional<LockValue> told_; ///< nothing: not held yet
	std::optional<Wish> wish_;
	LockValue found_; ///< on the way up
	bool in_the_way_ = false;
	bool released_ = false;
	Instant up_at_{};      ///< Exclusive is not asked for before
	Instant shared_at_{};  ///< nor Shared
	Instant not_before_{}; ///< nor anything
	std::minstd_rand random_;
};

} // namespace swpath
