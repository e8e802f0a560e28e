// SPDX-License-Identifier: LGPL-2.1-or-later
/// The form swpath.peers.
#include "libpath/control/json_form.h"

namespace swpath
{

using namespace json_form;

namespace
{

void read_peer(const Json &json, PeerReport &peer, std::optional<Error> &error)
{
	Reader in(json, error, "peer");
	in.read("name", peer.name);
	in.read("address", peer.address);
	in.read("reachable", peer.reachable);
	in.read("member", peer.member);
	in.read("text", peer.text);
}

} // namespace

Json to_json(const ClusterReport &report)
{
	Json json = head("swpath.peers", report.generated, report.source, report.version);
	json["name"] = report.name;
	json["engine"] = report.engine;
	json["trouble"] = report.trouble;
	json["discovery"] = report.discovery;
	json["phase"] = value(report.phase);
	json["ring_leader"] = report.ring_leader;
	json["ring_sequence"] = report.ring_sequence;
	json["epoch"] = report.epoch;
	json["members"] = report.members;
	json["waiting_for"] = report.waiting_for;
	json["recovery_us"] = report.recovery_us;
	json["rounds"] = report.rounds;
	json["aborts"] = report.aborts;
	json["refused"] = report.refused;
	json["left_out"] = report.left_out;
	Json peers = Json::array();
	for (const auto &peer : report.peers)
		peers.push_back({{"name", peer.name},
				 {"address", peer.address},
				 {"reachable", peer.reachable},
				 {"member", peer.member},
				 {"text", peer.text}});
	json["peers"] = std::move(peers);
	return json;
}

Result<ClusterReport> cluster_from_json(const Json &json)
{
	ClusterReport report;
	if (auto read = read_head(json, "swpath.peers", report.generated, report.source,
				  report.version);
	    !read)
		return tl::unexpected(std::move(read.error()));
	std::optional<Error> error;
	Reader in(json, error, "peers");
	in.read("name", report.name);
	in.read("engine", report.engine);
	in.read("trouble", report.trouble);
	in.read("discovery", report.discovery);
	in.read("phase", report.phase);
	in.read("ring_leader", report.ring_leader);
	in.read("ring_sequence", report.ring_sequence);
	in.read("epoch", report.epoch);
	in.read("members", report.members);
	in.read("waiting_for", report.waiting_for);
	in.read("recovery_us", report.recovery_us);
	in.read("rounds", report.rounds);
	in.read("aborts", report.aborts);
	in.read("refused", report.refused);
	in.read("left_out", report.left_out);
	in.each("peers",
		[&](const Json &each) { read_peer(each, report.peers.emplace_back(), error); });
	return finish(std::move(report), error);
}

} // namespace swpath
