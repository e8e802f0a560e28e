// SPDX-License-Identifier: GPL-2.0-or-later
#include "pathd/serving.h"

#include <algorithm>
#include <atomic>
#include <cerrno>

#include <fmt/core.h>
#include <nlohmann/json.hpp>
#include <poll.h>

#include "libpath/control/client.h"
#include "libpath/control/peer_link.h"
#include "libpath/control/wire.h"
#include "libpath/serve/closed_epochs.h"
#include "libpath/sys/clock.h"
#include "libpath/sys/file.h"
#include "libpath/sys/process_state.h"
#include "libpath/sys/tcp_sockets.h"
#include "pathd/log.h"

namespace swpath
{

using log::Message;
using namespace std::chrono_literals;
using std::chrono::milliseconds;

namespace
{

/// The server is looked at so often.
constexpr Duration look_interval = 2s;
/// ... and, while it is asked for something, whether it has ended.
constexpr Duration busy_interval = 100ms;
/// One that does not answer within this, so often in a row, is frozen. Once is not enough: its end
/// takes the disks from all its clients, and a host that was busy for a moment is no reason.
constexpr milliseconds status_limit = 2s;
constexpr unsigned status_tries = 2;
/// From its start to its first answer.
constexpr Duration start_limit = 15s;
constexpr milliseconds poll_interval = 50ms;
/// An answer of the server comes later than it promised.
constexpr milliseconds call_slack = 1s;

Answered<Json> call(const std::string &socket, const Call &what, milliseconds limit)
{
	auto client = ControlClient::connect(socket, limit);
	if (!client)
		return tl::unexpected(client.error());
	return client->call(what.method, what.parameters);
}

Answered<Json> ask_status(const std::string &socket)
{
	return call(socket, {fmt::format("{}.Status", serve_interface), Json::object()},
		    status_limit);
}

/// A server tells why it ends to the journal alone; the address is what is wrong most often.
std::string why_it_ended(const ServerSetup &setup)
{
	const auto &at = setup.listen;
	if (at.unix_path.empty())
		if (const auto free = listen_for_peers(at.host, at.port); !free)
			return free.error().message();
	return "the server has ended; its own words are in the journal";
}

/// A server that was killed and does not end, because a request of it waits in the kernel for a
/// disk that hangs, keeps its port. The disk stays locked (ServedDisk); the others are to be
/// served.
void take_sockets_of(const ServerProcess &process)
{
	static std::atomic<pid_t> told{0};
	const auto taken = end_tcp_sockets_of(process.pid());
	if ((!taken || *taken > 0) && told.exchange(process.pid()) != process.pid())
		log::say(Message::Warning, {},
			 "the server (process {}) was killed and does not end: it waits for a disk "
			 "that hangs; {}",
			 process.pid(),
			 taken ? std::string("its sockets are taken from it, so that the other "
					     "disks are served")
			       : "its sockets stay: " + taken.error().message());
}

/// True if the server takes calls; kills one that is frozen, so that the next one can.
bool alive_or_ended(const std::string &socket)
{
	// Found before it is asked: the one that is killed is the one that did not answer.
	const auto process = ServerProcess::listening(socket, status_limit);
	const bool known = process && *process;
	// One that was killed already answers nobody.
	const bool was_killed = known && process_has_ended((*process)->pid());
	for (unsigned i = 0; i < status_tries && !was_killed; i++) {
		const auto status = ask_status(socket);
		if (status || status.error().kind != RefusalKind::Timeout)
			return status.has_value();
	}
	if (known && !(*process)->ended()) {
		if (!was_killed)
			log::say(Message::Warning, {},
				 "the server (process {}) does not answer: killing it",
				 (*process)->pid());
		(*process)->kill();
		const Instant limit = now() + status_limit;
		while (!(*process)->ended() && now() < limit)
			(void)::poll(nullptr, 0, int(poll_interval.count()));
		if (!(*process)->ended())
			take_sockets_of(**process);
	}
	return false;
}

/// Of a peer's time, for the way of the answer.
constexpr Duration answer_slack = 500ms;

} // namespace

PeerAnswer answer_of(const Revoked &revoked)
{
	PeerAnswer answer;
	answer.status = revoked.drained ? PeerStatus::Ok : PeerStatus::InProgress;
	answer.text = revoked.text;
	answer.ended = revoked.ended;
	answer.lost = revoked.lost;
	return answer;
}

Duration time_to_revoke(const PeerOrder &order)
{
	return std::max<Duration>(order.limit - answer_slack, Duration::zero());
}

/// What the keeper's thread found.
struct Serving::Look {
	std::shared_ptr<const ServerProcess> process;
	bool tried = false;   ///< to start one
	bool strange = false; ///< one is there and answers what is no status
	bool answers = false;
	std::string trouble;
	std::optional<ServeReport> told;
	std::map<Line, ServedState> states;
};

Serving::Serving(ServerSetup setup, std::shared_ptr<Mailbox> mailbox, std::function<void()> changed)
	: setup_(std::move(setup)), mailbox_(std::move(mailbox)), changed_(std::move(changed))
{
}

Serving::~Serving() = default;

Result<std::unique_ptr<Serving>>
Serving::create(ServerSetup setup, std::shared_ptr<Mailbox> mailbox, std::function<void()> changed)
{
	auto serving = std::unique_ptr<Serving>(
		new Serving(std::move(setup), std::move(mailbox), std::move(changed)));
	auto keeper = Worker::start("serve");
	if (!keeper)
		return tl::unexpected(keeper.error());
	serving->keeper_ = std::move(*keeper);
	(void)serving->keeper_->submit(prepare_to_end_tcp_sockets);
	return serving;
}

std::optional<ServedState> Serving::state(const std::string &wwid, const std::string &client) const
{
	if (!looked_once_)
		return std::nullopt;
	const auto found = states_.find({wwid, client});
	return found == states_.end() ? ServedState{} : found->second;
}

std::vector<ExportName> Serving::open_exports() const
{
	std::vector<ExportName> open;
	for (const auto &[line, state] : states_)
		if (state.open)
			open.push_back({line.first, line.second, state.epoch});
	return open;
}

std::vector<ExportName> Serving::open_exports(const std::string &wwid) const
{
	auto open = open_exports();
	std::erase_if(open, [&](const ExportName &name) { return name.wwid != wwid; });
	return open;
}

Worker *Serving::worker(const ExportName &name)
{
	auto &worker = workers_[line_of(name)];
	if (!worker)
		if (auto started = Worker::start("serve-disk"))
			worker = std::move(*started);
	return worker.get();
}

bool Serving::export_disk(const ExportOrder &order, Exported done)
{
	auto *on = worker(order.name);
	const bool taken = on != nullptr && on->submit([socket = setup_.control_socket, order,
							done = std::move(done), mailbox = mailbox_,
							here = std::weak_ptr(here_), this] {
		auto reply = [&]() -> Answered<ExportedReply> {
			const auto json = call(socket, export_call(order), 3s);
			if (!json)
				return tl::unexpected(json.error());
			return exported_from_json(*json);
		}();
		mailbox->post([=, this, reply = std::move(reply)] {
			if (here.expired())
				return;
			running_--;
			if (reply) {
				auto &state = states_[line_of(order.name)];
				state = {std::max(state.epoch, order.name.epoch), true};
			}
			done(reply);
			changed_();
		});
	});
	running_ += taken ? 1 : 0;
	return taken;
}

bool Serving::revoke(const ExportName &name, const std::vector<std::string> &devices,
		     Duration limit, OnRevoked done)
{
	auto *on = worker(name);
	const auto until = now() + limit;
	const bool taken = on != nullptr && on->submit([socket = setup_.control_socket, name,
							devices, until, done = std::move(done),
							mailbox = mailbox_,
							here = std::weak_ptr(here_), this] {
		auto result = [&]() -> Answered<Revoked> {
			// The keeper starts the next one.
			while (!alive_or_ended(socket) && now() < until)
				(void)::poll(nullptr, 0, int(poll_interval.count()));
			const auto left = std::chrono::duration_cast<milliseconds>(until - now());
			RevokeOrder order{name,
					  std::clamp<milliseconds>(left, 0ms, revoke_wait_max),
					  devices};
			const auto json = call(socket, revoke_call(order), order.wait + call_slack);
			if (!json)
				return tl::unexpected(json.error());
			const auto reply = revoked_from_json(*json);
			if (!reply)
				return tl::unexpected(reply.error());
			Revoked revoked{reply->drained, reply->requests, reply->lost, reply->text};
			// How the requests of an earlier process ended nobody knows.
			if (!reply->served_here)
				revoked.lost = std::max<std::uint64_t>(1, revoked.lost);
			return revoked;
		}();
		mailbox->post([=, this, result = std::move(result)] {
			if (here.expired())
				return;
			running_--;
			auto &state = states_[line_of(name)];
			if (result) {
				if (name.epoch >= state.epoch)
					state.open = !result->drained;
				state.epoch = std::max(state.epoch, name.epoch);
			}
			done(result);
			changed_();
		});
	});
	running_ += taken ? 1 : 0;
	return taken;
}

void Serving::looked(const Look &look, Instant now)
{
	looking_ = false;
	due_ = now + look_interval;
	if (look.tried)
		began_ = now;
	const bool before = answers_;
	const bool another = look.process && process_ && look.process->pid() != process_->pid();
	if (another && !process_->ended())
		leaving_.push_back(std::move(process_));
	answers_ = look.answers;
	process_ = look.process;
	if (look.answers) {
		looked_once_ = true;
		told_ = look.told;
		told_at_ = now;
		for (const auto &[line, seen] : look.states) {
			auto &state = states_[line];
			if (seen.epoch > state.epoch)
				state = seen;
			// What was seen may be from before a revocation: what is closed stays so.
			else if (seen.epoch == state.epoch)
				state.open = state.open && seen.open;
		}
		if (!before || another)
			log::say(Message::Notice, {}, "serving at {} (process {})",
				 setup_.listen.text(), process_ ? process_->pid() : 0);
		trouble_.clear();
	} else {
		if (look.tried)
			start_at_ = restart_.ended(began_, now);
		due_ = std::max(look.strange ? now + look_interval : now, start_at_);
		if ((look.tried || look.strange) && look.trouble != trouble_) {
			trouble_ = look.trouble;
			log::say(Message::Warning, {}, "not serving: {}", trouble_);
		}
	}
	if (before != answers_ || look.answers)
		changed_();
}

Instant Serving::deadline() const
{
	// Who waits for a server that was killed waits for the next one.
	return running_ > 0 ? std::min(due_, stepped_ + busy_interval) : due_;
}

void Serving::step(Instant now)
{
	stepped_ = now;
	std::erase_if(leaving_, [](const auto &each) { return each->ended(); });
	if (process_ && process_->ended()) {
		log::say(Message::Warning, {}, "the server (process {}) has ended",
			 process_->pid());
		process_.reset();
		answers_ = false;
		due_ = start_at_ = restart_.ended(began_, now);
	}
	if (now < due_)
		return;
	// A look may take longer than this: what is due then is another moment, not the past.
	due_ = now + look_interval;
	if (looking_)
		return;
	const bool may_start = now >= start_at_;
	looking_ = keeper_->submit([setup = setup_, may_start, known = process_, mailbox = mailbox_,
				    here = std::weak_ptr(here_), this] {
		Look look;
		look.process = known;
		const auto &socket = setup.control_socket;
		if (!alive_or_ended(socket) && may_start) {
			look.tried = true;
			auto process = ServerProcess::start(setup);
			if (process) {
				look.process =
					std::make_shared<const ServerProcess>(std::move(*process));
				const Instant limit = swpath::now() + start_limit;
				while (!look.process->ended() && swpath::now() < limit &&
				       !ask_status(socket))
					(void)::poll(nullptr, 0, int(poll_interval.count()));
			} else {
				look.trouble = process.error().message();
			}
		}
		const auto status = ask_status(socket);
		if (status && !look.process)
			if (auto found = ServerProcess::listening(socket, status_limit);
			    found && *found)
				look.process =
					std::make_shared<const ServerProcess>(std::move(**found));
		if (status) {
			auto told = serve_report_from_json(*status);
			look.strange = !told;
			if (told)
				look.told = std::move(*told);
			else
				look.trouble = told.error().message;
		}
		look.answers = look.told.has_value();
		if (!status && look.trouble.empty())
			look.trouble = look.process && look.process->ended()
					       ? why_it_ended(setup)
					       : status.error().message;
		// Epochs that an earlier process closed are known to the file alone.
		if (const auto text = read_file(setup.closed_file, closed_epochs_bytes_max))
			if (const auto closed = parse_closed_epochs(*text))
				for (const auto &each : *closed)
					look.states[line_of(each)].epoch = each.epoch;
		for (const auto &each :
		     look.told ? look.told->exports : std::vector<ServeReport::Entry>{}) {
			auto &state = look.states[line_of(each.view.order.name)];
			const auto epoch = each.view.order.name.epoch;
			if (epoch < state.epoch)
				continue;
			state.epoch = epoch;
			state.open = each.view.state != ExportState::Drained;
		}
		mailbox->post([=, this, look = std::move(look)] {
			if (!here.expired())
				looked(look, swpath::now());
		});
	});
}

} // namespace swpath
