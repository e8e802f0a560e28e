// SPDX-License-Identifier: GPL-2.0-or-later
/// pathd's hands in a fence: what the real libpath/policy/fence.h asks for, done to the models,
/// through the client's own nexuses or by a call to the pathd of a peer.
#pragma once

#include <memory>
#include <vector>

#include "kernel.h"
#include "libpath/policy/fence.h"
#include "peer.h"

namespace swpath::sim
{

class Fencer
{
public:
	using Told = std::function<void(int error, const FenceAnswer &answer)>;

	Fencer(Context &context, Host &pathd, const UnitSetup &setup, Network &network,
	       std::vector<std::unique_ptr<Leg>> &legs, std::vector<std::unique_ptr<Peer>> &peers)
		: context_(context), pathd_(pathd), setup_(setup), network_(network), legs_(legs),
		  peers_(peers)
	{
	}

	/// `told` may never be called: an answer can get lost.
	void carry_out(const FenceAction &action, Told told);
	/// The verb `carry`: our users' key, to the peer of a served path.
	void carry(unsigned path, Key key, std::function<void(int error)> told);
	/// As Unit::attach_by_peer(): ends the latest export that the peer, or we (`last`), know
	/// of. `told`: 0, and FenceAnswer::ended is its epoch, or it has not ended.
	void end_export(unsigned path, Epoch last, Told told);
	/// Does the peer's pathd answer that a path of its own is proved?
	void ask_status(unsigned path, std::function<void(bool proved)> alive);

	/// Of the nexus that a path's host would use now.
	[[nodiscard]] Key key(unsigned path) const;
	/// Of every nexus that the host has.
	[[nodiscard]] std::vector<Key> keys(unsigned path) const;
	/// Of one nexus of a peer.
	[[nodiscard]] static Key key_of(const Nexus &nexus) { return server_key(nexus.id()); }
	[[nodiscard]] Peer *peer(unsigned path) const;

private:
	using Work = std::function<void(Told)>;

	void call(Peer &peer, Work work, Told told);
	void through(unsigned path, std::function<int(Disk &, NexusId, FenceAnswer &)> what,
		     Told told);
	void manage(Nexus &nexus, std::function<int(Disk &, NexusId, FenceAnswer &)> what,
		    Told told);
	void revoke(Peer &peer, std::function<Epoch()> epoch, Told told);
	void reset(unsigned path, Told told);
	void ask_cluster(Peer &peer, Told told);

	Context &context_;
	Host &pathd_;
	const UnitSetup &setup_;
	Network &network_;
	std::vector<std::unique_ptr<Leg>> &legs_;
	std::vector<std::unique_ptr<Peer>> &peers_;
};

} // namespace swpath::sim
