/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * td.h - the test disk: its store, and the hosts that lead to it. td-host.c has the rest.
 */
#ifndef TD_H
#define TD_H

#include <linux/atomic.h>
#include <linux/list.h>
#include <linux/spinlock.h>
#include <linux/types.h>
#include <scsi/scsi_cmnd.h>
#include <scsi/scsi_host.h>

#define TD_SHIFT 9
#define TD_MAX_SECTORS 256
#define TD_NONE (~0ULL)
#define TD_HOSTS_MAX 8
#define TD_LUNS_MAX 4096 /* each is a line of REPORT LUNS */

enum td_mode {
	TD_WORKS,
	TD_SWALLOWS,
	TD_KEEPS,
	TD_NO_TRANSPORT,
	TD_CONFLICT,
	TD_RECOVERED,
	TD_BUSY,
	TD_FULL,
	TD_NOT_READY,
	TD_ABORTED,
	TD_LATE,
};

struct td_host {
	struct Scsi_Host *shost;
	unsigned int index;
	unsigned int luns;
	u32 mode;
	u64 wwid;
	u32 copy;
	u64 blocks;
	u64 medium;
	bool wp;
	bool wce;
	bool eh_fails;
	bool frozen;
	u32 every;
	atomic_t commands;
	u32 ua;

	spinlock_t lock;            /* the two lists */
	struct list_head swallowed; /* td_cmd */
	struct list_head ghosts;    /* td_ghost */
	u32 reads, writes, fua, flushes, discards;
	u32 nr_swallowed, aborts, resets;
};

struct td_cmd {
	struct list_head list; /* empty unless swallowed */
};

struct td_ghost {
	struct list_head list;
	u64 block;
	u32 bytes;
	u8 data[];
};

extern u8 *td_store;

/* Gives the command its result and its data; the disk works. */
void td_execute(struct td_host *td, struct scsi_cmnd *cmd);

/* The answer of an upset disk, in place of its own. False: it is not upset by this command. */
bool td_is_upset(struct td_host *td, struct scsi_cmnd *cmd, u32 mode);

/* False: a command without a range, or one that is not known. */
bool td_decode(const struct scsi_cmnd *cmd, u64 *block, u64 *nr);

#endif /* TD_H */
