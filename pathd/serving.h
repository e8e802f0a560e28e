// SPDX-License-Identifier: GPL-2.0-or-later
/// This host's server of direct paths (nbdkit with our plugin), as pathd keeps it: started, found
/// again after a restart of pathd, started anew when it has died, killed when it answers nothing.
///
/// The server is asked through its control socket, by threads that may wait for it; nothing here
/// waits. A server that is frozen is killed: its clients are without their disk anyway, and only
/// its end tells what of its I/O is left in the disk (ServedDisk).
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "libpath/base/instant.h"
#include "libpath/control/peer_service.h"
#include "libpath/policy/restart_policy.h"
#include "libpath/serve/server_process.h"
#include "pathd/mailbox.h"
#include "pathd/worker.h"

namespace swpath
{

/// What is known of one disk's exports to one client.
struct ServedState {
	std::uint64_t epoch = 0; ///< newest that was exported or revoked
	bool open = false;       ///< an epoch is not drained
};

/// How a revocation went.
struct Revoked {
	bool drained = false;
	std::uint64_t ended = 0; ///< requests that had gone to the disk
	std::uint64_t lost = 0;  ///< those that the disk may still have; see PeerAnswer
	std::string text;
};

/// For one try to end an export that is served no more, and between two.
inline constexpr Duration end_export_limit = std::chrono::seconds(2);

/// What a peer is told whose order to revoke an export ended so.
[[nodiscard]] PeerAnswer answer_of(const Revoked &revoked);
/// How long the server may take for such an order: its answer is on its way when the peer's time
/// is over.
[[nodiscard]] Duration time_to_revoke(const PeerOrder &order);

class Serving
{
public:
	/// Looks for a server or starts one, soon. Errors: no thread.
	[[nodiscard]] static Result<std::unique_ptr<Serving>>
	create(ServerSetup setup, std::shared_ptr<Mailbox> mailbox, std::function<void()> changed);
	~Serving();

	/// It answered the last time, and has not ended since.
	[[nodiscard]] bool answers() const { return answers_; }
	/// Nothing: the server has not been asked yet, so there may be exports.
	[[nodiscard]] std::optional<ServedState> state(const std::string &wwid,
						       const std::string &client) const;
	/// Of every client the newest epoch, if it is not drained.
	[[nodiscard]] std::vector<ExportName> open_exports(const std::string &wwid) const;
	/// The same, of all disks.
	[[nodiscard]] std::vector<ExportName> open_exports() const;
	[[nodiscard]] std::uint16_t port() const { return setup_.listen.port; }
	/// What the server said the last time, and when; nothing: it has not answered yet.
	[[nodiscard]] const std::optional<ServeReport> &told() const { return told_; }
	[[nodiscard]] Instant told_at() const { return told_at_; }
	/// Why it does not answer; empty: it does, or it has not been asked yet.
	[[nodiscard]] const std::string &trouble() const { return trouble_; }

	using Exported = std::function<void(const Answered<ExportedReply> &)>;
	using OnRevoked = std::function<void(const Answered<Revoked> &)>;
	/// Both are called back on the loop's thread. False: the threads for this export hang,
	/// nothing will be done.
	[[nodiscard]] bool export_disk(const ExportOrder &order, Exported done);
	/// `devices`: all in which an earlier process's I/O may be left.
	[[nodiscard]] bool revoke(const ExportName &name, const std::vector<std::string> &devices,
				  Duration limit, OnRevoked done);

	/// Does what is due. Called by the loop after each of its rounds.
	void step(Instant now);
	/// After a step: in the future, also while a look at the server takes long.
	[[nodiscard]] Instant deadline() const;

private:
	struct Look;
	Serving(ServerSetup setup, std::shared_ptr<Mailbox> mailbox, std::function<void()> changed);
	void looked(const Look &look, Instant now);
	using Line = std::pair<std::string, std::string>; ///< WWID, client
	[[nodiscard]] static Line line_of(const ExportName &name)
	{
		return {name.wwid, name.client};
	}
	[[nodiscard]] Worker *worker(const ExportName &name);

	ServerSetup setup_;
	std::shared_ptr<Mailbox> mailbox_;
	std::function<void()> changed_;
	std::unique_ptr<Worker> keeper_;
	/// One client's revocation waits for its own requests only.
	std::map<Line, std::unique_ptr<Worker>> workers_;
	std::map<Line, ServedState> states_;
	std::shared_ptr<const ServerProcess> process_;
	/// Killed, followed by another one, and not ended yet: to be reaped when they are.
	std::vector<std::shared_ptr<const ServerProcess>> leaving_;
	RestartPolicy restart_;
	std::optional<ServeReport> told_;
	Instant told_at_{};
	bool answers_ = false;
	bool looking_ = false;
	bool looked_once_ = false;
	std::string trouble_; ///< that was told
	Instant began_{};     ///< of the process
	Instant start_at_{};
	Instant due_{};
	Instant stepped_{};
	unsigned running_ = 0; ///< exports and revocations that are asked for
	std::shared_ptr<bool> here_ = std::make_shared<bool>(true);
};

} // namespace swpath
