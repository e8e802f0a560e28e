/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * dm-sw.h - what the files of the glue share: one unit and its paths.
 *
 * Who may do what:
 *   map/end_io (dm-sw-io.c)	hot path: a counter of this CPU, in an RCU read-side
 *				section; no lock
 *   unit->lock			everything else: the core, the held bios
 *   unit->close_work		a hold begins: waits until nobody is on the way in
 *   unit->work			unit_work(): the end of a drain, ending held bios;
 *				never waits for a device
 *   unit->send_work		sends held bios; may wait for a tag of a path that
 *				hangs, and so on a workqueue of the unit's own: no
 *				other work waits for its rescuer
 *   path->flush_work		submits the flush; may wait for a path that was left
 *				long since, so no held bio waits for it, nor does the
 *				flush of another path
 *   unit->tell_work		events, uevents, printk; may wait for memory, so
 *				nothing on the way of a switch waits for it
 *   unit->tick			stall detection and the deadline of a hold
 */
#ifndef DM_SW_H
#define DM_SW_H

#include <linux/bio.h>
#include <linux/device-mapper.h>
#include <linux/math64.h>
#include <linux/percpu.h>
#include <linux/rcupdate.h>
#include <linux/spinlock.h>
#include <linux/wait.h>
#include <linux/workqueue.h>

#include "sw-age.h"
#include "sw-core.h"

/* Of one CPU; what enters on one may leave on another. They wrap around. */
struct sw_flight {
	struct {
		unsigned int entered;
		unsigned int left;
	} of[SW_GENERATIONS];
};

struct sw_unit;

struct sw_path {
	struct sw_unit *unit;
	struct dm_dev *dev;		/* NULL: absent */
	char *spec;			/* as given, if it could not be opened */

	/* The flush of a cooperative switch; may hang, so each has its own. */
	struct work_struct flush_work;
	struct bio *flush_bio;
	bool flush_busy;		/* under unit->lock */
	u64 flush_at;			/* ns, asked for; under unit->lock */
	u64 flush_mv;			/* for this hold; under unit->lock */
};

struct sw_unit {
	/* Hot, read-mostly. */
	struct sw_path *open_path;	/* NULL: hold */
	struct sw_path *draining;	/* closed, and not drained yet, as far as known */
	struct sw_flight __percpu *flight;
	bool ticking;
	struct sw_witness *witness;	/* NULL: none */
	struct sw_ages ages;		/* but for .generation under lock */

	spinlock_t lock;		/* what follows */
	struct sw_core core;
	struct bio_list retry;		/* came back; sent before the held ones */
	struct bio_list held;		/* not sent yet, in order of arrival */
	bool exact;			/* while draining: the counters tell the truth */
	bool started;

	struct dm_target *ti;
	struct mapped_device *md;
	struct list_head list;		/* all units, see dm-sw-target.c */

	struct work_struct close_work;
	struct work_struct work;
	struct work_struct send_work;
	struct work_struct tell_work;
	struct delayed_work tick;
	struct workqueue_struct *send_wq;	/* of send_work */
	struct workqueue_struct *flush_wq;	/* of the paths' flush_work */
	wait_queue_head_t flush_wait;

	unsigned int nr_paths;		/* that were looked at */
	struct sw_path paths[SW_PATHS_MAX];
};

/* What a bio needs so that it can be sent again as it was first given. */
struct sw_bio {
	struct bvec_iter iter;
	bio_end_io_t *end_io;
	blk_opf_t opf;
	unsigned short flags;
	u8 path;
	u8 generation;
	u8 tries;
	bool sent;			/* counted: in flight on path */
	bool sampled;			/* by the witness */
};

static inline unsigned int sw_path_index(const struct sw_path *path)
{
	return path - path->unit->paths;
}

static inline u64 sw_ms(u64 ns)
{
	return div_u64(ns, NSEC_PER_MSEC);
}

/*
 * For an event: under unit->lock, or a later event comes with an earlier time,
 * and what lies between two of them is below zero, that is, for ever.
 */
static inline struct sw_now sw_now(void)
{
	return (struct sw_now) {
		.ns = ktime_get_ns(),
		.wall_ms = sw_ms(ktime_get_real_ns()),
		.boot_ns = ktime_get_boottime_ns(),
	};
}

/* dm-sw-io.c */
int sw_map(struct dm_target *ti, struct bio *bio);
int sw_end_io(struct dm_target *ti, struct bio *bio, blk_status_t *error);
void sw_begin_flush(struct sw_unit *unit);
void sw_flush_work(struct work_struct *work);
void sw_send_work(struct work_struct *work);
void sw_end_held(struct sw_unit *unit);
void sw_give_back_held(struct sw_unit *unit);
unsigned int sw_count_flight(const struct sw_unit *unit, unsigned int *count);
int sw_in_flight(const struct sw_unit *unit);
u64 sw_oldest_ns(const struct sw_unit *unit, const unsigned int *count,
		 u64 now_ns);

/* dm-sw-unit.c */
void sw_unit_do(struct sw_unit *unit, unsigned int actions);
bool sw_unit_setup(struct sw_unit *unit);
void sw_unit_suspend(struct sw_unit *unit);
void sw_unit_stop(struct sw_unit *unit);
void sw_unit_free(struct sw_unit *unit);
void sw_tick_start(struct sw_unit *unit);
void sw_unit_left(struct sw_unit *unit);
int __init sw_unit_init(void);
void sw_unit_exit(void);

/* dm-sw-status.c */
void sw_status(struct dm_target *ti, status_type_t type,
	       unsigned int status_flags, char *result, unsigned int maxlen);
int sw_emit_history(struct sw_unit *unit, char *result, unsigned int maxlen);

/* dm-sw-witness.c */
struct sw_witness *sw_witness_alloc(unsigned int nr);
void sw_witness_free(struct sw_witness *witness);
unsigned int sw_witness_size(const struct sw_witness *witness);
void sw_witness_due(struct sw_witness *witness);
void sw_witness_hold(struct sw_unit *unit, struct bio *bio);
bool sw_witness_begin(struct sw_unit *unit, struct bio *bio);
void sw_witness_end(struct sw_unit *unit, struct bio *bio,
		    struct bvec_iter iter, bool ok);
void sw_witness_adopt(struct sw_witness *witness,
		      const struct sw_witness *old);
int sw_emit_witness(struct sw_unit *unit, char *result, unsigned int maxlen);

/* dm-sw-message.c */
int sw_message(struct dm_target *ti, unsigned int argc, char **argv,
	       char *result, unsigned int maxlen);

#endif /* DM_SW_H */
