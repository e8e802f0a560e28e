// SPDX-License-Identifier: LGPL-2.1-or-later
#include "libpath/policy/restart_policy.h"

#include <algorithm>

namespace swpath
{

Instant RestartPolicy::ended(Instant began, Instant ended)
{
	if (delay_ == Duration::zero() || ended - began >= good_life)
		delay_ = first_delay;
	else
		delay_ = std::min(2 * delay_, longest_delay);
	return ended + delay_;
}

} // namespace swpath
