// SPDX-License-Identifier: GPL-2.0-or-later
#include "fencer.h"

#include <algorithm>
#include <cerrno>

namespace swpath::sim
{

namespace
{

constexpr HostId client_id = 0;
/// An order that arrives later than this is not carried out.
constexpr Nanos order_limit = 5 * sec;

int refuse_without(bool able)
{
	return able ? 0 : EOPNOTSUPP;
}

} // namespace

Peer *Fencer::peer(unsigned path) const
{
	const auto *served = dynamic_cast<ServedLeg *>(legs_[path].get());
	return served ? peers_[served->peer() - 1].get() : nullptr;
}

Key Fencer::key(unsigned path) const
{
	const auto *served = peer(path);
	return served ? key_of(served->server.nexus()) : 0xd000 + path;
}

std::vector<Key> Fencer::keys(unsigned path) const
{
	std::vector<Key> keys;
	if (auto *served = peer(path))
		for (const auto *way : served->ways())
			keys.push_back(key_of(*way));
	else
		keys.push_back(key(path));
	return keys;
}

/// A request to the pathd of a peer.
void Fencer::call(Peer &peer, Work work, Told told)
{
	const HostId id = peer.nexus.id();
	const Nanos until = context_.schedule.now() + order_limit;
	network_.send(
		client_id, id,
		[this, id, &peer, work = std::move(work), told = std::move(told),
		 boot = pathd_.boot(), until] {
			peer.pathd.run([this, id, work, told, boot, until] {
				if (context_.schedule.now() > until)
					return;
				work([this, id, told, boot](int error, const FenceAnswer &answer) {
					network_.send(
						id, client_id, [this, told, error, answer, boot] {
							if (boot == pathd_.boot())
								pathd_.run([told, error, answer] {
									told(error, answer);
								});
						});
				});
			});
		});
}

void Fencer::manage(Nexus &nexus, std::function<int(Disk &, NexusId, FenceAnswer &)> what,
		    Told told)
{
	auto answer = std::make_shared<FenceAnswer>();
	auto error = std::make_shared<int>(0);
	nexus.manage([what = std::move(what), answer, error,
		      id = nexus.id()](Disk &disk) { *error = what(disk, id, *answer); },
		     [answer, error, told = std::move(told)](bool answered) {
			     told(answered ? *error : ETIMEDOUT, *answer);
		     });
}

void Fencer::through(unsigned path, std::function<int(Disk &, NexusId, FenceAnswer &)> what,
		     Told told)
{
	if (auto *served = peer(path)) {
		call(
			*served,
			[this, served, what](const Told &reply) {
				if (!served->proved())
					return reply(ENODEV, {});
				manage(served->server.nexus(), what, reply);
			},
			std::move(told));
		return;
	}
	manage(static_cast<DirectLeg &>(*legs_[path]).nexus(), std::move(what),
	       [this, told = std::move(told), boot = pathd_.boot()](int error,
								    const FenceAnswer &answer) {
		       if (boot == pathd_.boot())
			       pathd_.run([told, error, answer] { told(error, answer); });
	       });
}

/// By way of the server's process, which may be frozen: then nothing is answered.
void Fencer::revoke(Peer &peer, std::function<Epoch()> which, Told told)
{
	call(
		peer,
		[&peer, which = std::move(which)](const Told &reply) {
			auto once = std::make_shared<Told>(reply);
			const auto tell = [once](int error, const FenceAnswer &answer) {
				if (auto told_once = std::exchange(*once, nullptr))
					told_once(error, answer);
			};
			peer.process.run([&peer, which, tell] {
				const Epoch epoch = which();
				peer.server.revoke(epoch, [epoch, tell](Drained drained) {
					FenceAnswer answer;
					answer.ended = epoch;
					answer.lost = drained.lost;
					tell(0, answer);
				});
				// Closed, and something has not ended: it says so.
				peer.machine.after(2 * sec, [tell] { tell(EINPROGRESS, {}); });
			});
		},
		std::move(told));
}

void Fencer::end_export(unsigned path, Epoch last, Told told)
{
	auto *of = peer(path);
	revoke(
		*of,
		[of, last] {
			return std::max({last, of->server.exported(), of->server.closed()});
		},
		std::move(told));
}

void Fencer::reset(unsigned path, Told told)
{
	const auto tell = [](const Told &to) {
		return [to](bool confirmed) { to(confirmed ? 0 : EIO, {}); };
	};
	if (auto *served = peer(path))
		call(
			*served,
			[served, tell](const Told &reply) {
				served->server.nexus().reset_unit(tell(reply));
			},
			std::move(told));
	else
		static_cast<DirectLeg &>(*legs_[path])
			.nexus()
			.reset_unit([this, told = std::move(told),
				     boot = pathd_.boot()](bool confirmed) {
				if (boot == pathd_.boot())
					pathd_.run([told, confirmed] {
						told(confirmed ? 0 : EIO, {});
					});
			});
}

/// The agent works in its own time and without our network; a node that was fenced boots again.
void Fencer::ask_cluster(Peer &peer, Told told)
{
	const bool works = context_.random.chance(0.7);
	context_.schedule.after(
		context_.random.between(200 * ms, 3 * sec),
		[this, &peer, works, told = std::move(told), boot = pathd_.boot()] {
			if (works) {
				context_.trace.say("fencer", "the agent switches {} off",
						   peer.machine.name());
				peer.power_off();
				context_.schedule.after(context_.random.between(2 * sec, 10 * sec),
							[&peer] { peer.power_on(); });
			}
			if (boot == pathd_.boot())
				pathd_.run([told, works] { told(works ? 0 : EIO, {}); });
		});
}

void Fencer::carry_out(const FenceAction &action, Told told)
{
	using Kind = FenceAction::Kind;
	constexpr const char *words[] = {
		"revoke",  "read keys", "register key",   "preempt and abort",
		"reserve", "LU reset",  "prove rejected", "ask the cluster"};
	context_.trace.say("fencer", "{} of/through path {}",
			   words[static_cast<unsigned>(action.kind)], action.path);
	const bool able = setup_.reservations;
	switch (action.kind) {
	case Kind::Revoke:
		revoke(
			*peer(action.path), [epoch = action.epoch] { return epoch; },
			std::move(told));
		break;
	case Kind::ReadKeys:
		through(
			action.path,
			[able](Disk &disk, NexusId, FenceAnswer &answer) {
				for (const auto &[nexus, key] : disk.keys())
					answer.keys.push_back(key);
				answer.type = disk.reserved()
						      ? ReservationType::WriteExclusiveRegistrants
						      : ReservationType::None;
				return refuse_without(able);
			},
			std::move(told));
		break;
	case Kind::RegisterKey:
		through(
			action.path,
			[able, key = action.key](Disk &disk, NexusId id, FenceAnswer &) {
				if (able)
					disk.register_key(id, key);
				return refuse_without(able);
			},
			std::move(told));
		break;
	case Kind::PreemptAbort:
		through(
			action.path,
			[action](Disk &disk, NexusId id, FenceAnswer &) {
				const auto &keys = disk.keys();
				if (std::none_of(keys.begin(), keys.end(), [&](const auto &k) {
					    return k.second == action.victim;
				    }))
					return ENOENT;
				return disk.preempt_abort(id, action.key, action.victim) ? 0
											 : EBADE;
			},
			std::move(told));
		break;
	case Kind::Reserve:
		through(
			action.path,
			[able](Disk &disk, NexusId id, FenceAnswer &) {
				if (!disk.keys().contains(id))
					return EBADE;
				disk.reserve(id);
				return refuse_without(able);
			},
			std::move(told));
		break;
	case Kind::LuReset:
		reset(action.path, std::move(told));
		break;
	case Kind::ProveRejected:
		through(
			action.path,
			[](Disk &disk, NexusId id, FenceAnswer &answer) {
				answer.rejected = disk.reserved() && !disk.keys().contains(id);
				return 0;
			},
			std::move(told));
		break;
	case Kind::AskClusterFence:
		ask_cluster(*peer(action.path), std::move(told));
		break;
	}
}

void Fencer::carry(unsigned path, Key key, std::function<void(int)> told)
{
	auto *served = peer(path);
	call(
		*served,
		[served, key](const Told &reply) {
			served->rights.carry(key, [reply](int error) { reply(error, {}); });
		},
		[told = std::move(told)](int error, const FenceAnswer &) { told(error); });
}

void Fencer::ask_status(unsigned path, std::function<void(bool)> alive)
{
	auto *served = peer(path);
	call(
		*served, [served](const Told &reply) { reply(served->proved() ? 0 : ENODEV, {}); },
		[alive = std::move(alive)](int error, const FenceAnswer &) { alive(error == 0); });
}

} // namespace swpath::sim
