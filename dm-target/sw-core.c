// SPDX-License-Identifier: GPL-2.0-only
/*
 * sw-core.c - the events of one unit, and what is decided about each; see
 * sw-core.h for the model.
 */
#include "sw-hold.h"

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
		if (sw_path_ready(core, i))
			break;

	if (i == core->config.nr_paths)
		return sw_begin_mv(core, SW_REASON_NO_PATH, now);
	if (core->config.hold)
		return sw_begin_mv(core, SW_REASON_LOAD, now);

	core->current_path = i;
	core->carried = true;
	core->paths[i].switches++;
	core->state = SW_STATE_ONLINE;
	core->phase = SW_PHASE_NONE;
	core->drained = false;
	core->since = now->boot_ns;
	core->hold_at = now->ns;

	return SW_DO_OPEN | sw_tell(core, SW_ACTION_ONLINE, i, SW_REASON_LOAD, 0);
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

	return sw_path_exists(core, path) ? path : SW_NO_PATH;
}

static void adopt_path(struct sw_core_path *path, const struct sw_core_path *old)
{
	path->errors = old->errors;
	path->switches = old->switches;

	/*
	 * A path that was absent and is here now starts with a clean sheet. But
	 * who took it out of use did so whatever device stands for it.
	 */
	if (path->state == SW_PATH_ABSENT || old->state == SW_PATH_ABSENT) {
		if (old->reason == SW_REASON_OPERATOR) {
			path->reason = old->reason;
			if (path->state != SW_PATH_ABSENT)
				path->state = SW_PATH_FAILED;
		}
		return;
	}

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
	/* What it carried is still left there, and the record says so. */
	if (core->current_path == SW_NO_PATH && old->current_path != SW_NO_PATH)
		core->left_path = renamed(core, origin, old->current_path);
	core->wanted_path = moved_to(core, origin, old->wanted_path);
	/* Nor can a path be flushed that is not there any more. */
	if (core->current_path == SW_NO_PATH)
		core->cooperative = false;
	core->drained = true;

	/* The records name paths by index: rename them too. */
	for (i = 0; i < SW_HISTORY_MAX; i++) {
		struct sw_record *record = &core->history[i];

		record->from = renamed(core, origin, record->from);
		record->to = renamed(core, origin, record->to);
	}

	switch (old->state) {
	case SW_STATE_ONLINE:
		if (sw_path_ready(core, core->current_path)) {
			core->drained = false;
			return SW_DO_OPEN;
		}
		/* Nothing is open, so there is nothing to close. */
		core->state = SW_STATE_VERIFY;
		return sw_begin_mv(core, SW_REASON_PATH_GONE, now);
	case SW_STATE_VERIFY:
		if (!core->drained_at)
			core->drained_at = now->ns;
		return sw_after_drain(core, now);
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

/*
 * What a person or a check has said of a path is more than an error of it: only
 * who said so takes it back. Bios that were in flight come back later.
 */
static bool told_to_stay(const struct sw_core_path *path)
{
	return path->state == SW_PATH_REJECTED ||
	       (path->state == SW_PATH_FAILED &&
		path->reason == SW_REASON_OPERATOR);
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

	if (!told_to_stay(&core->paths[path]))
		*actions |= sw_spoil_path(core, path, SW_PATH_FAILED, reason);
	if (core->state == SW_STATE_ONLINE)
		*actions |= sw_begin_mv(core, reason, now);

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
		return sw_after_drain(core, now);
	if (core->state == SW_STATE_HELD)
		core->phase = SW_PHASE_OPERATOR;

	return 0;
}

/* Nothing is waited for any more before the next path is proved. */
static unsigned int end_flush(struct sw_core *core, const struct sw_now *now)
{
	if (core->state != SW_STATE_VERIFY || core->phase != SW_PHASE_FLUSH)
		return 0;

	core->flushed_at = now->ns;
	core->phase = SW_PHASE_PROVE;

	return sw_go_alone(core, now);
}

unsigned int sw_core_flushed(struct sw_core *core, bool ok,
			     const struct sw_now *now)
{
	unsigned int actions = 0;

	if (core->state != SW_STATE_VERIFY || core->phase != SW_PHASE_FLUSH)
		return 0;

	if (!ok)
		actions |= sw_spoil_path(core, core->current_path, SW_PATH_FAILED,
					 SW_REASON_FLUSH_FAILED);

	return actions | end_flush(core, now);
}

/*
 * A path is not ready any more, and not by an error of its own. If it is being
 * flushed: that changes no data and may hang, so the switch does not wait for
 * it, and nothing else would end the wait, for only a ready path can stall.
 */
static unsigned int give_up_path(struct sw_core *core, int path,
				 enum sw_path_state state, enum sw_reason reason,
				 const struct sw_now *now)
{
	unsigned int actions = sw_spoil_path(core, path, state, reason);

	if (path != core->current_path)
		return actions;
	if (core->state == SW_STATE_ONLINE)
		return actions | sw_begin_mv(core, reason, now);

	return actions | end_flush(core, now);
}

static unsigned int check_stall(struct sw_core *core, u64 oldest_ns,
				const struct sw_now *now)
{
	if (!core->config.stall_ns || oldest_ns < core->config.stall_ns ||
	    !sw_path_ready(core, core->current_path))
		return 0;

	return give_up_path(core, core->current_path, SW_PATH_FAILED,
			    SW_REASON_STALL, now);
}

unsigned int sw_core_tick(struct sw_core *core, u64 oldest_ns,
			  const struct sw_now *now)
{
	unsigned int actions = check_stall(core, oldest_ns, now);

	if ((core->state == SW_STATE_VERIFY || core->state == SW_STATE_HELD) &&
	    now->ns >= core->deadline)
		actions |= sw_end_in_errors(core, SW_REASON_MV_TIMEOUT, now);

	return actions;
}

int sw_core_ticket(struct sw_core *core, int path, u64 epoch, u64 ttl_ns,
		   const struct sw_now *now, unsigned int *actions)
{
	if (!sw_path_exists(core, path))
		return -ENODEV;
	if (epoch != core->epoch)
		return -ESTALE;
	if (!sw_path_ready(core, path))
		return -ENOLINK;

	core->paths[path].ticket_epoch = epoch;
	core->paths[path].ticket_until = ttl_ns ?
		sw_saturating_add(now->boot_ns, ttl_ns) : 0;
	*actions |= sw_go_alone(core, now);

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
	if (!sw_path_exists(core, path))
		return -ENODEV;
	if (core->paths[path].state == SW_PATH_REJECTED)
		return -ENOLINK;
	if (!method_proves(core, path, method))
		return -EPERM;

	*actions |= sw_open_path(core, path, method, evidence, now);

	return 0;
}

int sw_core_reject(struct sw_core *core, u64 mv, int path,
		   enum sw_reason reason, const struct sw_now *now,
		   unsigned int *actions)
{
	if (mv != core->mv)
		return -ESTALE;
	if (!sw_path_exists(core, path))
		return -ENODEV;
	if (core->state == SW_STATE_ONLINE && path == core->current_path)
		return -EBUSY;

	*actions |= give_up_path(core, path, SW_PATH_REJECTED, reason, now);
	*actions |= sw_go_alone(core, now);

	return 0;
}

int sw_core_hold(struct sw_core *core, enum sw_reason reason,
		 const struct sw_now *now, unsigned int *actions)
{
	if (core->state == SW_STATE_HELD)
		return -EALREADY;
	if (core->state != SW_STATE_ONLINE)
		return -EBUSY;

	*actions |= sw_begin_hold(core, SW_STATE_HELD, reason, now);

	return 0;
}

int sw_core_release(struct sw_core *core, const struct sw_now *now,
		    unsigned int *actions)
{
	if (core->state != SW_STATE_HELD)
		return -EALREADY;

	core->state = SW_STATE_VERIFY;
	core->since = now->boot_ns;
	core->resume = sw_path_ready(core, core->current_path);
	if (!sw_path_ready(core, core->current_path))
		core->reason = core->current_path == SW_NO_PATH ?
			SW_REASON_NO_PATH :
			core->paths[core->current_path].reason;

	if (core->drained)
		*actions |= sw_after_drain(core, now);
	else
		core->phase = SW_PHASE_DRAIN;

	return 0;
}

int sw_core_switch(struct sw_core *core, int path, enum sw_manner manner,
		   enum sw_reason reason, const struct sw_now *now,
		   unsigned int *actions)
{
	int old = core->current_path;

	if (!sw_path_exists(core, path))
		return -ENODEV;
	if (core->state == SW_STATE_HELD || core->state == SW_STATE_FAILED)
		return -EBUSY;
	if (core->state == SW_STATE_ONLINE && path == old)
		return -EALREADY;
	if (!sw_path_ready(core, path))
		return -ENOLINK;
	/* A cooperative switch that cannot go through would only hold I/O. */
	if (manner == SW_COOPERATIVE && !sw_path_usable(core, path, now->boot_ns))
		return -ENOKEY;

	if (core->state == SW_STATE_VERIFY) {
		core->wanted_path = path;
		*actions |= sw_go_alone(core, now);
		return 0;
	}

	*actions |= sw_begin_hold(core, SW_STATE_VERIFY, reason, now);
	core->wanted_path = path;
	core->cooperative = manner == SW_COOPERATIVE;
	if (manner == SW_FORCED)
		*actions |= sw_spoil_path(core, old, SW_PATH_FAILED, reason);

	return 0;
}

int sw_core_fail(struct sw_core *core, int path, enum sw_reason reason,
		 const struct sw_now *now, unsigned int *actions)
{
	if (!sw_path_exists(core, path))
		return -ENODEV;

	*actions |= give_up_path(core, path, SW_PATH_FAILED, reason, now);

	return 0;
}

int sw_core_reinstate(struct sw_core *core, int path,
		      const struct sw_now *now, unsigned int *actions)
{
	if (!sw_path_exists(core, path))
		return -ENODEV;
	if (sw_path_ready(core, path))
		return -EALREADY;

	*actions |= sw_spoil_path(core, path, SW_PATH_READY, SW_REASON_NONE);
	*actions |= sw_go_alone(core, now);

	return 0;
}

int sw_core_abort(struct sw_core *core, const struct sw_now *now,
		  unsigned int *actions)
{
	if (core->state != SW_STATE_VERIFY && core->state != SW_STATE_HELD)
		return -EALREADY;

	*actions |= sw_end_in_errors(core, SW_REASON_ABORT, now);

	return 0;
}

int sw_core_retry(struct sw_core *core, const struct sw_now *now,
		  unsigned int *actions)
{
	if (core->state != SW_STATE_FAILED)
		return -EALREADY;

	*actions |= sw_begin_mv(core, SW_REASON_RETRY, now);

	return 0;
}

u64 sw_core_ticket_left(const struct sw_core *core, int path, u64 boot_ns)
{
	const struct sw_core_path *p = &core->paths[path];

	if (p->ticket_epoch != core->epoch || p->ticket_until <= boot_ns)
		return 0;

	return p->ticket_until - boot_ns;
}
