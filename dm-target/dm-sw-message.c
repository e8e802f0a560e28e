// SPDX-License-Identifier: GPL-2.0-only
/*
 * dm-sw-message.c - the messages of sw-uapi.h: words in, core called.
 *
 * Every refusal has its own line in the kernel log, because errno is all that
 * the sender gets.
 */
#define DM_MSG_PREFIX SW_TARGET_NAME

#include "dm-sw.h"

struct sw_call {
	struct sw_unit *unit;
	char **argv;		/* argv[0] is the message */
	unsigned int argc;
	struct sw_now now;
	unsigned int actions;
	const char *bad;	/* the word that is wrong, */
	const char *want;	/* and what it is not */
};

/*
 * Not printed here: under unit->lock, with interrupts off, a slow console would
 * be waited for by all I/O.
 */
static int refuse_word(struct sw_call *call, unsigned int i, const char *want)
{
	call->bad = call->argv[i];
	call->want = want;

	return -EINVAL;
}

static int number_at(struct sw_call *call, unsigned int i, u64 max,
		     const char *want, u64 *value)
{
	if (kstrtou64(call->argv[i], 10, value) || *value > max)
		return refuse_word(call, i, want);

	return 0;
}

static int path_at(struct sw_call *call, unsigned int i, int *path)
{
	u64 number;
	int r;

	r = number_at(call, i, SW_PATHS_MAX - 1, "the index of a path", &number);
	if (!r)
		*path = number;

	return r;
}

/* Word number @i if it is there, else @reason as it is. */
static int reason_at(struct sw_call *call, unsigned int i,
		     enum sw_reason *reason)
{
	int r;

	if (i >= call->argc)
		return 0;

	r = sw_reason_parse(call->argv[i]);
	if (r < 0)
		return refuse_word(call, i, "a reason");
	*reason = r;

	return 0;
}

static int do_ticket(struct sw_call *call)
{
	u64 epoch, ttl_ms;
	int path, r;

	r = path_at(call, 1, &path);
	if (!r)
		r = number_at(call, 2, U64_MAX, "an epoch", &epoch);
	if (!r)
		r = number_at(call, 3, SW_TICKET_TTL_MS_MAX,
			      "a life of up to 3600000 ms", &ttl_ms);
	if (r)
		return r;

	return sw_core_ticket(&call->unit->core, path, epoch,
			      ttl_ms * NSEC_PER_MSEC, &call->now, &call->actions);
}

static int do_commit(struct sw_call *call)
{
	u64 mv;
	int path, method, r;

	r = number_at(call, 1, U64_MAX, "the number of a mount verification", &mv);
	if (!r)
		r = path_at(call, 2, &path);
	if (r)
		return r;

	method = sw_method_parse(call->argv[3]);
	/* "none" and "ticket" are words of the record, not of a proof. */
	if (method < 0 || method == SW_METHOD_NONE || method == SW_METHOD_TICKET)
		return refuse_word(call, 3, "a fence method");
	if (strlen(call->argv[4]) >= SW_WORD_MAX)
		return refuse_word(call, 4, "evidence of less than 64 bytes");
	/* Device-mapper lets a backslash quote a blank; the history is read by words. */
	if (strpbrk(call->argv[4], " \t\n\v\f\r"))
		return refuse_word(call, 4, "evidence of one word");

	return sw_core_commit(&call->unit->core, mv, path, method, call->argv[4],
			      &call->now, &call->actions);
}

static int do_reject(struct sw_call *call)
{
	enum sw_reason reason = SW_REASON_NONE;
	u64 mv;
	int path, r;

	r = number_at(call, 1, U64_MAX, "the number of a mount verification", &mv);
	if (!r)
		r = path_at(call, 2, &path);
	if (!r)
		r = reason_at(call, 3, &reason);
	if (r)
		return r;

	return sw_core_reject(&call->unit->core, mv, path, reason, &call->now,
			      &call->actions);
}

static int do_hold(struct sw_call *call)
{
	enum sw_reason reason = SW_REASON_OPERATOR;
	int r = reason_at(call, 1, &reason);

	if (r)
		return r;

	return sw_core_hold(&call->unit->core, reason, &call->now, &call->actions);
}

static int do_release(struct sw_call *call)
{
	return sw_core_release(&call->unit->core, &call->now, &call->actions);
}

static int do_switch(struct sw_call *call)
{
	enum sw_reason reason = SW_REASON_OPERATOR;
	enum sw_manner manner;
	int path, r;

	r = path_at(call, 1, &path);
	if (!r)
		r = reason_at(call, 3, &reason);
	if (r)
		return r;

	if (!strcmp(call->argv[2], SW_MSG_COOPERATIVE))
		manner = SW_COOPERATIVE;
	else if (!strcmp(call->argv[2], SW_MSG_FORCED))
		manner = SW_FORCED;
	else
		return refuse_word(call, 2, "'cooperative' or 'forced'");

	return sw_core_switch(&call->unit->core, path, manner, reason, &call->now,
			      &call->actions);
}

static int do_fail(struct sw_call *call)
{
	enum sw_reason reason = SW_REASON_OPERATOR;
	int path, r;

	r = path_at(call, 1, &path);
	if (!r)
		r = reason_at(call, 2, &reason);
	if (r)
		return r;

	return sw_core_fail(&call->unit->core, path, reason, &call->now,
			    &call->actions);
}

static int do_reinstate(struct sw_call *call)
{
	int path, r;

	r = path_at(call, 1, &path);
	if (r)
		return r;

	return sw_core_reinstate(&call->unit->core, path, &call->now,
				 &call->actions);
}

static int do_abort(struct sw_call *call)
{
	return sw_core_abort(&call->unit->core, &call->now, &call->actions);
}

static int do_retry(struct sw_call *call)
{
	return sw_core_retry(&call->unit->core, &call->now, &call->actions);
}

static const struct sw_message_type {
	const char *name;
	unsigned int argc_min;		/* the name included */
	unsigned int argc_max;
	int (*run)(struct sw_call *call);
	int (*emit)(struct sw_unit *unit, char *result, unsigned int maxlen);
} messages[] = {
	{ SW_MSG_TICKET, 4, 4, do_ticket, NULL },
	{ SW_MSG_COMMIT, 5, 5, do_commit, NULL },
	{ SW_MSG_REJECT, 4, 4, do_reject, NULL },
	{ SW_MSG_HOLD, 1, 2, do_hold, NULL },
	{ SW_MSG_RELEASE, 1, 1, do_release, NULL },
	{ SW_MSG_SWITCH, 3, 4, do_switch, NULL },
	{ SW_MSG_FAIL, 2, 3, do_fail, NULL },
	{ SW_MSG_REINSTATE, 2, 2, do_reinstate, NULL },
	{ SW_MSG_ABORT, 1, 1, do_abort, NULL },
	{ SW_MSG_RETRY, 1, 1, do_retry, NULL },
	{ SW_MSG_HISTORY, 1, 1, NULL, sw_emit_history },
	{ SW_MSG_WITNESS, 1, 1, NULL, sw_emit_witness },
};

static const struct sw_message_type *find_message(const char *name)
{
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(messages); i++)
		if (!strcasecmp(messages[i].name, name))
			return &messages[i];

	return NULL;
}

static const char *refusal(int r)
{
	switch (r) {
	case -ENODEV:
		return "there is no such path, or it is absent";
	case -ESTALE:
		return "it is for another epoch, or a mount verification that is over";
	case -EBUSY:
		return "not in this state or phase";
	case -EALREADY:
		return "it is so already";
	case -ENOLINK:
		return "the path is not ready: reinstate it first";
	case -ENOKEY:
		return "the path has no live ticket";
	case -EPERM:
		return "writes are in doubt, and the method does not prove them harmless";
	default:
		return "the unit has not been resumed yet";
	}
}

int sw_message(struct dm_target *ti, unsigned int argc, char **argv,
	       char *result, unsigned int maxlen)
{
	struct sw_unit *unit = ti->private;
	struct sw_call call = {
		.unit = unit, .argv = argv, .argc = argc,
	};
	const struct sw_message_type *type;
	int r = -EAGAIN;

	type = find_message(argv[0]);
	if (!type) {
		DMWARN("unknown message '%s'", argv[0]);
		return -EINVAL;
	}
	if (argc < type->argc_min || argc > type->argc_max) {
		DMWARN("message '%s' takes %u to %u words, not %u", type->name,
		       type->argc_min - 1, type->argc_max - 1, argc - 1);
		return -EINVAL;
	}
	if (type->emit)
		return type->emit(unit, result, maxlen);

	spin_lock_irq(&unit->lock);
	call.now = sw_now();
	if (unit->started)
		r = type->run(&call);
	sw_unit_do(unit, call.actions);
	spin_unlock_irq(&unit->lock);

	if (call.bad)
		DMWARN("message '%s': '%s' is not %s", argv[0], call.bad,
		       call.want);
	else if (r)
		DMWARN("message '%s' refused: %s", type->name, refusal(r));

	return r;
}
