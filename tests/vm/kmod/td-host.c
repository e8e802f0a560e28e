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
 *              FULL, 8 NOT READY (becoming ready), 9 ABORTED COMMAND,
 *              10 the same because a time limit is over
 *   every      modes 5 to 10 strike each so manyth command only
 *   wwid       last 8 bytes of the NAA name that INQUIRY tells; of LUN n, that and n
 *   copy       not 0: another disk of the same NAA name; serial number and vendor's name differ
 *   blocks     capacity in 512-byte blocks, at most that of the store
 *   wp         write-protected
 *   wce        the mode page says that there is a write cache
 *   medium     this block cannot be read or written; all ones: none
 *   eh_fails   aborts and resets do not work, so that a device goes offline
 *   frozen     who submits to a device sleeps until it is 0 again
 *   ua         this asc << 8 | ascq is the next command's unit attention
 *   ghosts     kept writes; writing 1 lets them land, writing 0 forgets them, and so
 *              does a reset of the logical unit through a host that works
 *   reads, writes, fua, flushes, discards, swallowed, aborts, resets
 *              counters
 */
#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include <linux/blk-mq.h>
#include <linux/debugfs.h>
#include <linux/module.h>
#include <linux/slab.h>
#include <linux/vmalloc.h>
#include <scsi/scsi_device.h>

#include "td.h"

static unsigned int size_mb = 64;
module_param(size_mb, uint, 0444);
MODULE_PARM_DESC(size_mb, "size of the disk in MiB");

static unsigned int hosts = 2;
module_param(hosts, uint, 0444);
MODULE_PARM_DESC(hosts, "hosts that have the disk");

static unsigned long long wwid = 1;
module_param(wwid, ullong, 0444);
MODULE_PARM_DESC(wwid, "last 8 bytes of the disk's NAA name");

static unsigned int luns = 1;
module_param(luns, uint, 0444);
MODULE_PARM_DESC(luns, "disks behind each host, named wwid, wwid + 1, ...; they share one store");

u8 *td_store;
static u64 td_blocks;
static struct dentry *td_dir;
static struct td_host *td_hosts[TD_HOSTS_MAX];
static int td_ghosts_set(void *data, u64 value);

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
	 * A reset that reaches the disk ends what every nexus has there, and what
	 * it was to do later; the hosts that wait for it find out by themselves.
	 */
	if (READ_ONCE(td->mode) == TD_WORKS) {
		unsigned int i;

		for (i = 0; i < TD_HOSTS_MAX; i++)
			if (td_hosts[i])
				td_ghosts_set(td_hosts[i], 0);
	}
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

static int td_frozen_get(void *data, u64 *value)
{
	struct td_host *td = data;

	*value = td->frozen;
	return 0;
}

static int td_frozen_set(void *data, u64 value)
{
	struct td_host *td = data;
	struct scsi_device *sdev;

	if (!!value == td->frozen)
		return 0;
	td->frozen = value;
	shost_for_each_device(sdev, td->shost) {
		if (value)
			blk_freeze_queue_start(sdev->request_queue);
		else
			blk_mq_unfreeze_queue(sdev->request_queue);
	}
	return 0;
}
DEFINE_DEBUGFS_ATTRIBUTE(td_frozen_fops, td_frozen_get, td_frozen_set, "%llu\n");

static void td_add_files(struct td_host *td)
{
	struct dentry *dir;
	char name[12];

	snprintf(name, sizeof(name), "%u", td->shost->host_no);
	dir = debugfs_create_dir(name, td_dir);
	debugfs_create_u32("mode", 0644, dir, &td->mode);
	debugfs_create_x64("wwid", 0644, dir, &td->wwid);
	debugfs_create_u32("copy", 0644, dir, &td->copy);
	debugfs_create_u64("blocks", 0644, dir, &td->blocks);
	debugfs_create_u64("medium", 0644, dir, &td->medium);
	debugfs_create_bool("wp", 0644, dir, &td->wp);
	debugfs_create_bool("wce", 0644, dir, &td->wce);
	debugfs_create_u32("every", 0644, dir, &td->every);
	debugfs_create_bool("eh_fails", 0644, dir, &td->eh_fails);
	debugfs_create_x32("ua", 0644, dir, &td->ua);
	debugfs_create_file("ghosts", 0644, dir, td, &td_ghosts_fops);
	debugfs_create_file("frozen", 0644, dir, td, &td_frozen_fops);
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
	td->luns = luns;
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
	td->shost->max_lun = luns;
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
		td_frozen_set(td, 0);
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

	if (!size_mb || !hosts || hosts > TD_HOSTS_MAX || !luns || luns > TD_LUNS_MAX)
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
