// SPDX-License-Identifier: LGPL-2.1-or-later
/// Time between the tries of something that failed: doubles from first to max.
#pragma once

#include <algorithm>
#include <optional>

#include "libpath/base/instant.h"

namespace swpath
{

class Backoff
{
public:
	Backoff(Duration first, Duration max) : first_(first), max_(max) {}

	void failed(Instant now)
	{
		wait_ = next_ ? std::min(2 * wait_, max_) : first_;
		next_ = now + wait_;
	}
	void worked() { next_.reset(); }
	/// The next try may be made.
	[[nodiscard]] bool due(Instant now) const { return !next_ || now >= *next_; }
	/// When it may; nothing: at once.
	[[nodiscard]] std::optional<Instant> next() const { return next_; }

private:
	Duration first_, max_, wait_{};
	std::optional<Instant> next_;
};

} // namespace swpath
