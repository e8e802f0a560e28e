// SPDX-License-Identifier: GPL-2.0-only
/*
 * dm-sw-witness.c - checksums of some recently acknowledged writes.
 *
 * In a MV they are compared with what the next path returns: a server with a
 * write-back cache of its own, or a path to an old copy of the disk, shows.
 * Which writes are remembered is decided by sw-witness.c; here are the lock, the
 * checksums and the answer.
 */
#include "dm-sw.h"

#include <linux/blkdev.h>
#include <linux/crc32c.h>
#include <linux/highmem.h>
#include <linux/slab.h>

#include "sw-witness.h"

struct sw_witness {
	spinlock_t lock;		/* all of it */
	struct sw_witness_ring ring;
};

struct sw_witness *sw_witness_alloc(unsigned int nr)
{
	struct sw_witness *witness;

	witness = kvzalloc(sizeof(*witness), GFP_KERNEL);
	if (!witness)
		return NULL;

	spin_lock_init(&witness->lock);
	sw_witness_init(&witness->ring, nr);

	return witness;
}

void sw_witness_free(struct sw_witness *witness)
{
	kvfree(witness);
}

unsigned int sw_witness_size(const struct sw_witness *witness)
{
	return witness ? witness->ring.nr : SW_WITNESS_DEFAULT;
}

/* Of what the sample keeps. */
static u32 checksum(const struct sw_witness_ring *ring, struct bio *bio,
		    struct bvec_iter iter)
{
	struct bio_vec bv;
	u32 crc = ~0;

	iter.bi_size = sw_witness_bytes(&ring->sample);
	__bio_for_each_segment(bv, bio, iter, iter) {
		void *data = bvec_kmap_local(&bv);

		crc = crc32c(crc, data, bv.bv_len);
		kunmap_local(data);
	}

	return ~crc;
}

void sw_witness_due(struct sw_witness *witness)
{
	WRITE_ONCE(witness->ring.due, true);
}

/* Nothing but the write that asks is in flight, and nothing may be sent after it. */
static bool is_alone(struct sw_unit *unit)
{
	return !READ_ONCE(unit->core.held_bios) && sw_in_flight(unit) == 1;
}

/*
 * Under unit->lock nothing goes from in flight to held or back unseen; and who
 * has been at the ring before was counted, in flight or held, before that.
 */
static noinline bool take_sample(struct sw_unit *unit, struct bio *bio)
{
	struct sw_witness *witness = unit->witness;
	struct sw_witness_ring *ring = &witness->ring;
	struct bvec_iter iter = bio->bi_iter;
	unsigned long flags;
	bool taken;

	spin_lock_irqsave(&unit->lock, flags);
	spin_lock(&witness->lock);
	sw_witness_write(ring, iter.bi_sector, iter.bi_size);
	taken = is_alone(unit) &&
		sw_witness_take(ring, iter.bi_sector, iter.bi_size);
	if (taken)
		ring->sample.crc = checksum(ring, bio, iter);
	spin_unlock(&witness->lock);
	spin_unlock_irqrestore(&unit->lock, flags);

	return taken;
}

/* A write is held, and is among the held ones already; it is not sampled. */
void sw_witness_hold(struct sw_unit *unit, struct bio *bio)
{
	struct sw_witness *witness = unit->witness;
	unsigned long flags;

	spin_lock_irqsave(&witness->lock, flags);
	sw_witness_write(&witness->ring, bio->bi_iter.bi_sector,
			 bio->bi_iter.bi_size);
	spin_unlock_irqrestore(&witness->lock, flags);
}

/*
 * A write is sent, and is counted as in flight already. True: it is sampled, and
 * sw_witness_end() must follow.
 */
bool sw_witness_begin(struct sw_unit *unit, struct bio *bio)
{
	if (unlikely(READ_ONCE(unit->witness->ring.due)) &&
	    bio_op(bio) == REQ_OP_WRITE && is_alone(unit))
		return take_sample(unit, bio);

	sw_witness_hold(unit, bio);

	return false;
}

/* The sampled write came back. @iter: as it was sent. */
void sw_witness_end(struct sw_unit *unit, struct bio *bio,
		    struct bvec_iter iter, bool ok)
{
	struct sw_witness *witness = unit->witness;
	struct sw_witness_ring *ring = &witness->ring;
	unsigned long flags;
	u32 crc = 0;

	spin_lock_irqsave(&witness->lock, flags);
	if (sw_witness_sampled(ring, iter.bi_sector)) {
		if (ok)
			crc = checksum(ring, bio, iter);
		sw_witness_sample_end(ring, ok, crc, ktime_get_boottime_ns());
	}
	spin_unlock_irqrestore(&witness->lock, flags);
}

/*
 * Takes what is remembered of the unit of the table before, which is suspended
 * and has nothing in flight. A path is mostly exchanged by a reload: just then
 * the next one is to be compared.
 */
void sw_witness_adopt(struct sw_witness *witness, const struct sw_witness *old)
{
	sw_witness_take_over(&witness->ring, &old->ring);
}

/* Answers "witness", oldest first; 1: result holds the answer. */
int sw_emit_witness(struct sw_unit *unit, char *result, unsigned int maxlen)
{
	struct sw_witness *witness = unit->witness;
	const struct sw_witness_record *record;
	unsigned int i;
	size_t sz = 0;
	u64 now;

	result[0] = '\0';
	if (!witness)
		return 1;

	spin_lock_irq(&witness->lock);
	/* Under the lock, or a record could be younger than now. */
	now = ktime_get_boottime_ns();
	for (i = 0; i < witness->ring.nr; i++) {
		record = sw_witness_get(&witness->ring, i);
		if (record)
			DMEMIT("%llu %u %08x %llu\n", record->sector,
			       sw_witness_bytes(record), record->crc,
			       sw_ms(now - record->at));
	}
	spin_unlock_irq(&witness->lock);

	return 1;
}
