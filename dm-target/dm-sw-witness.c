// SPDX-License-Identifier: GPL-2.0-only
/*
 * dm-sw-witness.c - checksums of some recently acknowledged writes.
 *
 * In a MV they are compared with what the next path returns: a server with a
 * write-back cache of its own, or a path to an old copy of the disk, shows.
 *
 * A record must be true or absent, for a false one would reject a good path. So
 * a write is sampled only while nothing else is in flight, any write that comes
 * drops what it overlaps, recorded or sampled, and a sample counts only if the
 * checksum is the same before and after (the caller may change its buffer while
 * it is in flight). One sample a tick at most: evidence, not proof.
 */
#include "dm-sw.h"

#include <linux/blkdev.h>
#include <linux/crc32c.h>
#include <linux/highmem.h>
#include <linux/slab.h>

struct sw_witness_record {
	sector_t sector;
	unsigned int bytes;	/* 0: none */
	u32 crc;
	u64 at;			/* ns, acknowledged */
};

struct sw_witness {
	spinlock_t lock;			/* all of it */
	bool due;
	struct sw_witness_record sample;	/* in flight */
	unsigned int head;
	unsigned int nr;
	struct sw_witness_record records[];
};

struct sw_witness *sw_witness_alloc(unsigned int nr)
{
	struct sw_witness *witness;

	witness = kvzalloc(struct_size(witness, records, nr), GFP_KERNEL);
	if (!witness)
		return NULL;

	spin_lock_init(&witness->lock);
	witness->nr = nr;

	return witness;
}

void sw_witness_free(struct sw_witness *witness)
{
	kvfree(witness);
}

unsigned int sw_witness_size(const struct sw_witness *witness)
{
	return witness ? witness->nr : SW_WITNESS_DEFAULT;
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

static void drop_overlap(struct sw_witness_record *record, sector_t sector,
			 unsigned int bytes)
{
	sector_t end = sector + (bytes >> SECTOR_SHIFT);

	if (record->bytes && sector < record->sector +
	    (record->bytes >> SECTOR_SHIFT) && record->sector < end)
		record->bytes = 0;
}

void sw_witness_due(struct sw_witness *witness)
{
	WRITE_ONCE(witness->due, true);
}

/* A write came. True: it is sampled, and sw_witness_end() must follow. */
bool sw_witness_begin(struct sw_unit *unit, struct bio *bio)
{
	struct sw_witness *witness = unit->witness;
	sector_t sector = bio->bi_iter.bi_sector;
	unsigned int bytes = bio->bi_iter.bi_size;
	unsigned long flags;
	bool take;
	unsigned int i;

	take = READ_ONCE(witness->due) && bio_op(bio) == REQ_OP_WRITE &&
	       !sw_in_flight(unit);

	spin_lock_irqsave(&witness->lock, flags);
	for (i = 0; i < witness->nr; i++)
		drop_overlap(&witness->records[i], sector, bytes);
	drop_overlap(&witness->sample, sector, bytes);
	take = take && !witness->sample.bytes;
	if (take) {
		witness->due = false;
		witness->sample.sector = sector;
		witness->sample.bytes = min_t(unsigned int, bytes,
					      SW_WITNESS_BYTES);
		witness->sample.crc = checksum(bio, bio->bi_iter,
					       witness->sample.bytes);
	}
	spin_unlock_irqrestore(&witness->lock, flags);

	return take;
}

/* The sampled write came back. @iter: as it was sent. */
void sw_witness_end(struct sw_unit *unit, struct bio *bio,
		    struct bvec_iter iter, bool ok)
{
	struct sw_witness *witness = unit->witness;
	struct sw_witness_record *sample = &witness->sample;
	unsigned long flags;

	spin_lock_irqsave(&witness->lock, flags);
	/* Dropped meanwhile, and maybe another one is in its place. */
	if (sample->bytes && sample->sector == iter.bi_sector) {
		if (ok && checksum(bio, iter, sample->bytes) == sample->crc) {
			sample->at = ktime_get_boottime_ns();
			witness->records[witness->head] = *sample;
			witness->head = (witness->head + 1) % witness->nr;
		}
		sample->bytes = 0;
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
	const struct sw_witness_record *record;
	unsigned int i;

	for (i = 0; i < old->nr; i++) {
		record = &old->records[(old->head + i) % old->nr];
		if (!record->bytes)
			continue;
		witness->records[witness->head] = *record;
		witness->head = (witness->head + 1) % witness->nr;
	}
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
	for (i = 0; i < witness->nr; i++) {
		record = &witness->records[(witness->head + i) % witness->nr];
		if (record->bytes)
			DMEMIT("%llu %u %08x %llu\n", (u64)record->sector,
			       record->bytes, record->crc,
			       (now - record->at) / NSEC_PER_MSEC);
	}
	spin_unlock_irq(&witness->lock);

	return 1;
}
