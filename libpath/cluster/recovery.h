// SPDX-License-Identifier: LGPL-2.1-or-later
/// Brings the services of all members to the same state after each change of membership, in a fixed
/// order. Pure: what happened comes in with its time, frames to send come out.
///
/// A round: the members exchange what each knows (members, services, epoch) until all say the same;
/// sync_init of all services at once; then for each service, in the order of the numbers: process
/// until done, barrier (all members are done and all that they said is here), sync_activate,
/// barrier (all have activated). Whatever changes meanwhile aborts the round, in every phase, and a
/// new one begins with a greater epoch.
///
/// What is asked of the engine: messages of one sender come in their order, those of two senders in
/// any; some may be lost, or come for a membership that this host does not know yet (those are
/// refused, and asked for again). That all members hear of a change is needed, that they hear of it
/// at the same point of the stream of messages is not: the epoch is agreed on here.
///
/// Between rounds services say what has changed. That is for the members of the last round, after
/// it; whoever is in a newer one passes it over.
///
/// A member that is listed and does not speak is left out when the time for a barrier is over, at
/// once if its host is not among the engine's; when it speaks again it takes part again.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "libpath/base/instant.h"
#include "libpath/base/words.h"
#include "libpath/cluster/sync_message.h"
#include "libpath/cluster/sync_service.h"

namespace swpath
{

#define SWPATH_RECOVERY_PHASES(X)                                                                  \
	X(Alone, "no membership")                                                                  \
	X(Exchange, "exchange")   /* not all members say the same yet */                           \
	X(Process, "process")     /* the service has more to say */                                \
	X(Barrier, "barrier")     /* not all members have said all of the service */               \
	X(Activated, "activated") /* not all members have activated the service */                 \
	X(Complete, "complete")
SWPATH_WORDS(RecoveryPhase, SWPATH_RECOVERY_PHASES)

struct RecoveryLimits {
	/// Between two calls of a service that is not done.
	Duration process = std::chrono::milliseconds(10);
	/// What is missing for so long is asked for again; the time for a barrier is looked at as
	/// often.
	Duration again = std::chrono::milliseconds(200);
	/// For each barrier. A member that has said nothing for so long is left out; after twice
	/// the time one that spoke, too. Doubled with each round that ended so, up to 8 times.
	Duration barrier = std::chrono::seconds(5);
};

struct RecoveryFrame {
	std::optional<Member> to; ///< nothing: to all members of the engine's list
	std::string bytes;
};

struct RecoveryActions {
	std::vector<RecoveryFrame> send;
	std::optional<SyncRound> completed; ///< all members have activated all services
	/// Members that were silent for too long. An engine that can ends what it has with them, so
	/// that they are listed again when they speak again, and not before.
	std::vector<Member> left_out;
};

/// For reports.
struct RecoveryStatus {
	RecoveryPhase phase = RecoveryPhase::Alone;
	SyncTag tag;                     ///< of the present round, or of the attempt at one
	std::vector<Member> members;     ///< that take part
	std::vector<Member> waiting_for; ///< of them, those that keep the barrier up
	std::optional<ServiceId> service;
	std::optional<SyncTag> last; ///< complete round
	/// Of the last complete round: from when this host heard of the first change that it took
	/// in, with all the attempts that came to nothing, until all had activated all services.
	Duration took{};
	std::uint64_t rounds = 0; ///< complete ones
	std::uint64_t aborts = 0;
	std::uint64_t refused = 0; ///< frames of another ring, of no member, or that are none
	std::uint64_t ghosts = 0;  ///< times that a member was left out because it was silent
};

class Recovery
{
public:
	/// `services`: lent, any order, no two of one number, at most sync_services_max.
	Recovery(Member self, std::vector<SyncService *> services, RecoveryLimits limits = {});

	/// The membership is now this one. The same once more changes nothing.
	[[nodiscard]] RecoveryActions change(const Membership &membership, Instant now);
	/// A frame came; the engine vouches for its sender. One's own are passed over.
	[[nodiscard]] RecoveryActions take(const Member &from, std::string_view frame, Instant now);
	/// Also to be called when a service has news.
	[[nodiscard]] RecoveryActions tick(Instant now);
	/// When tick() has something to do; nothing: only an event goes on.
	[[nodiscard]] std::optional<Instant> deadline() const;

	[[nodiscard]] RecoveryPhase phase() const { return phase_; }
	[[nodiscard]] RecoveryStatus status() const;

private:
	/// What a member has said in this round.
	struct Peer {
		std::optional<SyncExchange> exchange;
		std::uint32_t step = 0;
		std::uint32_t had = 0; ///< of the present service, when it was last looked at
		std::vector<std::uint32_t> received;                 ///< by service's index
		std::vector<std::optional<std::uint32_t>> announced; ///< the same
		std::optional<Instant> heard;                        ///< anything, in this attempt
	};
	/// A service of any member; `local` is null if it is not known here: it has nothing to say
	/// and is done at once.
	struct Stage {
		ServiceId id{};
		SyncService *local = nullptr;
		std::vector<std::string> said; ///< by us
	};

	void propose(std::vector<Member> members, std::uint64_t epoch, Instant now);
	void abort_round();
	void begin_round(Instant now);
	void advance(Instant now);
	[[nodiscard]] bool process(Instant now);
	void reach(std::uint32_t step, Instant now);

	void take(const Member &from, const SyncMessage &message, Instant now);
	void take(const Member &from, const SyncMessage &message, const SyncExchange &exchange,
		  Instant now);
	void take(const Member &from, const SyncData &data);
	void take(const Member &from, const SyncStep &step);
	void take(const Member &from, const SyncAsk &ask);
	void take(const Member &from, const SyncNews &news);
	[[nodiscard]] std::vector<Member> meeting_point(const std::vector<Member> &theirs,
							const Member &from, bool newer) const;

	[[nodiscard]] bool satisfied(const Peer &peer) const;
	[[nodiscard]] bool all_satisfied() const;
	void say_news();
	void ask_again(Instant now);
	[[nodiscard]] bool leave_out_silent(Instant now);
	[[nodiscard]] Duration patience() const;

	void send(std::optional<Member> to, decltype(SyncMessage::body) body);
	[[nodiscard]] SyncExchange own_exchange(bool again) const;
	[[nodiscard]] RecoveryActions finish();

	Member self_;
	std::map<ServiceId, SyncService *> services_;
	RecoveryLimits limits_;

	Membership engine_;
	std::vector<Member> listed_; ///< the engine's members less those of hosts that are gone
	std::uint64_t epoch_seen_ = 0;

	RecoveryPhase phase_ = RecoveryPhase::Alone;
	SyncTag tag_; ///< by value; zero while there is no attempt
	std::vector<Member> members_;
	std::map<Member, Peer> peers_; ///< of members_, without this one
	std::vector<std::pair<Member, std::string>> early_;
	std::optional<Instant> changed_at_; ///< of the first change since the last complete round
	bool begun_ = false; ///< sync_init was called and neither the end nor an abort came
	std::vector<Stage> stages_;
	std::size_t stage_ = 0;
	std::uint32_t step_ = 0;
	Instant waiting_since_{}, asked_at_{}, process_at_{};
	unsigned left_out_ = 0; ///< rounds in a row that a silent member ended

	SyncRound round_; ///< as the services were given it
	SyncTag last_;
	RecoveryStatus counts_;
	RecoveryActions actions_;
};

} // namespace swpath
