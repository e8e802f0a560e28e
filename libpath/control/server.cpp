// SPDX-License-Identifier: LGPL-2.1-or-later
#include "libpath/control/server.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <unordered_map>

#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <fmt/core.h>

#include "libpath/base/earlier.h"
#include "libpath/base/unique_fd.h"
#include "libpath/control/event.h"
#include "libpath/control/frame_reader.h"
#include "libpath/control/report_json.h"
#include "libpath/control/server_socket.h"
#include "libpath/control/service.h"
#include "libpath/control/wire.h"

namespace swpath
{

namespace
{

constexpr std::uint64_t listener_key = 0;
/// After accept(2) ran out of descriptors: a level-triggered listener would keep the loop awake.
constexpr Duration accept_pause = std::chrono::seconds(1);

struct Client {
	UniqueFd fd;
	uid_t uid = 0;
	FrameReader reader{request_limits};
	std::string out; ///< bytes from out_at on wait to be sent
	std::size_t out_at = 0;
	std::uint32_t watched = 0; ///< events that epoll was asked for

	std::optional<CallId> pending;          ///< the handler has a call of this client
	bool oneway = false;                    ///< the pending call wants no reply
	std::optional<std::string> stream;      ///< unit, or empty for all
	std::optional<std::uint64_t> lost_from; ///< events from this number on were dropped
	bool ended = false;                     ///< it sends nothing more
	bool dead = false;

	std::optional<Instant> partial_since; ///< a request has begun to arrive
	std::optional<Instant> blocked_since; ///< bytes wait and none went out since
	Instant moved{};                      ///< bytes last came in or went out

	[[nodiscard]] std::size_t waiting() const { return out.size() - out_at; }
	[[nodiscard]] bool idle() const { return !pending && !stream && waiting() == 0; }
};

} // namespace

struct ControlServer::State {
	State(ControlHandler &program, const ServerLimits &bounds)
		: handler(program), limits(bounds)
	{
	}

	ControlHandler &handler;
	ServerLimits limits;
	bool closed_to_group = false;
	std::string path;
	UniqueFd listener;
	UniqueFd epoll;
	std::unordered_map<std::uint64_t, Client> clients;
	std::uint64_t next_key = listener_key + 1;
	CallId next_call = 1;
	std::unordered_map<CallId, std::uint64_t> calls; ///< call to client
	std::optional<Instant> accept_again;
	Instant now{};
	bool stepping = false; ///< inside step(): clients are settled there

	Report last; ///< what the streams were told
	std::uint64_t seq = 0;

	void accept_all();
	void admit(UniqueFd fd);
	bool make_place(uid_t uid);
	void read_from(std::uint64_t key, Client &client);
	void serve(std::uint64_t key, Client &client);
	void begin_stream(Client &client, std::string unit);
	void queue(Client &client, const Reply &reply);
	void queue_dump(Client &client);
	void flush(Client &client);
	void watch(std::uint64_t key, Client &client);
	void settle(std::uint64_t key, Client &client);
	void bury();
	void expire();
	void finish(CallId id, const Reply &reply);
	void answer(CallId id, const Reply &reply);
	std::optional<Instant> due(const Client &client) const;
	bool reads(const Client &client) const;
};

/// A client is read only while its last call is done and its replies leave: whoever does not read
/// cannot make us remember more.
bool ControlServer::State::reads(const Client &client) const
{
	return !client.dead && !client.pending && !client.stream &&
	       client.waiting() < limits.queued_bytes_max;
}

void ControlServer::State::watch(std::uint64_t key, Client &client)
{
	std::uint32_t wanted = 0;
	if (reads(client) && !client.ended)
		wanted |= EPOLLIN;
	if (client.waiting() > 0)
		wanted |= EPOLLOUT;
	if (wanted == client.watched)
		return;
	epoll_event event{wanted, {.u64 = key}};
	::epoll_ctl(epoll.get(), EPOLL_CTL_MOD, client.fd.get(), &event);
	client.watched = wanted;
}

bool ControlServer::State::make_place(uid_t uid)
{
	if (clients.size() < limits.clients_max)
		return true;
	if (uid != 0)
		return false;
	Client *silent = nullptr;
	for (auto &[key, client] : clients)
		if (client.uid != 0 && (!silent || client.moved < silent->moved))
			silent = &client;
	if (!silent)
		return false;
	silent->dead = true;
	bury();
	return true;
}

void ControlServer::State::admit(UniqueFd fd)
{
	ucred peer{};
	socklen_t length = sizeof(peer);
	if (::getsockopt(fd.get(), SOL_SOCKET, SO_PEERCRED, &peer, &length) < 0)
		return;
	if (!make_place(peer.uid)) {
		const auto text = encode_reply(reply_of(Refusal{
			RefusalKind::Failed, "pathd serves too many clients", "try again"}));
		// The answer is a courtesy: a client that does not get it sees the end of the
		// stream.
		(void)::send(fd.get(), text.data(), text.size(), MSG_DONTWAIT | MSG_NOSIGNAL);
		return;
	}
	const std::uint64_t key = next_key++;
	epoll_event event{EPOLLIN, {.u64 = key}};
	if (::epoll_ctl(epoll.get(), EPOLL_CTL_ADD, fd.get(), &event) < 0)
		return;
	Client &client = clients[key];
	client.fd = std::move(fd);
	client.uid = peer.uid;
	client.watched = EPOLLIN;
	client.moved = now;
}

void ControlServer::State::accept_all()
{
	for (;;) {
		UniqueFd fd(
			::accept4(listener.get(), nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC));
		if (fd) {
			admit(std::move(fd));
			continue;
		}
		if (errno == EINTR || errno == ECONNABORTED)
			continue;
		if (errno == EMFILE || errno == ENFILE || errno == ENOMEM || errno == ENOBUFS) {
			epoll_event none{0, {.u64 = listener_key}};
			::epoll_ctl(epoll.get(), EPOLL_CTL_MOD, listener.get(), &none);
			accept_again = now + accept_pause;
		}
		return;
	}
}

void ControlServer::State::queue(Client &client, const Reply &reply)
{
	client.out += encode_reply(reply);
}

void ControlServer::State::queue_dump(Client &client)
{
	for (const auto &event : dump_events(last, seq))
		if (event.unit.empty() || client.stream->empty() || event.unit == *client.stream)
			queue(client, {{}, to_json(event), true});
}

void ControlServer::State::flush(Client &client)
{
	while (!client.dead && client.waiting() > 0) {
		const auto sent = ::send(client.fd.get(), client.out.data() + client.out_at,
					 client.waiting(), MSG_NOSIGNAL);
		if (sent < 0) {
			if (errno == EINTR)
				continue;
			client.dead = errno != EAGAIN;
			break;
		}
		client.out_at += std::size_t(sent);
		client.moved = now;
		client.blocked_since.reset();
		if (client.waiting() > 0)
			continue;
		client.out.clear();
		client.out_at = 0;
		if (client.lost_from) {
			Event gap;
			gap.kind = EventKind::Gap;
			gap.seq = *client.lost_from;
			gap.at = last.generated;
			client.lost_from.reset();
			queue(client, {{}, to_json(gap), true});
			queue_dump(client);
		}
	}
	// What is sent is forgotten in large pieces, not at every step.
	if (client.out_at > limits.queued_bytes_max) {
		client.out.erase(0, client.out_at);
		client.out_at = 0;
	}
}

void ControlServer::State::begin_stream(Client &client, std::string unit)
{
	const bool first = std::none_of(clients.begin(), clients.end(), [](const auto &each) {
		return each.second.stream && !each.second.dead;
	});
	client.stream = std::move(unit);
	// While nobody listened nothing was compared: the dump must be of now.
	if (first)
		last = handler.report();
	queue_dump(client);
}

/// Answers what has arrived whole, one call after the other.
void ControlServer::State::serve(std::uint64_t key, Client &client)
{
	while (reads(client)) {
		auto message = client.reader.next();
		if (!message) {
			client.dead = true;
			return;
		}
		if (!*message)
			break;
		auto call = parse_call(**message);
		if (!call) {
			client.dead = true;
			return;
		}
		const CallId id = next_call++;
		calls[id] = key;
		client.pending = id;
		client.oneway = call->oneway;
		auto done = dispatch(*call, client.uid, id, handler);
		if (done.reply) {
			finish(id, *done.reply);
		} else if (done.stream) {
			calls.erase(id);
			client.pending.reset();
			begin_stream(client, std::move(*done.stream));
		}
	}
	if (client.reader.partial() && !client.pending && !client.stream) {
		if (!client.partial_since)
			client.partial_since = now;
	} else {
		client.partial_since.reset();
	}
}

void ControlServer::State::read_from(std::uint64_t key, Client &client)
{
	std::array<char, 4096> bytes;
	for (;;) {
		const auto got = ::recv(client.fd.get(), bytes.data(), bytes.size(), 0);
		if (got < 0) {
			if (errno == EINTR)
				continue;
			client.dead = errno != EAGAIN;
			return;
		}
		if (got == 0) {
			client.ended = true;
			return;
		}
		client.moved = now;
		if (!client.reader.feed({bytes.data(), std::size_t(got)})) {
			client.dead = true;
			return;
		}
		serve(key, client);
		if (!reads(client))
			return;
	}
}

/// After anything happened to a client: send, go on with its calls, watch for what is next.
void ControlServer::State::settle(std::uint64_t key, Client &client)
{
	flush(client);
	while (reads(client)) {
		serve(key, client);
		const bool full = !reads(client);
		flush(client);
		// Calls that arrived whole wake nobody again: they are over only when serve() says
		// so.
		if (!full)
			break;
	}
	if (client.ended && client.idle())
		client.dead = true;
	if (!client.dead)
		watch(key, client);
}

void ControlServer::State::bury()
{
	std::erase_if(clients, [&](const auto &each) {
		if (each.second.dead && each.second.pending)
			calls.erase(*each.second.pending);
		return each.second.dead;
	});
}

std::optional<Instant> ControlServer::State::due(const Client &client) const
{
	std::optional<Instant> first;
	const auto consider = [&](Instant at) { first = earlier(first, at); };
	if (client.partial_since)
		consider(*client.partial_since + limits.request_time);
	if (client.waiting() > 0)
		consider(client.blocked_since ? *client.blocked_since + limits.write_time : now);
	if (client.idle())
		consider(client.moved + limits.idle_time);
	return first;
}

void ControlServer::State::expire()
{
	for (auto &[key, client] : clients) {
		if (client.waiting() > 0 && !client.blocked_since)
			client.blocked_since = now;
		if (const auto when = due(client); when && *when <= now)
			client.dead = true;
	}
	if (accept_again && *accept_again <= now) {
		accept_again.reset();
		epoll_event event{EPOLLIN, {.u64 = listener_key}};
		::epoll_ctl(epoll.get(), EPOLL_CTL_MOD, listener.get(), &event);
	}
}

/// Ends a call from outside: if that is not from within step(), nobody else settles the client.
void ControlServer::State::answer(CallId id, const Reply &reply)
{
	const auto call = calls.find(id);
	if (call == calls.end())
		return;
	const std::uint64_t key = call->second;
	finish(id, reply);
	if (stepping)
		return;
	stepping = true;
	if (const auto found = clients.find(key); found != clients.end())
		settle(key, found->second);
	bury();
	stepping = false;
}

/// Ends a call. The caller settles the client.
void ControlServer::State::finish(CallId id, const Reply &reply)
{
	const auto call = calls.find(id);
	if (call == calls.end())
		return;
	const auto found = clients.find(call->second);
	calls.erase(call);
	if (found == clients.end() || found->second.pending != id)
		return;
	Client &client = found->second;
	client.pending.reset();
	if (!client.oneway)
		queue(client, reply);
}

ControlServer::ControlServer(std::unique_ptr<State> state) : state_(std::move(state)) {}

ControlServer::~ControlServer()
{
	::unlink(state_->path.c_str());
}

Result<std::unique_ptr<ControlServer>> ControlServer::open(const std::string &path,
							   const std::string &group,
							   ControlHandler &handler,
							   const ServerLimits &limits)
{
	auto state = std::make_unique<State>(handler, limits);
	auto listener = listen_on(path, group);
	if (!listener)
		return tl::unexpected(std::move(listener.error()));
	struct stat rights {
	};
	state->closed_to_group = !group.empty() && ::stat(path.c_str(), &rights) == 0 &&
				 (rights.st_mode & S_IRGRP) == 0;
	state->path = path;
	state->listener = std::move(*listener);
	state->epoll = UniqueFd(::epoll_create1(EPOLL_CLOEXEC));
	if (!state->epoll)
		return fail(errno, "epoll_create1");
	epoll_event event{EPOLLIN, {.u64 = listener_key}};
	if (::epoll_ctl(state->epoll.get(), EPOLL_CTL_ADD, state->listener.get(), &event) < 0)
		return fail(errno, "epoll_ctl");
	return std::unique_ptr<ControlServer>(new ControlServer(std::move(state)));
}

bool ControlServer::closed_to_group() const noexcept
{
	return state_->closed_to_group;
}

int ControlServer::fd() const noexcept
{
	return state_->epoll.get();
}

void ControlServer::step(Instant now)
{
	State &state = *state_;
	state.now = now;
	state.stepping = true;
	std::array<epoll_event, 64> events;
	const int ready = ::epoll_wait(state.epoll.get(), events.data(), int(events.size()), 0);
	for (int i = 0; i < ready; i++) {
		const auto &event = events[std::size_t(i)];
		const std::uint64_t key = event.data.u64; // a copy: epoll_event is packed
		if (key == listener_key) {
			state.accept_all();
			continue;
		}
		const auto found = state.clients.find(key);
		if (found == state.clients.end())
			continue;
		auto &client = found->second;
		if (event.events & EPOLLIN)
			state.read_from(found->first, client);
		// EPOLLHUP comes once both directions are closed: nobody is left to answer.
		if ((event.events & (EPOLLHUP | EPOLLERR)) && !(event.events & EPOLLIN))
			client.dead = true;
		state.settle(found->first, client);
	}
	state.expire();
	state.bury();
	state.stepping = false;
}

std::optional<Instant> ControlServer::deadline() const
{
	std::optional<Instant> first = state_->accept_again;
	for (const auto &[key, client] : state_->clients)
		first = earlier(first, state_->due(client));
	return first;
}

void ControlServer::changed(Instant now)
{
	State &state = *state_;
	state.now = now;
	const bool listened =
		std::any_of(state.clients.begin(), state.clients.end(), [](const auto &each) {
			return each.second.stream && !each.second.dead;
		});
	if (!listened)
		return;
	const Report &report = state.handler.report();
	const auto events = diff_events(state.last, report, state.seq);
	if (events.empty())
		return;
	state.last = report;
	state.seq = events.back().seq;
	for (auto &[key, client] : state.clients) {
		if (!client.stream || client.dead)
			continue;
		for (const auto &event : events) {
			if (!client.stream->empty() && event.unit != *client.stream)
				continue;
			if (!client.lost_from && client.waiting() > state.limits.queued_bytes_max)
				client.lost_from = event.seq;
			if (!client.lost_from)
				state.queue(client, {{}, to_json(event), true});
		}
		state.flush(client);
		if (!client.dead)
			state.watch(key, client);
	}
}

void ControlServer::answer(CallId id, const Answered<Done> &done)
{
	state_->answer(id, reply_of(done));
}

void ControlServer::answer(CallId id, const Answered<std::vector<std::string>> &changes)
{
	state_->answer(id, reply_of(changes));
}

void ControlServer::answer(CallId id, const Refusal &refusal)
{
	state_->answer(id, reply_of(refusal));
}

std::size_t ControlServer::clients() const noexcept
{
	return state_->clients.size();
}

} // namespace swpath
