// SPDX-License-Identifier: GPL-2.0-or-later
#include "kernel.h"

#include <algorithm>
#include <cerrno>
#include <cstring>

namespace swpath::sim
{

namespace
{

constexpr std::uint64_t bio_bytes = block_bytes;
constexpr Nanos work_delay_max = 20 * us;

sw_reason error_reason(Status status)
{
	switch (status) {
	case Status::Timeout:
		return SW_REASON_TIMEOUT;
	case Status::Transport:
		return SW_REASON_TRANSPORT;
	case Status::Offline:
		return SW_REASON_OFFLINE;
	default:
		return SW_REASON_ERROR;
	}
}

/// A flush may not change the disk.
bool may_change(const Request &request)
{
	return request.op == Op::Write;
}

} // namespace

Kernel::Kernel(Context &context, Host &client, const UnitSetup &setup,
	       std::vector<std::unique_ptr<Leg>> &legs)
	: context_(context), client_(client), setup_(setup), legs_(legs), core_{}
{
}

sw_now Kernel::now() const
{
	return {context_.schedule.now(), context_.schedule.now() / ms, context_.schedule.now()};
}

sw_core_config Kernel::config() const
{
	return {
		.nr_paths = static_cast<unsigned>(setup_.kinds.size()),
		.fence = setup_.fence == Fence::PROVE ? SW_FENCE_PROVE : SW_FENCE_DRAIN,
		.mv_timeout_ns = setup_.mv_timeout,
		.stall_ns = setup_.stall,
		.epoch = 1,
		.hold = true, // as pathd builds it
	};
}

void Kernel::start(const std::vector<std::uint64_t> &devices)
{
	const auto c = config();
	sw_core_init(&core_, &c);
	for (unsigned i = 0; i < c.nr_paths; i++) {
		core_.paths[i].kind =
			setup_.kinds[i] == PathKind::DIRECT ? SW_KIND_DIRECT : SW_KIND_SERVED;
		core_.paths[i].state = devices[i] ? SW_PATH_READY : SW_PATH_ABSENT;
	}
	devices_ = devices;
	inflight_.assign(c.nr_paths, 0);
	flush_sent_.assign(c.nr_paths, 0);
	left_.assign(c.nr_paths, 0);
	sw_ages_init(&ages_, static_cast<unsigned>(setup_.stall / ms));
	sw_witness_init(&ring_, setup_.witness);
	open_ = closed_ = SW_NO_PATH;
	records_ = 0;
	mv_ = 0;
	last_epoch_ = core_.epoch;
	pumping_ = ticking_ = false;
	running_ = true;
	const auto at = now();
	perform(sw_core_start(&core_, &at));
	check();
}

void Kernel::crash()
{
	running_ = false;
	bios_.clear();
	retry_.clear();
	held_.clear();
	open_ = closed_ = SW_NO_PATH;
}

// --- bios -----------------------------------------------------------------

void Kernel::submit(const Request &request, Done done)
{
	const BioId id = next_bio_++;
	bios_[id] = {.request = request, .done = std::move(done), .arrival = next_arrival_++};
	sample(bios_[id]);
	map(id);
	check();
}

void Kernel::map(BioId id)
{
	if (open_ != SW_NO_PATH) {
		send(id);
		return;
	}
	switch (sw_core_map(&core_, false)) {
	case SW_BIO_HOLD:
		held_.push_back(id);
		sw_core_held(&core_, bio_bytes);
		break;
	case SW_BIO_ERROR:
		context_.checker.expect(core_.state == SW_STATE_FAILED, "P5",
					"a bio was refused by a unit that had not failed");
		client_.after(1 * us, [this, id] { finish(id, {.status = Status::Error}); });
		break;
	case SW_BIO_AGAIN:
		context_.checker.expect(false, "P5", "a bio that may wait was told to come again");
		break;
	}
}

void Kernel::send(BioId id)
{
	auto &bio = bios_[id];
	const auto path = static_cast<unsigned>(open_);
	bio.path = path;
	bio.sent = context_.schedule.now();
	bio.generation = ages_.generation;
	bio.in_flight = true;
	bio.request.user = true;
	bio.request.path = path;
	bio.request.opening = openings_;
	bio.request.boot = client_.boot();
	bio.request.device = devices_[path];
	inflight_[path]++;
	start_tick();
	Request request = bio.request;
	if (bio.retried && context_.broken(Mutant::FUA_LOST))
		request.fua = false;
	legs_[path]->send(request, [this, id, boot = client_.boot()](const Answer &answer) {
		if (boot == client_.boot() && running_)
			end_io(id, answer);
	});
}

void Kernel::end_io(BioId id, const Answer &answer)
{
	const auto at = bios_.find(id);
	if (!context_.checker.expect(at != bios_.end() && at->second.in_flight, "P4",
				     "a bio came back that was not in flight"))
		return;
	auto &bio = at->second;
	const unsigned path = bio.path;
	bio.in_flight = false;
	if (answer.conflicted)
		context_.checker.conflicted();

	const bool medium_too = context_.broken(Mutant::MEDIUM_RETRIED);
	const auto mv = core_.mv;
	if (context_.broken(Mutant::WRITE_DROPPED) && bio.request.op == Op::Write &&
	    path_error(answer.status)) {
		finish(id, {});
	} else if (path_error(answer.status) || (medium_too && answer.status == Status::Medium)) {
		unsigned actions = 0;
		const auto at_now = now();
		bio.tries = std::min(bio.tries + 1, unsigned{SW_BIO_TRIES_MAX});
		const auto before = core_.state;
		const auto verdict =
			sw_core_error(&core_, static_cast<int>(path), error_reason(answer.status),
				      may_change(bio.request), bio.tries, &at_now, &actions);
		if (verdict == SW_BIO_HOLD) {
			bio.retried = true;
			retry_.push_back(id);
			sw_core_held(&core_, bio_bytes);
		} else {
			context_.checker.expect(before == SW_STATE_FAILED ||
							bio.tries == SW_BIO_TRIES_MAX,
						"P5", "an error went up while paths were left");
			finish(id, answer);
		}
		perform(actions);
	} else {
		finish(id, answer);
	}
	context_.checker.expect(answer.status != Status::Medium ||
					(core_.mv == mv && !bios_.contains(id)),
				"P5", "an error of the medium did not go up, or began a hold");
	inflight_[path]--;
	report_drain();
	check();
}

void Kernel::finish(BioId id, const Answer &answer)
{
	const auto at = bios_.find(id);
	if (!context_.checker.expect(at != bios_.end(), "P4", "a bio completed twice"))
		return;
	end_sample(at->second, answer.status == Status::Ok);
	const auto done = std::move(at->second.done);
	bios_.erase(at);
	done(answer);
}

Kernel::BioId Kernel::pop_held(bool &was_retry)
{
	was_retry = !retry_.empty();
	auto &list = was_retry ? retry_ : held_;
	if (list.empty())
		return 0;
	BioId id = list.front();
	if (!was_retry && context_.broken(Mutant::ORDER_REVERSED)) {
		id = list.back();
		list.pop_back();
	} else {
		list.pop_front();
	}
	sw_core_unheld(&core_, bio_bytes);
	return id;
}

/// One bio a turn: a hold may begin between two of them.
void Kernel::pump()
{
	pumping_ = false;
	if (open_ == SW_NO_PATH)
		return;
	bool was_retry = false;
	const BioId id = pop_held(was_retry);
	if (id == 0) {
		const auto at = now();
		sw_core_released(&core_, &at);
		return;
	}
	if (!was_retry) {
		context_.checker.expect(bios_[id].arrival > last_sent_arrival_, "P4",
					"held bios went down out of their order");
		last_sent_arrival_ = bios_[id].arrival;
	}
	const bool lose = context_.broken(Mutant::HELD_LOST) && context_.random.chance(0.05);
	if (!lose)
		send(id);
	if (!lose && context_.broken(Mutant::HELD_TWICE) && context_.random.chance(0.05))
		send(id);
	pumping_ = true;
	client_.after(context_.random.between(1 * us, work_delay_max), [this] { pump(); });
	check();
}

void Kernel::end_held()
{
	if (core_.state != SW_STATE_FAILED)
		return;
	bool was_retry = false;
	std::vector<BioId> all;
	while (const BioId id = pop_held(was_retry))
		all.push_back(id);
	for (const BioId id : all)
		finish(id, {.status = Status::Error});
	const auto at = now();
	if (!all.empty())
		sw_core_released(&core_, &at);
	check();
}

// --- what the core asks for -----------------------------------------------

void Kernel::perform(unsigned actions)
{
	const Nanos work = context_.random.between(1 * us, work_delay_max);

	if (core_.mv != mv_) {
		mv_ = core_.mv;
		held_since_ = context_.schedule.now();
	}
	if (actions & SW_DO_HOLD) {
		context_.checker.expect(open_ != SW_NO_PATH, "P4", "a hold with nothing open");
		holds_++;
		flushed_ = false;
		closed_ = open_;
		left_[static_cast<unsigned>(open_)] = context_.schedule.now();
		open_ = SW_NO_PATH;
		context_.trace.say("kernel", "hold: mv {} path {} {}; {} in flight, {} in doubt",
				   core_.mv, closed_, sw_reason_text(core_.reason), in_flight(),
				   core_.doubt);
		context_.checker.closed();
		context_.checker.held(legs_[static_cast<unsigned>(closed_)]->disk().holder());
		report_drain();
	}
	if (actions & SW_DO_TICK)
		start_tick();
	if (actions & SW_DO_OPEN)
		opened();
	if (actions & SW_DO_FLUSH)
		client_.after(work, [this] { flush(); });
	if (actions & SW_DO_FAIL) {
		context_.trace.say("kernel", "mv {} ends in errors: {}", core_.mv,
				   sw_reason_text(core_.reason));
		check_record(true);
		client_.after(work, [this] { end_held(); });
	}
	if (actions & SW_DO_TELL) {
		sw_notice notice;
		while (sw_core_notice(&core_, &notice)) {
		}
		// The event travels to pathd.
		if (on_event_)
			client_.after(context_.random.between(10 * us, 300 * us), [this] {
				if (on_event_)
					on_event_();
			});
	}
}

void Kernel::opened()
{
	const int to = core_.current_path;
	context_.checker.expect(open_ == SW_NO_PATH, "P4", "two paths open");
	for (unsigned i = 0; i < inflight_.size(); i++)
		context_.checker.expect(inflight_[i] == 0, "P4",
					"a path was opened while bios of another were in flight");
	openings_++;
	open_ = to;
	closed_ = SW_NO_PATH;
	last_sent_arrival_ = 0;
	check_record(false);
	if (setup_.carry)
		context_.checker.went_on(legs_[static_cast<unsigned>(to)]->disk().holder());
	context_.checker.opened(openings_, static_cast<unsigned>(to),
				devices_[static_cast<unsigned>(to)], core_.epoch);
	if (!pumping_) {
		pumping_ = true;
		client_.after(context_.random.between(1 * us, work_delay_max), [this] { pump(); });
	}
}

/// P10: every hold that ended left a record which says what happened.
void Kernel::check_record(bool failed)
{
	auto &checker = context_.checker;
	if (core_.nr_records == records_) {
		checker.expect(!failed, "P10", "errors without a record");
		checker.expect(goes_on_, "P10", "a hold ended, and there is no record of it");
		return;
	}
	checker.expect(core_.nr_records == records_ + 1, "P10",
		       "more than one record for one hold");
	records_ = core_.nr_records;
	const sw_record *record = sw_core_record(&core_, records_ - 1);
	if (!checker.expect(record != nullptr, "P10", "the record of a switch is not kept"))
		return;
	const bool moved = core_.epoch != last_epoch_;
	last_epoch_ = core_.epoch;
	switches_ += moved;
	const Nanos held = context_.schedule.now() - core_.hold_at;
	checker.expect(record->reason != SW_REASON_NONE, "P10", "a hold without a reason");
	checker.expect(record->drain_ns + record->flush_ns + record->prove_ns == held, "P10",
		       "the phases of a hold do not add up to it");
	checker.expect(record->epoch == core_.epoch, "P9", "a record of another epoch");
	checker.expect(failed ? record->to == SW_NO_PATH : record->to == core_.current_path, "P10",
		       "the record names another path");
	if (failed && record->reason == SW_REASON_MV_TIMEOUT)
		checker.timed_out(core_.hold_at);
	if (failed)
		return;
	context_.trace.say(
		"kernel", "open: epoch {} path {} (was {}) {} {} {}; held {} ms, {} in doubt",
		record->epoch, record->to, record->from, sw_reason_text(record->reason),
		sw_method_text(record->method), record->evidence, held / ms, record->doubt);
	checker.switched(core_.epoch, moved);
	const auto to = static_cast<unsigned>(record->to);
	const bool by_ticket = record->method == SW_METHOD_TICKET ||
			       (record->method == SW_METHOD_DRAINED && record->evidence[0] == '-');
	if (moved || record->method != SW_METHOD_NONE_NEEDED || record->evidence[0] != '-')
		checker.proved(to, by_ticket);
	if (record->method == SW_METHOD_EXPORT_REVOKED)
		checker.believed_revocation(
			setup_.kinds[to] == PathKind::SERVED ? legs_[to]->nexus().id() : 0);
	if (moved)
		check_sights(to, by_ticket);
	if (moved && setup_.carry && legs_[to]->disk().reserved())
		checker.opened_reserved(to, legs_[to]->disk().key(legs_[to]->nexus().id()),
					setup_.kinds[to] == PathKind::SERVED, by_ticket);
	if (by_ticket)
		checker.expect(core_.paths[to].ticket_until > context_.schedule.now(), "P3",
			       "went on alone by a ticket that had expired");
	if (moved && core_.cooperative && record->from != SW_NO_PATH &&
	    core_.paths[record->from].state == SW_PATH_READY)
		checker.expect(flushed_, "P1", "a cooperative switch left a path without a flush");
	if (by_ticket)
		checker.expect(core_.paths[to].ticket_epoch + (moved ? 1 : 0) == core_.epoch, "P9",
			       "went on with a ticket of another epoch");
}

/// P1: what the unit remembers of acknowledged writes, the path that it goes on with shows. A path
/// in use is not asked, since it shows what went down it.
void Kernel::check_sights(unsigned to, bool by_ticket)
{
	auto &checker = context_.checker;
	const auto &leg = *legs_[to];
	if (leg.disk().identity() != checker.right_disk())
		return; // P3's
	for (unsigned i = 0; i < ring_.nr; i++)
		if (const auto *record = sw_witness_get(&ring_, i)) {
			const auto block =
				static_cast<std::uint32_t>(record->sector / block_sectors);
			checker.witnessed(
				to, by_ticket, record->crc,
				{block, leg.shown(block), std::max(record->at, left_[to])});
		}
	if (const auto *sight = checker.distrust(to);
	    sight != nullptr && leg.shown(sight->block) == sight->shown &&
	    leg.disk().shown(sight->block) != sight->shown)
		checker.trusted_again(to, by_ticket);
}

void Kernel::report_drain()
{
	if (closed_ == SW_NO_PATH)
		return;
	const auto path = static_cast<unsigned>(closed_);
	if (inflight_[path] != 0 && !context_.broken(Mutant::DRAIN_SKIPPED))
		return;
	client_.after(context_.random.between(1 * us, work_delay_max),
		      [this, path, hold = holds_] { drained(path, hold); });
}

void Kernel::drained(unsigned path, std::uint64_t hold)
{
	if (closed_ != static_cast<int>(path) || hold != holds_)
		return;
	closed_ = SW_NO_PATH;
	const auto at = now();
	perform(sw_core_drained(&core_, static_cast<int>(path), &at));
	check();
}

void Kernel::flush()
{
	if (core_.phase != SW_PHASE_FLUSH)
		return;
	const auto path = static_cast<unsigned>(core_.current_path);
	if (flush_sent_[path] != 0) { // an earlier one hangs there
		flush_ended(false);
		return;
	}
	flush_sent_[path] = context_.schedule.now();
	legs_[path]->send({.op = Op::Flush, .path = path, .device = devices_[path]},
			  [this, path, boot = client_.boot()](const Answer &answer) {
				  if (boot != client_.boot() || !running_)
					  return;
				  flush_sent_[path] = 0;
				  if (static_cast<int>(path) == core_.current_path)
					  flush_ended(!path_error(answer.status));
			  });
}

void Kernel::flush_ended(bool ok)
{
	flushed_ = true;
	const auto at = now();
	perform(sw_core_flushed(&core_, ok, &at));
	check();
}

// --- time -----------------------------------------------------------------

/// Bios, and a flush of the current path, as the status line has it.
unsigned Kernel::in_flight() const
{
	unsigned count = 0;
	for (const unsigned n : inflight_)
		count += n;
	if (core_.current_path != SW_NO_PATH)
		count += flush_sent_[static_cast<unsigned>(core_.current_path)] != 0;
	return count;
}

/// Bios in flight of each generation.
std::array<unsigned, SW_GENERATIONS> Kernel::flight() const
{
	std::array<unsigned, SW_GENERATIONS> count{};
	for (const auto &[id, bio] : bios_)
		if (bio.in_flight)
			count[bio.generation]++;
	return count;
}

/// A flush that hangs on a path which was left says nothing about the path in use.
Nanos Kernel::oldest() const
{
	if (core_.phase == SW_PHASE_FLUSH) {
		const Nanos sent = flush_sent_[static_cast<unsigned>(core_.current_path)];
		return sent ? context_.schedule.now() - sent : 0;
	}
	return sw_ages_oldest(&ages_, flight().data(), context_.schedule.now());
}

Nanos Kernel::oldest_in_truth() const
{
	Nanos first = context_.schedule.now();
	for (const auto &[id, bio] : bios_)
		if (bio.in_flight)
			first = std::min(first, bio.sent);
	return context_.schedule.now() - first;
}

void Kernel::start_tick()
{
	if (ticking_)
		return;
	ticking_ = true;
	tick_due_ = context_.schedule.now() + ages_.tick_ms * ms;
	client_.after(ages_.tick_ms * ms, [this] { tick(); });
}

void Kernel::tick()
{
	ticking_ = false;
	if (!running_)
		return;
	ring_.due = true;
	const auto at = now();
	// While the client was frozen nobody could look.
	for (auto &[id, bio] : bios_)
		bio.sent = std::min(bio.sent + (at.ns - tick_due_), at.ns);
	perform(sw_core_tick(&core_, oldest(), &at));
	sw_ages_tick(&ages_, flight().data(), at.ns);
	const bool holding = core_.state == SW_STATE_VERIFY || core_.state == SW_STATE_HELD;
	context_.checker.expect(!holding || at.ns < held_since_ + setup_.mv_timeout, "P6",
				"held past mv_timeout");
	context_.checker.expect(core_.state != SW_STATE_ONLINE ||
					oldest_in_truth() < setup_.stall + setup_.stall / 4,
				"P6", "a path is not left although it stalls");
	if (in_flight() || holding)
		start_tick();
	check();
}

/// What holds between any two events.
void Kernel::check()
{
	auto &checker = context_.checker;
	const bool holding = core_.state == SW_STATE_VERIFY || core_.state == SW_STATE_HELD;
	checker.expect((open_ != SW_NO_PATH) == (core_.state == SW_STATE_ONLINE), "P4",
		       "a path is open when the unit is online, and only then");
	checker.expect(core_.state != SW_STATE_ONLINE || core_.doubt == 0, "P2",
		       "online with writes in doubt");
	checker.expect(holding == (core_.phase != SW_PHASE_NONE), "P10", "a hold has a phase");
	checker.expect(!holding || ticking_, "P6", "a hold whose time nobody looks at");
	for (unsigned i = 0; i < inflight_.size(); i++)
		checker.expect(inflight_[i] == 0 || static_cast<int>(i) == core_.current_path, "P4",
			       "bios in flight on a path that is not the current one");
	if (core_.phase == SW_PHASE_PROVE || core_.phase == SW_PHASE_FLUSH ||
	    core_.phase == SW_PHASE_OPERATOR)
		checker.expect(!core_.drained || core_.current_path == SW_NO_PATH ||
				       inflight_[static_cast<unsigned>(core_.current_path)] == 0,
			       "P4", "past the drain with bios in flight");
	checker.expect(core_.held_bios == retry_.size() + held_.size(), "P4",
		       "held bios are miscounted");
}

} // namespace swpath::sim
