// SPDX-License-Identifier: GPL-2.0-only
/*
 * dm-sw-unit.c - does what the core decides: opens and closes paths, keeps the
 * time, tells the operator.
 */
#include "dm-sw.h"

#include <linux/blkdev.h>
#include <linux/dm-ioctl.h>
#include <linux/kobject.h>
#include <linux/sched/mm.h>

static struct workqueue_struct *sw_wq;
static struct workqueue_struct *sw_tell_wq;

/*
 * A hold begins. Not by a percpu_ref: the grace period that its kill waits for
 * takes 10 to 25 ms, and all I/O waits with it.
 */
static void close_path(struct sw_unit *unit)
{
	unit->exact = false;
	WRITE_ONCE(unit->draining, unit->open_path);
	WRITE_ONCE(unit->open_path, NULL);
	queue_work(sw_wq, &unit->close_work);
}

/*
 * After the grace period whoever saw the path open is counted, and whoever
 * leaves it sees that it drains. One hold at a time gets here: the next one
 * begins after this one was drained, and queues the work again.
 */
static void close_work(struct work_struct *work)
{
	struct sw_unit *unit = container_of(work, struct sw_unit, close_work);

	synchronize_rcu_expedited();

	spin_lock_irq(&unit->lock);
	unit->exact = true;
	spin_unlock_irq(&unit->lock);
	queue_work(sw_wq, &unit->work);
}

/* Does what an event asked for. Under unit->lock; does not sleep. */
void sw_unit_do(struct sw_unit *unit, unsigned int actions)
{
	if (actions & SW_DO_HOLD)
		close_path(unit);
	if (actions & SW_DO_TICK)
		sw_tick_start(unit);
	if (actions & SW_DO_OPEN) {
		WRITE_ONCE(unit->open_path,
			   &unit->paths[unit->core.current_path]);
		queue_work(unit->send_wq, &unit->send_work);
	}
	if (actions & SW_DO_FLUSH)
		sw_begin_flush(unit);
	if (actions & SW_DO_FAIL)
		queue_work(sw_wq, &unit->work);
	if (actions & SW_DO_TELL)
		queue_work(sw_tell_wq, &unit->tell_work);
}

/* A bio left a path that drains; any context. */
void sw_unit_left(struct sw_unit *unit)
{
	queue_work(sw_wq, &unit->work);
}

static void unit_work(struct work_struct *work)
{
	struct sw_unit *unit = container_of(work, struct sw_unit, work);
	struct sw_path *path;
	struct sw_now now;

	spin_lock_irq(&unit->lock);
	now = sw_now();
	path = unit->draining;
	if (path && unit->exact && !sw_in_flight(unit)) {
		WRITE_ONCE(unit->draining, NULL);
		sw_unit_do(unit, sw_core_drained(&unit->core,
						 sw_path_index(path), &now));
	}
	spin_unlock_irq(&unit->lock);

	sw_end_held(unit);
}

static void unit_tick(struct work_struct *work)
{
	struct sw_unit *unit = container_of(to_delayed_work(work),
					    struct sw_unit, tick);
	unsigned int count[SW_GENERATIONS];
	struct sw_now now;
	bool busy;

	spin_lock_irq(&unit->lock);
	now = sw_now();
	busy = sw_count_flight(unit, count);
	sw_unit_do(unit, sw_core_tick(&unit->core,
				      sw_oldest_ns(unit, count, now.ns), &now));
	sw_ages_tick(&unit->ages, count, now.ns);
	busy = busy || unit->core.state == SW_STATE_VERIFY ||
	       unit->core.state == SW_STATE_HELD;

	/*
	 * An idle unit does not tick. One more tick after ticking was cleared
	 * finds the bio that counted itself while it still saw it set.
	 */
	if (busy || unit->ticking) {
		WRITE_ONCE(unit->ticking, busy);
		queue_delayed_work(sw_wq, &unit->tick,
				   msecs_to_jiffies(unit->ages.tick_ms));
	}
	spin_unlock_irq(&unit->lock);

	if (unit->witness)
		sw_witness_due(unit->witness);
}

void sw_tick_start(struct sw_unit *unit)
{
	WRITE_ONCE(unit->ticking, true);
	queue_delayed_work(sw_wq, &unit->tick, msecs_to_jiffies(unit->ages.tick_ms));
}

static const char *path_kind(const struct sw_unit *unit, int path)
{
	return path == SW_NO_PATH ? "no path" :
		sw_kind_text(unit->core.paths[path].kind);
}

static void path_device(const struct sw_unit *unit, int path, char *name,
			size_t size)
{
	if (path != SW_NO_PATH && unit->paths[path].dev)
		snprintf(name, size, " %pg", unit->paths[path].dev->bdev);
	else
		name[0] = '\0';
}

struct sw_telling {
	char name[DM_NAME_LEN];
	char device[BDEVNAME_SIZE + 1];
	char from_device[BDEVNAME_SIZE + 1];
	u64 held;
	int in_flight;
};

static void print_notice(const struct sw_unit *unit, const struct sw_notice *n,
			 const struct sw_telling *t)
{
	const char *kind = path_kind(unit, n->path);
	u64 ms = sw_ms(n->held_ns);

	switch (n->action) {
	case SW_ACTION_HOLD:
		if (n->state == SW_STATE_HELD) {
			pr_notice("sw %s: held: %s\n", t->name,
				  sw_reason_text(n->reason));
			break;
		}
		pr_warn("sw %s: mount verification: %s%s: %s; held %llu, %d in flight, %llu writes in doubt\n",
			t->name, kind, t->device, sw_reason_text(n->reason),
			t->held, t->in_flight, n->doubt);
		break;
	case SW_ACTION_ONLINE:
		if (n->from == n->path) {
			pr_notice("sw %s: online again on %s%s: %s; I/O held %llu ms, epoch %llu\n",
				  t->name, kind, t->device,
				  sw_reason_text(n->reason), ms, n->epoch);
			break;
		}
		pr_notice("sw %s: online on %s%s (was %s%s): %s; I/O held %llu ms, epoch %llu\n",
			  t->name, kind, t->device, path_kind(unit, n->from),
			  t->from_device, sw_reason_text(n->reason), ms,
			  n->epoch);
		break;
	case SW_ACTION_FAILED:
		pr_err("sw %s: mount verification ended: %s after %llu ms; I/O fails until 'retry'\n",
		       t->name, sw_reason_text(n->reason), ms);
		break;
	default:
		pr_notice("sw %s: path %s%s: %s\n", t->name, kind, t->device,
			  n->reason == SW_REASON_NONE ? "ready" :
			  sw_reason_text(n->reason));
		break;
	}
}

#define SW_ENV_NR	9
#define SW_ENV_LEN	(DM_NAME_LEN + 32)

/* Listeners miss nothing that matters if memory is short: status has it all. */
static void send_uevent(const struct sw_unit *unit, const struct sw_notice *n,
			const struct sw_telling *t)
{
	char (*env)[SW_ENV_LEN];
	char *envp[SW_ENV_NR + 1];
	unsigned int i = 0;

	env = kcalloc(SW_ENV_NR, SW_ENV_LEN, GFP_KERNEL);
	if (!env)
		return;

#define SW_ENV(name, fmt, value) do {					\
	snprintf(env[i], SW_ENV_LEN, name "=" fmt, value);		\
	envp[i] = env[i];						\
	i++;								\
} while (0)
	SW_ENV(SW_UEVENT_ACTION, "%s", sw_action_text(n->action));
	SW_ENV(SW_UEVENT_UNIT, "%s", t->name);
	SW_ENV(SW_UEVENT_STATE, "%s", sw_state_text(n->state));
	SW_ENV(SW_UEVENT_REASON, "%s", sw_reason_text(n->reason));
	SW_ENV(SW_UEVENT_MV, "%llu", n->mv);
	SW_ENV(SW_UEVENT_EPOCH, "%llu", n->epoch);
	if (n->path != SW_NO_PATH) {
		SW_ENV(SW_UEVENT_PATH, "%d", n->path);
		if (n->action == SW_ACTION_ONLINE)
			SW_ENV(SW_UEVENT_ACTIVE, "%d", n->path);
	}
#undef SW_ENV
	envp[i] = NULL;

	kobject_uevent_env(&disk_to_dev(dm_disk(unit->md))->kobj, KOBJ_CHANGE,
			   envp);
	kfree(env);
}

static void tell_work(struct work_struct *work)
{
	struct sw_unit *unit = container_of(work, struct sw_unit, tell_work);
	/*
	 * Who removes the unit or its table waits for this: no memory may be
	 * waited for that the held I/O would free.
	 */
	unsigned int noio = memalloc_noio_save();
	struct sw_telling t;
	struct sw_notice n;
	u64 lost = 0;
	bool more;

	/* First: pathd waits for it. */
	dm_table_event(unit->ti->table);

	if (dm_copy_name_and_uuid(unit->md, t.name, NULL))
		strscpy(t.name, dm_device_name(unit->md), sizeof(t.name));

	for (;;) {
		spin_lock_irq(&unit->lock);
		more = sw_core_notice(&unit->core, &n);
		swap(lost, unit->core.notices_lost);
		t.held = unit->core.held_bios;
		t.in_flight = sw_in_flight(unit);
		spin_unlock_irq(&unit->lock);

		if (lost)
			pr_warn("sw %s: %llu state changes were not reported\n",
				t.name, lost);
		lost = 0;
		if (!more)
			break;

		path_device(unit, n.path, t.device, sizeof(t.device));
		path_device(unit, n.from, t.from_device, sizeof(t.from_device));
		print_notice(unit, &n, &t);
		send_uevent(unit, &n, &t);
	}
	memalloc_noio_restore(noio);
}

/* False: out of memory. @unit is zeroed, and its md set. */
bool sw_unit_setup(struct sw_unit *unit)
{
	unsigned int i;

	for (i = 0; i < SW_PATHS_MAX; i++) {
		unit->paths[i].unit = unit;
		INIT_WORK(&unit->paths[i].flush_work, sw_flush_work);
	}
	spin_lock_init(&unit->lock);
	bio_list_init(&unit->retry);
	bio_list_init(&unit->held);
	INIT_LIST_HEAD(&unit->list);
	INIT_WORK(&unit->close_work, close_work);
	INIT_WORK(&unit->work, unit_work);
	INIT_WORK(&unit->send_work, sw_send_work);
	INIT_WORK(&unit->tell_work, tell_work);
	INIT_DELAYED_WORK(&unit->tick, unit_tick);
	init_waitqueue_head(&unit->flush_wait);

	unit->flight = alloc_percpu(struct sw_flight);
	unit->send_wq = alloc_workqueue("dm-sw-send/%s",
					WQ_MEM_RECLAIM | WQ_HIGHPRI, 1,
					dm_device_name(unit->md));
	unit->flush_wq = alloc_workqueue("dm-sw-flush/%s",
					 WQ_MEM_RECLAIM | WQ_HIGHPRI,
					 SW_PATHS_MAX,
					 dm_device_name(unit->md));

	return unit->flight && unit->send_wq && unit->flush_wq;
}

static bool flush_is_over(struct sw_path *path)
{
	bool over;

	spin_lock_irq(&path->unit->lock);
	over = !path->flush_busy;
	spin_unlock_irq(&path->unit->lock);

	return over;
}

static void wait_for_flushes(struct sw_unit *unit)
{
	unsigned int i;

	for (i = 0; i < SW_PATHS_MAX; i++) {
		flush_work(&unit->paths[i].flush_work);
		wait_event(unit->flush_wait, flush_is_over(&unit->paths[i]));
	}
}

/*
 * Work begets work: a tick ends a hold or begins one, a hold closes, its end
 * sends.
 */
static void settle(struct sw_unit *unit)
{
	cancel_delayed_work_sync(&unit->tick);
	flush_work(&unit->close_work);
	flush_work(&unit->work);
	flush_work(&unit->send_work);
}

/*
 * Waits until nothing of the unit runs that I/O could need, and for no more: all
 * I/O waits meanwhile. A flush may hang on a path that was left, and tell_work
 * may wait for who wants memory, and that for this unit's I/O.
 */
void sw_unit_suspend(struct sw_unit *unit)
{
	/* Who ended the last bio may still be on the way out: leave_path(). */
	synchronize_rcu();
	settle(unit);
}

/* Waits until nothing of the unit runs; nobody sends it bios any more. */
void sw_unit_stop(struct sw_unit *unit)
{
	sw_unit_suspend(unit);
	wait_for_flushes(unit);
	/* The end of a flush sends and tells, too. */
	settle(unit);
	flush_work(&unit->tell_work);
}

void sw_unit_free(struct sw_unit *unit)
{
	if (unit->flush_wq)
		destroy_workqueue(unit->flush_wq);
	if (unit->send_wq)
		destroy_workqueue(unit->send_wq);
	free_percpu(unit->flight);
}

int __init sw_unit_init(void)
{
	sw_wq = alloc_workqueue("dm-sw", WQ_MEM_RECLAIM | WQ_HIGHPRI, 0);
	sw_tell_wq = alloc_workqueue("dm-sw-tell", WQ_MEM_RECLAIM | WQ_UNBOUND, 0);
	if (sw_wq && sw_tell_wq)
		return 0;

	sw_unit_exit();

	return -ENOMEM;
}

void sw_unit_exit(void)
{
	if (sw_tell_wq)
		destroy_workqueue(sw_tell_wq);
	if (sw_wq)
		destroy_workqueue(sw_wq);
}
