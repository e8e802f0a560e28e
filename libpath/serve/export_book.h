// SPDX-License-Identifier: LGPL-2.1-or-later
/// What a serving host decides: which epoch of which disk may be opened and by whom, which request
/// may go to the disk, and when a revoked epoch has ended.
///
/// A disk is served to several clients, and to each in one epoch at a time. Closing an epoch of a
/// client closes its older ones too, for good, and nothing of another's: nothing that was closed
/// once opens again, so an order or a client that was delayed on its way does no harm. An error of
/// the path is everybody's: all exports of the device are left then. A request is counted by the
/// same step that checks it (begin), and until its I/O has ended (end). So there is no moment in
/// which a request has passed the check and is not waited for: "drained" means that no request of
/// the epoch is in the disk or on its way to it.
///
/// Pure: no clock, no I/O, no lock. Whoever has several threads puts one lock around it.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <unordered_map>
#include <vector>

#include "libpath/base/instant.h"
#include "libpath/base/result.h"
#include "libpath/serve/client_address.h"
#include "libpath/serve/export_name.h"
#include "libpath/serve/export_state.h"

namespace swpath
{

/// Names an open connection; never used twice.
using ConnectionId = std::uint64_t;

struct ExportOrder {
	ExportName name;
	std::string device;
	std::vector<ClientPattern> clients; ///< at least one
	bool read_only = false;

	bool operator==(const ExportOrder &) const = default;
};

/// A request that the book has let pass; to be handed back with end(), once.
struct AdmittedRequest {
	std::uint64_t export_number = 0;
	std::uint32_t slot = 0;
};

struct ExportView {
	ExportOrder order;
	ExportState state = ExportState::Open;
	int path_error = 0; ///< errno that ended it; Failed, or 0
	Instant since{};    ///< of the state
	unsigned connections = 0;
	unsigned connections_ended =
		0; ///< that were open when the epoch was closed or the path failed
	unsigned in_flight = 0;
	std::optional<Duration> oldest; ///< age of the oldest request in flight
	std::uint64_t requests = 0;     ///< that went to the disk
	std::uint64_t lost = 0;         ///< of them, those that ended in an error of the path
	std::uint64_t refused = 0;      ///< that came too late to
};

/// What is known of a revocation. `drained` is the promise: no request of this epoch or of an older
/// one of the client, admitted by this process, can change the disk any more.
struct Revocation {
	bool drained = false;
	/// This process has served an epoch that the order closes: `what` is its state. If not, it
	/// can vouch for itself only, not for a process that served here before.
	bool served_here = false;
	/// The disk's devices that this process has held alone (add()), so no earlier one has I/O
	/// in them.
	std::set<std::string> held;
	std::optional<ExportView> what;
	std::vector<ConnectionId> cut; ///< connections to be ended, each named once only
};

struct Refused {
	Instant at{};
	std::string client;
	std::string text;
};

/// True if `error` (errno of a disk I/O) speaks of the path, not of the request or of the medium:
/// whatever blk_path_error() of include/linux/blk_types.h does not exempt, as errno
/// (block/blk-core.c, blk_errors[]), less what this host may lack for a moment (ENOMEM, EAGAIN) and
/// what a discard meets above the disk (EBUSY, EINTR).
[[nodiscard]] bool is_path_error(int error) noexcept;

class ExportBook
{
public:
	/// Disks that are remembered, as many as the members tell each other of; clients of each,
	/// and drained epochs of each of them.
	static constexpr std::size_t disks_max = 1024;
	static constexpr std::size_t clients_max = 64;
	static constexpr std::size_t drained_kept = 4;
	static constexpr std::size_t refusals_kept = 16;

	/// May this be exported? False: it is already, by an equal order. Errors: ESTALE the epoch
	/// is closed; EEXIST the same epoch is open by another order; EBUSY an older epoch of the
	/// client is not drained, or the device is exported under another WWID; EINVAL nobody is
	/// allowed in; ENOSPC too many disks, or clients of one.
	[[nodiscard]] Result<bool> check(const ExportOrder &order) const;
	/// An export that is open on the device of `order`, whose open file does for it too:
	/// another open file would be kept out by the lock. Nothing: open the device.
	[[nodiscard]] std::optional<ExportName> beside(const ExportOrder &order) const;
	/// The device is open and ours alone: serve. Errors: as check(), for what happened since.
	[[nodiscard]] Result<void> add(const ExportOrder &order, Instant now);

	struct Admitted {
		ConnectionId connection = 0;
		ExportName name;
		bool read_only = false;
	};
	/// A client asks for an export by name. Errors: EINVAL no such kind of name; ENOENT not
	/// served here; ESTALE that epoch is closed; ENXIO the direct path has failed; EACCES the
	/// client may not. The context is the sentence for the client, and is kept for the status.
	[[nodiscard]] Result<Admitted> connect(std::string_view asked, const ClientAddress &client,
					       Instant now);
	/// The connection is gone, and with it the server's part in it.
	void disconnected(ConnectionId connection, Instant now);

	/// May a request of this connection go to the disk? Errors: ESHUTDOWN the epoch was closed
	/// or the path has failed.
	[[nodiscard]] Result<AdmittedRequest> begin(ConnectionId connection, Instant now);
	/// Its I/O has ended, with errno or 0. Returns connections to be ended, of every client:
	/// the path has failed.
	[[nodiscard]] std::vector<ConnectionId> end(AdmittedRequest request, int error,
						    Instant now);

	/// Closes the epoch and every older one of the client. Idempotent: asking again says how
	/// far it is.
	[[nodiscard]] Revocation revoke(const ExportName &name, Instant now);

	/// Nothing of it needs the device any more.
	[[nodiscard]] bool idle(const ExportName &name) const;

	/// Of each disk and client the latest epoch that is closed: what must outlive the process.
	[[nodiscard]] std::vector<ExportName> closed_epochs() const;
	[[nodiscard]] std::vector<ExportView> exports(Instant now) const;
	[[nodiscard]] const std::vector<Refused> &refusals() const noexcept { return refusals_; }

private:
	struct Slot {
		Instant began{};
		bool used = false;
	};
	struct Export {
		ExportOrder order;
		ExportState state = ExportState::Open;
		int path_error = 0;
		Instant since{};
		unsigned connections = 0;
		unsigned connections_ended = 0;
		std::vector<Slot> slots;
		std::vector<std::uint32_t> free_slots;
		std::uint64_t requests = 0;
		std::uint64_t lost = 0;
		std::uint64_t refused = 0;

		[[nodiscard]] unsigned in_flight() const
		{
			return static_cast<unsigned>(slots.size() - free_slots.size());
		}
		[[nodiscard]] bool quiet() const { return connections == 0 && in_flight() == 0; }
	};
	/// One disk's exports to one client.
	struct Line {
		std::optional<std::uint64_t> current;        ///< export not drained
		std::optional<std::uint64_t> closed_through; ///< this epoch and all older ones
		std::vector<ExportView> drained;             ///< latest last
	};
	struct Disk {
		std::map<std::string, Line> lines; ///< by client
		std::set<std::string> held;        ///< devices
	};
	struct Connection {
		std::uint64_t export_number = 0;
		bool cut = false;
	};

	[[nodiscard]] static ExportView view(const Export &what, Instant now);
	[[nodiscard]] const Line *line(const ExportName &name) const;
	[[nodiscard]] const Export *current(const Line &line) const;
	[[nodiscard]] Result<std::uint64_t> find(std::string_view asked,
						 const ClientAddress &client) const;
	[[nodiscard]] std::vector<ConnectionId> cut_all(std::uint64_t number);
	[[nodiscard]] std::vector<ConnectionId> path_failed(const std::string &device, int error,
							    Instant now);
	void settle(std::uint64_t number, Instant now);

	std::map<std::string, Disk> disks_; ///< by WWID
	std::unordered_map<std::uint64_t, Export> exports_;
	std::unordered_map<ConnectionId, Connection> connections_;
	std::vector<Refused> refusals_; ///< latest last
	std::uint64_t next_export_ = 1;
	ConnectionId next_connection_ = 1;
};

} // namespace swpath
