// SPDX-License-Identifier: GPL-2.0-only
/*
 * dm-sw-target.c - the device-mapper target "sw": one disk over a direct and a
 * served path. Table, life of a unit, and what device-mapper asks of a target.
 * See docs/dm-sw.rst.
 */
#include "dm-sw.h"

#include <linux/blkdev.h>
#include <linux/module.h>
#include <linux/slab.h>

/*
 * All units, so that the unit of a new table finds the one that it replaces:
 * epoch, hold and tickets belong to the disk, not to its table.
 */
static LIST_HEAD(sw_units);
static DEFINE_MUTEX(sw_units_lock);

struct sw_number {
	u64 min;
	u64 max;
	char *error;
};

static int parse_number(struct dm_target *ti, const char *word,
			const struct sw_number *range, u64 *value)
{
	if (word && !kstrtou64(word, 10, value) && *value >= range->min &&
	    *value <= range->max)
		return 0;

	ti->error = range->error;

	return -EINVAL;
}

static int parse_feature(struct dm_target *ti, struct dm_arg_set *as,
			 unsigned int *words, struct sw_core_config *config,
			 u64 *witness)
{
	static const struct sw_number mv_timeout = {
		SW_MV_TIMEOUT_S_MIN, SW_MV_TIMEOUT_S_MAX,
		"mv_timeout_s must be 1 to 16777215 seconds"
	};
	static const struct sw_number stall = {
		SW_STALL_MS_MIN, SW_STALL_MS_MAX,
		"stall_ms must be 0 (never) or 100 to 600000 milliseconds"
	};
	static const struct sw_number witnesses = {
		0, SW_WITNESS_MAX, "witness must be 0 to 64 records"
	};
	static const struct sw_number epoch = {
		1, U64_MAX, "epoch must be a number from 1"
	};
	const char *name = dm_shift_arg(as);
	const char *value;
	u64 number;
	int r;

	(*words)--;
	if (!strcmp(name, SW_FEATURE_HOLD)) {
		config->hold = true;
		return 0;
	}

	if (strcmp(name, SW_FEATURE_MV_TIMEOUT) && strcmp(name, SW_FEATURE_STALL) &&
	    strcmp(name, SW_FEATURE_FENCE) && strcmp(name, SW_FEATURE_WITNESS) &&
	    strcmp(name, SW_FEATURE_EPOCH)) {
		ti->error = "unknown feature";
		return -EINVAL;
	}

	if (!*words) {
		ti->error = "feature lacks its value";
		return -EINVAL;
	}
	value = dm_shift_arg(as);
	(*words)--;

	if (!strcmp(name, SW_FEATURE_FENCE)) {
		r = sw_fence_parse(value);
		if (r < 0) {
			ti->error = "fence must be 'prove' or 'drain'";
			return r;
		}
		config->fence = r;
		return 0;
	}
	if (!strcmp(name, SW_FEATURE_MV_TIMEOUT)) {
		r = parse_number(ti, value, &mv_timeout, &number);
		if (!r)
			config->mv_timeout_ns = number * NSEC_PER_SEC;
		return r;
	}
	if (!strcmp(name, SW_FEATURE_STALL)) {
		if (!strcmp(value, "0")) {
			config->stall_ns = 0;
			return 0;
		}
		r = parse_number(ti, value, &stall, &number);
		if (!r)
			config->stall_ns = number * NSEC_PER_MSEC;
		return r;
	}
	if (!strcmp(name, SW_FEATURE_EPOCH))
		return parse_number(ti, value, &epoch, &config->epoch);

	return parse_number(ti, value, &witnesses, witness);
}

static int parse_features(struct dm_target *ti, struct dm_arg_set *as,
			  struct sw_core_config *config, u64 *witness)
{
	static const struct sw_number range = {
		0, 64, "number of feature words is missing or not 0 to 64"
	};
	unsigned int words;
	u64 number;
	int r;

	r = parse_number(ti, dm_shift_arg(as), &range, &number);
	if (r)
		return r;
	if (number > as->argc) {
		ti->error = "fewer feature words than their number says";
		return -EINVAL;
	}

	words = number;
	while (words && !r)
		r = parse_feature(ti, as, &words, config, witness);

	return r;
}

/*
 * A device that is there but cannot be opened now must not keep the unit from
 * loading over its other path: the path is absent until a reload finds it.
 */
static bool may_be_absent(int error)
{
	return error == -ENXIO || error == -ENOMEDIUM || error == -EROFS;
}

static int check_path(struct dm_target *ti, const struct sw_unit *unit,
		      unsigned int index)
{
	struct block_device *bdev = unit->paths[index].dev->bdev;
	sector_t sectors = bdev_nr_sectors(bdev);
	unsigned int i;

	/* Its bios would come back to it for ever. */
	if (bdev->bd_disk == dm_disk(unit->md)) {
		ti->error = "a path's device is the unit itself";
		return -EINVAL;
	}

	/* An NBD device that is not connected has no size: that comes later. */
	if (sectors && sectors < ti->len) {
		ti->error = "a path's device is smaller than the unit";
		return -EINVAL;
	}

	for (i = 0; i < index; i++) {
		if (!unit->paths[i].dev)
			continue;
		if (unit->paths[i].dev->bdev == bdev) {
			ti->error = "the same device is named by two paths";
			return -EINVAL;
		}
		if (sectors && bdev_nr_sectors(unit->paths[i].dev->bdev) &&
		    bdev_logical_block_size(unit->paths[i].dev->bdev) !=
		    bdev_logical_block_size(bdev)) {
			ti->error = "the paths' devices differ in their logical block size";
			return -EINVAL;
		}
	}

	return 0;
}

static int open_device(struct dm_target *ti, struct sw_unit *unit,
		       unsigned int index, const char *name)
{
	struct sw_path *path = &unit->paths[index];
	int r;

	r = dm_get_device(ti, name, dm_table_get_mode(ti->table), &path->dev);
	if (!r) {
		unit->core.paths[index].state = SW_PATH_READY;
		/* Now: a switch must not depend on free memory. */
		path->flush_bio = bio_kmalloc(0, GFP_KERNEL);
		if (!path->flush_bio) {
			ti->error = "out of memory";
			return -ENOMEM;
		}
		bio_init(path->flush_bio, path->dev->bdev, NULL, 0, 0);
		return check_path(ti, unit, index);
	}

	path->dev = NULL;
	if (!may_be_absent(r)) {
		ti->error = r == -EBUSY ?
			"a path's device is in use (mounted, or held by another driver)" :
			"a path's device does not exist or cannot be opened";
		return r;
	}

	unit->core.paths[index].reason = r == -EROFS ?
		SW_REASON_WRITE_PROTECTED : SW_REASON_OFFLINE;
	path->spec = kstrdup(name, GFP_KERNEL);
	if (!path->spec) {
		ti->error = "out of memory";
		return -ENOMEM;
	}

	return 0;
}

static int parse_path(struct dm_target *ti, struct dm_arg_set *as,
		      struct sw_unit *unit, unsigned int index)
{
	const char *kind = dm_shift_arg(as);
	const char *device = dm_shift_arg(as);
	int r;

	if (!kind || !device) {
		ti->error = "fewer paths than their number says";
		return -EINVAL;
	}

	r = sw_kind_parse(kind);
	if (r < 0) {
		ti->error = "a path's kind must be 'direct' or 'served'";
		return r;
	}

	unit->nr_paths++;

	unit->core.paths[index].kind = sw_kind_parse(kind);
	unit->core.paths[index].state = SW_PATH_ABSENT;
	if (!strcmp(device, SW_ABSENT))
		return 0;

	return open_device(ti, unit, index, device);
}

static void sw_dtr(struct dm_target *ti)
{
	struct sw_unit *unit = ti->private;
	unsigned int i;

	mutex_lock(&sw_units_lock);
	list_del(&unit->list);
	mutex_unlock(&sw_units_lock);

	sw_unit_stop(unit);

	for (i = 0; i < unit->nr_paths; i++) {
		if (unit->paths[i].flush_bio)
			bio_uninit(unit->paths[i].flush_bio);
		kfree(unit->paths[i].flush_bio);
		if (unit->paths[i].dev)
			dm_put_device(ti, unit->paths[i].dev);
		kfree(unit->paths[i].spec);
	}

	sw_witness_free(unit->witness);
	sw_unit_free(unit);
	kvfree(unit);
}

static int sw_ctr(struct dm_target *ti, unsigned int argc, char **argv)
{
	struct sw_core_config config = {
		.fence = SW_FENCE_PROVE,
		.mv_timeout_ns = (u64)SW_MV_TIMEOUT_S_DEFAULT * NSEC_PER_SEC,
		.stall_ns = (u64)SW_STALL_MS_DEFAULT * NSEC_PER_MSEC,
		.epoch = 1,
	};
	static const struct sw_number path_range = {
		SW_PATHS_MIN, SW_PATHS_MAX, "number of paths is missing or not 1 to 8"
	};
	struct dm_arg_set as = { .argc = argc, .argv = argv };
	u64 witness = SW_WITNESS_DEFAULT;
	struct sw_unit *unit;
	u64 nr_paths = 0;
	unsigned int i;
	int r;

	unit = kvzalloc(sizeof(*unit), GFP_KERNEL);
	if (!unit) {
		ti->error = "out of memory";
		return -ENOMEM;
	}
	unit->ti = ti;
	unit->md = dm_table_get_md(ti->table);
	ti->private = unit;

	r = -ENOMEM;
	if (!sw_unit_setup(unit)) {
		ti->error = "out of memory";
		goto bad;
	}

	r = parse_features(ti, &as, &config, &witness);
	if (!r)
		r = parse_number(ti, dm_shift_arg(&as), &path_range, &nr_paths);
	if (r)
		goto bad;

	if (witness) {
		unit->witness = sw_witness_alloc(witness);
		if (!unit->witness) {
			ti->error = "out of memory";
			r = -ENOMEM;
			goto bad;
		}
	}

	config.nr_paths = nr_paths;
	sw_core_init(&unit->core, &config);
	for (i = 0; i < nr_paths && !r; i++)
		r = parse_path(ti, &as, unit, i);
	if (!r && as.argc) {
		ti->error = "words after the last path";
		r = -EINVAL;
	}
	if (r)
		goto bad;

	sw_ages_init(&unit->ages, sw_ms(config.stall_ns));

	ti->num_flush_bios = 1;
	ti->num_discard_bios = 1;
	ti->num_secure_erase_bios = 1;
	ti->num_write_zeroes_bios = 1;
	/* Whatever the path of the moment does with them, flushes come to it. */
	ti->flush_supported = true;
	ti->per_io_data_size = sizeof(struct sw_bio);

	return 0;

bad:
	sw_dtr(ti);
	return r;
}

static bool same_device(const struct sw_path *a, const struct sw_path *b)
{
	return a->dev && b->dev && a->dev->bdev == b->dev->bdev;
}

/*
 * For each path of @unit the one that it was in @old: by its device, or by its
 * place if it is absent in one of them.
 */
static void find_origins(const struct sw_unit *unit, const struct sw_unit *old,
			 int *origin)
{
	unsigned int nr_old = old->core.config.nr_paths;
	bool taken[SW_PATHS_MAX] = {};
	unsigned int i, j;

	for (i = 0; i < unit->core.config.nr_paths; i++) {
		origin[i] = SW_NO_PATH;
		for (j = 0; j < nr_old; j++) {
			if (same_device(&unit->paths[i], &old->paths[j])) {
				origin[i] = j;
				taken[j] = true;
			}
		}
	}

	for (i = 0; i < unit->core.config.nr_paths && i < nr_old; i++)
		if (origin[i] == SW_NO_PATH && !taken[i] &&
		    unit->core.paths[i].kind == old->core.paths[i].kind &&
		    (!unit->paths[i].dev || !old->paths[i].dev))
			origin[i] = i;
}

/*
 * The unit of the table before has given up its core. A flush of it may still
 * end, and what it had to tell may not be told yet: its table's event would
 * reach nobody any more, so this unit raises one. Under both locks.
 */
static unsigned int replace(struct sw_unit *old)
{
	unsigned int i;

	for (i = 0; i < old->core.config.nr_paths; i++)
		old->paths[i].flush_mv = 0;

	return SW_DO_TELL;
}

/* The first resume: in place of the unit of the table before, or afresh. */
static void start(struct sw_unit *unit)
{
	struct sw_unit *other, *old = NULL;
	struct sw_now now;
	int origin[SW_PATHS_MAX];
	unsigned int actions;

	mutex_lock(&sw_units_lock);
	list_for_each_entry(other, &sw_units, list)
		if (other->md == unit->md)
			old = other;
	list_add_tail(&unit->list, &sw_units);

	spin_lock_irq(&unit->lock);
	if (old) {
		/* It is suspended, and no message reaches it any more. */
		find_origins(unit, old, origin);
		spin_lock_nested(&old->lock, SINGLE_DEPTH_NESTING);
		now = sw_now();
		actions = sw_core_adopt(&unit->core, &old->core, origin, &now);
		actions |= replace(old);
		spin_unlock(&old->lock);
		if (unit->witness && old->witness)
			sw_witness_adopt(unit->witness, old->witness);
	} else {
		now = sw_now();
		actions = sw_core_start(&unit->core, &now);
	}
	unit->started = true;
	sw_unit_do(unit, actions);
	spin_unlock_irq(&unit->lock);
	mutex_unlock(&sw_units_lock);
}

static void sw_presuspend(struct dm_target *ti)
{
	struct sw_unit *unit = ti->private;

	/*
	 * A suspend that flushes waits for the held bios as for any other: the
	 * hold ends, by a proof or by its timeout, and so does the wait.
	 */
	if (dm_noflush_suspending(ti))
		sw_give_back_held(unit);
}

static void sw_postsuspend(struct dm_target *ti)
{
	sw_unit_suspend(ti->private);
}

static void sw_resume(struct dm_target *ti)
{
	struct sw_unit *unit = ti->private;

	if (!unit->started)
		start(unit);

	/* A hold's time goes on, whoever suspended the unit meanwhile. */
	sw_tick_start(unit);
}

/*
 * The legs that a reservation through the unit is made on: the direct paths
 * that are in use, or the current path, whatever it is. A server's nexus is
 * not the caller's to reserve with: there is no pr_ops on an NBD leg, so the
 * caller gets -EOPNOTSUPP. Before the first path is opened, and after a reload
 * without it, there is no current path: then any other, if none is direct.
 */
static unsigned long reserving_paths(struct sw_unit *unit)
{
	unsigned long mask = 0;
	unsigned int i;
	int path;

	spin_lock_irq(&unit->lock);
	path = unit->core.current_path;
	if (path == SW_NO_PATH ||
	    unit->core.paths[path].kind == SW_KIND_DIRECT)
		for (i = 0; i < unit->core.config.nr_paths; i++)
			if (unit->paths[i].dev &&
			    unit->core.paths[i].kind == SW_KIND_DIRECT &&
			    unit->core.paths[i].state == SW_PATH_READY)
				__set_bit(i, &mask);
	spin_unlock_irq(&unit->lock);
	if (!mask)
		mask = path == SW_NO_PATH ? ~0UL : 1UL << path;

	return mask;
}

/*
 * A table is asked for its devices' limits before its first resume; one that
 * is live is asked by dm_call_pr() alone (dm.c; dm_table_evict_keyslot() asks
 * those that pass inline encryption through).
 */
static int sw_iterate_devices(struct dm_target *ti,
			      iterate_devices_callout_fn fn, void *data)
{
	struct sw_unit *unit = ti->private;
	unsigned long mask = ~0UL;
	unsigned int i;
	int r = 0;

	if (unit->started)
		mask = reserving_paths(unit);

	for (i = 0; i < unit->core.config.nr_paths && !r; i++)
		if (unit->paths[i].dev && test_bit(i, &mask))
			r = fn(ti, unit->paths[i].dev, 0, ti->len, data);

	return r;
}

/*
 * Commands of their own go to a direct path only: through a served one they
 * would reach the network block device, not the disk (NBD_DISCONNECT, say).
 * -ENOTCONN makes the core ask again while I/O is held.
 */
static int sw_prepare_ioctl(struct dm_target *ti, struct block_device **bdev)
{
	struct sw_unit *unit = ti->private;
	int r = -ENOTCONN;
	int path;

	spin_lock_irq(&unit->lock);
	path = unit->core.current_path;
	if (unit->core.state == SW_STATE_FAILED) {
		r = -EIO;
	} else if (unit->open_path && unit->core.paths[path].kind != SW_KIND_DIRECT) {
		r = -ENOTTY;
	} else if (unit->open_path) {
		*bdev = unit->paths[path].dev->bdev;
		/* 1: not the whole disk, so the caller must be CAP_SYS_RAWIO. */
		r = ti->len != bdev_nr_sectors(*bdev);
	}
	spin_unlock_irq(&unit->lock);

	return r;
}

static struct target_type sw_target = {
	.name = SW_TARGET_NAME,
	.version = { SW_VERSION_MAJOR, SW_VERSION_MINOR, SW_VERSION_PATCH },
	.features = DM_TARGET_SINGLETON | DM_TARGET_NOWAIT,
	.module = THIS_MODULE,
	.ctr = sw_ctr,
	.dtr = sw_dtr,
	.map = sw_map,
	.end_io = sw_end_io,
	.presuspend = sw_presuspend,
	.postsuspend = sw_postsuspend,
	.resume = sw_resume,
	.status = sw_status,
	.message = sw_message,
	.iterate_devices = sw_iterate_devices,
	.prepare_ioctl = sw_prepare_ioctl,
};

static int __init dm_sw_init(void)
{
	int r = sw_unit_init();

	if (r)
		return r;

	r = dm_register_target(&sw_target);
	if (r)
		sw_unit_exit();

	return r;
}

static void __exit dm_sw_exit(void)
{
	dm_unregister_target(&sw_target);
	sw_unit_exit();
}

module_init(dm_sw_init);
module_exit(dm_sw_exit);

MODULE_DESCRIPTION("device-mapper target for one disk over a direct and a served path");
MODULE_AUTHOR("The swpath authors");
MODULE_LICENSE("GPL");
