// SPDX-License-Identifier: LGPL-2.1-or-later
/// How far an export has come.
#pragma once

#include "libpath/base/words.h"

namespace swpath
{

/// (enumerator, word)
#define SW_EXPORT_STATES(X)                                                                        \
	X(Open, "open")                                                                            \
	X(Failed, "failed") /* the direct path failed: nobody is served; may be exported again */  \
	X(Draining, "draining") /* revoked; connections or requests have not ended */              \
	X(Drained, "drained")   /* revoked, and nothing of it is left */

SWPATH_WORDS(ExportState, SW_EXPORT_STATES)

} // namespace swpath
