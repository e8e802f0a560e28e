// SPDX-License-Identifier: LGPL-2.1-or-later
#include "libpath/serve/export_server.h"

#include <algorithm>
#include <cerrno>
#include <thread>

#include <fmt/core.h>

#include "libpath/serve/closed_epochs.h"
#include "libpath/serve/connection_socket.h"
#include "libpath/sys/clock.h"
#include "libpath/sys/file.h"

namespace swpath
{
namespace
{

using namespace std::chrono_literals;
using std::chrono::milliseconds;

/// After this, a connection that was to end and has not is taken for one whose socket was mistaken
/// for another of the same process: see ExportServer::claim_socket().
constexpr milliseconds cut_grace = 500ms;
/// A disk that is not closed after this is one that hangs.
constexpr milliseconds close_grace = 1s;
constexpr milliseconds free_poll = 20ms;

std::uint64_t ms_between(Instant from, Instant to)
{
	return static_cast<std::uint64_t>(std::max<std::int64_t>(
		0, std::chrono::duration_cast<milliseconds>(to - from).count()));
}

Instant process_begin() noexcept
{
	static const Instant begin = now();
	return begin;
}

/// Why a disk cannot be served. Some causes have a sentence, to which an errno's text adds nothing.
Refusal unfit(const Error &error)
{
	switch (error.code.value()) {
	case ELOOP:
	case EMEDIUMTYPE:
	case ENOTBLK:
	case EOPNOTSUPP:
		return {RefusalKind::Unsafe, error.context, {}};
	default:
		return refusal_of(error);
	}
}

RevokedReply reply_of(const Revocation &revocation)
{
	RevokedReply reply;
	reply.drained = revocation.drained;
	reply.served_here = revocation.served_here;
	if (const auto &what = revocation.what) {
		reply.connections = what->connections;
		reply.connections_ended = what->connections_ended;
		reply.in_flight = what->in_flight;
		if (what->oldest)
			reply.oldest_ms = static_cast<std::uint64_t>(
				std::chrono::duration_cast<milliseconds>(*what->oldest).count());
		reply.requests = what->requests;
		reply.lost = what->lost;
		reply.refused = what->refused;
	}
	return reply;
}

} // namespace

Result<std::unique_ptr<ExportServer>> ExportServer::create(Setup setup)
{
	(void)process_begin();
	std::unique_ptr<ExportServer> server(new ExportServer(std::move(setup)));
	const auto &file = server->setup_.closed_file;
	const auto text = read_file(file, closed_epochs_bytes_max);
	if (!text && text.error().code == std::errc::no_such_file_or_directory)
		return server;
	if (!text)
		return tl::unexpected(text.error());
	auto closed = parse_closed_epochs(*text);
	if (!closed)
		return fail(
			std::move(closed.error()),
			fmt::format("closed epochs in '{}' (remove it only if no client of this "
				    "host can still hold an old epoch)",
				    file));
	for (const auto &each : *closed)
		(void)server->book_.revoke(each, now());
	return server;
}

/// A TCP peer's address and port are one connection's. On a unix socket the connections of one
/// process look alike, so one is taken that no other session has: if two of them were swapped, the
/// one that was to be ended stays, and revoke() ends all of that process after a moment. No request
/// can pass in between: the book refuses them.
Result<UniqueFd> ExportServer::claim_socket(const Peer &peer)
{
	if (peer.address.ss_family != AF_UNIX)
		return find_tcp_socket(reinterpret_cast<const sockaddr *>(&peer.address));
	auto all = find_unix_sockets(peer.pid, setup_.control_socket);
	if (!all)
		return tl::unexpected(std::move(all.error()));
	for (auto &socket : *all) {
		const auto inode = socket_inode(socket);
		if (std::none_of(wires_.begin(), wires_.end(), [&](const auto &each) {
			    return socket_inode(each.second.socket) == inode;
		    }))
			return std::move(socket);
	}
	return fail(ENOENT, "find the connection's socket");
}

/// nbdkit does not tell of a connection that ends in its handshake.
void ExportServer::forget_gone()
{
	const auto there = tcp_peers();
	if (!there)
		return; // out of descriptors: their time ends anyway
	for (const auto &peer : handshakes_.all())
		if (std::none_of(there->begin(), there->end(), [&](const auto &each) {
			    return same_peer(each, reinterpret_cast<const sockaddr *>(&peer));
		    }))
			handshakes_.gone(peer);
}

Result<void> ExportServer::arrived(const Peer &peer)
{
	const std::lock_guard hold(lock_);
	if (ending_)
		return fail(ESHUTDOWN, "the server ends");
	if (peer.address.ss_family == AF_UNIX || handshakes_.begin(peer.address, now()))
		return {};
	forget_gone();
	if (handshakes_.begin(peer.address, now()))
		return {};
	return fail(EBUSY, fmt::format("{} connections are in their handshake, which is the limit",
				       Handshakes::at_once_max));
}

void ExportServer::end_late()
{
	std::vector<sockaddr_storage> late;
	{
		const std::lock_guard hold(lock_);
		late = handshakes_.late(now());
		for (const auto &peer : late)
			handshakes_.gone(peer);
	}
	// Requests do not wait for this. One that has come to an export meanwhile was late, too.
	end_tcp_connections(late);
}

Result<std::unique_ptr<ExportServer::Session>> ExportServer::connect(std::string_view asked,
								     const Peer &peer)
{
	const auto client = ClientAddress::from(reinterpret_cast<const sockaddr *>(&peer.address),
						peer.bytes, peer.uid);
	if (!client)
		return tl::unexpected(client.error());
	const std::lock_guard hold(lock_);
	if (ending_)
		return fail(ESHUTDOWN, "the server ends");
	const auto admitted = book_.connect(asked, *client, now());
	if (!admitted)
		return tl::unexpected(admitted.error());
	auto socket = claim_socket(peer);
	if (!socket) {
		book_.disconnected(admitted->connection, now());
		return fail(ENOTSOCK,
			    fmt::format("{}: so the connection could not be ended when it "
					"must be, and is not served",
					socket.error().message()));
	}
	wires_[admitted->connection] = {std::move(*socket), admitted->name, peer.pid};
	if (peer.address.ss_family != AF_UNIX)
		handshakes_.uses(peer.address, true);
	auto session = std::make_unique<Session>();
	session->connection = admitted->connection;
	session->name = admitted->name;
	session->read_only = admitted->read_only;
	session->disk = disks_.at(admitted->name);
	session->disk->look_for_growth();
	session->peer = peer;
	return session;
}

/// Without the lock, which every request takes: a close waits for a mutex of the device
/// (block/bdev.c, blkdev_put) that whoever opens it holds while the SCSI layer recovers its host.
void ExportServer::close_idle(std::unique_lock<std::mutex> &hold)
{
	std::vector<std::pair<std::string, std::shared_ptr<const ServedDisk>>> idle;
	for (auto each = disks_.begin(); each != disks_.end();) {
		if (book_.idle(each->first)) {
			idle.emplace_back(each->first.wwid, std::move(each->second));
			each = disks_.erase(each);
		} else {
			++each;
		}
	}
	for (const auto &each : idle)
		closing_.insert(each.first);
	hold.unlock();
	for (auto &each : idle)
		each.second.reset();
	hold.lock();
	for (const auto &each : idle)
		closing_.erase(closing_.find(each.first));
}

void ExportServer::disconnect(std::unique_ptr<Session> session)
{
	const auto connection = session->connection;
	const auto peer = session->peer;
	session.reset(); // the disk's last user may be this one
	UniqueFd socket;
	std::unique_lock hold(lock_);
	if (const auto found = wires_.find(connection); found != wires_.end()) {
		socket = std::move(found->second.socket);
		wires_.erase(found);
	}
	if (peer.address.ss_family != AF_UNIX)
		handshakes_.uses(peer.address, false);
	book_.disconnected(connection, now());
	close_idle(hold);
	changed_.notify_all();
}

Result<AdmittedRequest> ExportServer::begin(const Session &session)
{
	const auto at = now();
	const std::lock_guard hold(lock_);
	return book_.begin(session.connection, at);
}

void ExportServer::end(AdmittedRequest request, int error)
{
	const auto at = now();
	const std::lock_guard hold(lock_);
	const auto failed = book_.end(request, error, at);
	cut(failed);
	if (!failed.empty() || waiting_ > 0)
		changed_.notify_all();
}

void ExportServer::cut(const std::vector<ConnectionId> &connections)
{
	for (const auto connection : connections)
		if (const auto found = wires_.find(connection); found != wires_.end())
			end_connection(found->second.socket);
}

void ExportServer::cut_by_process(const ExportName &name)
{
	for (const auto &[connection, wire] : wires_) {
		if (wire.name.wwid != name.wwid || wire.name.client != name.client ||
		    wire.name.epoch > name.epoch || wire.pid < 0)
			continue;
		const auto all = find_unix_sockets(wire.pid, setup_.control_socket);
		if (!all)
			continue; // out of descriptors: the next round tries again
		for (const auto &socket : *all)
			end_connection(socket);
	}
}

Answered<ExportedReply> ExportServer::export_disk(const ExportOrder &order)
{
	const auto refused = [](const Error &error) {
		return tl::unexpected(Refusal{refusal_of(error).kind, error.context, {}});
	};
	const auto answer = [&](const ServedDisk &disk) {
		disk.look_for_growth();
		return ExportedReply{
			order.name.text(),           disk.size_bytes(), disk.logical_block_bytes(),
			disk.physical_block_bytes(), order.read_only,   disk.sequence()};
	};
	const auto add = [&](std::shared_ptr<const ServedDisk> disk) -> Answered<ExportedReply> {
		if (auto added = book_.add(order, now()); !added)
			return refused(added.error());
		disks_.insert_or_assign(order.name, disk);
		return answer(*disk);
	};
	{
		const std::lock_guard hold(lock_);
		const auto is_new = book_.check(order);
		if (!is_new)
			return refused(is_new.error());
		if (!*is_new)
			return answer(*disks_.at(order.name));
		if (const auto other = book_.beside(order))
			return add(disks_.at(*other));
	}
	// May block: nobody else is to wait for it.
	auto disk = ServedDisk::open(order.device, order.name.wwid,
				     {order.read_only, setup_.files, setup_.sys});
	const auto opened = disk ? std::make_shared<const ServedDisk>(std::move(*disk)) : nullptr;
	const std::lock_guard hold(lock_);
	if (!opened) {
		// Two orders at once: the lock on the disk has let the other one through.
		if (const auto is_new = book_.check(order); is_new && !*is_new)
			return answer(*disks_.at(order.name));
		if (const auto other = book_.beside(order))
			return add(disks_.at(*other));
		return tl::unexpected(unfit(disk.error()));
	}
	return add(opened);
}

Result<void> ExportServer::record_closed()
{
	const std::lock_guard hold_file(file_lock_);
	std::vector<ExportName> closed;
	{
		const std::lock_guard hold(lock_);
		closed = book_.closed_epochs();
	}
	return replace_file(setup_.closed_file, closed_epochs_text(closed));
}

Answered<RevokedReply> ExportServer::revoke(const RevokeOrder &order)
{
	const auto asked_at = now();
	const auto deadline = std::chrono::steady_clock::now() + order.wait;
	Revocation revocation;
	{
		const std::lock_guard hold(lock_);
		revocation = book_.revoke(order.name, asked_at);
		cut(revocation.cut);
	}
	if (auto recorded = record_closed(); !recorded)
		return refuse(RefusalKind::Failed,
			      fmt::format("{} is closed, but that could not be recorded: {}",
					  order.name.text(), recorded.error().message()),
			      "make room there and revoke again: a new server process would not "
			      "know of it");
	{
		std::unique_lock hold(lock_);
		waiting_++;
		for (;;) {
			const auto at = now();
			revocation = book_.revoke(order.name, at);
			if (revocation.drained || std::chrono::steady_clock::now() >= deadline)
				break;
			if (at - asked_at >= cut_grace)
				cut_by_process(order.name);
			changed_.wait_until(
				hold,
				std::min(deadline, std::chrono::steady_clock::now() + cut_grace));
		}
		// Whoever is told that it has drained may export the disk again, which its open
		// file would keep out. But a disk that cannot be closed now has drained as well.
		close_idle(hold);
		changed_.wait_for(hold, close_grace,
				  [&] { return !closing_.contains(order.name.wwid); });
		waiting_--;
	}
	auto reply = reply_of(revocation);
	// This process vouches for itself. Is there anything of one before it, on any way to the
	// disk?
	const bool of_earlier = reply.drained && !reply.served_here;
	if (of_earlier && order.devices.empty())
		return refuse(RefusalKind::Unsafe,
			      fmt::format("{} is closed, but this server process has not served it "
					  "and cannot tell what an earlier one left in the disk",
					  order.name.text()),
			      "revoke again with all of the disk's devices");
	for (const auto &device : order.devices) {
		if (!of_earlier || !reply.drained || revocation.held.contains(device))
			continue;
		auto is_free = disk_is_free(device);
		while (is_free && !*is_free && std::chrono::steady_clock::now() < deadline) {
			std::this_thread::sleep_for(free_poll); // the kernel tells nobody
			is_free = disk_is_free(device);
		}
		if (!is_free)
			return tl::unexpected(refusal_of(is_free.error()));
		reply.drained = *is_free;
	}
	reply.text = revocation_text(order.name, reply);
	return reply;
}

ServeReport ExportServer::report()
{
	ServeReport report;
	report.pid = ::getpid();
	report.tls = setup_.tls;
	const auto at = now();
	report.started_ms_ago = ms_between(process_begin(), at);
	const std::lock_guard hold(lock_);
	for (auto &view : book_.exports(at))
		report.exports.push_back({view, ms_between(view.since, at)});
	for (const auto &each : book_.refusals())
		report.refusals.push_back({ms_between(each.at, at), each.client, each.text});
	return report;
}

void ExportServer::end_connections()
{
	const std::lock_guard hold(lock_);
	ending_ = true;
	for (const auto &[connection, wire] : wires_)
		end_connection(wire.socket);
	end_tcp_connections(handshakes_.all());
}

std::vector<std::string> ExportServer::open_exports()
{
	std::vector<std::string> names;
	const std::lock_guard hold(lock_);
	for (const auto &view : book_.exports(now()))
		if (view.state == ExportState::Open)
			names.push_back(view.order.name.text());
	return names;
}

} // namespace swpath
