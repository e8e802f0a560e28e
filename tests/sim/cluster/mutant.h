// SPDX-License-Identifier: GPL-2.0-or-later
/// What can be broken on purpose around the real recovery: the services and the engines. The
/// recovery itself is broken by patches, see mutants.sh.
#pragma once

#include "libpath/base/words.h"

#define CHURN_MUTANTS(X)                                                                           \
	X(NONE, "none")                                                                            \
	X(INIT_ADDS, "init-not-idempotent")                                                        \
	X(BY_REFERENCE, "state-by-reference")                                                      \
	X(SAID_AFTER_INIT, "state-of-earlier-round")

namespace swpath
{

SWPATH_WORDS(ChurnMutant, CHURN_MUTANTS)

} // namespace swpath
