// SPDX-License-Identifier: GPL-2.0-or-later
#include "libpath/cluster/host_advert.h"
#include "libpath/cluster/found_hosts.h"
#include "tests/fuzz/fuzz.h"

using namespace swpath;

/// A record of DNS-SD, its texts ended by NUL bytes each: what is read is written and read again as
/// it was, and nothing in it makes a peer of who does not answer.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t *data, std::size_t size)
{
	std::vector<std::string> texts;
	std::string_view rest = text_of(data, size);
	while (!rest.empty()) {
		const auto end = std::min(rest.find('\0'), rest.size());
		texts.emplace_back(rest.substr(0, end));
		rest.remove_prefix(std::min(end + 1, rest.size()));
	}
	const auto advert = read_advert(texts);
	if (advert) {
		FUZZ_EXPECT(is_name(advert->host));
		const auto again = read_advert(advert_texts(*advert));
		FUZZ_EXPECT(again.has_value());
		FUZZ_EXPECT(again->host == advert->host && again->at == advert->at &&
			    again->serve_port == advert->serve_port &&
			    again->priority == advert->priority);
	} else {
		FUZZ_EXPECT(!advert.error().context.empty());
	}
	ClusterConfig cluster;
	cluster.name = "alpha";
	FoundHosts hosts(cluster, {}, Instant{});
	const auto why = hosts.announced({1, 0, std::string(text_of(data, size))}, texts,
					 {"10.0.0.2", peer_port}, Instant{});
	FUZZ_EXPECT(why.find('\n') == std::string::npos);
	FUZZ_EXPECT(hosts.peers().empty() || why.empty());
	(void)hosts.step({}, {}, Instant{});
	FUZZ_EXPECT(hosts.proved().empty());
	return 0;
}
