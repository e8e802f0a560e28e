/* SPDX-License-Identifier: GPL-2.0-only WITH Linux-syscall-note */
/*
 * sw-uapi.h - the words and limits that the "sw" device-mapper target and its
 * users share: table, messages, status, history, uevents.
 *
 * This file is the only spelling of each of them. It is included by the kernel
 * module and by libpath (C++), so it holds nothing but macros: an X-macro for
 * every set of words, so that the enum, the text and the parser of a set cannot
 * drift apart. docs/dm-sw.rst describes what each word means.
 */
#ifndef SW_UAPI_H
#define SW_UAPI_H

#define SW_TARGET_NAME		"sw"
#define SW_MODULE_NAME		"dm-sw"
#define SW_VERSION_MAJOR	1
#define SW_VERSION_MINOR	0
#define SW_VERSION_PATCH	0

/* Device-mapper UUIDs of units begin with this; never "mpath-". */
#define SW_UUID_PREFIX		"SW-"

/*
 * Table:
 *   <start> <len> sw <#feature words> [features] <#paths> {direct|served <dev|->}...
 *
 * Features take one value each, except "hold", which takes none.
 */
#define SW_FEATURE_MV_TIMEOUT	"mv_timeout_s"	/* seconds */
#define SW_FEATURE_STALL	"stall_ms"	/* milliseconds, 0: never */
#define SW_FEATURE_FENCE	"fence"		/* a word of SW_FENCES */
#define SW_FEATURE_WITNESS	"witness"	/* records, 0: none */
#define SW_FEATURE_EPOCH	"epoch"		/* smallest epoch to start with */
#define SW_FEATURE_HOLD		"hold"		/* start held */

#define SW_PATHS_MAX		8
#define SW_PATHS_MIN		1
#define SW_ABSENT		"-"

#define SW_MV_TIMEOUT_S_MIN	1
#define SW_MV_TIMEOUT_S_MAX	16777215	/* OpenVMS SET SHADOW/MVTIMEOUT */
#define SW_MV_TIMEOUT_S_DEFAULT	3600		/* OpenVMS MVTIMEOUT */
#define SW_STALL_MS_MIN		100
#define SW_STALL_MS_MAX		600000
#define SW_STALL_MS_DEFAULT	5000
#define SW_WITNESS_MAX		64
#define SW_WITNESS_DEFAULT	0
#define SW_WITNESS_BYTES	4096		/* of a larger write, the beginning */
#define SW_TICKET_TTL_MS_MAX	3600000
#define SW_HISTORY_MAX		32
#define SW_WORD_MAX		64		/* bytes of an evidence or note, with the NUL */

/*
 * How often one bio may come back with a path error before the error goes up:
 * a request that fails on path after proved path is itself at fault, and must
 * not keep the unit switching for ever.
 */
#define SW_BIO_TRIES_MAX	8

/* X(ENUM, "word") throughout; the order is the order of the enum. */

#define SW_KINDS(X)			\
	X(DIRECT, "direct")		\
	X(SERVED, "served")

#define SW_FENCES(X)			\
	X(PROVE, "prove")		\
	X(DRAIN, "drain")

/* State of a unit. */
#define SW_STATES(X)			\
	X(ONLINE, "online")		\
	X(VERIFY, "verify")		\
	X(HELD, "held")			\
	X(FAILED, "failed")

/* Phase of a hold: what is waited for. "-" outside of one. */
#define SW_PHASES(X)			\
	X(NONE, "-")			\
	X(DRAIN, "drain")		\
	X(FLUSH, "flush")		\
	X(PROVE, "prove")		\
	X(OPERATOR, "operator")

/* State of a path. */
#define SW_PATH_STATES(X)		\
	X(ABSENT, "absent")		\
	X(READY, "ready")		\
	X(FAILED, "failed")		\
	X(REJECTED, "rejected")

/* Why a hold began, a switch was made or a path is not ready. */
#define SW_REASONS(X)			\
	X(NONE, "none")			\
	X(ERROR, "error")		\
	X(TIMEOUT, "timeout")		\
	X(TRANSPORT, "transport")	\
	X(OFFLINE, "offline")		\
	X(STALL, "stall")		\
	X(NO_PATH, "no-path")		\
	X(OPERATOR, "operator")		\
	X(FAILBACK, "failback")		\
	X(LOAD, "load")			\
	X(RETRY, "retry")		\
	X(PATH_GONE, "path-gone")	\
	X(FLUSH_FAILED, "flush-failed")	\
	X(MV_TIMEOUT, "mv-timeout")	\
	X(ABORT, "abort")		\
	X(IDENTITY, "identity")		\
	X(SIZE, "size")			\
	X(WRITE_PROTECTED, "write-protected") \
	X(STALE_DATA, "stale-data")	\
	X(RESERVATION, "reservation")	\
	X(UNREADABLE, "unreadable")	\
	X(REFUSED, "refused")

/*
 * Proof that nothing sent down the old path can change the disk any more,
 * as named by "commit". "ticket" is what the kernel records for a switch that
 * it made alone, none-needed in all but the name of who decided.
 */
#define SW_METHODS(X)			\
	X(NONE, "none")			\
	X(TICKET, "ticket")		\
	X(NONE_NEEDED, "none-needed")	\
	X(DRAINED, "drained")		\
	X(EXPORT_REVOKED, "export-revoked") \
	X(PREEMPT_ABORT, "preempt-abort") \
	X(LU_RESET, "lu-reset")		\
	X(NODE_FENCED, "node-fenced")	\
	X(OPERATOR, "operator")

/*
 * Messages (dmsetup message UNIT 0 ...). <path> is an index into the table's
 * paths, <mv> and <epoch> are those of the status line.
 *
 *   ticket <path> <epoch> <ttl_ms>          ttl 0 withdraws
 *   commit <mv> <path> <method> <evidence>
 *   reject <mv> <path> <reason>
 *   hold [operator|failback|...]            a word of SW_REASONS
 *   release
 *   switch <path> cooperative|forced [reason]
 *   fail <path> [reason]
 *   reinstate <path>
 *   abort
 *   retry
 *   history                                 answers, one line a record
 *   witness                                 answers, one line a record
 */
#define SW_MSG_TICKET		"ticket"
#define SW_MSG_COMMIT		"commit"
#define SW_MSG_REJECT		"reject"
#define SW_MSG_HOLD		"hold"
#define SW_MSG_RELEASE		"release"
#define SW_MSG_SWITCH		"switch"
#define SW_MSG_COOPERATIVE	"cooperative"
#define SW_MSG_FORCED		"forced"
#define SW_MSG_FAIL		"fail"
#define SW_MSG_REINSTATE	"reinstate"
#define SW_MSG_ABORT		"abort"
#define SW_MSG_RETRY		"retry"
#define SW_MSG_HISTORY		"history"
#define SW_MSG_WITNESS		"witness"

/*
 * Status, INFO form: one line,
 *   <#unit words> <unit words> <#paths> <#words of a path> {<path words>}...
 * The counts let a reader skip words that a later version adds at the end of
 * a group. Words of a group, in order (X(FIELD, "name")); times are in ms.
 */
#define SW_UNIT_WORDS(X)		\
	X(STATE, "state")		/* SW_STATES */ \
	X(PHASE, "phase")		/* SW_PHASES */ \
	X(MV, "mv")			/* number of the last or current MV */ \
	X(EPOCH, "epoch")		\
	X(ACTIVE, "active")		/* index of the active path, or "-" */ \
	X(HELD_BIOS, "held_bios")	\
	X(HELD_BYTES, "held_bytes")	\
	X(OLDEST, "oldest_ms")		/* oldest bio in flight, 0: none */ \
	X(DOUBT, "doubt")		/* writes in doubt */ \
	X(REASON, "reason")		/* SW_REASONS, of the last hold */ \
	X(SINCE, "since_ms")		/* in this state for so long */ \
	X(LEFT, "left_ms")		/* until mv_timeout, "-": no hold */ \
	X(FROM, "from")			/* path that was left, or "-" */ \
	X(FENCE, "fence")		/* SW_FENCES: the unit's policy */

#define SW_PATH_WORDS(X)		\
	X(KIND, "kind")			/* SW_KINDS */ \
	X(DEVICE, "device")		/* MAJ:MIN, or "-" */ \
	X(STATE, "state")		/* SW_PATH_STATES */ \
	X(INFLIGHT, "inflight")		/* bios */ \
	X(ERRORS, "errors")		/* bios that came back with a path error */ \
	X(SWITCHES, "switches")		/* times this path became active */ \
	X(TICKET, "ticket_ms")		/* life left in its ticket, 0: none */ \
	X(REASON, "reason")		/* SW_REASONS: why it is not ready */

/*
 * One line of "history", oldest first; words in order. Times: at_ms is the
 * wall clock at the hold (ms since 1970), the others are durations in us.
 */
#define SW_HISTORY_WORDS(X)		\
	X(EPOCH, "epoch")		/* after the switch */ \
	X(MV, "mv")			\
	X(FROM, "from")			/* path index, or "-" */ \
	X(TO, "to")			/* path index, or "-": the MV failed */ \
	X(REASON, "reason")		\
	X(METHOD, "method")		\
	X(AT, "at_ms")			\
	X(DRAIN, "drain_us")		/* hold until the old path had drained */ \
	X(FLUSH, "flush_us")		/* flush of the old path, cooperative */ \
	X(PROVE, "prove_us")		/* fence, identify, reserve */ \
	X(RELEASE, "release_us")	/* until every held bio was sent on */ \
	X(HELD_BIOS, "held_bios")	/* most at one time */ \
	X(HELD_BYTES, "held_bytes")	/* most at one time */ \
	X(DOUBT, "doubt")		\
	X(EVIDENCE, "evidence")		/* one word, as given by commit */

/* One line of "witness", oldest first. */
#define SW_WITNESS_WORDS(X)		\
	X(SECTOR, "sector")		/* of 512 bytes, in the unit */ \
	X(BYTES, "bytes")		/* from there on */ \
	X(CRC, "crc32c")		/* 8 hex digits */ \
	X(AGE, "age_ms")		/* since it was acknowledged */

/*
 * Uevents (KOBJ_CHANGE of the unit's disk). SW_ACTION is a word of SW_ACTIONS;
 * the others are the words of the status line at that moment.
 */
#define SW_ACTIONS(X)			\
	X(HOLD, "hold")			\
	X(ONLINE, "online")		\
	X(FAILED, "failed")		\
	X(PATH, "path")

#define SW_UEVENT_ACTION	"SW_ACTION"
#define SW_UEVENT_UNIT		"SW_UNIT"
#define SW_UEVENT_STATE		"SW_STATE"
#define SW_UEVENT_REASON	"SW_REASON"
#define SW_UEVENT_MV		"SW_MV"
#define SW_UEVENT_EPOCH		"SW_EPOCH"
#define SW_UEVENT_ACTIVE	"SW_ACTIVE"
#define SW_UEVENT_PATH		"SW_PATH"

#endif /* SW_UAPI_H */
