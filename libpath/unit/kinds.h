// SPDX-License-Identifier: LGPL-2.1-or-later
/// The sets of words that kernel and user space share, as enums. word() and from_word() of
/// libpath/base/words.h go between an enumerator and its text; docs/dm-sw.rst says what each means.
#pragma once

#include "dm-target/sw-uapi.h"
#include "libpath/base/words.h"

namespace swpath
{

SWPATH_WORDS(PathKind, SW_KINDS)
SWPATH_WORDS(Fence, SW_FENCES)
SWPATH_WORDS(UnitState, SW_STATES)
SWPATH_WORDS(Phase, SW_PHASES)
SWPATH_WORDS(PathState, SW_PATH_STATES)
SWPATH_WORDS(Reason, SW_REASONS)
SWPATH_WORDS(Method, SW_METHODS)
SWPATH_WORDS(UeventAction, SW_ACTIONS)

/// The words of a status line, a history line and a witness line, as indices into them.
SWPATH_WORDS(UnitWord, SW_UNIT_WORDS)
SWPATH_WORDS(PathWord, SW_PATH_WORDS)
SWPATH_WORDS(HistoryWord, SW_HISTORY_WORDS)
SWPATH_WORDS(WitnessWord, SW_WITNESS_WORDS)

/// Why two descriptions of a disk are not of one disk: the word for the kernel's `reject`, and a
/// sentence for people ("serial is 'B2', expected 'A1'").
struct Difference {
	Reason reason;
	std::string text;
};

} // namespace swpath
