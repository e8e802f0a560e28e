// SPDX-License-Identifier: GPL-2.0-only
/*
 * sw-testdisk - one disk in memory behind several SCSI hosts, each of which can
 * be made sick on its own.
 *
 * For the test VMs only. scsi_debug swallows commands on all of its hosts at
 * once (before Linux 6.8), so with it a hung path never has a healthy one
 * beside it; nor can it let a write land after its command was given up, which
 * is what a fence is for. Everything else here is as plain as it can be.
 *
 * /sys/kernel/debug/sw-testdisk/<host number>/ has for each host, all read and
 * written at any moment:
 *   mode       0 works; 1 swallows every command; 2 the same, but keeps the
 *              writes, for "ghosts"; 3 fails with a transport error;
 *              4 reservation conflict for reads and writes; 5 executes, and
 *              reports a recovered error; not executed are 6 BUSY, 7 TASK SET
 *              FULL, 8 NOT READY (becoming ready), 9 ABORTED COMMAND
 *   every      modes 5 to 9 strike each so manyth command only
 *   wwid       last 8 bytes of the NAA name that INQUIRY tells
 *   blocks     capacity in 512-byte blocks, at most that of the store
 *   wp         write-protected
 *   wce        the mode page says that there is a write cache
 *   medium     this block cannot be read or written; all ones: none
 *   eh_fails   aborts and resets do not work, so that a device goes offline
 *   ua         this asc << 8 | ascq is the next command's unit attention
 *   ghosts     kept writes; writing 1 lets them land, writing 0 forgets them
 *   reads, writes, fua, flushes, discards, swallowed, aborts, resets
 *              counters
 */
#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include <linux/debugfs.h>
#include <linux/module.h>
#include <linux/slab.h>
#include <linux/vmalloc.h>
#include <scsi/scsi.h>
#include <scsi/scsi_cmnd.h>
#include <scsi/scsi_device.h>
#include <scsi/scsi_eh.h>
#include <scsi/scsi_host.h>
#if __has_include(<linux/unaligned.h>)
#include <linux/unaligned.h>	/* since 6.12 */
#else
#include <asm/unaligned.h>
#endif

#define TD_SHIFT	9
#define TD_MAX_SECTORS	256
#define TD_NONE		(~0ULL)
#define TD_HOSTS_MAX	8

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
};

static unsigned int size_mb = 64;
module_param(size_mb, uint, 0444);
MODULE_PARM_DESC(size_mb, "size of the disk in MiB");

static unsigned int hosts = 2;
module_param(hosts, uint, 0444);
MODULE_PARM_DESC(hosts, "hosts that have the disk");

static unsigned long long wwid = 1;
module_param(wwid, ullong, 0444);
MODULE_PARM_DESC(wwid, "last 8 bytes of the disk's NAA name");

static u8 *td_store;
static u64 td_blocks;
static struct dentry *td_dir;

struct td_host {
	struct Scsi_Host *shost;
	unsigned int index;
	u32 mode;
	u64 wwid;
	u64 blocks;
	u64 medium;
	bool wp;
	bool wce;
	bool eh_fails;
	u32 every;
	atomic_t commands;
	u32 ua;

	spinlock_t lock;		/* the two lists */
	struct list_head swallowed;	/* td_cmd */
	struct list_head ghosts;	/* td_ghost */
	u32 reads, writes, fua, flushes, discards;
	u32 nr_swallowed, aborts, resets;
};

static struct td_host *td_hosts[TD_HOSTS_MAX];

struct td_cmd {
	struct list_head list;		/* empty unless swallowed */
};

struct td_ghost {
	struct list_head list;
	u64 block;
	u32 bytes;
	u8 data[];
};

static void td_answer(struct scsi_cmnd *cmd, const void *data, size_t len)
{
	size_t copied = sg_copy_from_buffer(scsi_sglist(cmd), scsi_sg_count(cmd),
					    data, min_t(size_t, len, scsi_bufflen(cmd)));

	scsi_set_resid(cmd, scsi_bufflen(cmd) - copied);
}

static void td_refuse(struct scsi_cmnd *cmd, u8 asc)
{
	scsi_build_sense(cmd, 0, ILLEGAL_REQUEST, asc, 0);
}

static void td_vpd_identification(struct td_host *td, u8 *page)
{
	u8 *at = page + 4;

	/* The logical unit: NAA 6, a made-up company, the disk's number. */
	at[0] = 0x01;
	at[1] = 0x03;
	at[3] = 16;
	put_unaligned_be64(0x6053570000000000ULL, at + 4);
	put_unaligned_be64(READ_ONCE(td->wwid), at + 12);
	at += 20;
	/* The same by vendor. */
	at[0] = 0x02;
	at[1] = 0x01;
	at[3] = 8 + 16;
	memcpy(at + 4, "SWPATH  ", 8);
	snprintf(at + 12, 17, "%016llx", READ_ONCE(td->wwid));
	at += 28;
	/* The target port: NAA 5, and its number. */
	at[0] = 0x61;
	at[1] = 0x93;
	at[3] = 8;
	put_unaligned_be64(0x5053570000000000ULL + td->index, at + 4);
	at += 12;
	at[0] = 0x61;
	at[1] = 0x94;
	at[3] = 4;
	put_unaligned_be32(td->index + 1, at + 4);
	at += 8;
	put_unaligned_be16(at - page - 4, page + 2);
}

static void td_inquiry(struct td_host *td, struct scsi_cmnd *cmd)
{
	static const u8 pages[] = { 0x00, 0x80, 0x83, 0xb0, 0xb1, 0xb2 };
	u8 data[256] = {};
	size_t len = get_unaligned_be16(cmd->cmnd + 3);

	if (!(cmd->cmnd[1] & 1)) {
		data[2] = 6;			/* SPC-4 */
		data[3] = 2;
		data[4] = 96 - 5;
		data[7] = 2;			/* command queueing */
		memcpy(data + 8, "SWPATH  TESTDISK        0001", 28);
		td_answer(cmd, data, min_t(size_t, len, 96));
		return;
	}
	data[1] = cmd->cmnd[2];
	switch (cmd->cmnd[2]) {
	case 0x00:
		data[3] = sizeof(pages);
		memcpy(data + 4, pages, sizeof(pages));
		break;
	case 0x80:
		data[3] = 16;
		snprintf(data + 4, 17, "%016llx", READ_ONCE(td->wwid));
		break;
	case 0x83:
		td_vpd_identification(td, data);
		break;
	case 0xb0:
		data[3] = 0x3c;
		put_unaligned_be32(TD_MAX_SECTORS, data + 8);
		put_unaligned_be32(65536, data + 20);	/* blocks in one UNMAP */
		put_unaligned_be32(16, data + 24);	/* descriptors in one UNMAP */
		put_unaligned_be32(8, data + 28);	/* granularity */
		put_unaligned_be64(65536, data + 36);	/* blocks in one WRITE SAME */
		break;
	case 0xb1:
		data[3] = 0x3c;
		data[5] = 1;				/* does not rotate */
		break;
	case 0xb2:
		data[3] = 4;
		data[5] = 0xc4;				/* LBPU, LBPWS, LBPRZ */
		break;
	default:
		td_refuse(cmd, 0x24);
		return;
	}
	td_answer(cmd, data, min_t(size_t, len, 4 + get_unaligned_be16(data + 2)));
}

static void td_mode_sense(struct td_host *td, struct scsi_cmnd *cmd, bool ten)
{
	u8 data[64] = {};
	u8 head = ten ? 8 : 4;
	u8 page = cmd->cmnd[2] & 0x3f;
	u8 len = head;
	u8 flags = 0x10 | (READ_ONCE(td->wp) ? 0x80 : 0);	/* DPOFUA, WP */

	if (page == 0x08 || page == 0x3f) {
		data[len] = 0x08;
		data[len + 1] = 0x12;
		data[len + 2] = READ_ONCE(td->wce) ? 0x04 : 0;	/* write cache */
		len += 20;
	} else if (page != 0) {
		td_refuse(cmd, 0x24);
		return;
	}
	if (ten) {
		put_unaligned_be16(len - 2, data);
		data[3] = flags;
	} else {
		data[0] = len - 1;
		data[2] = flags;
	}
	td_answer(cmd, data, min_t(size_t, len, ten ? get_unaligned_be16(cmd->cmnd + 7) :
						      cmd->cmnd[4]));
}

/* False, and the command has its sense, if there is something wrong with the range. */
static bool td_range_is_good(struct td_host *td, struct scsi_cmnd *cmd, u64 block, u64 nr)
{
	u64 medium = READ_ONCE(td->medium);

	if (READ_ONCE(td->mode) == TD_CONFLICT) {
		cmd->result = SAM_STAT_RESERVATION_CONFLICT;
		return false;
	}
	if (nr > td->blocks || block > td->blocks - nr) {
		td_refuse(cmd, 0x21);
		return false;
	}
	if (cmd->sc_data_direction != DMA_FROM_DEVICE && READ_ONCE(td->wp)) {
		scsi_build_sense(cmd, 0, DATA_PROTECT, 0x27, 0);
		return false;
	}
	if (medium >= block && medium < block + nr) {
		if (cmd->sc_data_direction == DMA_FROM_DEVICE)
			scsi_build_sense(cmd, 0, MEDIUM_ERROR, 0x11, 0);
		else
			scsi_build_sense(cmd, 0, MEDIUM_ERROR, 0x0c, 0);
		scsi_set_sense_information(cmd->sense_buffer, SCSI_SENSE_BUFFERSIZE, medium);
		return false;
	}
	return true;
}

static bool td_decode(const struct scsi_cmnd *cmd, u64 *block, u64 *nr)
{
	switch (cmd->cmnd[0]) {
	case READ_10:
	case WRITE_10:
		*block = get_unaligned_be32(cmd->cmnd + 2);
		*nr = get_unaligned_be16(cmd->cmnd + 7);
		return true;
	case READ_16:
	case WRITE_16:
	case WRITE_SAME_16:
		*block = get_unaligned_be64(cmd->cmnd + 2);
		*nr = get_unaligned_be32(cmd->cmnd + 10);
		return true;
	default:
		return false;
	}
}

static void td_read_write(struct td_host *td, struct scsi_cmnd *cmd)
{
	bool write = cmd->sc_data_direction == DMA_TO_DEVICE;
	u64 block, nr;
	size_t len;

	td_decode(cmd, &block, &nr);
	if (!td_range_is_good(td, cmd, block, nr))
		return;
	len = min_t(size_t, nr << TD_SHIFT, scsi_bufflen(cmd));
	if (write) {
		sg_copy_to_buffer(scsi_sglist(cmd), scsi_sg_count(cmd),
				  td_store + (block << TD_SHIFT), len);
		td->writes++;
		if (cmd->cmnd[1] & 0x08)
			td->fua++;
	} else {
		td_answer(cmd, td_store + (block << TD_SHIFT), len);
		td->reads++;
	}
}

static void td_write_same(struct td_host *td, struct scsi_cmnd *cmd)
{
	u8 pattern[1 << TD_SHIFT] = {};
	u64 block, nr, i;

	td_decode(cmd, &block, &nr);
	if (!td_range_is_good(td, cmd, block, nr))
		return;
	if (!(cmd->cmnd[1] & 0x01))
		sg_copy_to_buffer(scsi_sglist(cmd), scsi_sg_count(cmd), pattern, sizeof(pattern));
	for (i = 0; i < nr; i++)
		memcpy(td_store + ((block + i) << TD_SHIFT), pattern, sizeof(pattern));
	td->discards++;
}

static void td_unmap(struct td_host *td, struct scsi_cmnd *cmd)
{
	u8 data[8 + 16 * 16];
	size_t len = sg_copy_to_buffer(scsi_sglist(cmd), scsi_sg_count(cmd), data, sizeof(data));
	size_t at;

	for (at = 8; at + 16 <= len && at + 16 <= 8u + get_unaligned_be16(data + 2); at += 16) {
		u64 block = get_unaligned_be64(data + at);
		u64 nr = get_unaligned_be32(data + at + 8);

		if (!td_range_is_good(td, cmd, block, nr))
			return;
		memset(td_store + (block << TD_SHIFT), 0, nr << TD_SHIFT);
	}
	td->discards++;
}

static void td_execute(struct td_host *td, struct scsi_cmnd *cmd)
{
	u8 data[32] = {};
	u32 ua = xchg(&td->ua, 0);

	cmd->result = SAM_STAT_GOOD;
	if (ua && cmd->cmnd[0] != INQUIRY && cmd->cmnd[0] != REPORT_LUNS) {
		scsi_build_sense(cmd, 0, UNIT_ATTENTION, ua >> 8, ua);
		return;
	}
	switch (cmd->cmnd[0]) {
	case TEST_UNIT_READY:
	case START_STOP:
	case ALLOW_MEDIUM_REMOVAL:
		break;
	case REQUEST_SENSE:
		data[0] = 0x70;
		data[7] = 10;
		td_answer(cmd, data, 18);
		break;
	case INQUIRY:
		td_inquiry(td, cmd);
		break;
	case REPORT_LUNS:
		data[3] = 8;
		td_answer(cmd, data, 16);
		break;
	case READ_CAPACITY:
		put_unaligned_be32(min_t(u64, READ_ONCE(td->blocks) - 1, U32_MAX), data);
		put_unaligned_be32(1 << TD_SHIFT, data + 4);
		td_answer(cmd, data, 8);
		break;
	case SERVICE_ACTION_IN_16:
		if ((cmd->cmnd[1] & 0x1f) != SAI_READ_CAPACITY_16) {
			td_refuse(cmd, 0x24);
			break;
		}
		put_unaligned_be64(READ_ONCE(td->blocks) - 1, data);
		put_unaligned_be32(1 << TD_SHIFT, data + 8);
		data[13] = 3;		/* 4 KiB physical */
		data[14] = 0xc0;	/* LBPME, LBPRZ */
		td_answer(cmd, data, 32);
		break;
	case MODE_SENSE:
		td_mode_sense(td, cmd, false);
		break;
	case MODE_SENSE_10:
		td_mode_sense(td, cmd, true);
		break;
	case SYNCHRONIZE_CACHE:
	case SYNCHRONIZE_CACHE_16:
		td->flushes++;
		break;
	case READ_10:
	case READ_16:
	case WRITE_10:
	case WRITE_16:
		td_read_write(td, cmd);
		break;
	case WRITE_SAME_16:
		td_write_same(td, cmd);
		break;
	case UNMAP:
		td_unmap(td, cmd);
		break;
	default:
		td_refuse(cmd, 0x20);
		break;
	}
}

/* The answer of an upset disk, in place of its own. False: it is not upset by this command. */
static bool td_is_upset(struct td_host *td, struct scsi_cmnd *cmd, u32 mode)
{
	u32 every = max_t(u32, READ_ONCE(td->every), 1);

	/* It tells who it is in any mood. */
	if (cmd->cmnd[0] == INQUIRY || cmd->cmnd[0] == REPORT_LUNS)
		return false;
	if (atomic_inc_return(&td->commands) % every)
		return false;
	switch (mode) {
	case TD_RECOVERED:
		td_execute(td, cmd);
		if (cmd->result == SAM_STAT_GOOD)
			scsi_build_sense(cmd, 0, RECOVERED_ERROR, 0x18, 0);
		return true;
	case TD_BUSY:
		cmd->result = SAM_STAT_BUSY;
		return true;
	case TD_FULL:
		cmd->result = SAM_STAT_TASK_SET_FULL;
		return true;
	case TD_NOT_READY:
		scsi_build_sense(cmd, 0, NOT_READY, 0x04, 0x01);
		return true;
	case TD_ABORTED:
		scsi_build_sense(cmd, 0, ABORTED_COMMAND, 0, 0);
		return true;
	default:
		return false;
	}
}

static struct td_ghost *td_keep(struct td_host *td, struct scsi_cmnd *cmd)
{
	struct td_ghost *ghost;
	u64 block, nr;

	if ((cmd->cmnd[0] != WRITE_10 && cmd->cmnd[0] != WRITE_16) ||
	    !td_decode(cmd, &block, &nr) || nr > td->blocks || block > td->blocks - nr)
		return NULL;
	ghost = kmalloc(struct_size(ghost, data, nr << TD_SHIFT), GFP_ATOMIC | __GFP_NOWARN);
	if (!ghost)
		return NULL;
	ghost->block = block;
	ghost->bytes = sg_copy_to_buffer(scsi_sglist(cmd), scsi_sg_count(cmd), ghost->data,
					 nr << TD_SHIFT);
	return ghost;
}

static int td_queuecommand(struct Scsi_Host *shost, struct scsi_cmnd *cmd)
{
	struct td_host *td = *(struct td_host **)shost_priv(shost);
	struct td_cmd *priv = scsi_cmd_priv(cmd);
	struct td_ghost *ghost = NULL;
	unsigned long flags;
	u32 mode = READ_ONCE(td->mode);

	INIT_LIST_HEAD(&priv->list);
	switch (mode) {
	case TD_SWALLOWS:
	case TD_KEEPS:
		if (mode == TD_KEEPS)
			ghost = td_keep(td, cmd);
		spin_lock_irqsave(&td->lock, flags);
		list_add_tail(&priv->list, &td->swallowed);
		if (ghost)
			list_add_tail(&ghost->list, &td->ghosts);
		td->nr_swallowed++;
		spin_unlock_irqrestore(&td->lock, flags);
		return 0;
	case TD_NO_TRANSPORT:
		cmd->result = DID_NO_CONNECT << 16;
		break;
	default:
		if (!td_is_upset(td, cmd, mode))
			td_execute(td, cmd);
		break;
	}
	scsi_done(cmd);
	return 0;
}

static int td_eh_abort(struct scsi_cmnd *cmd)
{
	struct td_host *td = *(struct td_host **)shost_priv(cmd->device->host);
	struct td_cmd *priv = scsi_cmd_priv(cmd);
	unsigned long flags;

	td->aborts++;
	if (READ_ONCE(td->eh_fails))
		return FAILED;
	spin_lock_irqsave(&td->lock, flags);
	list_del_init(&priv->list);
	spin_unlock_irqrestore(&td->lock, flags);
	return SUCCESS;
}

static int td_eh_reset(struct scsi_cmnd *cmd)
{
	struct td_host *td = *(struct td_host **)shost_priv(cmd->device->host);
	struct td_cmd *priv, *next;
	LIST_HEAD(given_up);
	unsigned long flags;

	td->resets++;
	if (READ_ONCE(td->eh_fails))
		return FAILED;
	/*
	 * Every command that the disk had is gone. The error handler finishes
	 * those that it knows; one that is under way without it, as after
	 * SG_SCSI_RESET from a user, comes back now.
	 */
	spin_lock_irqsave(&td->lock, flags);
	list_splice_init(&td->swallowed, &given_up);
	spin_unlock_irqrestore(&td->lock, flags);
	list_for_each_entry_safe(priv, next, &given_up, list) {
		struct scsi_cmnd *lost = (struct scsi_cmnd *)priv - 1;

		list_del_init(&priv->list);
		lost->result = DID_RESET << 16;
		scsi_done(lost);
	}
	WRITE_ONCE(td->ua, 0x2900);
	return SUCCESS;
}

static struct scsi_host_template td_template = {
	.module			= THIS_MODULE,
	.name			= "sw-testdisk",
	.proc_name		= "sw-testdisk",
	.queuecommand		= td_queuecommand,
	.eh_abort_handler	= td_eh_abort,
	.eh_device_reset_handler = td_eh_reset,
	.eh_host_reset_handler	= td_eh_reset,
	.cmd_size		= sizeof(struct td_cmd),
	.can_queue		= 128,
	.cmd_per_lun		= 64,
	.this_id		= -1,
	.sg_tablesize		= SG_ALL,
	.max_sectors		= TD_MAX_SECTORS,
};

static int td_ghosts_get(void *data, u64 *value)
{
	struct td_host *td = data;
	unsigned long flags;

	spin_lock_irqsave(&td->lock, flags);
	*value = list_count_nodes(&td->ghosts);
	spin_unlock_irqrestore(&td->lock, flags);
	return 0;
}

static int td_ghosts_set(void *data, u64 value)
{
	struct td_host *td = data;
	struct td_ghost *ghost, *next;
	LIST_HEAD(ghosts);
	unsigned long flags;

	spin_lock_irqsave(&td->lock, flags);
	list_splice_init(&td->ghosts, &ghosts);
	spin_unlock_irqrestore(&td->lock, flags);
	list_for_each_entry_safe(ghost, next, &ghosts, list) {
		if (value)
			memcpy(td_store + (ghost->block << TD_SHIFT), ghost->data, ghost->bytes);
		kfree(ghost);
	}
	return 0;
}
DEFINE_DEBUGFS_ATTRIBUTE(td_ghosts_fops, td_ghosts_get, td_ghosts_set, "%llu\n");

static void td_add_files(struct td_host *td)
{
	struct dentry *dir;
	char name[12];

	snprintf(name, sizeof(name), "%u", td->shost->host_no);
	dir = debugfs_create_dir(name, td_dir);
	debugfs_create_u32("mode", 0644, dir, &td->mode);
	debugfs_create_x64("wwid", 0644, dir, &td->wwid);
	debugfs_create_u64("blocks", 0644, dir, &td->blocks);
	debugfs_create_u64("medium", 0644, dir, &td->medium);
	debugfs_create_bool("wp", 0644, dir, &td->wp);
	debugfs_create_bool("wce", 0644, dir, &td->wce);
	debugfs_create_u32("every", 0644, dir, &td->every);
	debugfs_create_bool("eh_fails", 0644, dir, &td->eh_fails);
	debugfs_create_x32("ua", 0644, dir, &td->ua);
	debugfs_create_file("ghosts", 0644, dir, td, &td_ghosts_fops);
	debugfs_create_u32("reads", 0444, dir, &td->reads);
	debugfs_create_u32("writes", 0444, dir, &td->writes);
	debugfs_create_u32("fua", 0444, dir, &td->fua);
	debugfs_create_u32("flushes", 0444, dir, &td->flushes);
	debugfs_create_u32("discards", 0444, dir, &td->discards);
	debugfs_create_u32("swallowed", 0444, dir, &td->nr_swallowed);
	debugfs_create_u32("aborts", 0444, dir, &td->aborts);
	debugfs_create_u32("resets", 0444, dir, &td->resets);
}

static int td_add_host(unsigned int index)
{
	struct td_host *td = kzalloc(sizeof(*td), GFP_KERNEL);
	int r;

	if (!td)
		return -ENOMEM;
	td->index = index;
	td->wwid = wwid;
	td->blocks = td_blocks;
	td->medium = TD_NONE;
	td->wce = true;
	td->every = 1;
	spin_lock_init(&td->lock);
	INIT_LIST_HEAD(&td->swallowed);
	INIT_LIST_HEAD(&td->ghosts);
	td->shost = scsi_host_alloc(&td_template, sizeof(td));
	if (!td->shost) {
		kfree(td);
		return -ENOMEM;
	}
	*(struct td_host **)shost_priv(td->shost) = td;
	td->shost->max_id = 1;
	td->shost->max_lun = 1;
	td->shost->max_cmd_len = 16;
	r = scsi_add_host(td->shost, NULL);
	if (r) {
		scsi_host_put(td->shost);
		kfree(td);
		return r;
	}
	td_hosts[index] = td;
	td_add_files(td);
	scsi_scan_host(td->shost);
	return 0;
}

static void td_remove_all(void)
{
	unsigned int i;

	for (i = 0; i < TD_HOSTS_MAX; i++) {
		struct td_host *td = td_hosts[i];

		if (!td)
			continue;
		WRITE_ONCE(td->mode, TD_WORKS);
		scsi_remove_host(td->shost);
		td_ghosts_set(td, 0);
	}
	debugfs_remove_recursive(td_dir);
	for (i = 0; i < TD_HOSTS_MAX; i++) {
		if (!td_hosts[i])
			continue;
		scsi_host_put(td_hosts[i]->shost);
		kfree(td_hosts[i]);
	}
	vfree(td_store);
}

static int __init td_init(void)
{
	unsigned int i;
	int r;

	if (!size_mb || !hosts || hosts > TD_HOSTS_MAX)
		return -EINVAL;
	td_blocks = (u64)size_mb << (20 - TD_SHIFT);
	td_store = vzalloc((size_t)size_mb << 20);
	if (!td_store)
		return -ENOMEM;
	td_dir = debugfs_create_dir("sw-testdisk", NULL);
	for (i = 0; i < hosts; i++) {
		r = td_add_host(i);
		if (r) {
			td_remove_all();
			return r;
		}
	}
	return 0;
}

static void __exit td_exit(void)
{
	td_remove_all();
}

module_init(td_init);
module_exit(td_exit);
MODULE_LICENSE("GPL");
MODULE_DESCRIPTION("Several SCSI ways to one disk in memory, for the tests of swpath");
