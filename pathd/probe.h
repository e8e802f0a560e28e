// SPDX-License-Identifier: GPL-2.0-or-later
/// One check of one leg: the facts, found by commands that may hang. What they mean is decided
/// elsewhere, on the loop.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "libpath/base/instant.h"
#include "libpath/base/result.h"
#include "libpath/base/unique_fd.h"
#include "libpath/policy/coherence_probe.h"
#include "libpath/policy/medium_compare.h"
#include "libpath/sys/medium.h"
#include "libpath/sys/nexus_look.h"
#include "libpath/sys/sysfs.h"
#include "libpath/unit/geometry.h"
#include "libpath/unit/identity.h"

namespace swpath
{

struct ProbeFacts {
	Instant began{};
	Instant ended{};
	Reason failure = Reason::NONE;    ///< why the disk could not be asked; never a refusal
	std::string text;                 ///< the failure for people
	std::optional<Identity> identity; ///< direct legs
	/// Of a disk that has grown and that the kernel has not asked since: the kernel's size.
	Geometry geometry;
	std::uint64_t sequence = 0; ///< disk_sequence() of the device that was asked
	MediumSample medium;
	WitnessList expected;            ///< as given to the check
	std::vector<WitnessSight> shown; ///< in the places of them that could be read
	bool reservations = false;       ///< direct legs, if a key was asked for: the disk has them
	std::vector<std::uint64_t> keys; ///< then: those that were registered
	std::optional<NexusView> nexus;  ///< direct legs, with ProbeKey::carry: what is registered
	std::optional<std::uint64_t> copied; ///< ProbeKey::copy was done
};

/// The key that a direct leg must have before it is used; 0: none.
struct ProbeKey {
	/// Of the unit: on a disk with another name nothing is registered, nor looked for.
	std::string wwid;
	std::uint64_t key = 0;
	/// False while a fence is to keep this leg out: without its key it is not good then.
	bool may_register = true;
	/// This host serves the disk: a key that was taken away comes back only when nothing of a
	/// server is in the disk any more, for a peer may have taken it to keep that out.
	bool serves = false;
	/// The keys on the disk are its users': look which one is the leg's.
	bool carry = false;
	/// What the leg's nexus is to have instead; 0: nothing.
	std::optional<NexusChange> copy;
};

/// For one thread at a time. Keeps its descriptor open between checks, so that none has to be
/// opened in a mount verification.
class Prober
{
public:
	/// `sysname`: "sda". `limit`: time of one SCSI command.
	Prober(PathKind kind, std::string sysname, Duration limit);

	/// BLOCKS as long as the leg does. `expected`: what else is to be read. `unit_bytes`: how
	/// much of the disk is the unit's; 0: all of it.
	[[nodiscard]] ProbeFacts probe(const ProbeKey &key, WitnessList expected,
				       std::uint64_t unit_bytes);
	/// Lets go of the device until the next check.
	void close() { fd_.reset(); }

private:
	void revive();
	[[nodiscard]] Result<void> ask(ProbeFacts &facts);
	[[nodiscard]] Result<void> measure(ProbeFacts &facts);
	[[nodiscard]] Result<void> read_landmarks(ProbeFacts &facts, std::uint64_t bytes);
	[[nodiscard]] Result<void> read_witnessed(ProbeFacts &facts);
	[[nodiscard]] Result<void> keep_key(const ProbeKey &key, ProbeFacts &facts);
	[[nodiscard]] Result<void> carry_key(const ProbeKey &key, ProbeFacts &facts);

	PathKind kind_;
	std::string sysname_;
	std::string devnode_;
	Duration limit_;
	UniqueFd fd_;
	std::optional<ScsiState> kernel_; ///< direct legs
	AlignedBuffer buffer_;
	std::uint64_t registered_ = 0; ///< what this object has given the nexus; 0: nothing
	NexusLook nexus_;
	std::uint64_t turn_ = 0;     ///< which other block is read this time
	std::uint64_t timeouts_ = 0; ///< of the device, as of the last good check
};

/// True if a SCSI device in `state` was taken offline by the kernel's error handling after commands
/// had timed out: nothing in the kernel brings it back then, and it is for us to do so. An
/// administrator who sets a device offline does so while it works, so its time-outs are those of
/// the last good check. (Its commands may end in a plain I/O error, so the path's own reason does
/// not tell.)
[[nodiscard]] bool offline_after_hang(std::string_view state, std::uint64_t timeouts,
				      std::uint64_t timeouts_when_good);

/// The word for a failed call on a leg.
[[nodiscard]] Reason reason_of(const Error &error);

} // namespace swpath
