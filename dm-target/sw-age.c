// SPDX-License-Identifier: GPL-2.0-only
/*
 * sw-age.c - the ring of generations.
 */
#include "sw-age.h"

void sw_ages_init(struct sw_ages *ages, unsigned int stall_ms)
{
	unsigned int part_ms = (stall_ms ? stall_ms : SW_STALL_MS_MAX) /
			       SW_STALL_PARTS;

	memset(ages, 0, sizeof(*ages));
	ages->ticks_long = (part_ms + SW_TICK_MS_MAX - 1) / SW_TICK_MS_MAX;
	ages->tick_ms = part_ms / ages->ticks_long;
}

/* The generation after @i others. */
static unsigned int after(const struct sw_ages *ages, unsigned int i)
{
	return (ages->generation + i) % SW_GENERATIONS;
}

/* Is a bio out that was sent half a ring ago? */
static bool something_is_old(const struct sw_ages *ages,
			     const unsigned int *count)
{
	unsigned int i;

	for (i = 1; i <= SW_GENERATIONS / 2; i++)
		if (count[after(ages, i)])
			return true;

	return false;
}

void sw_ages_tick(struct sw_ages *ages, const unsigned int *count, u64 now_ns)
{
	ages->ticks++;
	if (count[after(ages, 1)])
		return;
	if (ages->ticks < ages->ticks_long && something_is_old(ages, count))
		return;

	ages->end[ages->generation] = now_ns;
	ages->ticks = 0;
	/* Read without a lock by who is sent: in one or the other, both are right. */
	WRITE_ONCE(ages->generation, after(ages, 1));
}

u64 sw_ages_oldest(const struct sw_ages *ages, const unsigned int *count,
		   u64 now_ns)
{
	unsigned int i;

	for (i = 1; i < SW_GENERATIONS; i++)
		if (count[after(ages, i)])
			return now_ns - ages->end[after(ages, i)];

	return 0;
}
