// SPDX-License-Identifier: LGPL-2.1-or-later
/// When a process that ended is started again: soon, but not in a loop that fills the log and the
/// CPU.
#pragma once

#include "libpath/base/instant.h"

namespace swpath
{

class RestartPolicy
{
public:
	static constexpr Duration first_delay = std::chrono::milliseconds(100);
	static constexpr Duration longest_delay = std::chrono::seconds(30);
	/// A process that lived so long has started well: the next delay is the first again.
	static constexpr Duration good_life = std::chrono::seconds(60);

	/// The process that began at `began` has ended, or could not be started, at `ended`.
	/// Returns when to start it again.
	[[nodiscard]] Instant ended(Instant began, Instant ended);

private:
	Duration delay_{};
};

} // namespace swpath
