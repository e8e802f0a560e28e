// SPDX-License-Identifier: GPL-2.0-or-later
#include "pathd/run_state.h"

#include <cerrno>
#include <filesystem>
#include <limits>

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <fmt/core.h>
#include <nlohmann/json.hpp>

#include "libpath/base/text.h"
#include "libpath/sys/file.h"
#include "libpath/sys/process_state.h"

namespace swpath
{

namespace
{

using Json = nlohmann::json;

constexpr std::size_t state_bytes_max = 64 * 1024;

std::string state_file(const std::string &directory, const std::string &unit)
{
	return fmt::format("{}/unit-{}.json", directory, unit);
}

std::string hosts_file(const std::string &directory)
{
	return fmt::format("{}/found-hosts.json", directory);
}

Json to_json(const Identity &identity)
{
	Json designators = Json::array();
	for (const auto &each : identity.designators)
		designators.push_back({{"association", static_cast<unsigned>(each.association)},
				       {"type", static_cast<unsigned>(each.type)},
				       {"code_set", each.code_set},
				       {"bytes", each.bytes}});
	return {{"wwid", identity.wwid}, {"serial", identity.serial}, {"designators", designators}};
}

/// get() would make one of a negative number, a fraction, a truth value or one that is too large;
/// and a key that is wrong is somebody else's.
template <typename Number>
Number whole(const Json &json)
{
	if (!json.is_number_unsigned() ||
	    json.get<std::uint64_t>() >
		    static_cast<std::uint64_t>(std::numeric_limits<Number>::max()))
		throw Json::other_error::create(0, "no number of its size", &json);
	return json.get<Number>();
}

Identity identity_from(const Json &json)
{
	Identity identity;
	identity.wwid = json.at("wwid").get<std::string>();
	identity.serial = json.at("serial").get<std::string>();
	for (const auto &each : json.at("designators")) {
		Designator designator;
		designator.association =
			static_cast<Association>(whole<std::uint8_t>(each.at("association")));
		designator.type = static_cast<DesignatorType>(whole<std::uint8_t>(each.at("type")));
		designator.code_set = whole<std::uint8_t>(each.at("code_set"));
		for (const auto &byte : each.at("bytes"))
			designator.bytes.push_back(whole<std::uint8_t>(byte));
		identity.designators.push_back(std::move(designator));
	}
	return identity;
}

/// Those of a grant; what an earlier version kept is the one key.
std::set<std::uint64_t> keys_from(const Json &grant, const char *name)
{
	std::set<std::uint64_t> keys;
	const Json list = grant.value(name, Json::array({grant.at("key")}));
	for (const auto &each : list.get_ref<const Json::array_t &>())
		keys.insert(whole<std::uint64_t>(each));
	return keys;
}

std::array<std::uint64_t, SW_PATHS_MAX> old_keys_from(const Json &carried)
{
	std::array<std::uint64_t, SW_PATHS_MAX> keys{};
	const Json list = carried.value("old", Json::array());
	if (list.get_ref<const Json::array_t &>().size() > keys.size())
		throw Json::other_error::create(0, "keys of more paths than a unit has", &list);
	std::transform(list.begin(), list.end(), keys.begin(), whole<std::uint64_t>);
	return keys;
}

UnitRunState state_from(const Json &json)
{
	UnitRunState state;
	if (json.contains("pinned"))
		state.pinned = whole<unsigned>(json.at("pinned"));
	state.by_switch = json.value("by_switch", false);
	if (json.contains("last_failback_ns"))
		state.last_failback =
			Instant(Duration(whole<Duration::rep>(json.at("last_failback_ns"))));
	if (json.contains("identity"))
		state.identity = identity_from(json.at("identity"));
	const Json grants = json.value("grants", Json::object());
	for (const auto &[peer, grant] : grants.items())
		state.grants[peer] = {
			whole<std::uint64_t>(grant.at("epoch")),
			grant.at("boot").get<std::string>(),
			whole<std::uint64_t>(grant.value("nexus", Json(0U))),
			whole<std::uint64_t>(grant.at("key")),
			grant.value("doubt_boot", grant.at("boot").get<std::string>()),
			grant.value("lost", false),
			grant.value("moved", false),
			keys_from(grant, "doubt_keys"),
			keys_from(grant, "keys")};
	state.incoherent = json.value("incoherent", std::set<std::string>());
	if (json.contains("carried")) {
		const auto &carried = json.at("carried");
		state.carried = {whole<std::uint64_t>(carried.at("key")),
				 whole<std::uint64_t>(carried.at("last")),
				 whole<std::uint32_t>(carried.at("copies")),
				 whole<std::uint32_t>(carried.at("places")),
				 whole<std::uint32_t>(carried.value("peers", Json(0U))),
				 whole<std::uint32_t>(carried.value("had", Json(0U))),
				 old_keys_from(carried),
				 whole<std::uint32_t>(carried.value("strange", Json(0U)))};
	}
	if (json.contains("clients")) {
		const auto &clients = json.at("clients");
		for (const auto &[client, key] : clients.at("keys").items())
			state.clients.keys[client] = whole<std::uint64_t>(key);
		state.clients.copy = whole<std::uint64_t>(clients.at("copy"));
	}
	state.order.paths = json.value("paths", std::vector<std::string>());
	state.order.untraced = json.value("untraced", false);
	return state;
}

/// Pathds that start in the same moment.
constexpr unsigned lock_tries = 8;

} // namespace

Result<UnitRunState> load_run_state(const std::string &unit, const std::string &directory)
{
	auto text = read_file(state_file(directory, unit), state_bytes_max);
	if (!text) {
		if (text.error().code == std::errc::no_such_file_or_directory)
			return UnitRunState{};
		return tl::unexpected(text.error());
	}
	return parse_run_state(*text);
}

UnitRunState parse_run_state(std::string_view text)
{
	// What nobody can read is worth nothing: a unit goes on without its pin rather than not at
	// all.
	try {
		return state_from(Json::parse(text));
	} catch (const Json::exception &) {
		return {};
	}
}

std::string run_state_text(const UnitRunState &state)
{
	Json json = Json::object();
	if (state.pinned)
		json["pinned"] = *state.pinned;
	json["by_switch"] = state.by_switch;
	if (state.last_failback)
		json["last_failback_ns"] = state.last_failback->time_since_epoch().count();
	if (state.identity)
		json["identity"] = to_json(*state.identity);
	for (const auto &[peer, grant] : state.grants)
		json["grants"][peer] = {{"epoch", grant.epoch},
					{"boot", grant.boot},
					{"nexus", grant.nexus},
					{"key", grant.key},
					{"doubt_boot", grant.doubt_boot},
					{"lost", grant.lost},
					{"moved", grant.moved},
					{"doubt_keys", grant.doubt_keys},
					{"keys", grant.keys}};
	if (!state.incoherent.empty())
		json["incoherent"] = state.incoherent;
	if (state.carried != CarriedKey::State{})
		json["carried"] = {
			{"key", state.carried.key},       {"last", state.carried.last},
			{"copies", state.carried.copies}, {"places", state.carried.places},
			{"peers", state.carried.peers},   {"had", state.carried.had},
			{"old", state.carried.old},       {"strange", state.carried.strange}};
	if (!state.clients.keys.empty())
		json["clients"] = {{"keys", state.clients.keys}, {"copy", state.clients.copy}};
	if (!state.order.paths.empty())
		json["paths"] = state.order.paths;
	if (state.order.untraced)
		json["untraced"] = true;
	// A name that a disk gives itself may be any bytes.
	return json.dump(-1, ' ', false, Json::error_handler_t::replace) + "\n";
}

Result<void> save_run_state(const std::string &unit, const UnitRunState &state,
			    const std::string &directory)
{
	return replace_file(state_file(directory, unit), run_state_text(state));
}

Result<std::vector<PeerConfig>> load_found_hosts(const std::string &directory)
{
	const auto text = read_file(hosts_file(directory), state_bytes_max);
	if (!text) {
		if (text.error().code == std::errc::no_such_file_or_directory)
			return std::vector<PeerConfig>{};
		return tl::unexpected(text.error());
	}
	return parse_found_hosts(*text);
}

std::vector<PeerConfig> parse_found_hosts(std::string_view text)
{
	std::vector<PeerConfig> hosts;
	// They are found again, if it comes to that.
	try {
		for (const auto &each : Json::parse(text)) {
			const auto name = each.at("name").get<std::string>();
			const auto address = HostAddress::parse(
				each.at("address").get<std::string>(), peer_port);
			if (address && is_name(name))
				hosts.push_back({name, *address, true});
		}
	} catch (const Json::exception &) {
		hosts.clear();
	}
	return hosts;
}

Result<void> save_found_hosts(const std::vector<PeerConfig> &hosts, const std::string &directory)
{
	Json json = Json::array();
	for (const auto &host : hosts)
		json.push_back({{"name", host.name}, {"address", host.address.text()}});
	return replace_file(hosts_file(directory), json.dump() + "\n");
}

Result<UniqueFd> lock_run_dir(const std::string &directory)
{
	std::error_code error;
	std::filesystem::create_directories(directory, error);
	if (error)
		return fail(error.value(), "create '" + directory + "'");
	const std::string path = directory + "/pathd.lock";
	for (unsigned tries = 0; tries < lock_tries; tries++) {
		UniqueFd fd(::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0644));
		if (!fd)
			return fail(errno, "open '" + path + "'");
		if (::flock(fd.get(), LOCK_EX | LOCK_NB) != 0) {
			const int cause = errno;
			const auto owner = read_file(path, 64);
			const auto pid = owner ? std::string(trimmed(*owner)) : std::string();
			const auto number = parse_number<unsigned>(pid);
			if (number && process_has_ended(pid_t(*number))) {
				(void)::unlink(path.c_str());
				continue;
			}
			return fail(cause,
				    pid.empty()
					    ? "another pathd runs"
					    : fmt::format("another pathd runs (process {})", pid));
		}
		// Between the open and the lock the file may have been taken away as above.
		struct stat ours {
		};
		struct stat named {
		};
		if (::fstat(fd.get(), &ours) != 0 || ::stat(path.c_str(), &named) != 0 ||
		    ours.st_ino != named.st_ino)
			continue;
		const std::string pid = fmt::format("{}\n", ::getpid());
		if (::ftruncate(fd.get(), 0) != 0 ||
		    ::pwrite(fd.get(), pid.data(), pid.size(), 0) !=
			    static_cast<ssize_t>(pid.size()))
			return fail(errno, "write '" + path + "'");
		return fd;
	}
	return fail(EWOULDBLOCK, "other pathds are starting");
}

} // namespace swpath
