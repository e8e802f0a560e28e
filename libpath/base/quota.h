// SPDX-License-Identifier: LGPL-2.1-or-later
/// So many in a time, and no more: for log lines that others can cause.
#pragma once

#include "libpath/base/instant.h"

namespace swpath
{

class Quota
{
public:
	Quota(unsigned most, Duration per) : most_(most), per_(per) {}

	/// False: `most` were taken since the time began anew.
	[[nodiscard]] bool take(Instant now)
	{
		if (taken_ == 0 || now >= began_ + per_) {
			began_ = now;
			taken_ = 0;
		}
		if (taken_ == most_)
			return false;
		taken_++;
		return true;
	}

private:
	unsigned most_;
	Duration per_;
	Instant began_{};
	unsigned taken_ = 0;
};

} // namespace swpath
