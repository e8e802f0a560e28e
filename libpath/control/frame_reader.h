// SPDX-License-Identifier: LGPL-2.1-or-later
/// Messages of JSON, each ended by a NUL byte, out of a stream of bytes. Pure and bounded: what
/// comes from a peer costs at most FrameLimits, whatever it sends.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

#include "libpath/base/result.h"
#include "libpath/control/json.h"

namespace swpath
{

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

} // namespace swpath
