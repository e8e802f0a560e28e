// SPDX-License-Identifier: LGPL-2.1-or-later
#include "libpath/serve/closed_epochs.h"

#include <cerrno>

#include <fmt/core.h>
#include <nlohmann/json.hpp>

namespace swpath
{

using Json = nlohmann::json;

std::string closed_epochs_text(std::span<const ExportName> closed)
{
	Json json = Json::object();
	for (const auto &each : closed)
		json[each.wwid][each.client] = each.epoch;
	return json.dump() + "\n";
}

Result<std::vector<ExportName>> parse_closed_epochs(std::string_view text)
{
	const Json json = Json::parse(text, nullptr, false);
	if (!json.is_object())
		return fail(EBADMSG, "not a JSON object");
	std::vector<ExportName> closed;
	for (const auto &[wwid, clients] : json.items()) {
		if (!clients.is_object() || !ExportName::check_wwid(wwid))
			return fail(EBADMSG, fmt::format("'{}' is no disk with its clients", wwid));
		for (const auto &[client, epoch] : clients.items()) {
			if (!epoch.is_number_unsigned() || !ExportName::check_client(client))
				return fail(EBADMSG,
					    fmt::format("'{}' of '{}' is no client's epoch", client,
							wwid));
			closed.push_back({wwid, client, epoch.get<std::uint64_t>()});
		}
	}
	return closed;
}

} // namespace swpath
