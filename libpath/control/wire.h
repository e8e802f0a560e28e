// SPDX-License-Identifier: LGPL-2.1-or-later
/// Varlink's calls and replies as the messages of frame_reader.h. Pure.
#pragma once

#include <string>
#include <string_view>

#include <nlohmann/json.hpp>

#include "libpath/base/result.h"
#include "libpath/control/json.h"
#include "libpath/control/refusal.h"

namespace swpath
{

inline constexpr std::string_view control_interface = "io.swpath.Control";

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
