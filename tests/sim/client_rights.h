// SPDX-License-Identifier: GPL-2.0-or-later
/// The pathd of a machine that serves: what pathd/unit_rights.cpp does there for the key of its
/// client's users, around the real ClientKeys. It is told the key, gives it to its own nexus, looks
/// for it once a second and ends the export of a client whose key is gone. Killed, it starts again
/// with what it keeps in its run state, which a machine that goes down loses.
#pragma once

#include <functional>
#include <optional>

#include "libpath/policy/carried_key.h"
#include "server.h"

namespace swpath::sim
{

class ClientRights
{
public:
	ClientRights(Context &context, Host &pathd, Nexus &nexus, Server &server)
		: context_(context), pathd_(pathd), nexus_(nexus), server_(server)
	{
	}

	/// pathd runs, also after each of its deaths.
	void start();
	/// The verb `carry`; runs on pathd. `answer`: 0 the client has its rights here, EBADE it
	/// has not, others: nothing is known.
	void carry(Key key, std::function<void(int error)> answer);
	/// What the client has told last; none: nothing.
	[[nodiscard]] std::optional<Key> told() const
	{
		const auto &told = keys_.state().keys;
		return told.empty() ? std::nullopt : std::optional(told.begin()->second);
	}
	void machine_went_down() { kept_ = {}; }

private:
	void tick();
	void look(std::optional<NexusChange> copy, std::function<void(int error)> answered);
	void looked(const NexusView &view, const std::function<void(int error)> &answered);
	void look_after(Nanos now);
	void serve_no_more(Epoch epoch);

	Context &context_;
	Host &pathd_;
	Nexus &nexus_;
	Server &server_;
	ClientKeys keys_;
	bool busy_ = false;
	bool revoking_ = false;
	Nanos next_ = 0;
	Nanos told_at_ = 0;
	Nanos started_ = 0;
	Nanos ticked_ = 0;
	ClientKeys::State kept_; ///< the run state
};

} // namespace swpath::sim
