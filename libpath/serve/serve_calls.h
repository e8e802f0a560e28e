// SPDX-License-Identifier: LGPL-2.1-or-later
/// What is said over the server's control socket: interface io.swpath.Serve, in the messages of
/// control/wire.h. docs/protocol.md describes it for other programs.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "libpath/control/json.h"
#include "libpath/control/refusal.h"
#include "libpath/serve/export_book.h"

namespace swpath
{

struct Call;
struct Reply;

inline constexpr std::string_view serve_interface = "io.swpath.Serve";
inline constexpr std::string_view serve_socket = "/run/swpath/serve.sock";
/// Longest that one call waits for an epoch to drain.
inline constexpr std::chrono::milliseconds revoke_wait_max = std::chrono::seconds(60);

struct ExportedReply {
	std::string name; ///< of the export
	std::uint64_t size_bytes = 0;
	std::uint32_t logical_block_bytes = 0;
	std::uint32_t physical_block_bytes = 0;
	bool read_only = false;
	std::uint64_t disk_sequence = 0; ///< ServedDisk::sequence()

	bool operator==(const ExportedReply &) const = default;
};

struct RevokeOrder {
	ExportName name;
	/// How long to wait for the epoch to drain; 0: only say how far it is.
	std::chrono::milliseconds wait{5000};
	/// The disk's devices, every one that an earlier server process may have served: to find
	/// out whether its I/O is left in one, if this process has not served the epoch. May be
	/// empty.
	std::vector<std::string> devices;

	bool operator==(const RevokeOrder &) const = default;
};

struct RevokedReply {
	/// No request of this epoch or of an older one of the client is in the disk or can get
	/// there, by this server or one that ran before it.
	bool drained = false;
	unsigned connections = 0;       ///< still open
	unsigned connections_ended = 0; ///< that were open when the epoch was closed
	unsigned in_flight = 0;
	std::uint64_t oldest_ms = 0; ///< age of the oldest request in flight; 0: none
	std::uint64_t requests = 0;  ///< that went to the disk
	std::uint64_t lost = 0;      ///< of them, those that ended in an error of the path
	std::uint64_t refused = 0;   ///< that came too late to
	bool served_here = false;    ///< by this process
	std::string text;            ///< one line: the evidence, or what is waited for

	bool operator==(const RevokedReply &) const = default;
};

/// The line of a revocation: "revoked and drained: 2 connections ended, …".
[[nodiscard]] std::string revocation_text(const ExportName &name, const RevokedReply &reply);

struct ServeReport {
	int pid = 0;
	std::uint64_t started_ms_ago = 0;
	bool tls = false;
	struct Entry {
		ExportView view;
		std::uint64_t since_ms = 0; ///< how long it has been in its state
	};
	std::vector<Entry> exports;
	struct Refusal {
		std::uint64_t ms_ago = 0;
		std::string client;
		std::string text;
	};
	std::vector<Refusal> refusals; ///< latest last
};

class ServeHandler
{
public:
	virtual ~ServeHandler() = default;
	/// Serves a disk in an epoch. May block while the device is opened.
	[[nodiscard]] virtual Answered<ExportedReply> export_disk(const ExportOrder &order) = 0;
	/// Closes an epoch and waits until it has drained, at most order.wait.
	[[nodiscard]] virtual Answered<RevokedReply> revoke(const RevokeOrder &order) = 0;
	[[nodiscard]] virtual ServeReport report() = 0;
};

/// Answers a call: unknown methods, and parameters that are unknown, missing or wrong, are refused
/// before `handler` is asked.
[[nodiscard]] Reply answer_serve_call(const Call &call, ServeHandler &handler);

// The calling side.
[[nodiscard]] Call export_call(const ExportOrder &order);
[[nodiscard]] Call revoke_call(const RevokeOrder &order);
/// Refusals: Failed the answer is none.
[[nodiscard]] Answered<ExportedReply> exported_from_json(const Json &json);
[[nodiscard]] Answered<RevokedReply> revoked_from_json(const Json &json);
[[nodiscard]] Json to_json(const ServeReport &report);
[[nodiscard]] Answered<ServeReport> serve_report_from_json(const Json &json);

} // namespace swpath
