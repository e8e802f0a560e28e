// SPDX-License-Identifier: GPL-2.0-or-later
#include "world.h"

#include <cstring>

namespace swpath::test
{

World::World(enum sw_fence fence, bool hold)
{
	const sw_core_config config = {
		.nr_paths = paths_max,
		.fence = fence,
		.mv_timeout_ns = mv_timeout_units * unit_ns,
		.stall_ns = stall_units * unit_ns,
		.epoch = 1,
		.hold = hold,
	};
	sw_core_init(&core, &config);
	core.paths[0].kind = SW_KIND_DIRECT;
	core.paths[0].state = SW_PATH_READY;
	core.paths[1].kind = SW_KIND_SERVED;
	core.paths[1].state = SW_PATH_READY;
	const sw_now start = clock();
	const unsigned actions = sw_core_start(&core, &start);
	if (actions & SW_DO_OPEN)
		open = core.current_path;
	note_hold();
}

/// Its end by this world's own clock, whatever the core says.
void World::note_hold()
{
	if (core.mv == mv)
		return;
	mv = core.mv;
	hold_ends = now + mv_timeout_units * unit_ns;
}

bool World::in_flight() const
{
	for (const Bio &bio : bios)
		if (bio.state == BioState::InFlight)
			return true;
	return false;
}

void World::expect(bool holds, const char *promise)
{
	if (!holds && broken.empty())
		broken = promise;
}

const sw_record &World::last_record() const
{
	static const sw_record none = {};
	const sw_record *record =
		core.nr_records ? sw_core_record(&core, core.nr_records - 1) : nullptr;
	return record ? *record : none;
}

/// What the record of a switch claims must be so.
void World::check_record()
{
	if (core.nr_records == records) {
		expect(goes_on, "P10: a hold ended without a record");
		return;
	}
	records = core.nr_records;

	const sw_record &record = last_record();
	const bool moved = record.to != record.from;
	const bool first = record.from == SW_NO_PATH;
	const std::uint64_t epoch_before = record.epoch - (moved && !first ? 1 : 0);
	expect(record.to == core.current_path && record.epoch == core.epoch,
	       "P10: a switch without its record");
	if (record.method == SW_METHOD_TICKET ||
	    (record.method == SW_METHOD_DRAINED && record.evidence[0] == '-')) {
		const sw_core_path &path = core.paths[record.to];
		expect(path.ticket_epoch == epoch_before && path.ticket_until > now,
		       "P3: went on alone without a live ticket of the epoch");
	}
	if (moved && core.cooperative && core.paths[record.from].state == SW_PATH_READY)
		expect(flushed, "P1: a cooperative switch left a path without a flush");
}

void World::perform(unsigned actions)
{
	note_hold();
	if (actions & SW_DO_HOLD) {
		expect(open != SW_NO_PATH, "a hold closes a path that is open");
		closed = open;
		open = SW_NO_PATH;
		flushed = false;
	}
	if (actions & SW_DO_FLUSH)
		flushing = true;
	if (actions & SW_DO_OPEN) {
		check_record();
		const int to = core.current_path;
		const enum sw_method method = last_record().method;
		expect(open == SW_NO_PATH, "P4: two paths open");
		expect(closed == SW_NO_PATH && !in_flight(),
		       "P2: opened before the old path had drained");
		// What the method proves; "drained" is proof by the operator's policy.
		const bool fenced =
			method >= SW_METHOD_EXPORT_REVOKED ||
			(method == SW_METHOD_DRAINED && core.config.fence == SW_FENCE_DRAIN);
		for (unsigned path = 0; path < paths_max; path++) {
			// The SCSI layer aborted what it reported as failed, on this very nexus.
			const bool aborted = static_cast<int>(path) == to &&
					     core.paths[path].kind == SW_KIND_DIRECT;
			if (fenced || aborted)
				ghosts[path] = false;
			expect(!ghosts[path],
			       "P2: a write in doubt may still land after the switch");
		}
		open = to;
	}
	if (actions & SW_DO_FAIL) {
		expect(core.state == SW_STATE_FAILED,
		       "P5: held I/O ended in a state that is not failed");
		for (Bio &bio : bios)
			if (bio.state == BioState::Held || bio.state == BioState::Retry)
				bio = Bio{};
		core.held_bios = core.held_bytes = 0;
	}
}

void World::submit(unsigned bio)
{
	if (open != SW_NO_PATH) {
		bios[bio].state = BioState::InFlight;
		bios[bio].path = static_cast<std::uint8_t>(open);
		return;
	}
	switch (sw_core_map(&core, false)) {
	case SW_BIO_HOLD:
		expect(core.state != SW_STATE_FAILED, "P6: held for ever in a failed unit");
		bios[bio].state = BioState::Held;
		sw_core_held(&core, 4096);
		break;
	case SW_BIO_ERROR:
		expect(core.state == SW_STATE_FAILED, "P5: an error without need");
		break;
	case SW_BIO_AGAIN:
		expect(false, "a bio that may wait was told to come again");
	}
}

void World::complete(unsigned index, bool ok)
{
	Bio &bio = bios[index];
	if (ok) {
		bio = Bio{};
		return;
	}

	const sw_now at = clock();
	unsigned actions = 0;
	const enum sw_state before = core.state;
	if (is_write(index))
		ghosts[bio.path] = true;
	const enum sw_verdict verdict = sw_core_error(&core, bio.path, SW_REASON_ERROR,
						      is_write(index), ++bio.tries, &at, &actions);
	if (verdict == SW_BIO_HOLD) {
		bio.state = BioState::Retry;
		sw_core_held(&core, 4096);
	} else {
		expect(verdict == SW_BIO_ERROR, "an odd verdict");
		expect(before == SW_STATE_FAILED || bio.tries >= SW_BIO_TRIES_MAX,
		       "P5: an error went up although the unit had not failed");
		bio = Bio{};
	}
	perform(actions);
}

void World::check()
{
	expect((open != SW_NO_PATH) == (core.state == SW_STATE_ONLINE),
	       "open when online, and only then");
	for (const Bio &bio : bios)
		if (bio.state == BioState::InFlight)
			expect(bio.path == core.current_path, "never two paths at once");
	const bool holding = core.state == SW_STATE_VERIFY || core.state == SW_STATE_HELD;
	expect(!holding || core.phase != SW_PHASE_NONE, "a hold has a phase");
	expect(holding || core.phase == SW_PHASE_NONE, "no phase without a hold");
	expect(core.state != SW_STATE_ONLINE || core.doubt == 0, "online with writes in doubt");
	if (core.phase == SW_PHASE_PROVE || core.phase == SW_PHASE_OPERATOR ||
	    core.phase == SW_PHASE_FLUSH)
		expect(core.drained && !in_flight(), "P4: past the drain with bios in flight");
	if (core.phase == SW_PHASE_DRAIN)
		expect(closed != SW_NO_PATH, "waits for a drain that is over");
}

namespace
{

template <class T>
void put(std::vector<std::uint8_t> &out, T value)
{
	for (std::size_t i = 0; i < sizeof(value); i++)
		out.push_back(
			static_cast<std::uint8_t>(static_cast<std::uint64_t>(value) >> (8 * i)));
}

std::uint8_t units_left(std::uint64_t until, std::uint64_t now)
{
	return until > now ? static_cast<std::uint8_t>((until - now + unit_ns - 1) / unit_ns) : 0;
}

} // namespace

std::vector<std::uint8_t> World::key() const
{
	std::vector<std::uint8_t> out;
	out.reserve(64);
	for (unsigned i = 0; i < paths_max; i++) {
		const sw_core_path &path = core.paths[i];
		put<std::uint8_t>(out, path.state);
		put<std::uint8_t>(out, path.ticket_epoch == core.epoch
					       ? units_left(path.ticket_until, now)
					       : 0);
		put<std::uint8_t>(out, ghosts[i]);
	}
	put<std::uint8_t>(out, core.state);
	put<std::uint8_t>(out, core.phase);
	put<std::int8_t>(out, static_cast<std::int8_t>(core.current_path));
	put<std::int8_t>(out, static_cast<std::int8_t>(core.wanted_path));
	put<std::uint8_t>(out, core.drained);
	put<std::uint8_t>(out, core.cooperative);
	put<std::uint8_t>(out, core.resume);
	put<std::uint8_t>(out, core.doubt > 0);
	const bool holding = core.state == SW_STATE_VERIFY || core.state == SW_STATE_HELD;
	put<std::uint8_t>(out, holding ? units_left(core.deadline, now) : 0);
	put<std::uint8_t>(out, holding ? units_left(hold_ends, now) : 0);
	put<std::int8_t>(out, static_cast<std::int8_t>(closed));
	put<std::uint8_t>(out, flushing);
	put<std::uint8_t>(out, flushed);
	for (const Bio &bio : bios) {
		put<std::uint8_t>(out, static_cast<std::uint8_t>(bio.state));
		put<std::uint8_t>(out, bio.path);
		put<std::uint8_t>(out, bio.tries);
	}
	return out;
}

namespace
{

using Call = std::function<int(sw_core *, const sw_now *, unsigned *)>;

/// A message: what it answers, and that a refusal changes nothing (P9).
void send(World &world, const Call &call, int expected_error)
{
	static sw_core before; // large; only for the comparison below
	before = world.core;
	const std::uint64_t epoch = world.core.epoch;
	const int path = world.core.current_path;
	const sw_now at = world.clock();
	unsigned actions = 0;
	const int r = call(&world.core, &at, &actions);
	if (r) {
		world.expect(actions == 0 && std::memcmp(&before, &world.core, sizeof(before)) == 0,
			     "P9: a message was refused and changed something");
	} else {
		const bool moved = path != SW_NO_PATH && world.core.current_path != path;
		world.expect(world.core.epoch == epoch + (moved ? 1 : 0),
			     "P9: the epoch counts switches");
	}
	if (expected_error)
		world.expect(r == expected_error, "a message got another answer than promised");
	world.perform(actions);
}

bool always(const World &)
{
	return true;
}

void add_io(std::vector<Event> &events)
{
	for (unsigned i = 0; i < bios_max; i++) {
		const std::string n = std::to_string(i);
		events.push_back({"submit " + n,
				  [i](const World &w) { return w.bios[i].state == BioState::Idle; },
				  [i](World &w) { w.submit(i); }});
		events.push_back(
			{"ok " + n,
			 [i](const World &w) { return w.bios[i].state == BioState::InFlight; },
			 [i](World &w) { w.complete(i, true); }});
		events.push_back(
			{"error " + n,
			 [i](const World &w) { return w.bios[i].state == BioState::InFlight; },
			 [i](World &w) { w.complete(i, false); }});
		events.push_back({"send " + n,
				  [i](const World &w) {
					  return w.open != SW_NO_PATH &&
						 (w.bios[i].state == BioState::Held ||
						  w.bios[i].state == BioState::Retry);
				  },
				  [i](World &w) {
					  sw_core_unheld(&w.core, 4096);
					  w.bios[i].state = BioState::InFlight;
					  w.bios[i].path = static_cast<std::uint8_t>(w.open);
				  }});
	}
	events.push_back({"drained",
			  [](const World &w) { return w.closed != SW_NO_PATH && !w.in_flight(); },
			  [](World &w) {
				  const int path = w.closed;
				  const sw_now at = w.clock();
				  w.closed = SW_NO_PATH;
				  w.perform(sw_core_drained(&w.core, path, &at));
			  }});
	for (const bool ok : {true, false})
		events.push_back({ok ? "flushed" : "flush failed",
				  [](const World &w) { return w.flushing; },
				  [ok](World &w) {
					  const sw_now at = w.clock();
					  w.flushing = false;
					  w.flushed = true;
					  w.perform(sw_core_flushed(&w.core, ok, &at));
				  }});
	for (const bool stalled : {false, true})
		events.push_back(
			{stalled ? "tick, stalled" : "tick and time",
			 [stalled](const World &w) {
				 return !stalled || w.in_flight() || w.flushing;
			 },
			 [stalled](World &w) {
				 w.now += stalled ? 0 : unit_ns;
				 const sw_now at = w.clock();
				 w.perform(sw_core_tick(&w.core,
							stalled ? stall_units * unit_ns : 0, &at));
				 const bool holding = w.core.state == SW_STATE_VERIFY ||
						      w.core.state == SW_STATE_HELD;
				 w.expect(!holding || w.now < w.hold_ends,
					  "P6: held past mv_timeout");
			 }});
}

void add_message(std::vector<Event> &events, std::string name, const Call &call,
		 int expected_error = 0)
{
	events.push_back(
		{std::move(name), always, [=](World &w) { send(w, call, expected_error); }});
}

void add_path_messages(std::vector<Event> &events, int path)
{
	const std::string n = " " + std::to_string(path);
	add_message(events, "ticket" + n, [path](sw_core *c, const sw_now *at, unsigned *a) {
		return sw_core_ticket(c, path, c->epoch, ticket_units * unit_ns, at, a);
	});
	add_message(
		events, "stale ticket" + n,
		[path](sw_core *c, const sw_now *at, unsigned *a) {
			return sw_core_ticket(c, path, c->epoch - 1, ticket_units * unit_ns, at, a);
		},
		-ESTALE);
	for (const enum sw_method method :
	     {SW_METHOD_NONE_NEEDED, SW_METHOD_DRAINED, SW_METHOD_PREEMPT_ABORT})
		add_message(events, std::string("commit ") + sw_method_text(method) + n,
			    [=](sw_core *c, const sw_now *at, unsigned *a) {
				    const bool rejected = c->paths[path].state == SW_PATH_REJECTED;
				    const int r =
					    sw_core_commit(c, c->mv, path, method, "e", at, a);
				    return rejected && !r ? -EDOM
							  : r; // never expected: shows as a change
			    });
	add_message(
		events, "stale commit" + n,
		[path](sw_core *c, const sw_now *at, unsigned *a) {
			return sw_core_commit(c, c->mv - 1, path, SW_METHOD_PREEMPT_ABORT, "e", at,
					      a);
		},
		-ESTALE);
	add_message(events, "reject" + n, [path](sw_core *c, const sw_now *at, unsigned *a) {
		return sw_core_reject(c, c->mv, path, SW_REASON_IDENTITY, at, a);
	});
	add_message(events, "cooperative switch" + n,
		    [path](sw_core *c, const sw_now *at, unsigned *a) {
			    return sw_core_switch(c, path, SW_COOPERATIVE, SW_REASON_FAILBACK, at,
						  a);
		    });
	add_message(events, "forced switch" + n, [path](sw_core *c, const sw_now *at, unsigned *a) {
		return sw_core_switch(c, path, SW_FORCED, SW_REASON_OPERATOR, at, a);
	});
	add_message(events, "fail" + n, [path](sw_core *c, const sw_now *at, unsigned *a) {
		return sw_core_fail(c, path, SW_REASON_OPERATOR, at, a);
	});
	add_message(events, "reinstate" + n, [path](sw_core *c, const sw_now *at, unsigned *a) {
		return sw_core_reinstate(c, path, at, a);
	});
}

void add_unit_messages(std::vector<Event> &events)
{
	add_message(events, "hold", [](sw_core *c, const sw_now *at, unsigned *a) {
		return sw_core_hold(c, SW_REASON_OPERATOR, at, a);
	});
	add_message(events, "release", [](sw_core *c, const sw_now *at, unsigned *a) {
		return sw_core_release(c, at, a);
	});
	add_message(events, "abort", [](sw_core *c, const sw_now *at, unsigned *a) {
		return sw_core_abort(c, at, a);
	});
	add_message(events, "retry", [](sw_core *c, const sw_now *at, unsigned *a) {
		return sw_core_retry(c, at, a);
	});
	add_message(
		events, "commit to no such path", [](sw_core *c, const sw_now *at, unsigned *a) {
			return sw_core_commit(c, c->mv, paths_max, SW_METHOD_OPERATOR, "e", at, a);
		});
	add_message(
		events, "commit without a method",
		[](sw_core *c, const sw_now *at, unsigned *a) {
			return sw_core_commit(c, c->mv, 0, SW_METHOD_NONE, "e", at, a);
		},
		-EINVAL);
	// A noflush reload: nothing is in flight, the held bios come again.
	events.push_back({"reload",
			  [](const World &w) {
				  return !w.in_flight() && !w.flushing && w.closed == SW_NO_PATH;
			  },
			  [](World &w) {
				  const sw_core old = w.core;
				  const int same[] = {0, 1};
				  const sw_now at = w.clock();
				  sw_core_init(&w.core, &old.config);
				  for (unsigned i = 0; i < paths_max; i++) {
					  w.core.paths[i].kind = old.paths[i].kind;
					  w.core.paths[i].state = SW_PATH_READY;
				  }
				  w.open = SW_NO_PATH;
				  w.records = old.nr_records;
				  w.goes_on = old.state == SW_STATE_ONLINE;
				  w.perform(sw_core_adopt(&w.core, &old, same, &at));
				  w.goes_on = false;
				  for (const Bio &bio : w.bios)
					  if (bio.state == BioState::Held ||
					      bio.state == BioState::Retry)
						  sw_core_held(&w.core, 4096);
				  w.expect(w.core.epoch >= old.epoch && w.core.mv >= old.mv,
					   "P9: a reload forgot the epoch");
			  }});
}

std::vector<Event> make_events()
{
	std::vector<Event> events;
	add_io(events);
	for (int path = 0; path < static_cast<int>(paths_max); path++)
		add_path_messages(events, path);
	add_unit_messages(events);
	return events;
}

} // namespace

const std::vector<Event> &all_events()
{
	static const std::vector<Event> events = make_events();
	return events;
}

std::string why_stuck(World world)
{
	const auto step = [&](const char *name) {
		for (const Event &event : all_events())
			if (event.name == name && event.possible(world))
				event.run(world);
	};
	// Everything in flight comes back, the operator lets go, pathd proves the direct path.
	for (const char *name :
	     {"ok 0", "ok 1", "ok 2", "drained", "flushed", "release", "drained", "flushed"})
		step(name);
	if (world.core.state == SW_STATE_FAILED)
		step("retry");
	if (world.core.state != SW_STATE_ONLINE) {
		step("reinstate 0");
		step("commit preempt-abort 0");
	}
	if (!world.broken.empty())
		return world.broken + " (on the way back online)";
	return world.core.state == SW_STATE_ONLINE ? "" : "stuck: cannot come online again";
}

} // namespace swpath::test
