// SPDX-License-Identifier: GPL-2.0-or-later
/// A block device of this host that is, or may become, a way to a unit's disk; with the workers
/// that talk to it. One of them checks, the other makes it give up while the first one hangs.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <utility>

#include "libpath/base/instant.h"
#include "libpath/sys/udev.h"
#include "libpath/unit/kinds.h"
#include "libpath/unit/reason.h"
#include "pathd/fence_act.h"
#include "pathd/mailbox.h"
#include "pathd/probe.h"
#include "pathd/worker.h"

namespace swpath
{

class Leg : public std::enable_shared_from_this<Leg>
{
public:
	/// Called on the loop's thread. `mv` is that of the request.
	using OnProbe = std::function<void(Leg &, const ProbeFacts &, std::uint64_t mv)>;
	using OnGivenUp = std::function<void(Leg &, const Result<void> &)>;

	/// Errors: no threads.
	[[nodiscard]] static Result<std::shared_ptr<Leg>>
	create(const BlockDevice &device, PathKind kind, Duration command_limit,
	       std::shared_ptr<Mailbox> mailbox, OnProbe on_probe, OnGivenUp on_given_up);

	~Leg();
	Leg(const Leg &) = delete;
	Leg &operator=(const Leg &) = delete;

	[[nodiscard]] const BlockDevice &device() const { return device_; }
	[[nodiscard]] DevNumber number() const { return device_.number; }
	[[nodiscard]] PathKind kind() const { return kind_; }
	void update(const BlockDevice &device) { device_ = device; }

	/// Asks for a check. While one runs, the wish is kept and another follows: what is known of
	/// a mount verification must have begun in it. `mv` 0: a routine check.
	void probe(std::uint64_t mv);
	/// Begin of the check that is running, if any.
	[[nodiscard]] std::optional<Instant> probing_since() const { return probing_since_; }

	/// What give_up() does next.
	enum class GiveUp : std::uint8_t { Reset, Cut, Disconnect };
	[[nodiscard]] GiveUp next_give_up() const;
	/// Direct: cuts the iSCSI session, if it hangs on one and was not cut since it worked; else
	/// resets the logical unit. Served: ends the connection. Idempotent while one runs.
	void give_up();
	/// The leg works, so what give_up() did is over. True: its settings have to be borrowed
	/// anew.
	[[nodiscard]] bool recovered() { return std::exchange(cut_, false); }
	/// Direct: a connection carries it that can be cut.
	[[nodiscard]] bool has_connection() const { return cutter_ != nullptr; }

	/// Direct: one step of a fence, on the worker that resets, if that can begin it within
	/// action.limit from now. `answered` is called once, on
	/// the loop's thread; with ENODEV if the leg is gone by then. False: it hangs, nothing will
	/// be done, and nothing is answered.
	[[nodiscard]] bool fence(const FenceAction &action,
				 std::function<void(const FenceResult &)> answered);

	/// Direct: what is registered on the disk, after `copy` (see copy_key()) if it is given; on
	/// the worker that resets, and answered as fence() is. False: as there.
	[[nodiscard]] bool nexus(std::optional<NexusChange> copy, Duration limit,
				 std::function<void(const Result<NexusView> &)> answered);

	ProbeKey key;                     ///< direct
	WitnessList expected;             ///< what the next check has to find
	std::uint64_t unit_bytes = 0;     ///< how much of the disk is the unit's; 0: not known
	std::uint64_t capacity_bytes = 0; ///< of the disk, by the last good check
	std::uint64_t sequence = 0;       ///< direct: disk_sequence(), by the last good check
	bool reservations = false;        ///< direct: the last good check said so
	bool alive = true;                ///< served: its connection is believed to work
	bool marked = false;
	bool proved = false;         ///< the last check proved it
	bool settled = false;        ///< there was a verdict
	unsigned failures = 0;       ///< failed checks of this device in a row
	Reason fault = Reason::NONE; ///< of the last check
	std::optional<unsigned> served_slot;
	std::uint64_t export_epoch = 0; ///< served by a peer
	/// Served, and connected by this process: cutting it needs nobody's patience.
	std::shared_ptr<UniqueFd> socket;
	Instant detach_again{}; ///< served: its connection is not ended once more before this

private:
	Leg(const BlockDevice &device, PathKind kind, std::shared_ptr<Mailbox> mailbox,
	    OnProbe on_probe, OnGivenUp on_given_up);
	void start(std::uint64_t mv);
	void cut_session();
	void finished(const ProbeFacts &facts, std::uint64_t mv);

	BlockDevice device_;
	PathKind kind_;
	std::shared_ptr<Mailbox> mailbox_;
	OnProbe on_probe_;
	OnGivenUp on_given_up_;
	std::shared_ptr<Prober> prober_;     ///< the checker's
	std::shared_ptr<UniqueFd> reset_fd_; ///< the breaker's; opened before it is needed
	std::shared_ptr<NexusLook> nexus_;   ///< the breaker's, too
	std::unique_ptr<Worker> checker_;
	std::unique_ptr<Worker> breaker_;
	std::unique_ptr<Worker> cutter_; ///< of an iSCSI disk: both others may hang on it
	std::optional<Instant> probing_since_;
	std::optional<std::uint64_t> again_; ///< a check was asked for while one ran
	bool giving_up_ = false;
	bool cut_ = false; ///< its session, and it has not worked since
};

} // namespace swpath
