// SPDX-License-Identifier: GPL-2.0-only
/*
 * dm-sw-status.c - status lines and the history, in the words of sw-uapi.h.
 */
#include "dm-sw.h"

#define SW_ENUM_UNIT_WORD(id, text)	SW_UNIT_WORD_##id,
#define SW_ENUM_PATH_WORD(id, text)	SW_PATH_WORD_##id,

enum sw_unit_word { SW_UNIT_WORDS(SW_ENUM_UNIT_WORD) SW_UNIT_WORD_NR };
enum sw_path_word { SW_PATH_WORDS(SW_ENUM_PATH_WORD) SW_PATH_WORD_NR };

static u64 to_us(u64 ns)
{
	return div_u64(ns, NSEC_PER_USEC);
}

/* A path's index as a word: "-" for none. */
struct sw_index {
	char text[4];
};

static const char *index_word(int path, struct sw_index *word)
{
	if (path == SW_NO_PATH)
		return SW_ABSENT;

	snprintf(word->text, sizeof(word->text), "%d", path);

	return word->text;
}

/* The device as the table names it: MAJ:MIN, or what could not be opened. */
static const char *device_word(const struct sw_path *path)
{
	if (path->dev)
		return path->dev->name;

	return path->spec ? path->spec : SW_ABSENT;
}

static bool is_holding(const struct sw_core *core)
{
	return core->state == SW_STATE_VERIFY || core->state == SW_STATE_HELD;
}

static size_t emit_unit(struct sw_unit *unit, const struct sw_now *now,
			char *result, size_t maxlen)
{
	const struct sw_core *core = &unit->core;
	bool online = core->state == SW_STATE_ONLINE;
	unsigned int count[SW_GENERATIONS];
	struct sw_index active, from;
	char left[24] = SW_ABSENT;
	size_t sz = 0;

	if (is_holding(core))
		snprintf(left, sizeof(left), "%llu",
			 core->deadline > now->ns ?
			 sw_ms(core->deadline - now->ns) : 0);

	sw_count_flight(unit, count);

	DMEMIT("%d %s %s %llu %llu %s %llu %llu %llu %llu %s %llu %s %s %s",
	       SW_UNIT_WORD_NR,
	       sw_state_text(core->state), sw_phase_text(core->phase),
	       core->mv, core->epoch,
	       index_word(online ? core->current_path : SW_NO_PATH, &active),
	       core->held_bios, core->held_bytes,
	       sw_ms(sw_oldest_ns(unit, count, now->ns)), core->doubt,
	       sw_reason_text(core->reason), sw_ms(now->boot_ns - core->since),
	       left,
	       index_word(online ? core->left_path : core->current_path, &from),
	       sw_fence_text(core->config.fence));

	return sz;
}

static size_t emit_path(struct sw_unit *unit, unsigned int i,
			const struct sw_now *now, char *result, size_t maxlen)
{
	const struct sw_core_path *path = &unit->core.paths[i];
	/*
	 * At most one path has bios in flight, the current one; but a flush may
	 * hang on any that was left, and a reload waits for it in the end.
	 */
	bool current_path = (int)i == unit->core.current_path;
	int in_flight = (current_path ? sw_in_flight(unit) : 0) +
			unit->paths[i].flush_busy;
	size_t sz = 0;

	DMEMIT(" %s %s %s %d %llu %llu %llu %s", sw_kind_text(path->kind),
	       unit->paths[i].dev ? unit->paths[i].dev->name : SW_ABSENT,
	       sw_path_state_text(path->state),
	       in_flight, path->errors, path->switches,
	       sw_ms(sw_core_ticket_left(&unit->core, i, now->boot_ns)),
	       sw_reason_text(path->reason));

	return sz;
}

static void emit_info(struct sw_unit *unit, char *result, unsigned int maxlen)
{
	struct sw_now now = sw_now();
	unsigned int i;
	size_t sz;

	sz = emit_unit(unit, &now, result, maxlen);
	DMEMIT(" %u %d", unit->core.config.nr_paths, SW_PATH_WORD_NR);
	for (i = 0; i < unit->core.config.nr_paths; i++)
		sz += emit_path(unit, i, &now, result + sz, maxlen - sz);
}

/* The table as it was given: what is the default is not written. */
static void emit_table(const struct sw_unit *unit, char *result,
		       unsigned int maxlen)
{
	const struct sw_core_config *config = &unit->core.config;
	u64 mv_timeout_s = div_u64(config->mv_timeout_ns, NSEC_PER_SEC);
	u64 stall_ms = sw_ms(config->stall_ns);
	bool mv_timeout = mv_timeout_s != SW_MV_TIMEOUT_S_DEFAULT;
	bool stall = stall_ms != SW_STALL_MS_DEFAULT;
	bool fence = config->fence != SW_FENCE_PROVE;
	unsigned int witness = sw_witness_size(unit->witness);
	bool epoch = config->epoch != 1;
	unsigned int i;
	size_t sz = 0;

	DMEMIT("%d", 2 * (mv_timeout + stall + fence + epoch +
			   (witness != SW_WITNESS_DEFAULT)) +
	       config->hold);
	if (mv_timeout)
		DMEMIT(" " SW_FEATURE_MV_TIMEOUT " %llu", mv_timeout_s);
	if (stall)
		DMEMIT(" " SW_FEATURE_STALL " %llu", stall_ms);
	if (fence)
		DMEMIT(" " SW_FEATURE_FENCE " %s", sw_fence_text(config->fence));
	if (witness != SW_WITNESS_DEFAULT)
		DMEMIT(" " SW_FEATURE_WITNESS " %u", witness);
	if (epoch)
		DMEMIT(" " SW_FEATURE_EPOCH " %llu", config->epoch);
	if (config->hold)
		DMEMIT(" " SW_FEATURE_HOLD);

	DMEMIT(" %u", config->nr_paths);
	for (i = 0; i < config->nr_paths; i++)
		DMEMIT(" %s %s", sw_kind_text(unit->core.paths[i].kind),
		       device_word(&unit->paths[i]));
}

/* What a measurement log should see: settings and devices, no live state. */
static void emit_ima(struct sw_unit *unit, char *result, unsigned int maxlen)
{
	const struct sw_core_config *config = &unit->core.config;
	unsigned int i;
	size_t sz = 0;

	DMEMIT_TARGET_NAME_VERSION(unit->ti->type);
	DMEMIT(",mv_timeout_s=%llu,stall_ms=%llu,fence=%s,witness=%u,epoch=%llu,hold=%c",
	       div_u64(config->mv_timeout_ns, NSEC_PER_SEC),
	       sw_ms(config->stall_ns),
	       sw_fence_text(config->fence), sw_witness_size(unit->witness),
	       config->epoch,
	       config->hold ? 'y' : 'n');
	DMEMIT(",nr_paths=%u", config->nr_paths);
	for (i = 0; i < config->nr_paths; i++)
		DMEMIT(",path_kind_%u=%s,path_device_%u=%s", i,
		       sw_kind_text(unit->core.paths[i].kind), i,
		       device_word(&unit->paths[i]));
	DMEMIT(";");
}

void sw_status(struct dm_target *ti, status_type_t type,
	       unsigned int status_flags, char *result, unsigned int maxlen)
{
	struct sw_unit *unit = ti->private;

	spin_lock_irq(&unit->lock);
	switch (type) {
	case STATUSTYPE_INFO:
		emit_info(unit, result, maxlen);
		break;
	case STATUSTYPE_TABLE:
		emit_table(unit, result, maxlen);
		break;
	case STATUSTYPE_IMA:
		emit_ima(unit, result, maxlen);
		break;
	}
	spin_unlock_irq(&unit->lock);
}

static size_t emit_record(const struct sw_record *record, char *result,
			  size_t maxlen)
{
	struct sw_index from, to;
	size_t sz = 0;

	DMEMIT("%llu %llu %s %s %s %s %llu %llu %llu %llu %llu %llu %llu %llu %s\n",
	       record->epoch, record->mv, index_word(record->from, &from),
	       index_word(record->to, &to), sw_reason_text(record->reason),
	       sw_method_text(record->method), record->wall_ms,
	       to_us(record->drain_ns), to_us(record->flush_ns),
	       to_us(record->prove_ns), to_us(record->release_ns),
	       record->held_bios, record->held_bytes, record->doubt,
	       record->evidence[0] ? record->evidence : "-");

	return sz;
}

/* Answers "history"; 1: result holds the answer. */
int sw_emit_history(struct sw_unit *unit, char *result, unsigned int maxlen)
{
	const struct sw_record *record;
	size_t sz = 0;
	u64 nr;

	result[0] = '\0';
	spin_lock_irq(&unit->lock);
	nr = unit->core.nr_records > SW_HISTORY_MAX ?
		unit->core.nr_records - SW_HISTORY_MAX : 0;
	for (; (record = sw_core_record(&unit->core, nr)); nr++)
		sz += emit_record(record, result + sz, maxlen - sz);
	spin_unlock_irq(&unit->lock);

	return 1;
}
