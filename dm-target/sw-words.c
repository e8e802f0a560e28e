// SPDX-License-Identifier: GPL-2.0-only
/*
 * sw-words.c - texts and parsers of the sets of words in sw-uapi.h.
 */
#include "sw-words.h"

#define SW_TEXT(id, text)	text,

static const char *const kinds[] = { SW_KINDS(SW_TEXT) };
static const char *const fences[] = { SW_FENCES(SW_TEXT) };
static const char *const states[] = { SW_STATES(SW_TEXT) };
static const char *const phases[] = { SW_PHASES(SW_TEXT) };
static const char *const path_states[] = { SW_PATH_STATES(SW_TEXT) };
static const char *const reasons[] = { SW_REASONS(SW_TEXT) };
static const char *const methods[] = { SW_METHODS(SW_TEXT) };
static const char *const actions[] = { SW_ACTIONS(SW_TEXT) };

static int find(const char *const *words, int nr, const char *word)
{
	int i;

	for (i = 0; i < nr; i++)
		if (!strcmp(words[i], word))
			return i;

	return -EINVAL;
}

const char *sw_kind_text(enum sw_kind kind)
{
	return kinds[kind];
}

const char *sw_fence_text(enum sw_fence fence)
{
	return fences[fence];
}

const char *sw_state_text(enum sw_state state)
{
	return states[state];
}

const char *sw_phase_text(enum sw_phase phase)
{
	return phases[phase];
}

const char *sw_path_state_text(enum sw_path_state state)
{
	return path_states[state];
}

const char *sw_reason_text(enum sw_reason reason)
{
	return reasons[reason];
}

const char *sw_method_text(enum sw_method method)
{
	return methods[method];
}

const char *sw_action_text(enum sw_action action)
{
	return actions[action];
}

int sw_kind_parse(const char *word)
{
	return find(kinds, SW_KIND_NR, word);
}

int sw_fence_parse(const char *word)
{
	return find(fences, SW_FENCE_NR, word);
}

int sw_reason_parse(const char *word)
{
	return find(reasons, SW_REASON_NR, word);
}

int sw_method_parse(const char *word)
{
	return find(methods, SW_METHOD_NR, word);
}
