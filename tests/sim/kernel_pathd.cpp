// SPDX-License-Identifier: GPL-2.0-or-later
/// Of the kernel: what pathd sees and says: status, messages, another table.
#include <cstring>
#include <utility>

#include "kernel.h"

namespace swpath::sim
{

namespace
{

std::optional<unsigned> index(int path)
{
	return path == SW_NO_PATH ? std::nullopt : std::optional(static_cast<unsigned>(path));
}

} // namespace

std::optional<unsigned> Kernel::open_path() const
{
	return running_ ? index(open_) : std::nullopt;
}

UnitStatus Kernel::status() const
{
	const Nanos at = context_.schedule.now();
	const bool online = core_.state == SW_STATE_ONLINE;
	const bool holding = core_.state == SW_STATE_VERIFY || core_.state == SW_STATE_HELD;
	UnitStatus status;
	status.state = static_cast<UnitState>(core_.state);
	status.phase = static_cast<Phase>(core_.phase);
	status.mv = core_.mv;
	status.epoch = core_.epoch;
	if (online)
		status.active = index(core_.current_path);
	status.held_bios = core_.held_bios;
	status.held_bytes = core_.held_bytes;
	status.oldest_ms = oldest() / ms;
	status.doubt = core_.doubt;
	status.reason = static_cast<Reason>(core_.reason);
	status.since_ms = (at - core_.since) / ms;
	if (holding)
		status.left_ms = core_.deadline > at ? (core_.deadline - at) / ms : 0;
	status.from = index(online ? core_.left_path : core_.current_path);
	status.fence = setup_.fence;
	status.paths.resize(setup_.kinds.size());
	for (unsigned i = 0; i < status.paths.size(); i++) {
		auto &path = status.paths[i];
		const auto &known = core_.paths[i];
		path.kind = setup_.kinds[i];
		path.state = static_cast<PathState>(known.state);
		if (path.state != PathState::ABSENT)
			path.device = DevNumber{path.kind == PathKind::DIRECT ? 8U : 43U,
						static_cast<std::uint32_t>(devices_[i])};
		// A flush may hang on any path that was left.
		path.inflight = inflight_[i] + (flush_sent_[i] != 0);
		path.errors = known.errors;
		path.switches = known.switches;
		path.ticket_ms = sw_core_ticket_left(&core_, static_cast<int>(i), at) / ms;
		path.reason = static_cast<Reason>(known.reason);
	}
	return status;
}

/// As dm-sw-witness.c: each write that comes, and the end of the one that is sampled.
void Kernel::sample(Bio &bio)
{
	if (setup_.witness == 0 || bio.request.op != Op::Write)
		return;
	const auto sector = bio.request.block * block_sectors;
	sw_witness_write(&ring_, sector, block_bytes);
	bio.sampled = in_flight() == 0 && sw_witness_take(&ring_, sector, block_bytes);
	if (bio.sampled)
		ring_.sample.crc = static_cast<std::uint32_t>(bio.request.stamp);
}

void Kernel::end_sample(Bio &bio, bool ok)
{
	const auto sector = bio.request.block * block_sectors;
	if (std::exchange(bio.sampled, false) && sw_witness_sampled(&ring_, sector))
		sw_witness_sample_end(&ring_, ok, static_cast<std::uint32_t>(bio.request.stamp),
				      context_.schedule.now());
}

std::vector<WitnessRecord> Kernel::witnesses() const
{
	std::vector<WitnessRecord> list;
	for (unsigned i = 0; i < ring_.nr; i++)
		if (const auto *record = sw_witness_get(&ring_, i))
			list.push_back({record->sector, sw_witness_bytes(record), record->crc,
					(context_.schedule.now() - record->at) / ms});
	return list;
}

/// P9: what is refused changes nothing; what is stale is refused.
int Kernel::message(const char *name, const Call &call, bool stale)
{
	static thread_local sw_core before; // large, only for the comparison
	before = core_;
	const auto at = now();
	unsigned actions = 0;
	const int r = call(&core_, &at, &actions);
	context_.trace.say("kernel", "message {}{}: {}", name, stale ? " (stale)" : "",
			   r ? std::strerror(-r) : "ok");
	if (r != 0)
		context_.checker.expect(actions == 0 &&
						std::memcmp(&before, &core_, sizeof(core_)) == 0,
					"P9", "a message was refused and changed something");
	context_.checker.expect(!stale || r != 0, "P9", "a stale message was accepted");
	perform(actions);
	check();
	return -r;
}

int Kernel::ticket(unsigned path, std::uint64_t epoch, std::uint64_t ttl_ms)
{
	return message(
		"ticket",
		[=](sw_core *c, const sw_now *at, unsigned *actions) {
			return sw_core_ticket(c, static_cast<int>(path), epoch, ttl_ms * ms, at,
					      actions);
		},
		epoch != core_.epoch);
}

int Kernel::commit(std::uint64_t mv, unsigned path, Method method, const char *evidence)
{
	return message(
		"commit",
		[=](sw_core *c, const sw_now *at, unsigned *actions) {
			return sw_core_commit(c, mv, static_cast<int>(path),
					      static_cast<sw_method>(method), evidence, at,
					      actions);
		},
		mv != core_.mv);
}

int Kernel::reject(std::uint64_t mv, unsigned path, Reason reason)
{
	return message(
		"reject",
		[=](sw_core *c, const sw_now *at, unsigned *actions) {
			return sw_core_reject(c, mv, static_cast<int>(path),
					      static_cast<sw_reason>(reason), at, actions);
		},
		mv != core_.mv);
}

int Kernel::fail(unsigned path, Reason reason)
{
	return message(
		"fail",
		[=](sw_core *c, const sw_now *at, unsigned *actions) {
			return sw_core_fail(c, static_cast<int>(path),
					    static_cast<sw_reason>(reason), at, actions);
		},
		false);
}

int Kernel::reinstate(unsigned path)
{
	return message(
		"reinstate",
		[=](sw_core *c, const sw_now *at, unsigned *actions) {
			return sw_core_reinstate(c, static_cast<int>(path), at, actions);
		},
		false);
}

int Kernel::switch_to(unsigned path, bool cooperative, Reason reason)
{
	return message(
		"switch",
		[=](sw_core *c, const sw_now *at, unsigned *actions) {
			return sw_core_switch(c, static_cast<int>(path),
					      cooperative ? SW_COOPERATIVE : SW_FORCED,
					      static_cast<sw_reason>(reason), at, actions);
		},
		false);
}

int Kernel::hold()
{
	return message(
		"hold",
		[](sw_core *c, const sw_now *at, unsigned *actions) {
			return sw_core_hold(c, SW_REASON_OPERATOR, at, actions);
		},
		false);
}

int Kernel::release()
{
	return message(
		"release",
		[](sw_core *c, const sw_now *at, unsigned *actions) {
			return sw_core_release(c, at, actions);
		},
		false);
}

int Kernel::abort()
{
	return message(
		"abort",
		[](sw_core *c, const sw_now *at, unsigned *actions) {
			return sw_core_abort(c, at, actions);
		},
		false);
}

int Kernel::retry()
{
	return message(
		"retry",
		[](sw_core *c, const sw_now *at, unsigned *actions) {
			return sw_core_retry(c, at, actions);
		},
		false);
}

/// Which path of the running table each of the next one is, as dm-sw-target.c finds it: by device,
/// then by place where one of the two is absent.
std::vector<int> Kernel::origins(const std::vector<std::uint64_t> &devices) const
{
	std::vector<int> origin(devices.size(), SW_NO_PATH);
	for (unsigned i = 0; i < devices.size(); i++)
		if (devices[i] == devices_[i] || devices[i] == 0 || devices_[i] == 0)
			origin[i] = static_cast<int>(i);
	return origin;
}

/// A noflush suspend gives the held bios back and waits for those in flight; the new table gets
/// them again.
bool Kernel::reload(const std::vector<std::uint64_t> &devices)
{
	if (in_flight() || closed_ != SW_NO_PATH ||
	    std::any_of(flush_sent_.begin(), flush_sent_.end(),
			[](Nanos sent) { return sent != 0; }))
		return false;
	const sw_core old = core_;
	const auto c = config();
	const auto origin = origins(devices);
	sw_core_init(&core_, &c);
	for (unsigned i = 0; i < c.nr_paths; i++) {
		core_.paths[i].kind = old.paths[i].kind;
		core_.paths[i].state = devices[i] ? SW_PATH_READY : SW_PATH_ABSENT;
	}
	devices_ = devices;
	std::vector<BioId> again(retry_.begin(), retry_.end());
	again.insert(again.end(), held_.begin(), held_.end());
	retry_.clear();
	held_.clear();
	const bool was_open = open_ != SW_NO_PATH;
	open_ = SW_NO_PATH;
	context_.trace.say("kernel", "reload, {} bios given back", again.size());
	const auto at = now();
	goes_on_ = old.state == SW_STATE_ONLINE;
	perform(sw_core_adopt(&core_, &old, origin.data(), &at));
	goes_on_ = false;
	if (was_open && open_ == SW_NO_PATH)
		holds_++;
	context_.checker.expect(core_.epoch >= old.epoch && core_.mv >= old.mv, "P9",
				"a reload forgot the epoch");
	context_.checker.expect(core_.doubt == old.doubt || open_ != SW_NO_PATH, "P2",
				"a reload forgot writes in doubt");
	for (const BioId id : again) {
		bios_[id].tries = 0;
		bios_[id].arrival = next_arrival_++;
		end_sample(bios_[id], false);
		sample(bios_[id]);
		map(id);
	}
	check();
	return true;
}

} // namespace swpath::sim
