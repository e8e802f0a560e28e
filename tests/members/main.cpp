// SPDX-License-Identifier: GPL-2.0-or-later
/// swmembers: a member of a cluster by corosync, with some services that recover. Every event is a
/// line of JSON on standard output; tests/members/judge.py reads those of all members.
#include <csignal>
#include <cstdio>
#include <cstring>
#include <random>

#include <fmt/core.h>
#include <poll.h>
#include <sys/signalfd.h>

#include <CLI/CLI.hpp>
#include <nlohmann/json.hpp>

#include "knowledge.h"
#include "libpath/base/earlier.h"
#include "libpath/base/unique_fd.h"
#include "libpath/cluster/corosync/corosync_engine.h"
#include "libpath/cluster/recovery.h"
#include "libpath/sys/clock.h"
#include "told_service.h"

namespace
{

using namespace swpath;
using namespace swpath::members;

struct Options {
	std::string host, group = std::string(CorosyncEngine::default_group);
	std::vector<std::string> services{"buses", "servers", "reservations"};
	unsigned calls = 5, entries = 0;
};

std::string text(const Member &member)
{
	return fmt::format("{}/{:x}", member.host, member.incarnation);
}

std::string text(const SyncTag &tag)
{
	return fmt::format("{}.{}/{}", tag.ring.leader, tag.ring.sequence, tag.epoch);
}

nlohmann::json texts(const std::vector<Member> &members)
{
	auto list = nlohmann::json::array();
	for (const auto &each : members)
		list.push_back(text(each));
	return list;
}

class Host
{
public:
	Host(const Options &options, Member self, CorosyncEngine &engine)
		: self_(std::move(self)), engine_(engine), knowledge_(self_)
	{
		std::vector<SyncService *> lent;
		for (const auto &name : options.services) {
			const auto number = static_cast<std::uint16_t>(services_.size() + 1);
			services_.push_back(std::make_unique<ToldService>(
				ServiceId{number}, name, self_.host, options.calls,
				[this](const std::string &service, const char *event,
				       const SyncRound &round, const Counters &state) {
					tell(event, {{"service", service},
						     {"tag", text(round.tag)},
						     {"members", texts(round.members)},
						     {"state", state}});
				}));
			services_.back()->count();
			services_.back()->grow(options.entries);
			lent.push_back(services_.back().get());
		}
		recovery_ = std::make_unique<Recovery>(self_, lent);
		tell("start", {});
	}

	void step()
	{
		for (const auto &event : engine_.step(now())) {
			if (const auto *membership = std::get_if<Membership>(&event)) {
				tell("membership", {{"ring", text({membership->ring, 0})},
						    {"members", texts(membership->members)},
						    {"hosts", membership->hosts}});
				did(recovery_->change(*membership, now()));
			} else {
				const auto &frame = std::get<ClusterFrame>(event);
				did(recovery_->take(frame.from, knowledge_.learn(frame.bytes),
						    now()));
			}
		}
		if (const auto at = recovery_->deadline(); at && *at <= now())
			did(recovery_->tick(now()));
		if (const auto &trouble = engine_.trouble();
		    trouble && trouble->message() != last_trouble_)
			tell("trouble", {{"text", trouble->message()}});
		last_trouble_ = engine_.trouble() ? engine_.trouble()->message() : std::string();
	}

	[[nodiscard]] std::optional<Instant> next() const
	{
		return earlier(engine_.next(), recovery_->deadline());
	}

	void end()
	{
		const auto status = recovery_->status();
		tell("end", {{"rounds", status.rounds},
			     {"aborts", status.aborts},
			     {"refused", status.refused},
			     {"ghosts", status.ghosts},
			     {"held-up", engine_.queue().held_up()},
			     {"dropped", engine_.queue().dropped()}});
	}

private:
	void did(const RecoveryActions &actions)
	{
		for (const auto &frame : actions.send)
			engine_.send({frame.to, knowledge_.put_before(frame.bytes)}, now());
		for (const auto &each : actions.left_out)
			tell("left-out", {{"member", text(each)}});
		if (!actions.completed)
			return;
		tell("complete", {{"tag", text(actions.completed->tag)},
				  {"members", texts(actions.completed->members)}});
		for (const auto &service : services_)
			service->count();
	}

	void tell(const char *event, nlohmann::json line)
	{
		line["n"] = knowledge_.count();
		line["who"] = text(self_);
		line["event"] = event;
		line["ms"] = now().time_since_epoch() / std::chrono::milliseconds(1);
		auto &known = line["known"] = nlohmann::json::object();
		for (const auto &[member, count] : knowledge_.known())
			known[text(member)] = count;
		fmt::print("{}\n", line.dump());
		std::fflush(stdout);
	}

	Member self_;
	CorosyncEngine &engine_;
	Knowledge knowledge_;
	std::vector<std::unique_ptr<ToldService>> services_;
	std::unique_ptr<Recovery> recovery_;
	std::string last_trouble_;
};

int complain(const std::string &what)
{
	fmt::print(stderr, "swmembers: {}\n", what);
	return 1;
}

UniqueFd end_signals()
{
	sigset_t set;
	sigemptyset(&set);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGINT);
	(void)sigprocmask(SIG_BLOCK, &set, nullptr);
	return UniqueFd(::signalfd(-1, &set, SFD_CLOEXEC));
}

int wait_ms(const std::optional<Instant> &until)
{
	if (!until)
		return -1;
	const auto left = std::chrono::ceil<std::chrono::milliseconds>(*until - now()).count();
	return static_cast<int>(std::clamp<std::int64_t>(left, 0, 60000));
}

} // namespace

int main(int count, char **arguments)
{
	Options options;
	CLI::App app("A member of a cluster by corosync, for tests. Ends by SIGTERM.");
	app.add_option("--host", options.host, "its name")->required();
	app.add_option("--group", options.group, "of corosync's CPG")->capture_default_str();
	app.add_option("--services", options.services, "their names, in order")->delimiter(',');
	app.add_option("--calls", options.calls, "of a service until it is done, 10 ms each")
		->capture_default_str();
	app.add_option("--entries", options.entries, "more of each service, a message each")
		->capture_default_str();
	CLI11_PARSE(app, count, arguments);

	std::random_device random;
	const Member self{options.host, std::uint64_t(random()) << 32 | random()};
	const auto signals = end_signals();
	const auto engine = CorosyncEngine::create(self, options.group);
	if (!engine)
		return complain(engine.error().message());
	Host host(options, self, **engine);
	for (;;) {
		host.step();
		pollfd watched[] = {{signals.get(), POLLIN, 0}, {(*engine)->fd(), POLLIN, 0}};
		if (::poll(watched, 2, wait_ms(host.next())) < 0 && errno != EINTR)
			return complain(fmt::format("poll: {}", std::strerror(errno)));
		if (watched[0].revents != 0)
			break;
	}
	host.end();
	return 0;
}
