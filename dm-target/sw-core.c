// SPDX-License-Identifier: GPL-2.0-only
/*
 * sw-core.c - the decisions of one unit; see sw-core.h for the model.
 */
#include "sw-core.h"

static bool path_exists(const struct sw_core *core, int path)
{
	return path >= 0 && (unsigned int)path < core->config.nr_paths &&
	       core->paths[path].state != SW_PATH_ABSENT;
}

static bool path_ready(const struct sw_core *core, int path)
{
	return path_exists(core, path) &&
	       core->paths[path].state == SW_PATH_READY;
}

static bool path_usable(const struct sw_core *core, int path, u64 now_ns)
{
	return path_ready(core, path) &&
	       sw_core_ticket_left(core, path, now_ns) > 0;
}

static u64 saturating_add(u64 a, u64 b)
{
	return a + b < a ? U64_MAX : a + b;
}

static struct sw_record *last_record(struct sw_core *core)
{
	return &core->history[(core->nr_records - 1) % SW_HISTORY_MAX];
}

static unsigned int tell(struct sw_core *core, enum sw_action action, int path,
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
static unsigned int spoil_path(struct sw_core *core, int path,
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

	return tell(core, SW_ACTION_PATH, path, reason, 0);
}

static struct sw_record *new_record(struct sw_core *core)
{
	struct sw_record *record;

	core->nr_records++;
	record = last_record(core);
	memset(record, 0, sizeof(*record));
	record->mv = core->mv;
	record->epoch = core->epoch;
	record->from = core->current_path;
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
static unsigned int open_path(struct sw_core *core, int path,
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
	core->since = now->ns;
	core->opened_at = now->ns;
	core->drained = false;
	core->doubt = 0;

	return SW_DO_OPEN | tell(core, SW_ACTION_ONLINE, path, core->reason,
				 now->ns - core->hold_at);
}

/* The path to go on with, by the wish of a switch message, then by order. */
static int choose_path(const struct sw_core *core, u64 now_ns)
{
	unsigned int i;

	if (path_usable(core, core->wanted_path, now_ns))
		return core->wanted_path;

	for (i = 0; i < core->config.nr_paths; i++)
		if (path_usable(core, i, now_ns))
			return i;

	return SW_NO_PATH;
}

/* Goes on without pathd where what is known is proof enough. */
static unsigned int go_alone(struct sw_core *core, const struct sw_now *now)
{
	int path;

	if (core->state != SW_STATE_VERIFY || core->phase != SW_PHASE_PROVE)
		return 0;

	/* Nothing has changed since the operator's hold: same path, no doubt. */
	if (core->resume && !core->doubt && path_ready(core, core->current_path))
		return open_path(core, core->current_path,
				 SW_METHOD_NONE_NEEDED, "-", now);

	if (core->doubt && core->config.fence == SW_FENCE_PROVE)
		return 0;

	path = choose_path(core, now->ns);
	if (path == SW_NO_PATH)
		return 0;

	return open_path(core, path,
			 core->doubt ? SW_METHOD_DRAINED : SW_METHOD_TICKET,
			 "-", now);
}

/* The current path has drained in a MV: what comes next. */
static unsigned int after_drain(struct sw_core *core, const struct sw_now *now)
{
	if (core->cooperative) {
		core->phase = SW_PHASE_FLUSH;
		return SW_DO_FLUSH;
	}

	core->phase = SW_PHASE_PROVE;
	return go_alone(core, now);
}

/* Begins a hold: a MV, or the operator's. */
static unsigned int begin_hold(struct sw_core *core, enum sw_state state,
			       enum sw_reason reason, const struct sw_now *now)
{
	unsigned int actions = 0;

	if (core->state == SW_STATE_ONLINE)
		actions |= SW_DO_HOLD;

	core->mv++;
	core->state = state;
	core->reason = reason;
	core->wanted_path = SW_NO_PATH;
	core->cooperative = false;
	core->resume = false;
	core->since = now->ns;
	core->hold_at = now->ns;
	core->hold_wall_ms = now->wall_ms;
	core->deadline = saturating_add(now->ns, core->config.mv_timeout_ns);
	core->drained_at = core->drained ? now->ns : 0;
	core->flushed_at = 0;
	core->peak_bios = core->held_bios;
	core->peak_bytes = core->held_bytes;
	core->phase = SW_PHASE_DRAIN;

	return actions | tell(core, SW_ACTION_HOLD, core->current_path, reason, 0);
}

/* Begins a MV; where nothing has to drain it goes on at once. */
static unsigned int begin_mv(struct sw_core *core, enum sw_reason reason,
			     const struct sw_now *now)
{
	unsigned int actions = begin_hold(core, SW_STATE_VERIFY, reason, now);

	if (core->drained)
		actions |= after_drain(core, now);

	return actions;
}

/* The hold ends in errors; writes in doubt stay so until a proof. */
static unsigned int end_in_errors(struct sw_core *core, enum sw_reason reason,
				  const struct sw_now *now)
{
	struct sw_record *record = new_record(core);

	record->reason = reason;
	record_phases(core, record, now->ns);

	core->state = SW_STATE_FAILED;
	core->phase = SW_PHASE_NONE;
	core->reason = reason;
	core->since = now->ns;
	core->opened_at = now->ns;

	return SW_DO_FAIL | tell(core, SW_ACTION_FAILED, core->current_path,
				 reason, now->ns - core->hold_at);
}

void sw_core_init(struct sw_core *core, const struct sw_core_config *config)
{
	memset(core, 0, sizeof(*core));
	core->config = *config;
	core->epoch = config->epoch;
	core->state = SW_STATE_VERIFY;
	core->phase = SW_PHASE_PROVE;
	core->reason = SW_REASON_LOAD;
	core->current_path = SW_NO_PATH;
	core->left_path = SW_NO_PATH;
	core->wanted_path = SW_NO_PATH;
	core->drained = true;
}

unsigned int sw_core_start(struct sw_core *core, const struct sw_now *now)
{
	unsigned int i;

	for (i = 0; i < core->config.nr_paths; i++)
		if (path_ready(core, i))
			break;

	if (i == core->config.nr_paths)
		return begin_mv(core, SW_REASON_NO_PATH, now);
	if (core->config.hold)
		return begin_mv(core, SW_REASON_LOAD, now);

	core->current_path = i;
	core->carried = true;
	core->paths[i].switches++;
	core->state = SW_STATE_ONLINE;
	core->phase = SW_PHASE_NONE;
	core->drained = false;
	core->since = now->ns;
	core->hold_at = now->ns;

	return SW_DO_OPEN | tell(core, SW_ACTION_ONLINE, i, SW_REASON_LOAD, 0);
}

/* Index in @core of the path that was @old_path, absent or not. */
static int renamed(const struct sw_core *core, const int *origin, int old_path)
{
	unsigned int i;

	for (i = 0; i < core->config.nr_paths; i++)
		if (old_path != SW_NO_PATH && origin[i] == old_path)
			return i;

	return SW_NO_PATH;
}

/* The same, if it can carry or have carried anything. */
static int moved_to(const struct sw_core *core, const int *origin, int old_path)
{
	int path = renamed(core, origin, old_path);

	return path_exists(core, path) ? path : SW_NO_PATH;
}

static void adopt_path(struct sw_core_path *path, const struct sw_core_path *old)
{
	path->errors = old->errors;
	path->switches = old->switches;

	/* A path that was absent and is here now starts with a clean sheet. */
	if (path->state == SW_PATH_ABSENT || old->state == SW_PATH_ABSENT)
		return;

	path->state = old->state;
	path->reason = old->reason;
	path->ticket_epoch = old->ticket_epoch;
	path->ticket_until = old->ticket_until;
}

unsigned int sw_core_adopt(struct sw_core *core, const struct sw_core *old,
			   const int *origin, const struct sw_now *now)
{
	struct sw_core_config config = core->config;
	struct sw_core_path paths[SW_PATHS_MAX];
	unsigned int i;

	memcpy(paths, core->paths, sizeof(paths));
	for (i = 0; i < config.nr_paths; i++)
		if (origin[i] != SW_NO_PATH)
			adopt_path(&paths[i], &old->paths[origin[i]]);

	*core = *old;
	core->config = config;
	memcpy(core->paths, paths, sizeof(paths));
	core->held_bios = 0;
	core->held_bytes = 0;
	core->notice_count = 0;
	core->opened_at = 0;
	if (core->epoch < config.epoch)
		core->epoch = config.epoch;

	core->current_path = moved_to(core, origin, old->current_path);
	core->left_path = renamed(core, origin, old->left_path);
	core->wanted_path = moved_to(core, origin, old->wanted_path);
	core->drained = true;

	/* The records name paths by index: rename them too. */
	for (i = 0; i < SW_HISTORY_MAX; i++) {
		struct sw_record *record = &core->history[i];

		record->from = renamed(core, origin, record->from);
		record->to = renamed(core, origin, record->to);
	}

	switch (old->state) {
	case SW_STATE_ONLINE:
		if (path_ready(core, core->current_path)) {
			core->drained = false;
			return SW_DO_OPEN;
		}
		/* Nothing is open, so there is nothing to close. */
		core->state = SW_STATE_VERIFY;
		return begin_mv(core, SW_REASON_PATH_GONE, now);
	case SW_STATE_VERIFY:
		if (!core->drained_at)
			core->drained_at = now->ns;
		return after_drain(core, now);
	case SW_STATE_HELD:
		if (!core->drained_at)
			core->drained_at = now->ns;
		core->phase = SW_PHASE_OPERATOR;
		return 0;
	default:
		return 0;
	}
}

enum sw_verdict sw_core_map(const struct sw_core *core, bool nowait)
{
	if (core->state == SW_STATE_FAILED)
		return SW_BIO_ERROR;

	return nowait ? SW_BIO_AGAIN : SW_BIO_HOLD;
}

void sw_core_held(struct sw_core *core, u64 bytes)
{
	core->held_bios++;
	core->held_bytes += bytes;
	if (core->peak_bios < core->held_bios)
		core->peak_bios = core->held_bios;
	if (core->peak_bytes < core->held_bytes)
		core->peak_bytes = core->held_bytes;
}

void sw_core_unheld(struct sw_core *core, u64 bytes)
{
	core->held_bios--;
	core->held_bytes -= bytes;
}

enum sw_verdict sw_core_error(struct sw_core *core, int path,
			      enum sw_reason reason, bool write,
			      unsigned int tries, const struct sw_now *now,
			      unsigned int *actions)
{
	core->paths[path].errors++;

	/*
	 * Whatever becomes of the bio, the write may still happen: it stays in
	 * doubt until a proof, or a later write could be undone by it.
	 */
	if (write)
		core->doubt++;

	*actions |= spoil_path(core, path, SW_PATH_FAILED, reason);
	if (core->state == SW_STATE_ONLINE)
		*actions |= begin_mv(core, reason, now);

	if (core->state == SW_STATE_FAILED || tries >= SW_BIO_TRIES_MAX)
		return SW_BIO_ERROR;

	return SW_BIO_HOLD;
}

unsigned int sw_core_drained(struct sw_core *core, int path,
			     const struct sw_now *now)
{
	if (path != core->current_path || core->drained ||
	    core->state == SW_STATE_ONLINE)
		return 0;

	core->drained = true;
	core->drained_at = now->ns;

	if (core->state == SW_STATE_VERIFY)
		return after_drain(core, now);
	if (core->state == SW_STATE_HELD)
		core->phase = SW_PHASE_OPERATOR;

	return 0;
}

unsigned int sw_core_flushed(struct sw_core *core, bool ok,
			     const struct sw_now *now)
{
	unsigned int actions = 0;

	if (core->state != SW_STATE_VERIFY || core->phase != SW_PHASE_FLUSH)
		return 0;

	core->flushed_at = now->ns;
	core->phase = SW_PHASE_PROVE;
	if (!ok)
		actions |= spoil_path(core, core->current_path, SW_PATH_FAILED,
				      SW_REASON_FLUSH_FAILED);

	return actions | go_alone(core, now);
}

void sw_core_released(struct sw_core *core, const struct sw_now *now)
{
	if (!core->nr_records || !core->opened_at)
		return;

	last_record(core)->release_ns = now->ns - core->opened_at;
	core->opened_at = 0;
}

static unsigned int check_stall(struct sw_core *core, u64 oldest_ns,
				const struct sw_now *now)
{
	unsigned int actions;

	if (!core->config.stall_ns || oldest_ns < core->config.stall_ns ||
	    !path_ready(core, core->current_path))
		return 0;

	actions = spoil_path(core, core->current_path, SW_PATH_FAILED,
			     SW_REASON_STALL);
	if (core->state == SW_STATE_ONLINE)
		return actions | begin_mv(core, SW_REASON_STALL, now);

	/* A flush that hangs changes no data: the switch need not wait for it. */
	if (core->state == SW_STATE_VERIFY && core->phase == SW_PHASE_FLUSH) {
		core->flushed_at = now->ns;
		core->phase = SW_PHASE_PROVE;
		actions |= go_alone(core, now);
	}

	return actions;
}

unsigned int sw_core_tick(struct sw_core *core, u64 oldest_ns,
			  const struct sw_now *now)
{
	unsigned int actions = check_stall(core, oldest_ns, now);

	if ((core->state == SW_STATE_VERIFY || core->state == SW_STATE_HELD) &&
	    now->ns >= core->deadline)
		actions |= end_in_errors(core, SW_REASON_MV_TIMEOUT, now);

	return actions;
}

int sw_core_ticket(struct sw_core *core, int path, u64 epoch, u64 ttl_ns,
		   const struct sw_now *now, unsigned int *actions)
{
	if (!path_exists(core, path))
		return -ENODEV;
	if (epoch != core->epoch)
		return -ESTALE;
	if (!path_ready(core, path))
		return -ENOLINK;

	core->paths[path].ticket_epoch = epoch;
	core->paths[path].ticket_until = ttl_ns ?
		saturating_add(now->ns, ttl_ns) : 0;
	*actions |= go_alone(core, now);

	return 0;
}

/* Is the method proof enough for going on with @path? */
static bool method_proves(const struct sw_core *core, int path,
			  enum sw_method method)
{
	if (!core->doubt)
		return true;

	/*
	 * Back on the same direct path: the SCSI layer aborted each command
	 * before it gave its error, through the nexus that is used again. A
	 * served path has a server in between that may still work on it.
	 */
	if (path == core->current_path &&
	    core->paths[path].kind == SW_KIND_DIRECT)
		return true;

	if (method == SW_METHOD_NONE_NEEDED)
		return false;

	return method != SW_METHOD_DRAINED ||
	       core->config.fence == SW_FENCE_DRAIN;
}

int sw_core_commit(struct sw_core *core, u64 mv, int path,
		   enum sw_method method, const char *evidence,
		   const struct sw_now *now, unsigned int *actions)
{
	if (method == SW_METHOD_NONE || method == SW_METHOD_TICKET)
		return -EINVAL;
	if (mv != core->mv || core->state == SW_STATE_ONLINE ||
	    core->state == SW_STATE_FAILED)
		return -ESTALE;
	if (core->state == SW_STATE_HELD || core->phase != SW_PHASE_PROVE)
		return -EBUSY;
	if (!path_exists(core, path))
		return -ENODEV;
	if (core->paths[path].state == SW_PATH_REJECTED)
		return -ENOLINK;
	if (!method_proves(core, path, method))
		return -EPERM;

	*actions |= open_path(core, path, method, evidence, now);

	return 0;
}

int sw_core_reject(struct sw_core *core, u64 mv, int path,
		   enum sw_reason reason, const struct sw_now *now,
		   unsigned int *actions)
{
	if (mv != core->mv)
		return -ESTALE;
	if (!path_exists(core, path))
		return -ENODEV;
	if (core->state == SW_STATE_ONLINE && path == core->current_path)
		return -EBUSY;

	*actions |= spoil_path(core, path, SW_PATH_REJECTED, reason);
	*actions |= go_alone(core, now);

	return 0;
}

int sw_core_hold(struct sw_core *core, enum sw_reason reason,
		 const struct sw_now *now, unsigned int *actions)
{
	if (core->state == SW_STATE_HELD)
		return -EALREADY;
	if (core->state != SW_STATE_ONLINE)
		return -EBUSY;

	*actions |= begin_hold(core, SW_STATE_HELD, reason, now);

	return 0;
}

int sw_core_release(struct sw_core *core, const struct sw_now *now,
		    unsigned int *actions)
{
	if (core->state != SW_STATE_HELD)
		return -EALREADY;

	core->state = SW_STATE_VERIFY;
	core->since = now->ns;
	core->resume = path_ready(core, core->current_path);
	if (!path_ready(core, core->current_path))
		core->reason = core->current_path == SW_NO_PATH ?
			SW_REASON_NO_PATH :
			core->paths[core->current_path].reason;

	if (core->drained)
		*actions |= after_drain(core, now);
	else
		core->phase = SW_PHASE_DRAIN;

	return 0;
}

int sw_core_switch(struct sw_core *core, int path, enum sw_manner manner,
		   enum sw_reason reason, const struct sw_now *now,
		   unsigned int *actions)
{
	int old = core->current_path;

	if (!path_exists(core, path))
		return -ENODEV;
	if (core->state == SW_STATE_HELD || core->state == SW_STATE_FAILED)
		return -EBUSY;
	if (core->state == SW_STATE_ONLINE && path == old)
		return -EALREADY;
	if (!path_ready(core, path))
		return -ENOLINK;
	/* A cooperative switch that cannot go through would only hold I/O. */
	if (manner == SW_COOPERATIVE && !path_usable(core, path, now->ns))
		return -ENOKEY;

	if (core->state == SW_STATE_VERIFY) {
		core->wanted_path = path;
		*actions |= go_alone(core, now);
		return 0;
	}

	*actions |= begin_hold(core, SW_STATE_VERIFY, reason, now);
	core->wanted_path = path;
	core->cooperative = manner == SW_COOPERATIVE;
	if (manner == SW_FORCED)
		*actions |= spoil_path(core, old, SW_PATH_FAILED, reason);

	return 0;
}

int sw_core_fail(struct sw_core *core, int path, enum sw_reason reason,
		 const struct sw_now *now, unsigned int *actions)
{
	if (!path_exists(core, path))
		return -ENODEV;

	*actions |= spoil_path(core, path, SW_PATH_FAILED, reason);
	if (core->state == SW_STATE_ONLINE && path == core->current_path)
		*actions |= begin_mv(core, reason, now);

	return 0;
}

int sw_core_reinstate(struct sw_core *core, int path,
		      const struct sw_now *now, unsigned int *actions)
{
	if (!path_exists(core, path))
		return -ENODEV;
	if (path_ready(core, path))
		return -EALREADY;

	*actions |= spoil_path(core, path, SW_PATH_READY, SW_REASON_NONE);
	*actions |= go_alone(core, now);

	return 0;
}

int sw_core_abort(struct sw_core *core, const struct sw_now *now,
		  unsigned int *actions)
{
	if (core->state != SW_STATE_VERIFY && core->state != SW_STATE_HELD)
		return -EALREADY;

	*actions |= end_in_errors(core, SW_REASON_ABORT, now);

	return 0;
}

int sw_core_retry(struct sw_core *core, const struct sw_now *now,
		  unsigned int *actions)
{
	if (core->state != SW_STATE_FAILED)
		return -EALREADY;

	*actions |= begin_mv(core, SW_REASON_RETRY, now);

	return 0;
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

u64 sw_core_ticket_left(const struct sw_core *core, int path, u64 now_ns)
{
	const struct sw_core_path *p = &core->paths[path];

	if (p->ticket_epoch != core->epoch || p->ticket_until <= now_ns)
		return 0;

	return p->ticket_until - now_ns;
}
