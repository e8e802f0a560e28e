// SPDX-License-Identifier: LGPL-2.1-or-later
/// Requests that came before: a client whose connection broke sends again what it has no answer to,
/// with the same id, and what was done is not done twice.
#pragma once

#include <cstdint>
#include <deque>
#include <optional>

#include "libpath/control/peer_message.h"

namespace swpath
{

class PeerReplays
{
public:
	/// Answers that are kept, of all clients.
	static constexpr std::size_t kept_max = 256;

	enum class Verdict : std::uint8_t { New, Running, Done, Other };

	/// A request of `client` came. Running: its answer will be found when it is there. Done:
	/// answer() has it. Other: the id was that of something else, of which the answer must not
	/// be taken for this one's.
	[[nodiscard]] Verdict begin(const PeerHello &client, const PeerRequest &request);
	void done(const PeerHello &client, const PeerAnswer &answer);
	[[nodiscard]] std::optional<PeerAnswer> answer(const PeerHello &client,
						       std::uint64_t id) const;

private:
	struct Entry {
		PeerId host{};
		std::uint64_t incarnation = 0;
		PeerRequest request; ///< with no times: they are others when it is sent again
		std::optional<PeerAnswer> answer;
	};
	[[nodiscard]] const Entry *find(const PeerHello &client, std::uint64_t id) const;
	std::deque<Entry> entries_; ///< oldest first
};

} // namespace swpath
