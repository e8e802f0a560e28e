// SPDX-License-Identifier: GPL-2.0-or-later
/// A peer's server: exports of one disk, each with an epoch, and the requests inside it. A request
/// passes the check of its epoch and goes to the disk in one step; what was received and did not
/// pass yet is refused after a revoke.
#pragma once

#include <map>
#include <memory>
#include <vector>

#include "network.h"
#include "nexus.h"
#include "page_cache.h"

namespace swpath::sim
{

using Epoch = std::uint64_t;

/// What revoke() answers when the epoch's I/O has ended, as libpath/serve/export_book.h has it.
struct Drained {
	/// Requests of the latest export up to that epoch that ended in errors of the path, so that
	/// the target may still execute them; 1 if another process has served it.
	std::uint64_t lost = 0;
};

class Server
{
public:
	/// `process`: the program, `ways`: the machine's to the disk, at least one.
	Server(Context &context, Host &process, std::vector<Nexus *> ways)
		: context_(context), process_(process), ways_(std::move(ways))
	{
	}
	Server(const Server &) = delete;
	Server &operator=(const Server &) = delete;

	[[nodiscard]] Host &process() { return process_; }
	/// Sets running what is offline.
	void revive()
	{
		for (auto *way : ways_)
			way->revive();
	}
	/// Who says whether a way that passes is proved, too; nobody: each is.
	void set_proving(std::function<bool(const Nexus &)> proves) { proves_ = std::move(proves); }
	[[nodiscard]] bool proved(const Nexus &way) const
	{
		return way.passes() && (!proves_ || proves_(way));
	}
	/// The way that an export would be opened by now: the first one that is proved.
	[[nodiscard]] Nexus &nexus() const;
	/// The one that the export of this epoch is on.
	[[nodiscard]] Nexus &nexus_of(Epoch epoch) const;
	/// Ours has none that is on.
	[[nodiscard]] PageCache &cache() { return cache_; }
	/// What a read by way of it would return now.
	[[nodiscard]] Stamp shown(std::uint32_t block) const
	{
		return cache_.shown(block).value_or(nexus().disk().shown(block));
	}

	/// All of these run on the server: what they need of the network is the caller's to send.
	/// A connection asks for an export of `epoch`. Answers with the smallest epoch that it
	/// would open, which is `epoch` if it did.
	Epoch open(std::uint64_t connection, Epoch epoch);
	void serve(std::uint64_t connection, const Request &request, Done reply);
	void end_connection(std::uint64_t connection) { sessions_.erase(connection); }
	/// Closes `epoch` and all before it; `answer` follows when their I/O has ended.
	void revoke(Epoch epoch, std::function<void(Drained)> answer);
	[[nodiscard]] Epoch closed() const { return closed_; }
	/// The latest epoch that was opened by this process, 0: none.
	[[nodiscard]] Epoch exported() const { return exported_; }
	/// No export is open by this way, and nothing of one is in the disk.
	[[nodiscard]] bool is_free(const Nexus &way) const;
	/// For the judge: whether the machine's pathd can see now what the disk says of its client,
	/// which has told this key of its users.
	void watched(bool able, std::optional<Key> told);
	[[nodiscard]] bool has_session(std::uint64_t connection) const
	{
		return sessions_.contains(connection);
	}

	/// The process died: what had not reached the disk is gone, what had goes on in its kernel,
	/// and the next process waits for it. Unless the machine went down as well: then the target
	/// alone knows. The epochs that were closed stay closed: they are kept on the server's
	/// disk.
	void died(bool machine);

private:
	struct Waiter {
		Epoch epoch;
		std::function<void(Drained)> answer;
	};

	void submit(std::uint64_t connection, Epoch epoch, const Request &request, Done reply);
	void ended(std::uint64_t number);
	[[nodiscard]] std::uint64_t lost_by(Epoch epoch) const;
	[[nodiscard]] bool quiet(Epoch epoch) const;
	void answer_waiters();

	Context &context_;
	Host &process_;
	std::vector<Nexus *> ways_;
	std::function<bool(const Nexus &)> proves_;
	PageCache cache_;
	Epoch closed_ = 0;
	Epoch exported_ = 0;
	Nanos watched_at_ = 0;
	Nanos watched_since_ = 0; ///< without a break, 0: not
	std::optional<Key> told_;
	std::map<std::uint64_t, Epoch> sessions_; ///< by connection
	std::map<Epoch, Nexus *> exports_;
	struct AtDisk {
		Epoch epoch;
		Nexus *nexus;
		std::optional<std::uint64_t> opening; ///< of a user's write
		bool back = false;                    ///< the process has not seen it yet
	};
	std::map<std::uint64_t, AtDisk> at_disk_; ///< by a number of each request
	std::uint64_t next_number_ = 1;
	std::map<Epoch, std::uint64_t> lost_; ///< by this process, of each epoch that it has served
	std::vector<Waiter> waiters_;
};

} // namespace swpath::sim
