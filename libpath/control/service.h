// SPDX-License-Identifier: LGPL-2.1-or-later
/// What each method of the control protocol does, apart from sockets: one call in, what to answer
/// out.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <sys/types.h>

#include "libpath/control/control_handler.h"
#include "libpath/control/wire.h"

namespace swpath
{

/// What becomes of a call. Neither member set: the handler has it and will answer.
struct Dispatched {
	std::optional<Reply> reply;
	/// A stream of events begins; of this unit only unless empty.
	std::optional<std::string> stream;
};

/// Looks at one call of a client with user id `uid` and answers it, or hands it to `handler`
/// under `id`.
[[nodiscard]] Dispatched dispatch(const Call &call, uid_t uid, CallId id, ControlHandler &handler);

[[nodiscard]] Reply reply_of(const Answered<Done> &done);
[[nodiscard]] Reply reply_of(const Answered<std::vector<std::string>> &changes);

/// The text of io.swpath.Control.varlink.
[[nodiscard]] std::string_view control_interface_text();

} // namespace swpath
