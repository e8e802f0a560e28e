// SPDX-License-Identifier: GPL-2.0-or-later
/// Messages of the daemon: a ring of fixed size, written out by a thread of its own.
///
/// journald may itself wait for a disk that is being switched, so nobody who has something to do
/// for a unit may wait for it. When the ring is full, messages are dropped and counted; the count
/// is the next message.
#pragma once

#include <algorithm>
#include <cstdint>
#include <string>
#include <string_view>

#include "libpath/base/bounded_format.h"
#include "libpath/config/config.h"

namespace swpath::log
{

/// Kinds of message that scripts may rely on: (enumerator, MESSAGE_ID, priority). The ids are in
/// swpath.catalog, which says what each asks of the administrator.
#define SWPATH_MESSAGES(X)                                                                         \
	X(Plain, "", 6)                                                                            \
	X(Notice, "", 5)                                                                           \
	X(Warning, "", 4)                                                                          \
	X(Error, "", 3)                                                                            \
	X(Debug, "", 7)                                                                            \
	X(Hold, "6f4a1d2ce0b94b0f8a51c3ad9b9e7a01", 4)                                             \
	X(Switch, "6f4a1d2ce0b94b0f8a51c3ad9b9e7a02", 5)                                           \
	X(Failback, "6f4a1d2ce0b94b0f8a51c3ad9b9e7a03", 5)                                         \
	X(UnitFailed, "6f4a1d2ce0b94b0f8a51c3ad9b9e7a04", 2)                                       \
	X(PathFailed, "6f4a1d2ce0b94b0f8a51c3ad9b9e7a05", 4)                                       \
	X(PathOk, "6f4a1d2ce0b94b0f8a51c3ad9b9e7a06", 5)                                           \
	X(PathRejected, "6f4a1d2ce0b94b0f8a51c3ad9b9e7a07", 3)                                     \
	X(PathDamped, "6f4a1d2ce0b94b0f8a51c3ad9b9e7a08", 4)                                       \
	X(UnitCreated, "6f4a1d2ce0b94b0f8a51c3ad9b9e7a09", 5)                                      \
	X(ConfigRejected, "6f4a1d2ce0b94b0f8a51c3ad9b9e7a0a", 3)                                   \
	X(Dropped, "6f4a1d2ce0b94b0f8a51c3ad9b9e7a0b", 4)                                          \
	X(GiveUp, "6f4a1d2ce0b94b0f8a51c3ad9b9e7a0c", 4)                                           \
	X(LegOpened, "6f4a1d2ce0b94b0f8a51c3ad9b9e7a10", 4)                                        \
	X(LegClosed, "6f4a1d2ce0b94b0f8a51c3ad9b9e7a11", 5)

enum class Message : std::uint8_t {
#define SWPATH_MESSAGE_NAME(name, id, priority) name,
	SWPATH_MESSAGES(SWPATH_MESSAGE_NAME)
#undef SWPATH_MESSAGE_NAME
};

/// What a message is about; each becomes a field of the journal if it is not empty.
struct Subject {
	std::string_view unit{};   ///< SW_UNIT
	std::string_view path{};   ///< SW_PATH
	std::string_view reason{}; ///< SW_REASON
	std::string_view from{};   ///< SW_FROM
	std::string_view to{};     ///< SW_TO
	std::uint64_t held_us = 0; ///< SW_HELD_USEC
};

/// Starts the thread. Messages go to journald if it listens and stderr is not a terminal, else to
/// stderr. Errors: no thread.
[[nodiscard]] Result<void> start(LogLevel level);
void set_level(LogLevel level);
/// Waits until everything that was said is written, at most for `limit`.
void flush(Duration limit);

/// Never blocks, never allocates; text beyond 480 bytes is cut off.
void write(Message message, const Subject &subject, std::string_view text) noexcept;

/// Messages dropped since the start.
[[nodiscard]] std::uint64_t dropped() noexcept;

template <class... Args>
void say(Message message, const Subject &subject, fmt::format_string<Args...> format,
	 Args &&...args)
{
	char text[512];
	const auto length = bounded_format(text, format, std::forward<Args>(args)...);
	write(message, subject, {text, std::min(length, sizeof(text))});
}

} // namespace swpath::log
