// SPDX-License-Identifier: GPL-2.0-only
/*
 * dm-sw-io.c - bios: down the open path, held, sent again.
 */
#include "dm-sw.h"

#include <linux/blk_types.h>
#include <linux/blkdev.h>

static struct sw_bio *sw_bio(struct bio *bio)
{
	return dm_per_bio_data(bio, sizeof(struct sw_bio));
}

static unsigned int carries(const struct sw_bio *b)
{
	return b->iter.bi_size;
}

/* May it change the disk? A flush does not. */
static bool is_write(const struct sw_bio *b)
{
	return op_is_write(b->opf & REQ_OP_MASK) && carries(b);
}

/*
 * The open path, with one more bio counted on it, or NULL. Who closes the path
 * waits for a grace period before it reads the counters, so a path that was
 * seen open here is not taken for drained.
 */
static inline struct sw_path *enter_path(struct sw_unit *unit,
					 unsigned int *generation)
{
	struct sw_path *path;

	rcu_read_lock();
	path = READ_ONCE(unit->open_path);
	if (likely(path)) {
		*generation = READ_ONCE(unit->ages.generation);
		this_cpu_inc(unit->flight->of[*generation].entered);
	}
	rcu_read_unlock();

	return path;
}

/*
 * One bio less. In a section of its own as well: either the grace period ends
 * after it, and the counters have it, or it sees that the path drains.
 */
static inline void leave_path(struct sw_unit *unit, unsigned int generation)
{
	rcu_read_lock();
	this_cpu_inc(unit->flight->of[generation].left);
	if (unlikely(READ_ONCE(unit->draining)))
		sw_unit_left(unit);
	rcu_read_unlock();
}

/* The bio, which is counted in @generation, goes down @path. */
static inline void direct_bio(struct sw_unit *unit, struct sw_path *path,
			      unsigned int generation, struct bio *bio,
			      struct sw_bio *b)
{
	b->path = sw_path_index(path);
	b->generation = generation;
	b->sent = true;
	if (unlikely(!READ_ONCE(unit->ticking)))
		sw_tick_start(unit);

	bio_set_dev(bio, path->dev->bdev);
}

/*
 * The bio, which is counted, is sent for the first time. Counted first: who is
 * sampled meanwhile sees it in flight, or is dropped by it.
 */
static inline void send_bio(struct sw_unit *unit, struct sw_path *path,
			    unsigned int generation, struct bio *bio,
			    struct sw_bio *b)
{
	if (unlikely(unit->witness) && is_write(b))
		b->sampled = sw_witness_begin(unit, bio);

	direct_bio(unit, path, generation, bio, b);
}

/*
 * Who polls is marked REQ_NOWAIT by the block layer, for a wait for a tag that
 * only the poller frees would be for ever. To be held is no such wait.
 */
static bool must_not_wait(const struct sw_bio *b)
{
	return (b->opf & (REQ_NOWAIT | REQ_POLLED)) == REQ_NOWAIT;
}

/* It is sent later, by us: it may wait for a tag then, and nobody polls for it. */
static void let_wait(struct bio *bio, struct sw_bio *b)
{
	b->opf &= ~(REQ_NOWAIT | REQ_POLLED);
	bio->bi_opf = b->opf;
}

static int map_slowly(struct sw_unit *unit, struct bio *bio, struct sw_bio *b)
{
	struct sw_path *path;
	enum sw_verdict verdict;
	unsigned int generation;
	unsigned long flags;
	bool requeue;

	spin_lock_irqsave(&unit->lock, flags);
	path = enter_path(unit, &generation);
	if (path) {
		spin_unlock_irqrestore(&unit->lock, flags);
		send_bio(unit, path, generation, bio, b);
		return DM_MAPIO_REMAPPED;
	}

	requeue = dm_noflush_suspending(unit->ti);
	verdict = sw_core_map(&unit->core, must_not_wait(b));
	if (!requeue && verdict == SW_BIO_HOLD) {
		let_wait(bio, b);
		bio_list_add(&unit->held, bio);
		sw_core_held(&unit->core, carries(b));
		if (unit->witness && is_write(b))
			sw_witness_hold(unit, bio);
	}
	spin_unlock_irqrestore(&unit->lock, flags);

	if (!requeue && verdict == SW_BIO_HOLD)
		return DM_MAPIO_SUBMITTED;
	if (requeue)
		return DM_MAPIO_REQUEUE;
	if (verdict == SW_BIO_ERROR)
		return DM_MAPIO_KILL;

	bio_wouldblock_error(bio);

	return DM_MAPIO_SUBMITTED;
}

/*
 * Who may do without an answer, or has a copy elsewhere, has the layers below
 * give up at the first hitch, a readahead's command too: that would be taken
 * for a path that failed. Here the other path is the copy.
 */
#define SW_IMPATIENT	(REQ_FAILFAST_MASK | REQ_RAHEAD)

int sw_map(struct dm_target *ti, struct bio *bio)
{
	struct sw_unit *unit = ti->private;
	struct sw_bio *b = sw_bio(bio);
	struct sw_path *path;
	unsigned int generation;

	b->iter = bio->bi_iter;
	b->end_io = bio->bi_end_io;
	bio->bi_opf &= ~SW_IMPATIENT;
	b->opf = bio->bi_opf;
	b->flags = bio->bi_flags;
	b->tries = 0;
	b->sent = false;
	b->sampled = false;

	path = enter_path(unit, &generation);
	if (unlikely(!path))
		return map_slowly(unit, bio, b);

	send_bio(unit, path, generation, bio, b);

	return DM_MAPIO_REMAPPED;
}

/* Makes the bio what it was when map got it. */
static void restore_bio(struct bio *bio, struct sw_bio *b)
{
	let_wait(bio, b);
	bio->bi_iter = b->iter;
	bio->bi_end_io = b->end_io;
	bio->bi_flags = b->flags;
	bio->bi_status = BLK_STS_OK;
	/* Who polls for it would poll this number of the next path's queues. */
	bio->bi_cookie = BLK_QC_T_NONE;
	/* A lower split chains its parts here and leaves 0 behind. */
	atomic_set(&bio->__bi_remaining, 1);
}

/*
 * Is it the path that failed, and not the request or the medium? An invalid
 * request is one on every path, although newer kernels' blk_path_error() takes
 * BLK_STS_INVAL for a path error; and a command that was given only so much time
 * was given up by the disk, which is well.
 *
 * Of a bio that was split below, one part's error hides those of the others;
 * docs/dm-sw.rst says what that costs. To doubt every large write that ended in
 * an error would cost a fence for each that found a thin disk full.
 */
static bool is_path_error(const struct sw_bio *b, blk_status_t status)
{
#ifdef BLK_STS_DURATION_LIMIT
	if (status == BLK_STS_DURATION_LIMIT)
		return false;
#endif
	if (status == BLK_STS_AGAIN && (b->opf & REQ_NOWAIT))
		return false;
	if (status == BLK_STS_DM_REQUEUE)
		return false;

	return blk_path_error(status) && blk_status_to_errno(status) != -EINVAL;
}

static enum sw_reason error_reason(blk_status_t status)
{
	switch (status) {
	case BLK_STS_TIMEOUT:
		return SW_REASON_TIMEOUT;
	case BLK_STS_TRANSPORT:
		return SW_REASON_TRANSPORT;
	case BLK_STS_OFFLINE:
		return SW_REASON_OFFLINE;
	default:
		return SW_REASON_ERROR;
	}
}

static int end_path_error(struct sw_unit *unit, struct bio *bio,
			  struct sw_bio *b, blk_status_t status)
{
	unsigned int actions = 0;
	enum sw_verdict verdict;
	struct sw_now now;
	unsigned long flags;
	int r = DM_ENDIO_DONE;

	if (b->tries < SW_BIO_TRIES_MAX)
		b->tries++;

	spin_lock_irqsave(&unit->lock, flags);
	now = sw_now();
	verdict = sw_core_error(&unit->core, b->path, error_reason(status),
				is_write(b), b->tries, &now, &actions);
	if (verdict == SW_BIO_HOLD && dm_noflush_suspending(unit->ti)) {
		r = DM_ENDIO_REQUEUE;
	} else if (verdict == SW_BIO_HOLD) {
		restore_bio(bio, b);
		bio_list_add(&unit->retry, bio);
		sw_core_held(&unit->core, carries(b));
		r = DM_ENDIO_INCOMPLETE;
	}
	sw_unit_do(unit, actions);
	spin_unlock_irqrestore(&unit->lock, flags);

	return r;
}

int sw_end_io(struct dm_target *ti, struct bio *bio, blk_status_t *error)
{
	struct sw_unit *unit = ti->private;
	struct sw_bio *b = sw_bio(bio);
	unsigned int generation;
	int r = DM_ENDIO_DONE;

	/* Ended by us, without a path: given back, would wait, or timed out. */
	if (unlikely(!b->sent))
		return DM_ENDIO_DONE;

	if (unlikely(b->sampled)) {
		b->sampled = false;
		sw_witness_end(unit, bio, b->iter, !*error);
	}

	b->sent = false;
	generation = b->generation;

	/*
	 * From here on a retried bio may be gone: do not touch b again. Given
	 * back by a suspend, it keeps the unit no more, but sw_unit_stop() waits
	 * for this section.
	 */
	rcu_read_lock();
	if (unlikely(*error) && is_path_error(b, *error))
		r = end_path_error(unit, bio, b, *error);

	/* The last of a hold makes it drained: it must be on the list first. */
	leave_path(unit, generation);
	rcu_read_unlock();

	return r;
}

static struct bio *pop_held(struct sw_unit *unit)
{
	struct bio *bio = bio_list_pop(&unit->retry);

	if (!bio)
		bio = bio_list_pop(&unit->held);
	if (bio)
		sw_core_unheld(&unit->core, carries(sw_bio(bio)));

	return bio;
}

/* What was asked for in an earlier hold has not flushed what came after it. */
static bool flush_is_awaited(const struct sw_path *path)
{
	const struct sw_core *core = &path->unit->core;

	return core->phase == SW_PHASE_FLUSH && path->flush_mv == core->mv &&
	       sw_path_index(path) == core->current_path;
}

/* Under unit->lock. */
static void end_flush(struct sw_path *path, bool ok)
{
	struct sw_unit *unit = path->unit;
	struct sw_now now = sw_now();

	path->flush_busy = false;
	if (flush_is_awaited(path))
		sw_unit_do(unit, sw_core_flushed(&unit->core, ok, &now));
	/* Under the lock: the unit may go as soon as the waiter has it. */
	wake_up_all(&unit->flush_wait);
}

static void flush_endio(struct bio *bio)
{
	struct sw_path *path = bio->bi_private;
	unsigned long flags;

	spin_lock_irqsave(&path->unit->lock, flags);
	end_flush(path, !bio->bi_status || !blk_path_error(bio->bi_status));
	spin_unlock_irqrestore(&path->unit->lock, flags);
}

/*
 * Asks for the cache of the path that a cooperative switch leaves to be written.
 * Its time runs from now on: to be submitted may already take for ever. Under
 * unit->lock.
 */
void sw_begin_flush(struct sw_unit *unit)
{
	struct sw_path *path = &unit->paths[unit->core.current_path];
	struct sw_now now = sw_now();

	if (path->flush_busy) {
		/* An earlier one hangs there: so would this one. */
		sw_unit_do(unit, sw_core_flushed(&unit->core, false, &now));
		return;
	}

	path->flush_busy = true;
	path->flush_at = now.ns;
	path->flush_mv = unit->core.mv;
	queue_work(unit->flush_wq, &path->flush_work);
}

void sw_flush_work(struct work_struct *work)
{
	struct sw_path *path = container_of(work, struct sw_path, flush_work);
	struct sw_unit *unit = path->unit;
	bool awaited;

	spin_lock_irq(&unit->lock);
	awaited = flush_is_awaited(path);
	if (!awaited)
		end_flush(path, false);
	spin_unlock_irq(&unit->lock);

	if (!awaited)
		return;

	bio_reset(path->flush_bio, path->dev->bdev,
		  REQ_OP_WRITE | REQ_SYNC | REQ_PREFLUSH);
	path->flush_bio->bi_private = path;
	path->flush_bio->bi_end_io = flush_endio;
	submit_bio_noacct(path->flush_bio);
}

/*
 * Sends what waits. One bio at a time, so that a bio that has to wait for a tag
 * of a path that hangs again leaves the others where a timeout finds them.
 */
void sw_send_work(struct work_struct *work)
{
	struct sw_unit *unit = container_of(work, struct sw_unit, send_work);
	struct sw_now now;
	struct sw_path *path;
	unsigned int generation;
	struct blk_plug plug;
	struct bio *bio;

	blk_start_plug(&plug);
	for (;;) {
		spin_lock_irq(&unit->lock);
		path = enter_path(unit, &generation);
		bio = path ? pop_held(unit) : NULL;
		if (path && !bio) {
			now = sw_now();
			sw_core_released(&unit->core, &now);
		}
		spin_unlock_irq(&unit->lock);

		if (!bio)
			break;

		direct_bio(unit, path, generation, bio, sw_bio(bio));
		submit_bio_noacct(bio);
		cond_resched();
	}
	blk_finish_plug(&plug);

	if (path)
		leave_path(unit, generation);
}

static void take_held(struct sw_unit *unit, struct bio_list *list)
{
	struct bio *bio;

	while ((bio = pop_held(unit)))
		bio_list_add(list, bio);
}

static void end_list(struct bio_list *list, blk_status_t status)
{
	struct bio *bio;

	while ((bio = bio_list_pop(list))) {
		bio->bi_status = status;
		bio_endio(bio);
	}
}

/* The hold ended in errors: so do the held bios. */
void sw_end_held(struct sw_unit *unit)
{
	struct bio_list list = BIO_EMPTY_LIST;
	struct sw_now now;

	spin_lock_irq(&unit->lock);
	if (unit->core.state == SW_STATE_FAILED)
		take_held(unit, &list);
	spin_unlock_irq(&unit->lock);

	if (bio_list_empty(&list))
		return;

	end_list(&list, BLK_STS_IOERR);

	spin_lock_irq(&unit->lock);
	now = sw_now();
	sw_core_released(&unit->core, &now);
	spin_unlock_irq(&unit->lock);
}

/* Device-mapper keeps the held bios over a noflush suspend. */
void sw_give_back_held(struct sw_unit *unit)
{
	struct bio_list list = BIO_EMPTY_LIST;

	spin_lock_irq(&unit->lock);
	take_held(unit, &list);
	spin_unlock_irq(&unit->lock);

	end_list(&list, BLK_STS_DM_REQUEUE);
}

/*
 * Bios of one generation in flight, and never fewer than there are. Of a single
 * counter for both ways the sum could be: a bio that enters on a CPU that was
 * read and leaves on one that was not takes another one out of it. So who left
 * is read first, and the way in of each of them is seen after that.
 */
static unsigned int count_generation(const struct sw_unit *unit,
				     unsigned int generation)
{
	const struct sw_flight *flight;
	unsigned int count = 0;
	int cpu;

	for_each_possible_cpu(cpu) {
		flight = per_cpu_ptr(unit->flight, cpu);
		count -= READ_ONCE(flight->of[generation].left);
	}
	/* The other half: a bio's way to the CPU that it leaves on orders both. */
	smp_rmb();
	for_each_possible_cpu(cpu) {
		flight = per_cpu_ptr(unit->flight, cpu);
		count += READ_ONCE(flight->of[generation].entered);
	}

	return count;
}

/* Those of each generation into @count; returns all of them. */
unsigned int sw_count_flight(const struct sw_unit *unit, unsigned int *count)
{
	unsigned int i, sum = 0;

	for (i = 0; i < SW_GENERATIONS; i++) {
		count[i] = count_generation(unit, i);
		sum += count[i];
	}

	return sum;
}

/* Bios in flight, never fewer than there are; exact when none comes or goes. */
int sw_in_flight(const struct sw_unit *unit)
{
	unsigned int count[SW_GENERATIONS];

	return sw_count_flight(unit, count);
}

/*
 * At least how long ago the oldest of the bios in flight, which were counted,
 * was sent; 0: none, or not long ago. Under unit->lock.
 *
 * A flush counts while it is waited for, when there is nothing else. One that
 * hangs on a path which was left says nothing about the path in use.
 */
u64 sw_oldest_ns(const struct sw_unit *unit, const unsigned int *count,
		 u64 now_ns)
{
	const struct sw_path *path;

	if (unit->core.phase == SW_PHASE_FLUSH) {
		path = &unit->paths[unit->core.current_path];
		return path->flush_busy ? now_ns - path->flush_at : 0;
	}

	return sw_ages_oldest(&unit->ages, count, now_ns);
}
