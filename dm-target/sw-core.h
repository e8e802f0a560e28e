/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * sw-core.h - the decisions of one unit.
 *
 * Model. A unit has up to SW_PATHS_MAX ways to one disk and lets I/O down at
 * most one of them, the current path. Whatever goes wrong, or is asked for, the
 * way on is always the same hold:
 *
 *	online --error, stall, message--> hold, then
 *	drain	every bio given to the current path has come back
 *	flush	(cooperative switch only) the old path's cache is written
 *	prove	a live ticket lets the core go on alone if no write is in doubt;
 *		otherwise pathd answers with "commit"
 *	online	on the path that was proved; the held bios go down it in order
 *
 * The core takes events that carry their time and returns what the glue must
 * do (SW_DO_*). It takes no lock, reads no clock, calls nothing but string
 * functions, and is compiled into the module and into the tests. The glue
 * serialises all calls for one unit.
 *
 * Times are ns of CLOCK_MONOTONIC: while the host sleeps no device can answer
 * and nobody can prove anything, so that is neither a stall nor a part of a
 * hold. Those that are said to be of CLOCK_BOOTTIME count sleep: a proof ages
 * meanwhile. "wall" is ms since 1970 and is only recorded.
 */
#ifndef SW_CORE_H
#define SW_CORE_H

#include "sw-words.h"

#define SW_NO_PATH	(-1)

/* What the glue must do after an event; a set. */
#define SW_DO_HOLD	0x1u	/* let no new bio down the current path */
#define SW_DO_FLUSH	0x2u	/* flush the current path, then sw_core_flushed() */
#define SW_DO_OPEN	0x4u	/* open the current path, send the held bios */
#define SW_DO_FAIL	0x8u	/* end every held bio with an error */
#define SW_DO_TELL	0x10u	/* notices wait: sw_core_notice() */
#define SW_DO_TICK	0x20u	/* a hold has a deadline: sw_core_tick() until it ends */

/* What becomes of a bio. */
enum sw_verdict {
	SW_BIO_HOLD,		/* keep it */
	SW_BIO_AGAIN,		/* REQ_NOWAIT: it would wait */
	SW_BIO_ERROR,		/* its error goes up */
};

/* What the caller of a switch promises about the path that is left. */
enum sw_manner {
	SW_COOPERATIVE,		/* it works: flush it before it is left */
	SW_FORCED,		/* leave it as it is */
};

struct sw_core_path {
	enum sw_kind kind;
	enum sw_path_state state;
	enum sw_reason reason;	/* why it is not ready */
	u64 ticket_epoch;
	u64 ticket_until;	/* CLOCK_BOOTTIME, 0: no ticket */
	u64 errors;
	u64 switches;
};

/* The record of one hold that ended: the kernel's half of a certificate. */
struct sw_record {
	u64 epoch;
	u64 mv;
	int from;
	int to;			/* SW_NO_PATH: it ended in errors */
	enum sw_reason reason;
	enum sw_method method;
	u64 wall_ms;
	u64 drain_ns;
	u64 flush_ns;
	u64 prove_ns;
	u64 release_ns;
	u64 held_bios;
	u64 held_bytes;
	u64 doubt;
	char evidence[SW_WORD_MAX];
};

/* A line for the operator and the listeners: what just changed. */
struct sw_notice {
	enum sw_action action;
	enum sw_state state;
	int path;
	enum sw_reason reason;
	u64 mv;
	u64 epoch;
	u64 doubt;
	u64 held_ns;		/* SW_ACTION_ONLINE: how long I/O was held */
	int from;		/* SW_ACTION_ONLINE: the path that was left */
};

#define SW_NOTICES_MAX	16

struct sw_core_config {
	unsigned int nr_paths;
	enum sw_fence fence;
	u64 mv_timeout_ns;
	u64 stall_ns;		/* 0: never */
	u64 epoch;
	bool hold;
};

struct sw_core {
	struct sw_core_config config;
	struct sw_core_path paths[SW_PATHS_MAX];

	enum sw_state state;
	enum sw_phase phase;
	u64 mv;
	u64 epoch;
	int current_path;	/* carries I/O when online, else carried it last */
	int left_path;		/* the one before that, absent or not */
	int wanted_path;	/* where a switch message wants to go */
	enum sw_reason reason;
	bool drained;		/* nothing is in flight on current_path */
	bool carried;		/* some path carried I/O, even if it is gone */
	bool cooperative;
	bool resume;		/* operator's hold ended: the same path may go on */
	u64 doubt;		/* writes in doubt, until a proof clears them */

	u64 since;		/* CLOCK_BOOTTIME, in this state */
	u64 deadline;
	u64 hold_at;
	u64 hold_wall_ms;
	u64 drained_at;
	u64 flushed_at;
	u64 opened_at;

	u64 held_bios;
	u64 held_bytes;
	u64 peak_bios;
	u64 peak_bytes;

	struct sw_record history[SW_HISTORY_MAX];
	u64 nr_records;		/* ever; the last SW_HISTORY_MAX are kept */

	struct sw_notice notices[SW_NOTICES_MAX];
	unsigned int notice_head;
	unsigned int notice_count;
	u64 notices_lost;
};

/* The clocks at one moment. */
struct sw_now {
	u64 ns;
	u64 wall_ms;
	u64 boot_ns;
};

/**
 * sw_core_init() - Make an idle core.
 * @core:   zeroed here; the caller then sets kind and state of each path.
 * @config: copied; its values are in range (the table's parser saw to it).
 */
void sw_core_init(struct sw_core *core, const struct sw_core_config *config);

/**
 * sw_core_start() - The unit goes live for the first time.
 *
 * Without "hold" the loader of the table vouches for the first ready path.
 * Return: SW_DO_*.
 */
unsigned int sw_core_start(struct sw_core *core, const struct sw_now *now);

/**
 * sw_core_adopt() - The unit goes live in place of an earlier table's.
 * @old:    its core; nothing of it is in flight and it gets no more events.
 * @origin: for each path of @core its index in @old, or SW_NO_PATH.
 *
 * Epoch, MV, writes in doubt, history, tickets, path states and a hold that is
 * going on are kept, so that a reload can neither lose nor prove anything.
 * Return: SW_DO_*.
 */
unsigned int sw_core_adopt(struct sw_core *core, const struct sw_core *old,
			   const int *origin, const struct sw_now *now);

/**
 * sw_core_map() - A bio came while no path is open.
 * @nowait: it must not wait.
 */
enum sw_verdict sw_core_map(const struct sw_core *core, bool nowait);

/* A bio joined or left the held ones; bytes is what it carries. */
void sw_core_held(struct sw_core *core, u64 bytes);
void sw_core_unheld(struct sw_core *core, u64 bytes);

/**
 * sw_core_error() - A bio came back from a path with a path error.
 * @write:  it may have changed the disk.
 * @tries:  how often this bio came back so, this time included.
 * @actions: SW_DO_* are added.
 */
enum sw_verdict sw_core_error(struct sw_core *core, int path,
			      enum sw_reason reason, bool write,
			      unsigned int tries, const struct sw_now *now,
			      unsigned int *actions);

/* Every bio given to the path has come back. Return: SW_DO_*. */
unsigned int sw_core_drained(struct sw_core *core, int path,
			     const struct sw_now *now);

/* The flush asked for by SW_DO_FLUSH ended. Return: SW_DO_*. */
unsigned int sw_core_flushed(struct sw_core *core, bool ok,
			     const struct sw_now *now);

/* Every held bio was sent down the current path, or ended. */
void sw_core_released(struct sw_core *core, const struct sw_now *now);

/**
 * sw_core_tick() - Time went by.
 * @oldest_ns: at least how long ago the oldest bio in flight was sent, 0: none.
 * Return: SW_DO_*.
 */
unsigned int sw_core_tick(struct sw_core *core, u64 oldest_ns,
			  const struct sw_now *now);

/*
 * Messages. Each returns 0 or a negative errno and changes nothing when it
 * refuses; *actions gets SW_DO_*. Errors common to those that name a path:
 * -ENODEV no such path, or absent. docs/dm-sw.rst lists the others.
 */
int sw_core_ticket(struct sw_core *core, int path, u64 epoch, u64 ttl_ns,
		   const struct sw_now *now, unsigned int *actions);
int sw_core_commit(struct sw_core *core, u64 mv, int path,
		   enum sw_method method, const char *evidence,
		   const struct sw_now *now, unsigned int *actions);
int sw_core_reject(struct sw_core *core, u64 mv, int path,
		   enum sw_reason reason, const struct sw_now *now,
		   unsigned int *actions);
int sw_core_hold(struct sw_core *core, enum sw_reason reason,
		 const struct sw_now *now, unsigned int *actions);
int sw_core_release(struct sw_core *core, const struct sw_now *now,
		    unsigned int *actions);
int sw_core_switch(struct sw_core *core, int path, enum sw_manner manner,
		   enum sw_reason reason, const struct sw_now *now,
		   unsigned int *actions);
int sw_core_fail(struct sw_core *core, int path, enum sw_reason reason,
		 const struct sw_now *now, unsigned int *actions);
int sw_core_reinstate(struct sw_core *core, int path,
		      const struct sw_now *now, unsigned int *actions);
int sw_core_abort(struct sw_core *core, const struct sw_now *now,
		  unsigned int *actions);
int sw_core_retry(struct sw_core *core, const struct sw_now *now,
		  unsigned int *actions);

/* Takes the oldest notice into *notice; false: there is none. */
bool sw_core_notice(struct sw_core *core, struct sw_notice *notice);

/* The record number @nr, counted from the first ever; NULL: not kept. */
const struct sw_record *sw_core_record(const struct sw_core *core, u64 nr);

/* Life left in a path's ticket at @boot_ns, 0: none that counts then. */
u64 sw_core_ticket_left(const struct sw_core *core, int path, u64 boot_ns);

#endif /* SW_CORE_H */
