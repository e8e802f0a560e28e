/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * sw-witness.h - which acknowledged writes are remembered.
 *
 * A record must be true or absent, for a false one would reject a good path. So
 * a write is sampled only while nothing else is in flight, any write that comes
 * drops what it overlaps, recorded or sampled, after it can be seen in flight,
 * and a sample counts only if the checksum is the same before and after (the
 * caller may change its buffer while it is in flight). One sample a tick at
 * most: evidence, not proof.
 *
 * As sw-core.h: no lock, no clock, compiled into the module and into the tests.
 */
#ifndef SW_WITNESS_H
#define SW_WITNESS_H

#include "sw-words.h"

#define SW_SECTOR_BYTES	512

struct sw_witness_record {
	u64 sector;
	u64 end;		/* the sector after it, 0: none */
	u32 crc;
	u64 at;			/* ns, acknowledged */
};

struct sw_witness_ring {
	bool due;				/* the next write is sampled */
	struct sw_witness_record sample;	/* in flight */
	unsigned int head;
	unsigned int nr;
	struct sw_witness_record records[SW_WITNESS_MAX];
};

/* @nr: 1 to SW_WITNESS_MAX. */
void sw_witness_init(struct sw_witness_ring *ring, unsigned int nr);

static inline unsigned int
sw_witness_bytes(const struct sw_witness_record *record)
{
	return (record->end - record->sector) * SW_SECTOR_BYTES;
}

/* A write comes: what it overlaps is forgotten. */
void sw_witness_write(struct sw_witness_ring *ring, u64 sector,
		      unsigned int bytes);

/*
 * Nothing else is in flight or held. True: that write is sampled, and the caller
 * puts the checksum of its first sw_witness_bytes() into sample.crc.
 */
bool sw_witness_take(struct sw_witness_ring *ring, u64 sector,
		     unsigned int bytes);

/* Is the sample of the write at @sector still there? */
bool sw_witness_sampled(const struct sw_witness_ring *ring, u64 sector);

/*
 * The write of the sample has ended. @ok: acknowledged, and @crc is what its
 * buffer holds now.
 */
void sw_witness_sample_end(struct sw_witness_ring *ring, bool ok, u32 crc,
			   u64 now);

/* Takes what @old remembers, which has nothing in flight. */
void sw_witness_take_over(struct sw_witness_ring *ring,
			  const struct sw_witness_ring *old);

/* The i-th of ring->nr places, oldest first; NULL: nothing is there. */
const struct sw_witness_record *
sw_witness_get(const struct sw_witness_ring *ring, unsigned int i);

#endif /* SW_WITNESS_H */
