// SPDX-License-Identifier: GPL-2.0-or-later
#include "pathd/peers.h"

#include <algorithm>
#include <cerrno>
#include <iterator>
#include <utility>

#include <fmt/core.h>
#include <netdb.h>
#include <sys/epoll.h>
#include <sys/random.h>
#include <sys/socket.h>

#include "libpath/base/earlier.h"
#include "libpath/base/text.h"
#include "libpath/sys/clock.h"
#include "libpath/sys/file.h"
#include "pathd/log.h"

namespace swpath
{

using log::Message;

namespace
{

/// A level-triggered listener that nobody can be accepted from would keep the loop awake.
constexpr Duration accept_pause = std::chrono::milliseconds(500);

/// 32 hexadecimal digits, with or without dashes between them.
Result<PeerId> read_id(const std::string &file)
{
	const auto text = read_file(file, 128);
	if (!text)
		return tl::unexpected(text.error());
	std::string digits(trimmed(*text));
	std::erase(digits, '-');
	PeerId id{};
	if (digits.size() != 2 * id.size() ||
	    digits.find_first_not_of("0123456789abcdefABCDEF") != std::string::npos)
		return fail(EINVAL, fmt::format("'{}' holds no id", file));
	for (std::size_t i = 0; i < id.size(); i++)
		id[i] = static_cast<std::uint8_t>(std::stoul(digits.substr(2 * i, 2), nullptr, 16));
	return id;
}

std::string address_of(int fd)
{
	sockaddr_storage address{};
	socklen_t bytes = sizeof(address);
	char host[NI_MAXHOST] = "";
	if (getpeername(fd, reinterpret_cast<sockaddr *>(&address), &bytes) != 0 ||
	    getnameinfo(reinterpret_cast<sockaddr *>(&address), bytes, host, sizeof(host), nullptr,
			0, NI_NUMERICHOST) != 0)
		return {};
	return host;
}

} // namespace

Result<PeerHello> own_hello(const std::string &name)
{
	PeerHello hello;
	hello.name = name;
	const auto host = read_id("/etc/machine-id");
	if (!host)
		return tl::unexpected(host.error());
	const auto boot = read_id("/proc/sys/kernel/random/boot_id");
	if (!boot)
		return tl::unexpected(boot.error());
	hello.host = *host;
	hello.boot = *boot;
	if (getrandom(&hello.incarnation, sizeof(hello.incarnation), 0) !=
	    ssize_t(sizeof(hello.incarnation)))
		return fail(errno, "get a random number");
	return hello;
}

Peers::Peers(ClusterConfig config, Host host, PeerHello own, std::shared_ptr<const PeerKeys> keys,
	     UniqueFd epoll)
	: config_(std::move(config)), host_(std::move(host)), own_(std::move(own)),
	  keys_(std::move(keys)), epoll_(std::move(epoll)), service_(own_)
{
	for (const auto &peer : config_.peers)
		asked_.push_back({PeerClient(peer, own_, keys_)});
}

Peers::~Peers() = default;

Result<std::unique_ptr<Peers>> Peers::create(const ClusterConfig &config, Host host)
{
	auto own = own_hello(config.name);
	if (!own)
		return tl::unexpected(own.error());
	// Read now: the file's disk may be one that hangs when a key is needed.
	auto keys = PeerKeys::load(config.key_file, config.name);
	if (!keys)
		return tl::unexpected(keys.error());
	UniqueFd epoll(epoll_create1(EPOLL_CLOEXEC));
	if (!epoll)
		return fail(errno, "epoll");
	auto peers = std::unique_ptr<Peers>(new Peers(config, std::move(host), std::move(*own),
						      std::move(*keys), std::move(epoll)));
	if (config.listen) {
		auto listener = listen_for_peers(config.listen->host, config.listen->port);
		if (!listener)
			return tl::unexpected(listener.error());
		peers->listener_ = std::move(*listener);
		epoll_event event{EPOLLIN, {.fd = peers->listener_.get()}};
		if (epoll_ctl(peers->epoll_.get(), EPOLL_CTL_ADD, event.data.fd, &event) != 0)
			return fail(errno, "epoll");
	}
	return peers;
}

void Peers::set_keys(std::shared_ptr<const PeerKeys> keys)
{
	keys_ = std::move(keys);
	for (auto &asked : asked_)
		asked.client.set_keys(keys_);
}

std::optional<PresharedKey> Peers::data_key() const
{
	return config_.plain ? std::nullopt : std::optional(keys_->own());
}

PeerClient *Peers::client(std::string_view name)
{
	for (auto &asked : asked_)
		if (asked.client.peer().name == name)
			return &asked.client;
	return nullptr;
}

void Peers::set_found(const std::vector<PeerConfig> &found)
{
	const auto stays = [&](const PeerConfig &peer) {
		return !peer.found || std::find(found.begin(), found.end(), peer) != found.end();
	};
	std::erase_if(config_.peers, [&](const PeerConfig &peer) { return !stays(peer); });
	std::list<Asked> ended;
	for (auto each = asked_.begin(); each != asked_.end();) {
		const auto next = std::next(each);
		if (!stays(each->client.peer()))
			ended.splice(ended.end(), asked_, each);
		each = next;
	}
	for (const auto &peer : found) {
		if (config_.peer(peer.name) != nullptr)
			continue;
		config_.peers.push_back(peer);
		asked_.push_back({PeerClient(peer, own_, keys_)});
	}
	for (auto &each : ended)
		each.client.end();
	host_.changed();
}

std::set<std::string> Peers::answering() const
{
	std::set<std::string> names;
	for (const auto &asked : asked_)
		if (asked.client.peer().found && asked.client.reachable())
			names.insert(asked.client.peer().name);
	return names;
}

std::vector<Member> Peers::links() const
{
	std::vector<Member> all;
	for (const auto &asked : asked_)
		if (const auto *hello = asked.client.hello())
			all.push_back({asked.client.peer().name, hello->incarnation});
	put_in_order(all);
	return all;
}

void Peers::cast(const Member &to, std::string frame, Duration limit, Instant now,
		 PeerClient::Answered answered)
{
	auto *there = client(to.host);
	if (there == nullptr || !there->reachable() ||
	    there->hello()->incarnation != to.incarnation)
		return;
	PeerRequest request;
	request.verb = PeerVerb::Cast;
	request.cast = std::move(frame);
	there->ask(std::move(request), limit, now, std::move(answered));
}

void Peers::watch(int fd, std::uint32_t &watched, bool writes)
{
	const std::uint32_t wanted = EPOLLIN | (writes ? EPOLLOUT : 0U);
	if (fd < 0 || watched == wanted)
		return;
	epoll_event event{};
	event.events = wanted;
	event.data.fd = fd;
	// A closed descriptor has left the set by itself.
	if (epoll_ctl(epoll_.get(), watched == 0 ? EPOLL_CTL_ADD : EPOLL_CTL_MOD, fd, &event) == 0)
		watched = wanted;
}

void Peers::listen(bool on)
{
	epoll_event event{on ? EPOLLIN : 0U, {.fd = listener_.get()}};
	(void)epoll_ctl(epoll_.get(), EPOLL_CTL_MOD, listener_.get(), &event);
}

void Peers::accept_all(Instant now)
{
	if (accept_again_) {
		if (now < *accept_again_)
			return;
		accept_again_.reset();
		listen(true);
	}
	while (listener_) {
		UniqueFd socket(
			accept4(listener_.get(), nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC));
		if (!socket && (errno == EINTR || errno == ECONNABORTED))
			continue;
		if (!socket &&
		    (errno == EMFILE || errno == ENFILE || errno == ENOMEM || errno == ENOBUFS)) {
			const Error why{{errno, std::generic_category()}, "accept a peer"};
			if (!std::exchange(accept_failed_, true))
				log::say(Message::Warning, {}, "{}; trying again", why.message());
			listen(false);
			accept_again_ = now + accept_pause;
			return;
		}
		if (!socket)
			return;
		accept_failed_ = false;
		const auto address = address_of(socket.get());
		if (askers_.size() >= links_max) {
			complain(address, fmt::format("turned away, {} connections are there",
						      askers_.size()));
			continue;
		}
		auto link = PeerLink::create(std::move(socket), PeerSession::Side::Answers, own_,
					     keys_, {}, now);
		if (link) {
			askers_.push_back({std::move(*link), address});
			auto *const there = askers_.back().link.get();
			there->session().judge_by([this, there](const PeerHello &hello) {
				return why_not(there->peer_name(), hello);
			});
		} else {
			log::say(Message::Warning, {}, "peer at {}: {}", address,
				 link.error().message());
		}
	}
}

/// Why whoever asks with the key of `name` is not wanted. Who has a key but is not in the
/// configuration is known, and not wanted.
std::optional<std::string> Peers::why_not(std::string_view name, const PeerHello &hello)
{
	if (hello.host == own_.host && hello.incarnation == own_.incarnation)
		return fmt::format(
			"'{}' asks itself; a [[cluster.peer]] there has this host's address", name);
	if (name == config_.name)
		return fmt::format("two hosts are called '{}' in [cluster]; give each its own name",
				   name);
	const auto *known = client(name);
	if (known == nullptr) {
		// Where hosts find each other, the key file says who is one of them: this host may
		// not have found yet who has found it.
		if (config_.discover != HostDiscovery::None)
			return std::nullopt;
		return fmt::format("'{}' is no [[cluster.peer]] of '{}'", name, config_.name);
	}
	// The export of one would be closed by the other's.
	if (known->reachable() && known->hello()->host != hello.host)
		return fmt::format(
			"two hosts are called '{}' in [cluster], and the one at {} is the "
			"[[cluster.peer]] of '{}'; give each its own name",
			name, known->peer().address.text(), config_.name);
	return std::nullopt;
}

/// Whoever is turned away will try again every few seconds: each reason is told once.
void Peers::complain(const std::string &address, const std::string &why)
{
	if (complaints_.size() >= links_max)
		complaints_.clear();
	if (std::exchange(complaints_[address], why) != why)
		log::say(Message::Warning, {}, "peer at {}: {}", address, why);
}

void Peers::turn_away(Asker &asker, const std::string &why)
{
	asker.over = true;
	complain(asker.address, why);
}

/// A host that was cloned, most likely.
bool Peers::is_twin(const PeerClient &client) const
{
	return client.reachable() && client.hello()->host == own_.host;
}

std::string Peers::trouble_of(std::string_view name)
{
	const auto *there = client(name);
	return there != nullptr && is_twin(*there) ? std::string(same_machine) : std::string();
}

/// Both have to reach each other: whoever could not be reached for a while need not be waited for
/// when it is there again.
void Peers::ask_back(std::string_view name, std::uint64_t incarnation, Instant now)
{
	for (auto &asked : asked_)
		if (asked.client.peer().name == name && asked.client.is_there(incarnation, now)) {
			// The next connection may get the same descriptor.
			asked.watched_fd = -1;
			asked.watched = 0;
		}
}

void Peers::serve(Asker &asker, Instant now)
{
	const auto events = asker.link->step(now);
	if (!events) {
		if (!asker.link->session().hello())
			return turn_away(asker, events.error().code == std::errc::permission_denied
							? events.error().context
							: events.error().message());
		asker.over = true;
		log::say(Message::Plain, {}, "peer at {}: {}", asker.address,
			 events.error().message());
		return;
	}
	const auto name = asker.link->peer_name();
	for (const auto &event : *events) {
		if (event.kind == PeerEvent::Kind::Ready) {
			complaints_.erase(asker.address);
			log::say(Message::Plain, {}, "peer {} asks from {}", name, asker.address);
			ask_back(name, asker.link->session().hello()->incarnation, now);
		}
		if (event.kind != PeerEvent::Kind::Request)
			continue;
		// The other one may have come since.
		if (const auto why = why_not(name, *asker.link->session().hello()))
			return turn_away(asker, *why);
		const auto disk = host_.disk(event.request.wwid, name);
		auto taken = service_.take(*asker.link->session().hello(), name, event.request,
					   disk ? &*disk : nullptr, now);
		if (taken.answer) {
			asker.link->session().answer(*taken.answer, now);
			answered_ = true;
		}
		if (taken.cast)
			host_.cast({std::string(name), asker.link->session().hello()->incarnation},
				   *taken.cast);
		if (taken.order)
			host_.carry_out(*taken.order, asker.address);
	}
}

void Peers::done(std::uint64_t token, const PeerAnswer &answer)
{
	const auto done = service_.done(token, answer);
	if (!done)
		return;
	for (auto &asker : askers_) {
		const auto &hello = asker.link->session().hello();
		if (hello && hello->host == done->client.host &&
		    hello->incarnation == done->client.incarnation)
			asker.link->session().answer(done->answer, now());
	}
	answered_ = true;
}

void Peers::step(Instant now)
{
	accept_all(now);
	// What was answered goes out with the second turn.
	for (unsigned turn = 0; turn < 2; turn++) {
		answered_ = false;
		for (auto &asker : askers_)
			serve(asker, now);
		askers_.remove_if([](const Asker &asker) { return asker.over; });
		if (!answered_)
			break;
	}
	for (auto &asker : askers_)
		watch(asker.link->fd(), asker.watched, asker.link->wants_write());

	bool changed = false;
	for (auto &asked : asked_) {
		auto &client = asked.client;
		if (client.step(now)) {
			changed = true;
			// Anybody can announce hosts that do not answer, or without the key.
			const bool told = !client.peer().found || found_lines_.take(now);
			if (told && client.reachable())
				log::say(is_twin(client) ? Message::Warning : Message::Notice, {},
					 "peer {} answers{}{}", client.peer().name,
					 is_twin(client) ? "; " : "",
					 trouble_of(client.peer().name));
			else if (told)
				log::say(Message::Warning, {}, "peer {}", client.trouble());
		}
		if (asked.watched_fd != client.fd()) {
			asked.watched_fd = client.fd();
			asked.watched = 0;
		}
		watch(client.fd(), asked.watched, client.wants_write());
	}
	if (changed)
		host_.changed();
}

std::optional<Instant> Peers::deadline() const
{
	std::optional<Instant> first = accept_again_;
	for (const auto &asker : askers_)
		first = earlier(first, asker.link->deadline());
	for (const auto &asked : asked_)
		first = earlier(first, asked.client.deadline());
	return first;
}

} // namespace swpath
