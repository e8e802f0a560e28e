// SPDX-License-Identifier: LGPL-2.1-or-later
#include "libpath/cluster/host_advert.h"

#include <cerrno>
#include <map>

#include <fmt/core.h>

#include "libpath/base/text.h"

namespace swpath
{
namespace
{

/// "0.0.0.0" and "::" are where a socket listens, not where a host is.
bool stands_for_all(const HostAddress &address)
{
	return address.host.find_first_not_of("0:.") == std::string::npos;
}

/// The absent value of a key that may be absent; nothing: it is no number.
std::optional<std::uint16_t> number_in(const std::map<std::string, std::string> &values,
				       const std::string &key, std::uint16_t absent)
{
	const auto found = values.find(key);
	return found == values.end() ? absent : parse_number<std::uint16_t>(found->second);
}

} // namespace

HostAdvert advert_of(const ClusterConfig &cluster)
{
	HostAdvert advert{cluster.group, cluster.name, cluster.listen,
			  cluster.serve ? cluster.serve->port : std::uint16_t(0), cluster.priority};
	if (advert.at && stands_for_all(*advert.at))
		advert.at.reset();
	return advert;
}

std::vector<std::string> advert_texts(const HostAdvert &advert)
{
	std::vector<std::string> texts;
	const auto add = [&](std::string text) {
		if (text.size() <= advert_text_bytes_max)
			texts.push_back(std::move(text));
	};
	add(fmt::format("v={}", advert_version));
	add("group=" + advert.group);
	add("host=" + advert.host);
	if (advert.at)
		add("at=" + advert.at->text());
	if (advert.serve_port != 0)
		add(fmt::format("serve={}", advert.serve_port));
	add(fmt::format("priority={}", advert.priority));
	return texts;
}

Result<HostAdvert> read_advert(const std::vector<std::string> &texts)
{
	std::map<std::string, std::string> values;
	for (const auto &text : texts)
		if (const auto equals = text.find('='); equals != std::string::npos)
			values.try_emplace(text.substr(0, equals), text.substr(equals + 1));
	const auto wrong = [](const char *what) { return fail(EBADMSG, what); };
	const auto version = values.find("v");
	if (version == values.end())
		return wrong("it does not say its version");
	if (parse_number<unsigned>(version->second) != advert_version)
		return fail(
			EPROTONOSUPPORT,
			fmt::format("it has another version than this host's, {}", advert_version));
	HostAdvert advert;
	advert.group = values["group"];
	advert.host = values["host"];
	if (!is_name(advert.host))
		return wrong("it does not say the name of its host");
	if (const auto at = values.find("at"); at != values.end()) {
		auto address = HostAddress::parse(at->second, peer_port);
		if (!address || address->port == 0 || stands_for_all(*address))
			return wrong("where it answers is no address");
		advert.at = std::move(*address);
	}
	const auto serve = number_in(values, "serve", 0);
	const auto priority = number_in(values, "priority", advert.priority);
	if (!serve || !priority)
		return wrong("its port or its priority is no number");
	advert.serve_port = *serve;
	advert.priority = *priority;
	return advert;
}

} // namespace swpath
