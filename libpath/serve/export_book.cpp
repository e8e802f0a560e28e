// SPDX-License-Identifier: LGPL-2.1-or-later
#include "libpath/serve/export_book.h"

#include <algorithm>
#include <cerrno>

#include <fmt/core.h>

namespace swpath
{

bool is_path_error(int error) noexcept
{
	switch (error) {
	case 0:
	case EOPNOTSUPP: // BLK_STS_NOTSUPP
	case ENOSPC:     // BLK_STS_NOSPC
	case EREMOTEIO:  // BLK_STS_TARGET
	case EBADE:      // BLK_STS_RESV_CONFLICT
	case ENODATA:    // BLK_STS_MEDIUM
	case EILSEQ:     // BLK_STS_PROTECTION
	case EINVAL:     // the request was refused before it became one
	case EPERM:
	case EROFS:
	case ENOMEM:
	case EAGAIN:
	case EINTR:
	case EBUSY: // somebody else's claim or pages are in the way of a discard
		return false;
	default:
		return true;
	}
}

const ExportBook::Line *ExportBook::line(const ExportName &name) const
{
	const auto disk = disks_.find(name.wwid);
	if (disk == disks_.end())
		return nullptr;
	const auto found = disk->second.lines.find(name.client);
	return found == disk->second.lines.end() ? nullptr : &found->second;
}

const ExportBook::Export *ExportBook::current(const Line &line) const
{
	return line.current ? &exports_.at(*line.current) : nullptr;
}

Result<bool> ExportBook::check(const ExportOrder &order) const
{
	const auto &name = order.name;
	if (auto good = ExportName::check_wwid(name.wwid); !good)
		return tl::unexpected(std::move(good.error()));
	if (auto good = ExportName::check_client(name.client); !good)
		return tl::unexpected(std::move(good.error()));
	if (order.clients.empty())
		return fail(EINVAL, fmt::format("export {}: no client is allowed in", name.text()));
	for (const auto &[number, other] : exports_)
		if (other.order.device == order.device && other.order.name.wwid != name.wwid)
			return fail(EBUSY, fmt::format("{} is exported as {}", order.device,
						       other.order.name.text()));
	const auto *of_client = line(name);
	if (of_client == nullptr) {
		const auto found = disks_.find(name.wwid);
		if (found == disks_.end() && disks_.size() >= disks_max)
			return fail(ENOSPC,
				    fmt::format("{}: this server has {} disks already, which is "
						"the limit",
						name.text(), disks_max));
		if (found != disks_.end() && found->second.lines.size() >= clients_max)
			return fail(ENOSPC, fmt::format("{}: the disk has {} clients already, "
							"which is the limit",
							name.text(), clients_max));
		return true;
	}
	if (of_client->closed_through && name.epoch <= *of_client->closed_through)
		return fail(ESTALE, fmt::format("{} is closed; the next one is {}", name.spoken(),
						*of_client->closed_through + 1));
	const auto *open = current(*of_client);
	if (!open)
		return true;
	const auto &has = open->order.name;
	if (has.epoch > name.epoch)
		return fail(ESTALE,
			    fmt::format("{} is over: {} is open", name.spoken(), has.epoch));
	if (has.epoch < name.epoch)
		return fail(EBUSY, fmt::format("{} is {}: revoke it first", has.spoken(),
					       word(open->state)));
	if (open->state == ExportState::Failed) {
		if (open->quiet())
			return true;
		return fail(EBUSY, fmt::format("{} has failed and has {} requests in flight, {} "
					       "connections: wait for them, or revoke it",
					       has.text(), open->in_flight(), open->connections));
	}
	if (open->order != order)
		return fail(EEXIST,
			    fmt::format("{} is exported already, from {} and by other rules: "
					"revoke it first",
					has.text(), open->order.device));
	return false;
}

std::optional<ExportName> ExportBook::beside(const ExportOrder &order) const
{
	for (const auto &[number, other] : exports_)
		if (other.state == ExportState::Open && other.order.device == order.device &&
		    other.order.name.wwid == order.name.wwid &&
		    (order.read_only || !other.order.read_only))
			return other.order.name;
	return std::nullopt;
}

Result<void> ExportBook::add(const ExportOrder &order, Instant now)
{
	const auto is_new = check(order);
	if (!is_new)
		return tl::unexpected(is_new.error());
	if (!*is_new)
		return {};
	auto &disk = disks_[order.name.wwid];
	auto &of_client = disk.lines[order.name.client];
	std::uint64_t requests = 0, lost = 0;
	if (of_client.current) {
		// The same epoch, failed and quiet: check() saw to it. What it lost stays lost.
		const auto &failed = exports_.at(*of_client.current);
		requests = failed.requests;
		lost = failed.lost;
		exports_.erase(*of_client.current);
	}
	disk.held.insert(order.device);
	of_client.current = next_export_++;
	auto &fresh = exports_[*of_client.current];
	fresh.order = order;
	fresh.since = now;
	fresh.requests = requests;
	fresh.lost = lost;
	return {};
}

Result<std::uint64_t> ExportBook::find(std::string_view asked, const ClientAddress &client) const
{
	const auto name = ExportName::parse(asked);
	if (!name)
		return tl::unexpected(name.error());
	const auto *of_client = line(*name);
	if (of_client == nullptr)
		return fail(ENOENT, fmt::format("{} is not served by this host to {}", name->wwid,
						name->client));
	const auto *open = current(*of_client);
	const bool is_open = open && open->state != ExportState::Draining;
	const auto closed = of_client->closed_through;
	if ((closed && name->epoch <= *closed) || (is_open && name->epoch < open->order.name.epoch))
		return fail(ESTALE, fmt::format("{} is closed; ask for {}", name->spoken(),
						is_open ? open->order.name.epoch : *closed + 1));
	if (!is_open)
		return fail(ENOENT, fmt::format("{} is not open here; none is", name->spoken()));
	if (name->epoch != open->order.name.epoch)
		return fail(ENOENT, fmt::format("{} is not open here; {} is", name->spoken(),
						open->order.name.epoch));
	if (open->state == ExportState::Failed)
		return fail(ENXIO, fmt::format("{} is not served: the direct path of this host has "
					       "failed (errno {})",
					       name->text(), open->path_error));
	const auto &allowed = open->order.clients;
	if (std::none_of(allowed.begin(), allowed.end(),
			 [&](const ClientPattern &each) { return each.matches(client); }))
		return fail(EACCES,
			    fmt::format("client {} may not use {}", client.text(), name->text()));
	return *of_client->current;
}

Result<ExportBook::Admitted> ExportBook::connect(std::string_view asked,
						 const ClientAddress &client, Instant now)
{
	const auto number = find(asked, client);
	if (!number) {
		if (refusals_.size() >= refusals_kept)
			refusals_.erase(refusals_.begin());
		refusals_.push_back({now, client.text(), number.error().context});
		return tl::unexpected(number.error());
	}
	auto &open = exports_.at(*number);
	open.connections++;
	const auto connection = next_connection_++;
	connections_[connection].export_number = *number;
	return Admitted{connection, open.order.name, open.order.read_only};
}

void ExportBook::disconnected(ConnectionId connection, Instant now)
{
	const auto found = connections_.find(connection);
	if (found == connections_.end())
		return;
	const auto number = found->second.export_number;
	connections_.erase(found);
	exports_.at(number).connections--;
	settle(number, now);
}

Result<AdmittedRequest> ExportBook::begin(ConnectionId connection, Instant now)
{
	const auto found = connections_.find(connection);
	if (found == connections_.end())
		return fail(ESHUTDOWN, "a connection that has ended");
	const auto number = found->second.export_number;
	auto &what = exports_.at(number);
	if (what.state != ExportState::Open) {
		what.refused++;
		return fail(ESHUTDOWN, fmt::format("{} is {}", what.order.name.text(),
						   what.state == ExportState::Failed
							   ? "failed: the direct path is lost"
							   : "closed"));
	}
	what.requests++;
	if (what.free_slots.empty()) {
		what.free_slots.push_back(static_cast<std::uint32_t>(what.slots.size()));
		what.slots.emplace_back();
	}
	const auto slot = what.free_slots.back();
	what.free_slots.pop_back();
	what.slots[slot] = {now, true};
	return AdmittedRequest{number, slot};
}

std::vector<ConnectionId> ExportBook::cut_all(std::uint64_t number)
{
	std::vector<ConnectionId> cut;
	for (auto &[id, connection] : connections_)
		if (connection.export_number == number && !connection.cut) {
			connection.cut = true;
			cut.push_back(id);
		}
	return cut;
}

std::vector<ConnectionId> ExportBook::end(AdmittedRequest request, int error, Instant now)
{
	const auto found = exports_.find(request.export_number);
	if (found == exports_.end() || request.slot >= found->second.slots.size() ||
	    !found->second.slots[request.slot].used)
		return {};
	auto &what = found->second;
	what.slots[request.slot].used = false;
	what.free_slots.push_back(request.slot);
	std::vector<ConnectionId> cut;
	if (is_path_error(error))
		what.lost++;
	if (what.state == ExportState::Open && is_path_error(error))
		cut = path_failed(what.order.device, error, now);
	settle(request.export_number, now);
	return cut;
}

/// The device is one path, whoever's request it was that found out: a client that has nothing to
/// ask would keep a dead device open.
std::vector<ConnectionId> ExportBook::path_failed(const std::string &device, int error, Instant now)
{
	std::vector<ConnectionId> cut;
	for (auto &[number, what] : exports_) {
		if (what.state != ExportState::Open || what.order.device != device)
			continue;
		what.state = ExportState::Failed;
		what.path_error = error;
		what.since = now;
		what.connections_ended = what.connections;
		for (const auto connection : cut_all(number))
			cut.push_back(connection);
	}
	return cut;
}

void ExportBook::settle(std::uint64_t number, Instant now)
{
	auto &what = exports_.at(number);
	if (what.state != ExportState::Draining || !what.quiet())
		return;
	what.state = ExportState::Drained;
	what.since = now;
	auto &of_client = disks_.at(what.order.name.wwid).lines.at(what.order.name.client);
	of_client.drained.push_back(view(what, now));
	if (of_client.drained.size() > drained_kept)
		of_client.drained.erase(of_client.drained.begin());
	of_client.current.reset();
	exports_.erase(number);
}

Revocation ExportBook::revoke(const ExportName &name, Instant now)
{
	Revocation answer;
	auto &disk = disks_[name.wwid];
	auto &of_client = disk.lines[name.client];
	of_client.closed_through =
		std::max(of_client.closed_through.value_or(name.epoch), name.epoch);
	if (const auto number = of_client.current;
	    number && exports_.at(*number).order.name.epoch <= name.epoch) {
		auto &what = exports_.at(*number);
		if (what.state == ExportState::Open)
			what.connections_ended = what.connections;
		if (what.state != ExportState::Draining) {
			what.state = ExportState::Draining;
			what.since = now;
		}
		answer.cut = cut_all(*number);
		settle(*number, now);
		if (of_client.current) {
			answer.served_here = true;
			answer.held = disk.held;
			answer.what = view(exports_.at(*of_client.current), now);
			return answer;
		}
	}
	answer.drained = true;
	answer.held = disk.held;
	const auto last = std::find_if(
		of_client.drained.rbegin(), of_client.drained.rend(),
		[&](const ExportView &each) { return each.order.name.epoch <= name.epoch; });
	if (last != of_client.drained.rend()) {
		answer.served_here = true;
		answer.what = *last;
	}
	return answer;
}

bool ExportBook::idle(const ExportName &name) const
{
	const auto *of_client = line(name);
	if (of_client == nullptr)
		return true;
	const auto *open = current(*of_client);
	return !open || open->order.name != name ||
	       (open->state == ExportState::Failed && open->quiet());
}

std::vector<ExportName> ExportBook::closed_epochs() const
{
	std::vector<ExportName> closed;
	for (const auto &[wwid, disk] : disks_)
		for (const auto &[client, of_client] : disk.lines)
			if (of_client.closed_through)
				closed.push_back({wwid, client, *of_client.closed_through});
	return closed;
}

ExportView ExportBook::view(const Export &what, Instant now)
{
	ExportView seen{what.order,       what.state,       what.path_error,
			what.since,       what.connections, what.connections_ended,
			what.in_flight(), std::nullopt,     what.requests,
			what.lost,        what.refused};
	for (const auto &slot : what.slots)
		if (slot.used)
			seen.oldest =
				std::max(seen.oldest.value_or(Duration::zero()), now - slot.began);
	return seen;
}

std::vector<ExportView> ExportBook::exports(Instant now) const
{
	std::vector<ExportView> all;
	for (const auto &[wwid, disk] : disks_)
		for (const auto &[client, of_client] : disk.lines) {
			all.insert(all.end(), of_client.drained.begin(), of_client.drained.end());
			if (const auto *open = current(of_client))
				all.push_back(view(*open, now));
		}
	return all;
}

} // namespace swpath
