// SPDX-License-Identifier: LGPL-2.1-or-later
#include "libpath/serve/export_book.h"

#include <algorithm>
#include <cerrno>

#include <fmt/format.h>

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
		return false;
	default:
		return true;
	}
}

const ExportBook::Export *ExportBook::current(const Disk &disk) const
{
	return disk.current ? &exports_.at(*disk.current) : nullptr;
}

Result<bool> ExportBook::check(const ExportOrder &order) const
{
	const auto &name = order.name;
	if (auto good = ExportName::check_wwid(name.wwid); !good)
		return tl::unexpected(std::move(good.error()));
	if (order.clients.empty())
		return fail(EINVAL, fmt::format("export {}: no client is allowed in", name.text()));
	for (const auto &[number, other] : exports_)
		if (other.order.device == order.device && other.order.name.wwid != name.wwid)
			return fail(EBUSY, fmt::format("{} is exported as {}", order.device,
						       other.order.name.text()));
	const auto found = disks_.find(name.wwid);
	if (found == disks_.end()) {
		if (disks_.size() >= disks_max)
			return fail(ENOSPC, fmt::format("more than {} disks", disks_max));
		return true;
	}
	const auto &disk = found->second;
	if (disk.closed_through && name.epoch <= *disk.closed_through)
		return fail(ESTALE, fmt::format("epoch {} of {} is closed; the next one is {}",
						name.epoch, name.wwid, *disk.closed_through + 1));
	const auto *open = current(disk);
	if (!open)
		return true;
	const auto &has = open->order.name;
	if (has.epoch > name.epoch)
		return fail(ESTALE, fmt::format("epoch {} of {} is over: {} is open", name.epoch,
						name.wwid, has.epoch));
	if (has.epoch < name.epoch)
		return fail(EBUSY, fmt::format("epoch {} of {} is {}: revoke it first", has.epoch,
					       name.wwid, word(open->state)));
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

Result<void> ExportBook::add(const ExportOrder &order, Instant now)
{
	const auto is_new = check(order);
	if (!is_new)
		return tl::unexpected(is_new.error());
	if (!*is_new)
		return {};
	auto &disk = disks_[order.name.wwid];
	std::uint64_t requests = 0, lost = 0;
	if (disk.current) {
		// The same epoch, failed and quiet: check() saw to it. What it lost stays lost.
		const auto &failed = exports_.at(*disk.current);
		requests = failed.requests;
		lost = failed.lost;
		exports_.erase(*disk.current);
	}
	disk.sole = true;
	disk.current = next_export_++;
	auto &fresh = exports_[*disk.current];
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
	const auto found = disks_.find(name->wwid);
	if (found == disks_.end())
		return fail(ENOENT, fmt::format("{} is not served by this host", name->wwid));
	const auto &disk = found->second;
	const auto *open = current(disk);
	const bool is_open = open && open->state != ExportState::Draining;
	const auto closed = disk.closed_through;
	if ((closed && name->epoch <= *closed) || (is_open && name->epoch < open->order.name.epoch))
		return fail(ESTALE, fmt::format("epoch {} of {} is closed; ask for {}", name->epoch,
						name->wwid,
						is_open ? open->order.name.epoch : *closed + 1));
	if (!is_open)
		return fail(ENOENT, fmt::format("epoch {} of {} is not open here; none is",
						name->epoch, name->wwid));
	if (name->epoch != open->order.name.epoch)
		return fail(ENOENT, fmt::format("epoch {} of {} is not open here; {} is",
						name->epoch, name->wwid, open->order.name.epoch));
	if (open->state == ExportState::Failed)
		return fail(ENXIO, fmt::format("{} is not served: the direct path of this host has "
					       "failed (errno {})",
					       name->text(), open->path_error));
	const auto &allowed = open->order.clients;
	if (std::none_of(allowed.begin(), allowed.end(),
			 [&](const ClientPattern &each) { return each.matches(client); }))
		return fail(EACCES,
			    fmt::format("client {} may not use {}", client.text(), name->text()));
	return *disk.current;
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
	if (what.state == ExportState::Open && is_path_error(error)) {
		what.state = ExportState::Failed;
		what.path_error = error;
		what.since = now;
		what.connections_ended = what.connections;
		cut = cut_all(request.export_number);
	}
	settle(request.export_number, now);
	return cut;
}

void ExportBook::settle(std::uint64_t number, Instant now)
{
	auto &what = exports_.at(number);
	if (what.state != ExportState::Draining || !what.quiet())
		return;
	what.state = ExportState::Drained;
	what.since = now;
	auto &disk = disks_.at(what.order.name.wwid);
	disk.drained.push_back(view(what, now));
	if (disk.drained.size() > drained_kept)
		disk.drained.erase(disk.drained.begin());
	disk.current.reset();
	exports_.erase(number);
}

Revocation ExportBook::revoke(const ExportName &name, Instant now)
{
	Revocation answer;
	auto &disk = disks_[name.wwid];
	disk.closed_through = std::max(disk.closed_through.value_or(name.epoch), name.epoch);
	if (const auto number = disk.current;
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
		if (disk.current) {
			answer.served_here = true;
			answer.sole = disk.sole;
			answer.what = view(exports_.at(*disk.current), now);
			return answer;
		}
	}
	answer.drained = true;
	answer.sole = disk.sole;
	const auto last = std::find_if(
		disk.drained.rbegin(), disk.drained.rend(),
		[&](const ExportView &each) { return each.order.name.epoch <= name.epoch; });
	if (last != disk.drained.rend()) {
		answer.served_here = true;
		answer.what = *last;
	}
	return answer;
}

bool ExportBook::idle(const ExportName &name) const
{
	const auto found = disks_.find(name.wwid);
	if (found == disks_.end())
		return true;
	const auto *open = current(found->second);
	return !open || open->order.name != name ||
	       (open->state == ExportState::Failed && open->quiet());
}

std::map<std::string, std::uint64_t> ExportBook::closed_epochs() const
{
	std::map<std::string, std::uint64_t> closed;
	for (const auto &[wwid, disk] : disks_)
		if (disk.closed_through)
			closed[wwid] = *disk.closed_through;
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
	for (const auto &[wwid, disk] : disks_) {
		all.insert(all.end(), disk.drained.begin(), disk.drained.end());
		if (const auto *open = current(disk))
			all.push_back(view(*open, now));
	}
	return all;
}

} // namespace swpath
