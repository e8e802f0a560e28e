// SPDX-License-Identifier: LGPL-2.1-or-later
#include "libpath/control/exports_report.h"

#include <algorithm>

#include <fmt/core.h>

namespace swpath
{

std::string why_not_served(const ServeFacts &facts)
{
	if (!facts.enabled)
		return "the unit is switched off here (enabled = false)";
	if (!facts.server_trouble.empty())
		return fmt::format("the server does not answer: {}", facts.server_trouble);
	if (!facts.direct)
		return fmt::format("no direct path of this host is proved{}{}",
				   facts.direct_text.empty() ? "" : ": ", facts.direct_text);
	if (!facts.looped.empty())
		return fmt::format("this host uses the disk through another one itself ({})",
				   facts.looped);
	return "no peer has asked for it";
}

ExportsReport exports_of(const ExportsReport &report, const std::string &name)
{
	ExportsReport one = report;
	const auto other = [&](const auto &each) { return each.unit != name; };
	std::erase_if(one.exports, other);
	std::erase_if(one.not_served, other);
	return one;
}

} // namespace swpath
