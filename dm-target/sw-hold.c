// SPDX-License-Identifier: GPL-2.0-only
/*
 * sw-hold.c - one hold, from its beginning to the open path or the errors that
 * end it, and what it leaves behind: a record and notices.
 */
#include "sw-hold.h"

static struct sw_record *last_record(struct sw_core *core)
{
	return &core->history[(core->nr_records - 1) % SW_HISTORY_MAX];
}

unsigned int sw_tell(struct sw_core *core, enum sw_action action, int path,
		     enum sw_reason reason, u64 held_ns)
{
	struct sw_notice *notice;

	if (core->notice_count == SW_NOTICES_MAX) {
		core->notices_lost++;
		return SW_DO_TELL;
	}

	notice = &core->notices[(core->notice_head + core->notice_count++) %
				SW_NOTICES_MAX];
	notice->action = action;
	notice->state = core->state;
	notice->path = path;
	notice->reason = reason;
	notice->mv = core->mv;
	notice->epoch = core->epoch;
	notice->doubt = core->doubt;
	notice->held_ns = held_ns;
	notice->from = core->nr_records ? last_record(core)->from : SW_NO_PATH;

	return SW_DO_TELL;
}

/*
 * A path that is not ready has no ticket: it must be proved again. Nor does it
 * cooperate any more in a switch that leaves it.
 */
unsigned int sw_spoil_path(struct sw_core *core, int path,
			   enum sw_path_state state, enum sw_reason reason)
{
	struct sw_core_path *p = &core->paths[path];

	if (p->state == state && p->reason == reason)
		return 0;

	p->state = state;
	p->reason = reason;
	p->ticket_until = 0;
	if (path == core->current_path && state != SW_PATH_READY) {
		core->cooperative = false;
		core->resume = false;
	}

	return sw_tell(core, SW_ACTION_PATH, path, reason, 0);
}

static struct sw_record *new_record(struct sw_core *core)
{
	struct sw_record *record;

	core->nr_records++;
	record = last_record(core);
	memset(record, 0, sizeof(*record));
	record->mv = core->mv;
	record->epoch = core->epoch;
	record->from = core->current_path != SW_NO_PATH ? core->current_path :
							  core->left_path;
	record->to = SW_NO_PATH;
	record->reason = core->reason;
	record->wall_ms = core->hold_wall_ms;
	record->held_bios = core->peak_bios;
	record->held_bytes = core->peak_bytes;
	record->doubt = core->doubt;

	return record;
}

/* Fills in how long the phases took, @end being the end of the last one. */
static void record_phases(const struct sw_core *core, struct sw_record *record,
			  u64 end)
{
	u64 flush_end;

	if (!core->drained_at) {
		record->drain_ns = end - core->hold_at;
		return;
	}

	record->drain_ns = core->drained_at - core->hold_at;
	flush_end = core->flushed_at ? core->flushed_at : core->drained_at;
	record->flush_ns = flush_end - core->drained_at;
	record->prove_ns = end - flush_end;
}

/* I/O goes on down @path. */
unsigned int sw_open_path(struct sw_core *core, int path,
			  enum sw_method method, const char *evidence,
			  const struct sw_now *now)
{
	struct sw_record *record = new_record(core);

	if (path != core->current_path) {
		/*
		 * The first path of a unit replaces none: no switch. One that
		 * follows a path which a reload took away does.
		 */
		if (core->carried)
			core->epoch++;
		if (core->current_path != SW_NO_PATH)
			core->left_path = core->current_path;
		core->paths[path].switches++;
	}

	record->epoch = core->epoch;
	record->to = path;
	record->method = method;
	record_phases(core, record, now->ns);
	strscpy(record->evidence, evidence, sizeof(record->evidence));

	core->paths[path].state = SW_PATH_READY;
	core->paths[path].reason = SW_REASON_NONE;
	core->current_path = path;
	core->carried = true;
	core->wanted_path = SW_NO_PATH;
	core->state = SW_STATE_ONLINE;
	core->phase = SW_PHASE_NONE;
	core->since = now->boot_ns;
	core->opened_at = now->ns;
	core->drained = false;
	core->doubt = 0;

	return SW_DO_OPEN | sw_tell(core, SW_ACTION_ONLINE, path, core->reason,
				    now->ns - core->hold_at);
}

/* The path to go on with, by the wish of a switch message, then by order. */
static int choose_path(const struct sw_core *core, u64 boot_ns)
{
	unsigned int i;

	if (sw_path_usable(core, core->wanted_path, boot_ns))
		return core->wanted_path;

	for (i = 0; i < core->config.nr_paths; i++)
		if (sw_path_usable(core, i, boot_ns))
			return i;

	return SW_NO_PATH;
}

/* Goes on without pathd where what is known is proof enough. */
unsigned int sw_go_alone(struct sw_core *core, const struct sw_now *now)
{
	int path;

	if (core->state != SW_STATE_VERIFY || core->phase != SW_PHASE_PROVE)
		return 0;

	/* Nothing has changed since the operator's hold: same path, no doubt. */
	if (core->resume && !core->doubt && sw_path_ready(core, core->current_path))
		return sw_open_path(core, core->current_path,
				    SW_METHOD_NONE_NEEDED, "-", now);

	if (core->doubt && core->config.fence == SW_FENCE_PROVE)
		return 0;

	path = choose_path(core, now->boot_ns);
	if (path == SW_NO_PATH)
		return 0;

	return sw_open_path(core, path,
			    core->doubt ? SW_METHOD_DRAINED : SW_METHOD_TICKET,
			    "-", now);
}

/* The current path has drained in a MV: what comes next. */
unsigned int sw_after_drain(struct sw_core *core, const struct sw_now *now)
{
	if (core->cooperative) {
		core->phase = SW_PHASE_FLUSH;
		return SW_DO_FLUSH;
	}

	core->phase = SW_PHASE_PROVE;
	return sw_go_alone(core, now);
}

/* Begins a hold: a MV, or the operator's. */
unsigned int sw_begin_hold(struct sw_core *core, enum sw_state state,
			   enum sw_reason reason, const struct sw_now *now)
{
	unsigned int actions = SW_DO_TICK;

	if (core->state == SW_STATE_ONLINE)
		actions |= SW_DO_HOLD;

	core->mv++;
	core->state = state;
	core->reason = reason;
	core->wanted_path = SW_NO_PATH;
	core->cooperative = false;
	core->resume = false;
	core->since = now->boot_ns;
	core->hold_at = now->ns;
	core->hold_wall_ms = now->wall_ms;
	core->deadline = sw_saturating_add(now->ns, core->config.mv_timeout_ns);
	core->drained_at = core->drained ? now->ns : 0;
	core->flushed_at = 0;
	core->peak_bios = core->held_bios;
	core->peak_bytes = core->held_bytes;
	core->phase = SW_PHASE_DRAIN;

	return actions | sw_tell(core, SW_ACTION_HOLD, core->current_path, reason, 0);
}

/* Begins a MV; where nothing has to drain it goes on at once. */
unsigned int sw_begin_mv(struct sw_core *core, enum sw_reason reason,
			 const struct sw_now *now)
{
	unsigned int actions = sw_begin_hold(core, SW_STATE_VERIFY, reason, now);

	if (core->drained)
		actions |= sw_after_drain(core, now);

	return actions;
}

/* The hold ends in errors; writes in doubt stay so until a proof. */
unsigned int sw_end_in_errors(struct sw_core *core, enum sw_reason reason,
			      const struct sw_now *now)
{
	struct sw_record *record = new_record(core);

	record->reason = reason;
	record_phases(core, record, now->ns);

	core->state = SW_STATE_FAILED;
	core->phase = SW_PHASE_NONE;
	core->reason = reason;
	core->since = now->boot_ns;
	core->opened_at = now->ns;

	return SW_DO_FAIL | sw_tell(core, SW_ACTION_FAILED, core->current_path,
				    reason, now->ns - core->hold_at);
}

void sw_core_released(struct sw_core *core, const struct sw_now *now)
{
	if (!core->nr_records || !core->opened_at)
		return;

	last_record(core)->release_ns = now->ns - core->opened_at;
	core->opened_at = 0;
}

bool sw_core_notice(struct sw_core *core, struct sw_notice *notice)
{
	if (!core->notice_count)
		return false;

	*notice = core->notices[core->notice_head];
	core->notice_head = (core->notice_head + 1) % SW_NOTICES_MAX;
	core->notice_count--;

	return true;
}

const struct sw_record *sw_core_record(const struct sw_core *core, u64 nr)
{
	if (nr >= core->nr_records || core->nr_records - nr > SW_HISTORY_MAX)
		return NULL;

	return &core->history[nr % SW_HISTORY_MAX];
}
