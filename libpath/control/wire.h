// SPDX-License-Identifier: LGPL-2.1-or-later
/// Varlink on the wire: messages of JSON, each ended by a NUL byte. Pure and bounded: what comes
/// from a peer costs at most FrameLimits, whatever it sends.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

#include "libpath/base/result.h"
#include "libpath/control/refusal.h"
#include "libpath/control/report_json.h"

namespace swpath
{

inline constexpr std::string_view control_interface = "io.swpath.Control";
inline constexpr std::string_view control_socket = "/run/swpath/pathd.sock";

struct FrameLimits {
	std::size_t message_bytes_max; ///< without the NUL
	unsigned depth_max = 16;       ///< of nested objects and arrays
};
/// What a server takes from a client.
inline constexpr FrameLimits request_limits{.message_bytes_max = 8 * 1024};
/// What a client takes from a server.
inline constexpr FrameLimits reply_limits{.message_bytes_max = 16 * 1024 * 1024};

/// Cuts a stream of bytes into messages.
class FrameReader
{
public:
	explicit FrameReader(FrameLimits limits) : limits_(limits) {}

	/// Takes bytes as they come. Errors: EMSGSIZE a message is longer than allowed; the stream
	/// cannot be read any further.
	[[nodiscard]] Result<void> feed(std::string_view bytes);
	/// The next complete message, parsed; nothing: more bytes are needed.
	/// Errors: EBADMSG not a JSON object, or nested too deep; EMSGSIZE as feed().
	[[nodiscard]] Result<std::optional<Json>> next();
	/// A message has begun and is not complete.
	[[nodiscard]] bool partial() const;

private:
	FrameLimits limits_;
	std::string buffer_;
	std::size_t scanned_ = 0; ///< no NUL before this place
};

struct Call {
	std::string method; ///< "io.swpath.Control.Status"
	Json parameters = Json::object();
	bool more = false;
	bool oneway = false;
};

/// Errors: EBADMSG no method, or a member of the wrong type; `upgrade` is refused.
[[nodiscard]] Result<Call> parse_call(const Json &message);
/// The message's bytes with the NUL.
[[nodiscard]] std::string encode_call(const Call &call);

struct Reply {
	std::string error; ///< full name; empty: success
	Json parameters = Json::object();
	bool continues = false;
};

/// Errors: EBADMSG a member of the wrong type.
[[nodiscard]] Result<Reply> parse_reply(const Json &message);
[[nodiscard]] std::string encode_reply(const Reply &reply);

/// A refusal as an error of io.swpath.Control, and back. An error of another interface becomes
/// Usage (org.varlink.service.MethodNotFound and the like) or Failed, with its name in the message.
[[nodiscard]] Reply reply_of(const Refusal &refusal);
[[nodiscard]] Refusal refusal_of(const Reply &reply);

} // namespace swpath
