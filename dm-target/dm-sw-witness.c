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

static u32 checksum(struct bio *bio, struct bvec_iter iter, unsigned int bytes)
{
	struct bio_vec bv;
	u32 crc = ~0;

	iter.bi_size = bytes;
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

/* A write came. True: it is sampled, and sw_witness_end() must follow. */
bool sw_witness_begin(struct sw_unit *unit, struct bio *bio)
{
	struct sw_witness *witness = unit->witness;
	struct sw_witness_ring *ring = &witness->ring;
	unsigned long flags;
	bool take;

	/* What is held may be sent after it, and what is sent counts itself first. */
	take = READ_ONCE(ring->due) && bio_op(bio) == REQ_OP_WRITE &&
	       !READ_ONCE(unit->core.held_bios) && !sw_in_flight(unit);

	spin_lock_irqsave(&witness->lock, flags);
	take = sw_witness_write(ring, bio->bi_iter.bi_sector,
				bio->bi_iter.bi_size, take);
	if (take)
		ring->sample.crc = checksum(bio, bio->bi_iter,
					    ring->sample.bytes);
	spin_unlock_irqrestore(&witness->lock, flags);

	return take;
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
			crc = checksum(bio, iter, ring->sample.bytes);
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
	u64 now = ktime_get_boottime_ns();
	unsigned int i;
	size_t sz = 0;

	result[0] = '\0';
	if (!witness)
		return 1;

	spin_lock_irq(&witness->lock);
	for (i = 0; i < witness->ring.nr; i++) {
		record = sw_witness_get(&witness->ring, i);
		if (record)
			DMEMIT("%llu %u %08x %llu\n", record->sector,
			       record->bytes, record->crc,
			       (now - record->at) / NSEC_PER_MSEC);
	}
	spin_unlock_irq(&witness->lock);

	return 1;
}
