// SPDX-License-Identifier: GPL-2.0-only
/*
 * sw-witness.c - which acknowledged writes are remembered.
 */
#include "sw-witness.h"

static void drop_overlap(struct sw_witness_record *record, u64 sector, u64 end)
{
	if (sector < record->end && record->sector < end)
		record->end = 0;
}

static void keep(struct sw_witness_ring *ring,
		 const struct sw_witness_record *record)
{
	ring->records[ring->head] = *record;
	ring->head = (ring->head + 1) % ring->nr;
}

void sw_witness_init(struct sw_witness_ring *ring, unsigned int nr)
{
	memset(ring, 0, sizeof(*ring));
	ring->nr = nr;
}

void sw_witness_write(struct sw_witness_ring *ring, u64 sector,
		      unsigned int bytes)
{
	u64 end = sector + bytes / SW_SECTOR_BYTES;
	unsigned int i;

	for (i = 0; i < ring->nr; i++)
		drop_overlap(&ring->records[i], sector, end);
	drop_overlap(&ring->sample, sector, end);
}

bool sw_witness_take(struct sw_witness_ring *ring, u64 sector,
		     unsigned int bytes)
{
	if (!ring->due || ring->sample.end)
		return false;

	if (bytes > SW_WITNESS_BYTES)
		bytes = SW_WITNESS_BYTES;
	ring->due = false;
	ring->sample.sector = sector;
	ring->sample.end = sector + bytes / SW_SECTOR_BYTES;

	return true;
}

bool sw_witness_sampled(const struct sw_witness_ring *ring, u64 sector)
{
	/* Dropped meanwhile, and maybe another one is in its place. */
	return ring->sample.end && ring->sample.sector == sector;
}

void sw_witness_sample_end(struct sw_witness_ring *ring, bool ok, u32 crc,
			   u64 now)
{
	if (ok && crc == ring->sample.crc) {
		ring->sample.at = now;
		keep(ring, &ring->sample);
	}
	ring->sample.end = 0;
}

void sw_witness_take_over(struct sw_witness_ring *ring,
			  const struct sw_witness_ring *old)
{
	const struct sw_witness_record *record;
	unsigned int i;

	for (i = 0; i < old->nr; i++) {
		record = sw_witness_get(old, i);
		if (record)
			keep(ring, record);
	}
}

const struct sw_witness_record *
sw_witness_get(const struct sw_witness_ring *ring, unsigned int i)
{
	const struct sw_witness_record *record =
		&ring->records[(ring->head + i) % ring->nr];

	return record->end ? record : NULL;
}
