// SPDX-License-Identifier: GPL-2.0-or-later
/// Of a unit's keeper: the devices that stand for its paths. Building the unit from them,
/// connecting served ones, checking all of them.
#include <algorithm>
#include <cerrno>
#include <cstring>

#include <fmt/format.h>

#include "libpath/base/text.h"
#include "libpath/sys/clock.h"
#include "libpath/sys/dm.h"
#include "libpath/sys/file.h"
#include "libpath/sys/leg_mark.h"
#include "libpath/sys/nbd.h"
#include "libpath/unit/reason.h"
#include "libpath/unit/reservation.h"
#include "pathd/log.h"
#include "pathd/unit.h"

namespace swpath
{

using log::Message;

namespace
{

/// One try to connect to a server, its name looked up and its handshake done.
constexpr Duration attach_limit = std::chrono::seconds(3);
/// After a table change that failed.
constexpr Duration table_retry = std::chrono::seconds(1);
/// Failed checks of a served path in a row before its connection is replaced.
constexpr unsigned connection_failures_max = 2;

/// The proof that a check gives, as one word for the certificate.
std::string_view evidence(PathKind kind, MediumVerdict verdict)
{
	if (kind == PathKind::DIRECT)
		return "vpd83+capacity+medium";
	return verdict == MediumVerdict::Same ? "export+size+medium-compared"
					      : "export+size+medium";
}

std::string backend_of(const UnitConfig &config, unsigned slot)
{
	const auto &path = config.paths[slot];
	return nbd_backend(config.name, path.server.text(), path.export_name);
}

} // namespace

std::string Unit::path_label(unsigned slot) const
{
	if (slot >= config_.paths.size())
		return fmt::format("path {}", slot);
	const auto &path = config_.paths[slot];
	if (path.kind == PathKind::SERVED)
		return fmt::format("served {}", path.name);
	const auto &leg = slots_[slot].leg;
	return leg ? fmt::format("direct {}", leg->device().sysname) : "direct";
}

std::optional<unsigned> Unit::slot_of(const Leg &leg) const
{
	for (unsigned i = 0; i < slots_.size(); i++)
		if (slots_[i].leg.get() == &leg)
			return i;
	return std::nullopt;
}

void Unit::seen(const std::vector<BlockDevice> &devices, const std::vector<DevNumber> &marked)
{
	const auto ours = [&](const BlockDevice &device) -> std::optional<PathKind> {
		if (device.transport == Transport::Nbd) {
			const std::string prefix = fmt::format("swpath:{}:", config_.name);
			if (device.nbd_backend.starts_with(prefix))
				return PathKind::SERVED;
			return std::nullopt;
		}
		if (device.transport == Transport::Scsi && !config_.wwid.empty() &&
		    device.wwid == config_.wwid)
			return PathKind::DIRECT;
		return std::nullopt;
	};
	const auto is_marked = [&](DevNumber number) {
		return std::binary_search(marked.begin(), marked.end(), number);
	};

	// Another disk in the place that a path names is what a person looks for when it is
	// missing.
	const auto note_stranger = [&](const BlockDevice &device) {
		for (unsigned i = 0; device.transport == Transport::Scsi && i < slots_.size();
		     i++) {
			const auto &path = config_.paths[i];
			if (path.kind == PathKind::DIRECT &&
			    !(path.hctl.empty() && path.by_path.empty()) &&
			    matches(path.hctl, device.hctl) &&
			    matches(path.by_path, device.by_path))
				slots_[i].stranger =
					fmt::format("{} at {} is another disk, {}", device.sysname,
						    device.hctl, device.wwid);
		}
	};

	for (auto &slot : slots_)
		slot.stranger.clear();
	std::vector<DevNumber> present;
	for (const auto &device : devices) {
		const auto kind = ours(device);
		if (!kind) {
			note_stranger(device);
			continue;
		}
		present.push_back(device.number);
		auto found = legs_.find(device.number);
		// The same number and another device: it was away and came back between two looks.
		if (found != legs_.end() && found->second->device().syspath != device.syspath) {
			drop_leg(device.number);
			found = legs_.end();
		}
		if (found == legs_.end()) {
			auto leg = Leg::create(
				device, *kind, config_.effective_command_timeout(),
				services_.mailbox,
				[this](Leg &of, const ProbeFacts &facts, std::uint64_t mv) {
					probed(of, facts, mv);
				},
				[this](Leg &of, const Result<void> &result) {
					given_up(of, result);
				});
			if (!leg) {
				log::say(Message::Error, {.unit = config_.name},
					 "cannot watch {}: {}", device.sysname,
					 leg.error().message());
				continue;
			}
			found = legs_.emplace(device.number, std::move(*leg)).first;
			if (auto socket = sockets_.extract(device.sysname))
				found->second->socket = std::move(socket.mapped());
			log::say(Message::Plain, {.unit = config_.name}, "{} {} ({}) appeared",
				 word(*kind), device.sysname, device.number.text());
		}
		auto &leg = *found->second;
		leg.update(device);
		leg.marked = is_marked(device.number);
		leg.served_slot.reset();
		for (unsigned i = 0; *kind == PathKind::SERVED && i < config_.paths.size(); i++)
			if (config_.paths[i].kind == PathKind::SERVED &&
			    device.nbd_backend == backend_of(config_, i))
				leg.served_slot = i;
	}

	std::vector<DevNumber> gone;
	for (const auto &[number, leg] : legs_)
		if (std::find(present.begin(), present.end(), number) == present.end())
			gone.push_back(number);
	for (const auto number : gone)
		drop_leg(number);
	stale_ = true;
	touch();
}

bool Unit::awaits_end() const
{
	return std::any_of(legs_.begin(), legs_.end(),
			   [](const auto &entry) { return !entry.second->alive; });
}

void Unit::drop_leg(DevNumber number)
{
	const auto found = legs_.find(number);
	if (found == legs_.end())
		return;
	const auto leg = found->second;
	log::say(Message::Plain, {.unit = config_.name}, "{} {} ({}) is gone", word(leg->kind()),
		 leg->device().sysname, number.text());
	(void)services_.settings.give_back(leg->device().sysname);
	if (!services_.dry_run)
		(void)unmark_leg(number);
	legs_.erase(found);
	if (const auto slot = slot_of(*leg)) {
		slots_[*slot].leg.reset();
		slots_[*slot].monitor.step(PathLost{now(), Reason::PATH_GONE});
		slots_[*slot].text = reason_text(Reason::PATH_GONE);
		medium_.forget(*slot);
		tell(*slot, now());
	}
}

void Unit::borrow_settings(Leg &leg)
{
	if (leg.kind() != PathKind::DIRECT || services_.dry_run)
		return;
	ScsiLimits limits;
	limits.command_timeout_s =
		static_cast<unsigned>(config_.effective_command_timeout().count());
	limits.eh_deadline_s = limits.command_timeout_s;
	auto wanted = scsi_settings(leg.device().sysname, limits);
	auto done = wanted ? services_.settings.borrow(leg.device().sysname, *wanted)
			   : Result<void>(tl::unexpected(wanted.error()));
	if (!done)
		log::say(Message::Warning, {.unit = config_.name},
			 "{} may hang for longer than the stall budget: {}", leg.device().sysname,
			 done.error().message());
}

/// The key that the device in this place registers.
void Unit::give_key(unsigned i)
{
	auto &leg = *slots_[i].leg;
	leg.key.key = 0;
	if (!config_.reservations || leg.kind() != PathKind::DIRECT || services_.dry_run)
		return;
	const auto host = read_file("/etc/machine-id", 64);
	if (!host || trimmed(*host).empty()) {
		log::say(Message::Error, {.unit = config_.name},
			 "{} gets no reservation key: /etc/machine-id cannot be read",
			 leg.device().sysname);
		return;
	}
	leg.key.key = reservation_key(trimmed(*host), config_.wwid, config_.paths[i].name);
}

SeenWorld Unit::world(Instant now) const
{
	SeenWorld world;
	world.unit = kernel_;
	world.capacity_bytes = geometry_ ? geometry_->capacity_bytes : 0;
	world.first_proved = first_proved_;
	world.now = now;
	for (const auto &slot : slots_)
		world.served_tried.push_back(slot.attach_tried);
	for (const auto &[number, leg] : legs_) {
		SeenLeg seen;
		seen.number = number;
		seen.name = leg->device().sysname;
		seen.kind = leg->kind();
		seen.hctl = leg->device().hctl;
		seen.by_path = leg->device().by_path;
		seen.served_slot = leg->served_slot;
		seen.alive = leg->alive;
		seen.marked = leg->marked;
		seen.proved = leg->proved;
		seen.settled = leg->settled;
		world.legs.push_back(std::move(seen));
	}
	return world;
}

/// What is to be done, from what is seen now. Nothing: the unit cannot be planned.
std::optional<UnitPlan> Unit::plan(Instant now)
{
	if (wrong_owner_)
		return std::nullopt;
	if (kernel_) {
		dm::DmChannel::Line line;
		if (services_.dm.status(config_.name, true, line) != 0)
			return std::nullopt;
		auto table = parse_table(line.length, line.params);
		if (!table) {
			log::say(Message::Error, {.unit = config_.name},
				 "cannot read the unit's table: {}", table.error().message());
			return std::nullopt;
		}
		kernel_->table = std::move(*table);
		if (!geometry_)
			geometry_ = Geometry{.capacity_bytes = length_sectors_ * 512};
	}
	return plan_unit(config_, world(now));
}

void Unit::build(Instant now)
{
	const auto planned = plan(now);
	if (!planned)
		return;
	assign(*planned, now);
	spare_ = planned->spare;
	waiting_.clear();
	for (const auto &step : planned->steps) {
		if (step.kind == PlanStep::Kind::Wait)
			waiting_ = step.why;
		else if (!services_.dry_run)
			carry_out(step);
	}
}

std::vector<std::string> Unit::plan_lines(Instant now)
{
	std::vector<std::string> lines;
	for (const auto &step : plan_unit(config_, world(now)).steps)
		lines.push_back(step.text(config_.name));
	return lines;
}

void Unit::assign(const UnitPlan &plan, Instant now)
{
	stale_ = false;
	for (unsigned i = 0; i < slots_.size(); i++) {
		const auto number = plan.slots[i];
		const auto found = number ? legs_.find(*number) : legs_.end();
		const auto leg = found == legs_.end() ? nullptr : found->second;
		auto &slot = slots_[i];
		if (slot.leg == leg)
			continue;
		if (slot.leg && slot.monitor.usable()) {
			slot.monitor.step(PathLost{now, Reason::PATH_GONE});
			tell(i, now);
		}
		if (slot.leg)
			(void)services_.settings.give_back(slot.leg->device().sysname);
		slot.leg = leg;
		if (leg) {
			borrow_settings(*leg);
			give_key(i);
		}
		slot.probe_now = leg != nullptr;
		slot.overdue = false;
		medium_.forget(i);
		mv_.replaced(i);
		if (leg)
			slot.attach_tried = false;
	}
}

void Unit::carry_out(const PlanStep &step)
{
	switch (step.kind) {
	case PlanStep::Kind::Mark: {
		const auto found = legs_.find(*step.leg);
		auto marked = mark_leg(*step.leg, config_.name);
		if (marked && found != legs_.end())
			found->second->marked = true;
		// The rules have seen the device already: let them look again.
		if (marked)
			marked = trigger_change(*step.leg);
		if (!marked)
			log::say(Message::Warning, {.unit = config_.name},
				 "{} is not hidden from other programs: {}", step.why,
				 marked.error().message());
		break;
	}
	case PlanStep::Kind::Unmark:
		(void)unmark_leg(*step.leg);
		break;
	case PlanStep::Kind::Attach:
		attach(*step.slot);
		break;
	case PlanStep::Kind::Detach:
		detach(*step.leg);
		break;
	case PlanStep::Kind::Create:
	case PlanStep::Kind::Reload:
		if (!table_busy_ && now() >= table_retry_) {
			log::say(Message::Notice, {.unit = config_.name}, "{}",
				 step.text(config_.name));
			change_table(*step.table, step.kind == PlanStep::Kind::Create);
		}
		break;
	case PlanStep::Kind::Wait:
		break;
	}
}

/// Creates or reloads, on the unit's own thread: either may wait for a disk.
void Unit::change_table(const Table &table, bool create)
{
	table_busy_ = table_worker_->submit([mailbox = services_.mailbox,
					     here = std::weak_ptr(here_), unit = this,
					     name = config_.name, wwid = config_.wwid, table,
					     create] {
		auto done = create ? dm::create(name, wwid, table) : dm::reload(name, table);
		Result<void> result;
		if (!done)
			result = tl::unexpected(done.error());
		mailbox->post([here, unit, result, create] {
			if (here.expired())
				return;
			unit->table_busy_ = false;
			unit->touch();
			if (result) {
				if (create)
					log::say(Message::UnitCreated, {.unit = unit->config_.name},
						 "/dev/{} was created", unit->config_.name);
				return;
			}
			unit->table_retry_ = now() + table_retry;
			log::say(Message::Error, {.unit = unit->config_.name},
				 "cannot {} the unit: {}", create ? "create" : "reload",
				 result.error().message());
		});
	});
}

/// Marks, connects and hands over; on the attaching thread.
Result<Unit::Attached> Unit::attach_served(const std::string &unit, const NbdEndpoint &server,
					   const std::string &export_name, const NbdAttach &how)
{
	auto control = NbdControl::open();
	if (!control)
		return fail(control.error(), "module 'nbd' is not loaded (modprobe nbd)");
	auto connection = nbd_connect(server, export_name, now() + attach_limit);
	if (!connection)
		return tl::unexpected(connection.error());

	// Somebody else may take the free device first: then the next one.
	std::optional<std::uint32_t> after;
	while (true) {
		auto free = find_free_nbd(after);
		if (!free)
			return tl::unexpected(free.error());
		if (auto marked = mark_leg(free->number, unit); !marked)
			return tl::unexpected(marked.error());
		NbdAttach at = how;
		at.index = free->index;
		auto index = control->attach(at, *connection);
		if (index)
			return Attached{*index,
					std::make_shared<UniqueFd>(std::move(connection->socket))};
		(void)unmark_leg(free->number);
		if (index.error().code != std::errc::device_or_resource_busy)
			return tl::unexpected(index.error());
		after = free->index;
	}
}

void Unit::attach(unsigned i)
{
	auto &slot = slots_[i];
	if (slot.attaching || slot.leg || now() < slot.monitor.next_probe())
		return;
	if (!slot.attacher) {
		auto worker = Worker::start(fmt::format("att-{}.{}", config_.name, i));
		if (!worker) {
			slot.monitor.step(ProbeFailed{now(), Reason::ERROR});
			return;
		}
		slot.attacher = std::move(*worker);
	}
	NbdAttach how;
	how.request_timeout = config_.effective_command_timeout();
	how.backend = backend_of(config_, i);
	if (geometry_)
		how.block_bytes = geometry_->logical_block_bytes;
	const auto &path = config_.paths[i];
	slot.attaching = slot.attacher->submit(
		[mailbox = services_.mailbox, here = std::weak_ptr(here_), unit = this, i,
		 name = config_.name, server = path.server, export_name = path.export_name, how] {
			auto result = attach_served(name, server, export_name, how);
			mailbox->post([here, unit, i, result = std::move(result)] {
				if (!here.expired())
					unit->attached(i, result);
			});
		});
}

void Unit::attached(unsigned i, const Result<Attached> &result)
{
	if (i >= slots_.size())
		return;
	auto &slot = slots_[i];
	slot.attaching = false;
	touch();
	if (result) {
		slot.attach_tried = false;
		// The device may be one that an earlier connection had: that one is over.
		const std::string name = fmt::format("nbd{}", result->index);
		for (const auto &[number, leg] : legs_) {
			if (leg->device().sysname == name) {
				drop_leg(number);
				break;
			}
		}
		sockets_[name] = result->socket;
		services_.rescan();
		return;
	}
	slot.attach_tried = true;
	// The state may have been Failed before, for another reason: say each reason once.
	if (slot.text != result.error().message() && slot.told == MonitorState::Failed)
		log::say(Message::Plain, {.unit = config_.name}, "{}: {}", path_label(i),
			 result.error().message());
	slot.text = result.error().message();
	slot.monitor.step(ProbeFailed{now(), reason_of(result.error())});
	slot.last_probe = WallTime(std::chrono::milliseconds(wall_ms()));
	tell(i, now());
}

void Unit::detach(DevNumber number)
{
	if (const auto found = legs_.find(number); found != legs_.end()) {
		found->second->alive = false;
		stale_ = true;
		found->second->give_up();
	}
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
		if (carries || slot.leg->failures < connection_failures_max)
			continue;
		log::say(Message::Plain, {.unit = config_.name}, "{}: closing the connection, {}",
			 slot.leg->device().sysname, slot.text);
		detach(slot.leg->number());
	}
}

void Unit::probe_due(Instant now)
{
	for (unsigned i = 0; i < slots_.size(); i++) {
		auto &slot = slots_[i];
		if (!slot.leg)
			continue;
		if (const auto since = slot.leg->probing_since()) {
			// The thread hangs in the kernel. That is an answer, too; the next one
			// comes when it comes.
			const Duration limit =
				config_.effective_command_timeout() + std::chrono::seconds(1);
			if (!slot.overdue && now >= *since + limit) {
				slot.overdue = true;
				slot.leg->proved = false;
				slot.leg->settled = true;
				slot.leg->failures++;
				slot.text = "a check has no answer";
				slot.monitor.step(ProbeFailed{now, Reason::TIMEOUT});
				tell(i, now);
				touch();
			} else if (slot.overdue && now >= slot.monitor.next_probe()) {
				slot.leg->failures++;
				slot.monitor.step(ProbeFailed{now, Reason::TIMEOUT});
			}
			continue;
		}
		if (!slot.probe_now && now < slot.monitor.next_probe())
			continue;
		slot.probe_now = false;
		slot.leg->probe(0);
	}
}

/// What a good check says about the disk: nothing if it is the unit's.
std::optional<Difference> Unit::judge(const Leg &leg, unsigned slot, const ProbeFacts &facts)
{
	if (facts.identity) {
		Identity expected;
		expected.wwid = config_.wwid;
		if (auto difference = compare(state_.identity.value_or(expected), *facts.identity))
			return difference;
	}
	if (geometry_) {
		Geometry expected = *geometry_;
		expected.write_protected = false;
		// Known by the kernel's table alone: the block size is whatever the first path
		// says.
		if (!first_proved_)
			expected.logical_block_bytes = facts.geometry.logical_block_bytes;
		if (auto difference = compare(expected, facts.geometry))
			return difference;
	} else if (facts.geometry.write_protected) {
		return Difference{Reason::WRITE_PROTECTED, "the disk is write-protected"};
	}
	medium_.add(slot, facts.medium);
	if (kernel_ && kernel_->status.active && in_table(*kernel_->status.active)) {
		const unsigned reference = *kernel_->status.active;
		for (unsigned i = 0; i < slots_.size(); i++)
			if (i != reference)
				(void)medium_.judge(reference, i);
		if (slot != reference && medium_.verdict(slot) == MediumVerdict::Differs)
			return Difference{
				Reason::STALE_DATA,
				fmt::format("{} shows other contents than the active path",
					    leg.device().sysname)};
	}
	return std::nullopt;
}

void Unit::probed(Leg &leg, const ProbeFacts &facts, std::uint64_t mv)
{
	const auto slot_number = slot_of(leg);
	touch();
	if (!slot_number)
		return;
	const unsigned i = *slot_number;
	auto &slot = slots_[i];
	slot.overdue = false;
	slot.last_probe = WallTime(std::chrono::milliseconds(wall_ms()));
	leg.settled = true;

	Reason reason = facts.failure;
	std::string text = facts.text;
	if (reason == Reason::NONE) {
		if (const auto difference = judge(leg, i, facts)) {
			reason = difference->reason;
			text = difference->text;
		}
	}
	if (reason == Reason::NONE) {
		leg.proved = true;
		leg.failures = 0;
		leg.reservations = facts.reservations;
		slot.text.clear();
		slot.proof = evidence(leg.kind(), medium_.verdict(i));
		if (!first_proved_) {
			first_proved_ = facts.ended;
			geometry_ = facts.geometry;
		}
		if (facts.identity && !state_.identity) {
			state_.identity = facts.identity;
			save_state();
		}
		slot.monitor.step(ProbeOk{facts.began});
	} else {
		leg.proved = false;
		leg.failures++;
		slot.text = text;
		slot.monitor.step(ProbeFailed{facts.ended, reason});
	}
	tell(i, facts.ended);

	// A proof is one of the device that the kernel would use, and of no other.
	if (mv != 0 && in_table(i) == &leg) {
		if (reason == Reason::NONE)
			mv_.verified(mv, i, facts.ended, slot.proof);
		else
			mv_.refuted(mv, i, facts.ended, reason);
	}
}

/// Says it in the journal when a path's state changes, and once.
void Unit::tell(unsigned i, Instant now)
{
	auto &slot = slots_[i];
	const auto state = slot.monitor.state();
	if (state == slot.told)
		return;
	const auto before = slot.told;
	slot.told = state;
	slot.since = WallTime(std::chrono::milliseconds(wall_ms()));
	const std::string label = path_label(i);
	const log::Subject subject{
		.unit = config_.name, .path = label, .reason = word(slot.monitor.fault())};
	switch (state) {
	case MonitorState::Ok:
		log::say(Message::PathOk, subject, "{} is ok", label);
		break;
	case MonitorState::Failed:
		log::say(Message::PathFailed, subject, "{} failed: {}", label, slot.text);
		break;
	case MonitorState::Rejected:
		log::say(Message::PathRejected, subject, "{} is rejected: {}", label, slot.text);
		break;
	case MonitorState::Damped:
		log::say(Message::PathDamped, subject,
			 "{} is damped: it failed too often; penalty {:.0f}", label,
			 slot.monitor.penalty(now));
		break;
	case MonitorState::Checking:
		if (before != MonitorState::Unknown)
			log::say(Message::Plain, subject,
				 "{} answers again, used when stable for {} s", label,
				 std::chrono::duration_cast<std::chrono::seconds>(
					 failback_rule_.stable)
					 .count());
		break;
	case MonitorState::Unknown:
		break;
	}
}

} // namespace swpath
