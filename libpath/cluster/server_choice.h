// SPDX-License-Identifier: LGPL-2.1-or-later
/// Which server a client uses for one disk: what it was told in advance, in that order; when
/// nothing was told, or nobody of it serves, it asks all. Pure: events with their time in, actions
/// out.
#pragma once

#include <optional>
#include <set>
#include <string>
#include <vector>

#include "libpath/base/backoff.h"
#include "libpath/cluster/directory_message.h"

namespace swpath
{

struct ServerActions {
	std::optional<DiskServer> use;     ///< it is the server now; works() or failed() follows
	std::optional<DirectoryQuery> ask; ///< to be sent to all hosts
};

class ServerChoice
{
public:
	explicit ServerChoice(std::string disk) : disk_(std::move(disk)) {}

	/// The directory's servers of the disk as of `tag`, primary first; an older one, or
	/// the same once more, changes nothing. A server that is in use and works stays.
	[[nodiscard]] ServerActions told(std::vector<DiskServer> servers, const SyncTag &tag,
					 Instant now);
	/// A server is needed: the first that was told, or a question.
	[[nodiscard]] ServerActions begin(Instant now);
	/// The server in use does not serve, or not any more: the next one.
	[[nodiscard]] ServerActions failed(Instant now);
	/// The server in use serves.
	void works();
	/// An answer to whatever question: one to another than the last is passed over, as is who
	/// has failed already.
	[[nodiscard]] ServerActions take(const DirectoryAnswer &answer);
	[[nodiscard]] ServerActions tick(Instant now);
	/// When to ask again; nothing: nobody is looked for.
	[[nodiscard]] std::optional<Instant> deadline() const
	{
		return searching_ ? again_.next() : std::nullopt;
	}

	[[nodiscard]] const std::optional<DiskServer> &current() const { return current_; }
	/// As told: the primary, then the backups.
	[[nodiscard]] const std::vector<DiskServer> &in_advance() const { return told_; }
	[[nodiscard]] bool searching() const { return searching_; }

private:
	[[nodiscard]] ServerActions next(Instant now);
	[[nodiscard]] ServerActions ask(Instant now);
	[[nodiscard]] ServerActions use(const DiskServer &server);

	std::string disk_;
	std::vector<DiskServer> told_;
	SyncTag tag_;
	std::optional<DiskServer> current_;
	std::string last_failed_; ///< host
	std::set<Member> tried_;  ///< that failed since one worked, or since they were told anew
	bool searching_ = false;
	std::uint32_t number_ = 0; ///< of the last question
	Backoff again_{std::chrono::seconds(1), std::chrono::seconds(30)};
};

} // namespace swpath
