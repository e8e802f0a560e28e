// SPDX-License-Identifier: LGPL-2.1-or-later
#include "libpath/policy/failback.h"

#include <algorithm>

#include "libpath/base/earlier.h"

namespace swpath
{

FailbackDecision decide_failback(const FailbackView &view, const FailbackRule &rule, Instant now)
{
	if (!view.online || !view.active)
		return {FailbackVerdict::NotOnline, {}, {}};
	const unsigned active = *view.active;
	if (active == 0)
		return {FailbackVerdict::Preferred, {}, {}};
	if (!rule.automatic)
		return {FailbackVerdict::Manual, {}, {}};
	if (view.pinned)
		return {FailbackVerdict::Pinned, {}, {}};

	// The most preferred path that is stable now goes; one that is still settling is waited for
	// only if nothing else can go.
	std::optional<Instant> settles;
	for (unsigned i = 0; i < active && i < view.paths.size(); i++) {
		const auto &path = view.paths[i];
		if (!path.ready || path.state != MonitorState::Ok || !path.good_since)
			continue;
		const Instant stable_at = *path.good_since + rule.stable;
		if (stable_at > now || !path.ticket) {
			const Instant from = std::max(stable_at, now);
			settles = earlier(settles, from);
			continue;
		}
		if (view.last_try && now - *view.last_try < rule.interval)
			return {FailbackVerdict::TooSoon, i, *view.last_try + rule.interval};
		return {FailbackVerdict::Go, i, now};
	}
	if (!settles)
		return {FailbackVerdict::NoCandidate, {}, {}};
	if (view.last_try)
		settles = std::max(*settles, *view.last_try + rule.interval);
	return {FailbackVerdict::Settling, {}, settles};
}

const char *failback_verdict_word(FailbackVerdict verdict)
{
	switch (verdict) {
	case FailbackVerdict::Go:
		return "due";
	case FailbackVerdict::Preferred:
		return "preferred path active";
	case FailbackVerdict::Manual:
		return "manual";
	case FailbackVerdict::Pinned:
		return "pinned";
	case FailbackVerdict::NotOnline:
		return "unit not online";
	case FailbackVerdict::NoCandidate:
		return "no better path";
	case FailbackVerdict::Settling:
		return "settling";
	case FailbackVerdict::TooSoon:
		return "too soon after the last try";
	}
	return "unknown";
}

} // namespace swpath
