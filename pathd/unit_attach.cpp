// SPDX-License-Identifier: GPL-2.0-or-later
/// Of a unit's keeper: the connections of its served paths.
#include <algorithm>

#include <fmt/core.h>

#include "libpath/policy/export_end.h"
#include "libpath/sys/clock.h"
#include "libpath/sys/leg_mark.h"
#include "libpath/sys/nbd.h"
#include "pathd/log.h"
#include "pathd/unit.h"

namespace swpath
{

using log::Message;

namespace
{

/// One try to connect to a server, its name looked up and its handshake done.
constexpr Duration attach_limit = std::chrono::seconds(3);
/// Between two tries to end one connection.
constexpr Duration detach_pause = std::chrono::seconds(5);

} // namespace

/// Marks, connects and hands over; on the attaching thread.
Result<Unit::Attached> Unit::attach_served(const std::string &unit, const NbdEndpoint &server,
					   const std::string &export_name, const NbdAttach &how,
					   const PresharedKey *key)
{
	auto control = NbdControl::open();
	if (!control)
		return fail(control.error(), "module 'nbd' is not loaded (modprobe nbd)");
	auto connection = nbd_connect(server, export_name, now() + attach_limit, key);
	if (!connection)
		return tl::unexpected(connection.error());

	const auto index = attach_free_nbd(unit, [&](std::uint32_t free) {
		NbdAttach at = how;
		at.index = free;
		return control->attach(at, *connection);
	});
	if (!index)
		return tl::unexpected(index.error());
	return Attached{*index, std::make_shared<UniqueFd>(std::move(connection->socket))};
}

/// The unit was removed while it was made, and nobody looks for this connection. Does not wait.
void Unit::end_unclaimed(const Attached &connection, const std::string &backend)
{
	const auto name = fmt::format("nbd{}", connection.index);
	auto worker = Worker::start("end-" + name);
	if (!worker)
		return log::say(Message::Warning, {}, "{} stays connected: {}", name,
				worker.error().message());
	// The job keeps its own line until it has ended.
	const auto line = std::make_shared<std::unique_ptr<Worker>>(std::move(*worker));
	(void)(*line)->submit([line, name, backend, socket = connection.socket] {
		nbd_cut(*socket);
		if (const auto ended = disconnect_nbd(name, backend); !ended)
			log::say(Message::Warning, {}, "{} stays connected: {}", name,
				 ended.error().message());
	});
}

void Unit::attach(unsigned i)
{
	auto &slot = slots_[i];
	if (slot.attaching || slot.leg || now() < slot.monitor.next_probe())
		return;
	if (by_peer(i))
		return attach_by_peer(i);
	const auto &path = config_.paths[i];
	submit_attach(i, path.server, path.export_name, backend_of(i), std::nullopt);
}

/// Connects, on the slot's attaching thread.
void Unit::submit_attach(unsigned i, const NbdEndpoint &server, const std::string &export_name,
			 const std::string &backend, std::optional<PresharedKey> key)
{
	auto &slot = slots_[i];
	if (!slot.attacher) {
		auto worker = Worker::start(fmt::format("att-{}.{}", config_.name, i));
		if (!worker)
			return attach_failed(i, Reason::ERROR, worker.error().message());
		slot.attacher = std::move(*worker);
	}
	NbdAttach how;
	how.request_timeout = config_.effective_command_timeout();
	how.backend = backend;
	if (geometry_)
		how.block_bytes = geometry_->logical_block_bytes;
	slot.attaching = slot.attacher->submit([mailbox = services_.mailbox,
						here = std::weak_ptr(here_), unit = this, i,
						generation = generation_, name = config_.name,
						server, export_name, how, key = std::move(key)] {
		auto result = attach_served(name, server, export_name, how, key ? &*key : nullptr);
		mailbox->post([here, unit, i, generation, backend = how.backend,
			       result = std::move(result)] {
			if (!here.expired())
				return unit->attached(i, generation, result);
			if (result)
				end_unclaimed(*result, backend);
		});
	});
}

void Unit::attached(unsigned i, unsigned generation, const Result<Attached> &result)
{
	if (result)
		connected(*result);
	// Of older slots: a connection is found by what it leads to, and is closed if no path wants
	// it. What failed says nothing about the path that has the number now.
	if (generation != generation_)
		return;
	if (!result)
		return attach_failed(i, reason_of(result.error()), result.error().message());
	auto &slot = slots_[i];
	slot.attaching = false;
	slot.attach_tried = false;
	touch();
}

void Unit::connected(const Attached &connection)
{
	// The device may be one that an earlier connection had: that one is over.
	const std::string name = fmt::format("nbd{}", connection.index);
	for (const auto &[number, leg] : legs_) {
		if (leg->device().sysname == name) {
			drop_leg(number);
			break;
		}
	}
	sockets_[name] = connection.socket;
	services_.rescan();
}

void Unit::attach_failed(unsigned i, Reason reason, const std::string &text)
{
	auto &slot = slots_[i];
	slot.attaching = false;
	slot.attach_tried = true;
	touch();
	// The state may have been Failed before, for another reason: say each reason once.
	if (slot.text != text && slot.told == MonitorState::Failed)
		log::say(Message::Plain, {.unit = config_.name}, "{}: {}", path_label(i), text);
	slot.text = text;
	slot.monitor.step(ProbeFailed{now(), reason});
	slot.last_probe = now();
	tell(i, now());
}

void Unit::detach(DevNumber number)
{
	const auto found = legs_.find(number);
	// As long as something holds its device open, one that was ended looks as if it were not.
	if (found == legs_.end() || now() < found->second->detach_again)
		return;
	found->second->detach_again = now() + detach_pause;
	found->second->alive = false;
	stale_ = true;
	found->second->give_up();
}

void Unit::given_up(Leg &leg, const Result<void> &result)
{
	if (!result)
		log::say(Message::Warning, {.unit = config_.name},
			 "{} cannot be made to give up: {}", leg.device().sysname,
			 result.error().message());
	if (leg.kind() == PathKind::SERVED) {
		leg.alive = false;
		leg.proved = false;
		stale_ = true;
		services_.rescan();
	}
	touch();
}

void Unit::connection_died(std::uint32_t index)
{
	const std::string name = fmt::format("nbd{}", index);
	for (auto &[number, leg] : legs_) {
		if (leg->kind() != PathKind::SERVED || leg->device().sysname != name)
			continue;
		log::say(Message::Notice, {.unit = config_.name}, "{}: the connection died", name);
		if (const auto slot = slot_of(*leg)) {
			slots_[*slot].monitor.step(PathLost{now(), Reason::TRANSPORT});
			slots_[*slot].text = "the connection died";
			tell(*slot, now());
		}
		leg->proved = false;
		detach(number);
		touch();
	}
}

/// A served path whose connection is of no more use gets a new one: the kernel never mends one, so
/// that nothing is ever sent twice.
void Unit::look_after_connections()
{
	if (services_.dry_run)
		return;
	for (unsigned i = 0; i < slots_.size(); i++) {
		auto &slot = slots_[i];
		if (!slot.leg || slot.leg->kind() != PathKind::SERVED || !slot.leg->alive)
			continue;
		const bool carries = kernel_ && in_table(i) &&
				     kernel_->status.state == UnitState::ONLINE &&
				     kernel_->status.active == i;
		if (carries || slot.leg->failures < failed_checks_max)
			continue;
		log::say(Message::Plain, {.unit = config_.name}, "{}: closing the connection, {}",
			 slot.leg->device().sysname, slot.text);
		detach(slot.leg->number());
	}
}

} // namespace swpath
