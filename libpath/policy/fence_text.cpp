// SPDX-License-Identifier: LGPL-2.1-or-later
/// Of the fence: what it says, in the certificate and to people.
#include <algorithm>
#include <cstring>

#include <fmt/core.h>

#include "libpath/policy/fence.h"

namespace swpath
{

namespace
{

using Kind = FenceAction::Kind;

std::string label(const FencePath &path)
{
	return path.name.empty() ? std::string(word(path.kind))
				 : fmt::format("{} {}", word(path.kind), path.name);
}

} // namespace

void Fencing::write_evidence(const FenceFacts &facts, unsigned old, Method method)
{
	const auto &of = cases_[old];
	const auto by = [&](std::string_view what) {
		const auto name = of.via && *of.via < facts.paths.size() ? facts.paths[*of.via].name
									 : std::string_view("?");
		// A long name must not push out what it did.
		return fmt::format("{},by={}", what, name.substr(0, 16));
	};
	std::string text;
	switch (method) {
	case Method::EXPORT_REVOKED:
		text = fmt::format("{}@{},ended={}", facts.paths[old].name.substr(0, 24),
				   facts.paths[old].export_epoch, of.ended);
		break;
	case Method::PREEMPT_ABORT:
		text = fmt::format("{:#x},gen={}{}",
				   facts.paths[old].doubt_keys.empty()
					   ? facts.paths[old].key
					   : facts.paths[old].doubt_keys.front(),
				   of.seen->generation, of.rejected ? ",rejected" : "");
		text = by(text);
		break;
	case Method::LU_RESET:
		text = by(of.shut_reset ? "reset+keys" : "reset");
		break;
	case Method::NODE_FENCED:
		text = fmt::format("{}{}", facts.paths[old].name.substr(0, 24),
				   all_aborted(of, facts.paths[old]) ? ",preempted"
				   : of.reset                        ? ",reset"
								     : "");
		break;
	default:
		text = "confirmed";
		break;
	}
	// The kernel takes one word.
	for (auto &c : text)
		if (c <= ' ' || c > '~')
			c = '_';
	text.resize(std::min(text.size(), evidence_.size() - 1));
	std::memcpy(evidence_.data(), text.c_str(), text.size() + 1);
}

std::string Fencing::missing_for(const FenceFacts &facts, unsigned old) const
{
	const auto &of = cases_[old];
	const auto &path = facts.paths[old];
	std::vector<std::string> parts;
	std::string next;

	if (path.kind == PathKind::SERVED) {
		if (path.export_epoch == 0 || of.revoke.error == EOPNOTSUPP)
			parts.push_back(fmt::format("{} cannot revoke its export", path.name));
		else if (of.ended_all)
			parts.push_back(fmt::format("{} has ended its requests, but the disk may "
						    "still work on {} of them",
						    path.name, of.lost));
		else if (of.closed)
			parts.push_back(fmt::format(
				"{} has closed its export but its requests have not ended",
				path.name));
		else if (!path.reachable)
			parts.push_back(
				fmt::format("{} cannot be asked to revoke its export", path.name));
		else if (of.revoke.error != 0)
			parts.push_back(fmt::format("{} did not revoke its export ({})", path.name,
						    std::strerror(of.revoke.error)));
		else
			parts.push_back(fmt::format("{} is asked to revoke its export", path.name));
		if (!path.reachable && path.export_epoch != 0)
			next = fmt::format("make {} reachable", path.name);
	}

	const auto via =
		of.via && via_possible(facts, old, *of.via) ? of.via : choose_via(facts, old);
	if (!facts.target) {
		parts.emplace_back("no other path is proved");
	} else if (same_nexus(facts.paths, old, *facts.target) && !is_past(facts, old)) {
		parts.push_back(fmt::format("{} is the way that is to be used again",
					    label(facts.paths[*facts.target])));
	} else if (!via && same_server(facts.paths, old, *facts.target)) {
		parts.push_back(fmt::format("{} goes on by another of its devices, and no path may "
					    "reset the logical unit",
					    path.name));
	} else if (!via) {
		bool reservations = false, reset = false, reachable = false;
		for (unsigned i = 0; i < facts.paths.size(); i++) {
			if (same_nexus(facts.paths, old, i) || !facts.paths[i].reachable)
				continue;
			reachable = true;
			reservations |= facts.paths[i].reservations && (of.no_keys & bit(i)) == 0;
			reset |= reset_usable(facts, old, i);
		}
		if (!reachable)
			parts.emplace_back("no other host or path can reach the disk for it");
		else if (of.accepted)
			parts.emplace_back("the disk accepts writes that its reservation forbids");
		else if (reservations && registered({.keys = {0}}, keys_of(path)))
			parts.push_back(
				fmt::format("the reservation key of {} is not known", label(path)));
		else if (!reservations)
			parts.emplace_back("the disk has no persistent reservations");
		else
			parts.emplace_back("no key of ours is known");
		if (reachable && !reset)
			parts.emplace_back("no other path may reset the logical unit");
	} else {
		const auto &through = label(facts.paths[*via]);
		const bool keys = keys_usable(facts, old, *via);
		if (of.nexus.error != 0)
			parts.push_back(fmt::format("{} through {} failed ({})",
						    of.nexus.kind == Kind::LuReset
							    ? "reset of the logical unit"
							    : "PREEMPT AND ABORT",
						    through, std::strerror(of.nexus.error)));
		else if (keys && of.seen && !all_aborted(of, path) &&
			 !registered(*of.seen, keys_of(path)) && !reset_usable(facts, old, *via))
			parts.push_back(fmt::format(
				"the key of {} is not registered, so its commands cannot be "
				"aborted by it, and {} may not reset the logical unit",
				label(path), through));
		else
			parts.push_back(fmt::format(
				"{} through {} is under way",
				keys ? "PREEMPT AND ABORT" : "reset of the logical unit", through));
	}
	if (path.agent && of.agent.error != 0)
		parts.push_back(fmt::format("the cluster did not fence {} ({})", path.name,
					    std::strerror(of.agent.error)));

	std::string text = fmt::format("{}: ", label(path));
	for (std::size_t i = 0; i < parts.size(); i++)
		text += (i == 0 ? "" : ", ") + parts[i];
	if (!next.empty())
		text += "; " + next;
	return text;
}

std::string Fencing::missing(const FenceFacts &facts) const
{
	if (facts.elsewhere)
		return "the paths were changed meanwhile, so that nobody can be asked any more who "
		       "may have the writes: make sure that none of the former paths can reach the "
		       "disk";
	std::string text;
	for (unsigned old = 0; old < facts.paths.size() && old < cases_.size(); old++) {
		if ((facts.old & bit(old)) == 0)
			continue;
		if (!text.empty())
			text += "; ";
		text += missing_for(facts, old);
	}
	return text;
}

} // namespace swpath
