/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * sw-age.h - the age of the oldest bio in flight, without a list.
 *
 * Every bio counts itself in the generation that is current when it is sent, and
 * a tick may begin the next one. They form a ring: a generation is begun only
 * when no bio of its last use is out. What is known of a bio is when its
 * generation ended, so its age is short by what that lasted: one tick while
 * nothing is old. When a bio stays out until half of the ring is behind it,
 * those that follow last an eighth of the stall budget, so that it is past the
 * budget when the ring closes; a shorter one would then last until that bio is
 * back, and whatever else was sent in it would look young.
 *
 * Like sw-core it takes no lock, reads no clock and calls nothing, and is compiled
 * into the module and into the tests. The glue counts.
 */
#ifndef SW_AGE_H
#define SW_AGE_H

#include "sw-env.h"
#include "sw-uapi.h"

#define SW_STALL_PARTS	8
#define SW_GENERATIONS	(2 * SW_STALL_PARTS)
#define SW_TICK_MS_MAX	500

struct sw_ages {
	unsigned int generation;	/* generation of what is sent now */
	unsigned int ticks;		/* that it has lasted */
	unsigned int ticks_long;	/* that one lasts while something is old */
	unsigned int tick_ms;
	u64 end[SW_GENERATIONS];	/* ns */
};

/**
 * sw_ages_init() - An empty ring.
 * @stall_ms: the budget, SW_STALL_MS_MIN to SW_STALL_MS_MAX; 0: none.
 */
void sw_ages_init(struct sw_ages *ages, unsigned int stall_ms);

/**
 * sw_ages_tick() - tick_ms went by since the last one, or more.
 * @count: bios in flight of each generation, never fewer than there are.
 */
void sw_ages_tick(struct sw_ages *ages, const unsigned int *count, u64 now_ns);

/* At least how long ago the oldest one was sent; 0: none, or in the current generation. */
u64 sw_ages_oldest(const struct sw_ages *ages, const unsigned int *count,
		   u64 now_ns);

#endif /* SW_AGE_H */
