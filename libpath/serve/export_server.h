// SPDX-License-Identifier: LGPL-2.1-or-later
/// The serving side without its server: the book of exports, the disks that they are of, and the
/// connections that use them. What nbdkit's plugin calls, from any thread.
#pragma once

#include <condition_variable>
#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <set>
#include <string>
#include <unordered_map>

#include "libpath/base/unique_fd.h"
#include "libpath/serve/export_book.h"
#include "libpath/serve/handshakes.h"
#include "libpath/serve/serve_calls.h"
#include "libpath/serve/served_disk.h"

namespace swpath
{

/// The peer of a connection, as far as the server knows it.
struct Peer {
	sockaddr_storage address{};
	socklen_t bytes = 0;
	pid_t pid = -1; ///< of a unix socket's
	uid_t uid = 0;
};

class ExportServer : public ServeHandler
{
public:
	struct Setup {
		std::string control_socket; ///< not to be taken for a client's
		std::string closed_file;    ///< where closed epochs are kept for the next process
		bool files = false;         ///< regular files may be exported
		bool tls = false;           ///< for the report
		std::string sys = "/sys";
	};
	/// Reads the epochs that an earlier process closed. Errors: EBADMSG or errno: `closed_file`
	/// is there and cannot be read; without it a closed epoch could open again.
	[[nodiscard]] static Result<std::unique_ptr<ExportServer>> create(Setup setup);

	/// One client's connection to one export.
	struct Session {
		ConnectionId connection = 0;
		ExportName name;
		bool read_only = false;
		std::shared_ptr<const ServedDisk> disk;
		Peer peer;
	};
	/// A connection has come and has said nothing yet. Errors: EBUSY too many are in that
	/// state; ESHUTDOWN the server ends.
	[[nodiscard]] Result<void> arrived(const Peer &peer);
	/// Ends connections that have not come to an export within Handshakes::time_max. To be
	/// called about each second. Does not block.
	void end_late();
	/// Errors: those of ExportBook::connect(); ENOTSOCK its socket cannot be found, so it could
	/// not be ended later: it is not served; ESHUTDOWN the server ends.
	[[nodiscard]] Result<std::unique_ptr<Session>> connect(std::string_view asked,
							       const Peer &peer);
	void disconnect(std::unique_ptr<Session> session);

	/// A request in two steps, around its disk I/O: run() is what does all three.
	[[nodiscard]] Result<AdmittedRequest> begin(const Session &session);
	void end(AdmittedRequest request, int error);

	/// Lets `io` (of a const ServedDisk &, returning an errno or 0) happen if it may. Returns 0
	/// or an errno: ESHUTDOWN it may not.
	template <class Io>
	[[nodiscard]] int run(const Session &session, Io &&io)
	{
		const auto request = begin(session);
		if (!request)
			return request.error().code.value();
		const int error = io(*session.disk);
		end(*request, error);
		return error;
	}

	// ServeHandler; each for any thread
	[[nodiscard]] Answered<ExportedReply> export_disk(const ExportOrder &order) override;
	[[nodiscard]] Answered<RevokedReply> revoke(const RevokeOrder &order) override;
	[[nodiscard]] ServeReport report() override;
	[[nodiscard]] std::vector<std::string> open_exports();
	/// Ends all connections there are, and takes no more: the server is about to end.
	void end_connections();

private:
	explicit ExportServer(Setup setup) : setup_(std::move(setup)) {}
	[[nodiscard]] Result<UniqueFd> claim_socket(const Peer &peer);
	void forget_gone();
	void cut(const std::vector<ConnectionId> &connections);
	void cut_by_process(const ExportName &name);
	[[nodiscard]] Result<void> record_closed();
	/// Closes the disks that nothing needs any more; lets go of the lock for it.
	void close_idle(std::unique_lock<std::mutex> &hold);

	Setup setup_;
	std::mutex lock_; ///< of everything below
	std::condition_variable changed_;
	ExportBook book_;
	/// Exports of one device share its open file.
	std::map<ExportName, std::shared_ptr<const ServedDisk>> disks_;
	struct Wire {
		UniqueFd socket;
		ExportName name;
		pid_t pid = -1;
	};
	std::unordered_map<ConnectionId, Wire> wires_;
	Handshakes handshakes_;
	bool ending_ = false;
	std::multiset<std::string> closing_; ///< WWIDs of disks that are being closed
	unsigned waiting_ = 0;               ///< revocations that wait for changed_
	std::mutex file_lock_;               ///< of closed_file; taken before lock_
};

} // namespace swpath
