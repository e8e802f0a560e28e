// SPDX-License-Identifier: LGPL-2.1-or-later
/// The calling side of the control protocol: blocking, but never past a deadline.
#pragma once

#include <chrono>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "libpath/base/unique_fd.h"
#include "libpath/control/cluster_report.h"
#include "libpath/control/event.h"
#include "libpath/control/explain_report.h"
#include "libpath/control/exports_report.h"
#include "libpath/control/flight.h"
#include "libpath/control/frame_reader.h"
#include "libpath/control/hints_report.h"
#include "libpath/control/order.h"

namespace swpath
{

struct Call;
struct Reply;

inline constexpr std::string_view control_socket = "/run/swpath/pathd.sock";

class ControlClient
{
public:
	/// Connects to the socket `path`. Every call on it ends within `limit`.
	/// Refusals: NotReachable nobody listens (the hint says how to start pathd); Permission the
	/// socket may not be opened; Timeout.
	[[nodiscard]] static Answered<ControlClient>
	connect(const std::string &path = std::string(control_socket),
		std::chrono::milliseconds limit = std::chrono::seconds(2));

	/// One call, one reply: its parameters. Refusals: the server's; Timeout no whole reply came
	/// within the limit; NotReachable the server went away; Failed it answered what is no
	/// reply. After Timeout, NotReachable and Failed the connection is of no more use.
	[[nodiscard]] Answered<Json> call(std::string_view method, Json parameters);
	[[nodiscard]] Answered<Json> call(std::string_view method); ///< without parameters

	/// All units, or the one of that name and no other.
	[[nodiscard]] Answered<Report> status(std::string_view unit = {});
	/// Units with their history and nothing else.
	[[nodiscard]] Answered<Report> history(std::string_view unit = {});
	/// What pathd recorded of one unit. A pathd that does not record yet: BadRequest.
	[[nodiscard]] Answered<FlightReport> flight(std::string_view unit);
	/// The cluster of pathd's host. A pathd that knows of none yet: BadRequest.
	[[nodiscard]] Answered<ClusterReport> cluster();
	/// What pathd's host serves. A pathd that does not tell yet: BadRequest.
	[[nodiscard]] Answered<ExportsReport> exports(std::string_view unit = {});
	/// Why a unit or a disk of pathd's host has its paths. A pathd that does not explain yet:
	/// BadRequest.
	[[nodiscard]] Answered<ExplainReport> explain(std::string_view disk);
	/// The buses of pathd's host. A pathd that knows of none yet: BadRequest.
	[[nodiscard]] Answered<HintsReport> hints();
	/// Names are resolved by the server, as find_unit() and find_path() do. `path` is empty for
	/// verbs that take none.
	[[nodiscard]] Answered<Done> order(Verb verb, std::string_view unit, std::string_view path,
					   bool forced, bool dry_run);
	/// A line per change.
	[[nodiscard]] Answered<std::vector<std::string>> reload(bool dry_run);

	/// Begins the event stream; then only next_event().
	[[nodiscard]] Answered<void> events(std::string_view unit = {});
	/// Waits up to `wait` (less than 0: for ever) for the next event; nothing: none came.
	/// Refusals: NotReachable the server went away; Failed what came is no event.
	[[nodiscard]] Answered<std::optional<Event>> next_event(std::chrono::milliseconds wait);

	/// For poll(2) beside other descriptors. An event may already wait inside: call
	/// next_event(0) until it gives nothing before sleeping.
	[[nodiscard]] int fd() const noexcept { return fd_.get(); }

private:
	ControlClient(UniqueFd fd, std::chrono::milliseconds limit);
	[[nodiscard]] Answered<void> send(const Call &call);
	[[nodiscard]] Answered<std::optional<Reply>> receive(std::chrono::milliseconds wait);

	UniqueFd fd_;
	std::chrono::milliseconds limit_;
	FrameReader reader_{reply_limits};
};

} // namespace swpath
