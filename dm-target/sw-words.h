/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * sw-words.h - the sets of words of sw-uapi.h as enums, with their texts.
 */
#ifndef SW_WORDS_H
#define SW_WORDS_H

#include "sw-env.h"
#include "sw-uapi.h"

#define SW_ENUM_KIND(id, text)		SW_KIND_##id,
#define SW_ENUM_FENCE(id, text)		SW_FENCE_##id,
#define SW_ENUM_STATE(id, text)		SW_STATE_##id,
#define SW_ENUM_PHASE(id, text)		SW_PHASE_##id,
#define SW_ENUM_PATH(id, text)		SW_PATH_##id,
#define SW_ENUM_REASON(id, text)	SW_REASON_##id,
#define SW_ENUM_METHOD(id, text)	SW_METHOD_##id,
#define SW_ENUM_ACTION(id, text)	SW_ACTION_##id,

enum sw_kind { SW_KINDS(SW_ENUM_KIND) SW_KIND_NR };
enum sw_fence { SW_FENCES(SW_ENUM_FENCE) SW_FENCE_NR };
enum sw_state { SW_STATES(SW_ENUM_STATE) SW_STATE_NR };
enum sw_phase { SW_PHASES(SW_ENUM_PHASE) SW_PHASE_NR };
enum sw_path_state { SW_PATH_STATES(SW_ENUM_PATH) SW_PATH_NR };
enum sw_reason { SW_REASONS(SW_ENUM_REASON) SW_REASON_NR };
enum sw_method { SW_METHODS(SW_ENUM_METHOD) SW_METHOD_NR };
enum sw_action { SW_ACTIONS(SW_ENUM_ACTION) SW_ACTION_NR };

const char *sw_kind_text(enum sw_kind kind);
const char *sw_fence_text(enum sw_fence fence);
const char *sw_state_text(enum sw_state state);
const char *sw_phase_text(enum sw_phase phase);
const char *sw_path_state_text(enum sw_path_state state);
const char *sw_reason_text(enum sw_reason reason);
const char *sw_method_text(enum sw_method method);
const char *sw_action_text(enum sw_action action);

/* Index of the word in its set, or -EINVAL. */
int sw_kind_parse(const char *word);
int sw_fence_parse(const char *word);
int sw_reason_parse(const char *word);
int sw_method_parse(const char *word);

#endif /* SW_WORDS_H */
