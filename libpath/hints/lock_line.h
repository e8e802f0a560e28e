// SPDX-License-Identifier: LGPL-2.1-or-later
/// A lock space in lines of text: what swpath-lockspace is told, and what it tells.
///
///   hold NAME | release NAME | publish NAME HEX LIMIT_MS | value NAME
///
///   ready
///   EVENT NAME valid|invalid HEX     EVENT: held, changed, published, overtaken, or value
///   failed NAME ERRNO TEXT           a call, or what it began; "?" for a NAME: a line that is no
///                                    order, or the lock space as a whole, which then ends
///
/// HEX are the 64 digits of a value; LIMIT_MS is how long publish may take.
#pragma once

#include <string>
#include <string_view>

#include "libpath/hints/lock_space.h"

namespace swpath
{

#define SWPATH_LOCK_ORDERS(X)                                                                      \
	X(Hold, "hold")                                                                            \
	X(Release, "release")                                                                      \
	X(Publish, "publish")                                                                      \
	X(Value, "value")
SWPATH_WORDS(LockOrderKind, SWPATH_LOCK_ORDERS)

struct LockOrder {
	LockOrderKind kind = LockOrderKind::Hold;
	std::string name;
	LockBytes bytes{}; ///< Publish
	Duration limit{};  ///< Publish

	/// Without a newline. Pure. Errors: EINVAL with what is wrong.
	[[nodiscard]] static Result<LockOrder> parse(std::string_view line);
};

/// 64 lower-case digits.
[[nodiscard]] std::string lock_hex(const LockBytes &bytes);
/// Both without a newline.
[[nodiscard]] std::string lock_line(const LockEvent &event);
[[nodiscard]] std::string lock_line(std::string_view name, const LockValue &value);
[[nodiscard]] std::string lock_line(const LockOrder &order);
/// Reads lock_line() of an event. The text of an error is in its context, with what its code means.
/// Pure. Errors: EINVAL with what is wrong.
[[nodiscard]] Result<LockEvent> parse_lock_event(std::string_view line);

} // namespace swpath
