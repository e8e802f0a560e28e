// SPDX-License-Identifier: LGPL-2.1-or-later
/// What is told about the disks that this host serves. Plain data; report_json.h has its form on
/// the wire.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "libpath/control/report.h"
#include "libpath/serve/export_state.h"

namespace swpath
{

/// One disk's export to one client in one epoch, as the server has it.
struct ExportReport {
	std::string unit; ///< "sw0"; empty: no unit of this host has the disk any more
	std::string wwid;
	std::string client; ///< the peer's name
	std::uint64_t epoch = 0;
	ExportState state = ExportState::Open;
	WallTime since{};                   ///< of the state
	std::string device;                 ///< "/dev/sda"
	std::vector<std::string> addresses; ///< that the client may come from
	bool read_only = false;
	std::uint32_t connections = 0;
	std::uint32_t inflight_requests = 0;
	std::uint64_t oldest_ms = 0; ///< age of the oldest request in flight; 0: none
	std::uint64_t requests = 0;  ///< that went to the disk
	std::uint64_t lost = 0;      ///< of them, those that ended in an error of the path
	std::uint64_t refused = 0;   ///< that came after the epoch was closed

	bool operator==(const ExportReport &) const = default;
};

/// A unit that is to be served and is not.
struct NotServed {
	std::string unit;
	std::string wwid;
	std::string reason; ///< one sentence without a full stop

	bool operator==(const NotServed &) const = default;
};

struct ExportsReport {
	WallTime generated{};
	Source source = Source::Pathd;
	std::string version; ///< of the program that made it
	std::string address; ///< of the server: "10.0.0.2:10809"; empty: this host serves nothing
	bool tls = false;    ///< clients must show their key
	bool answers = false;
	std::optional<std::uint32_t> process; ///< of the server; nothing: it has never answered
	std::string trouble;                  ///< why it does not answer; may be empty
	std::optional<WallTime> told;         ///< when the server said what follows
	std::vector<ExportReport> exports;    ///< by disk, client, epoch
	std::vector<NotServed> not_served;    ///< by unit

	bool operator==(const ExportsReport &) const = default;
};

/// What of a unit that is to be served speaks for and against it.
struct ServeFacts {
	bool enabled = true;
	std::string server_trouble; ///< empty: the server answers
	bool direct = false;        ///< a direct path of this host is proved
	std::string direct_text;    ///< about the direct paths if not; may be empty
	std::string looped;         ///< served path that this host uses itself; empty: none
};

/// Why nobody can use the disk through this host, or, if somebody could, that nobody has asked for
/// it; one sentence without a full stop. Pure.
[[nodiscard]] std::string why_not_served(const ServeFacts &facts);

/// What of it is about the unit `name`.
[[nodiscard]] ExportsReport exports_of(const ExportsReport &report, const std::string &name);

} // namespace swpath
