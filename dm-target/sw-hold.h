/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * sw-hold.h - the parts of sw-core that begin a hold, move it on and end it.
 * For sw-core.c and sw-hold.c alone: an event changes a unit through sw-core.h.
 * What returns an unsigned int returns SW_DO_*.
 */
#ifndef SW_HOLD_H
#define SW_HOLD_H

#include "sw-core.h"

static inline bool sw_path_exists(const struct sw_core *core, int path)
{
	return path >= 0 && (unsigned int)path < core->config.nr_paths &&
	       core->paths[path].state != SW_PATH_ABSENT;
}

static inline bool sw_path_ready(const struct sw_core *core, int path)
{
	return sw_path_exists(core, path) &&
	       core->paths[path].state == SW_PATH_READY;
}

static inline bool sw_path_usable(const struct sw_core *core, int path, u64 boot_ns)
{
	return sw_path_ready(core, path) &&
	       sw_core_ticket_left(core, path, boot_ns) > 0;
}

static inline u64 sw_saturating_add(u64 a, u64 b)
{
	return a + b < a ? U64_MAX : a + b;
}

/* Leaves a notice of what just changed. */
unsigned int sw_tell(struct sw_core *core, enum sw_action action, int path,
		     enum sw_reason reason, u64 held_ns);

/* A path stops, or starts again, to be ready; says so if that is news. */
unsigned int sw_spoil_path(struct sw_core *core, int path,
			   enum sw_path_state state, enum sw_reason reason);

unsigned int sw_begin_hold(struct sw_core *core, enum sw_state state,
			   enum sw_reason reason, const struct sw_now *now);
unsigned int sw_begin_mv(struct sw_core *core, enum sw_reason reason,
			 const struct sw_now *now);
unsigned int sw_after_drain(struct sw_core *core, const struct sw_now *now);
unsigned int sw_go_alone(struct sw_core *core, const struct sw_now *now);
unsigned int sw_open_path(struct sw_core *core, int path,
			  enum sw_method method, const char *evidence,
			  const struct sw_now *now);
unsigned int sw_end_in_errors(struct sw_core *core, enum sw_reason reason,
			      const struct sw_now *now);

#endif /* SW_HOLD_H */
