// SPDX-License-Identifier: GPL-2.0-or-later
/// What can be broken on purpose at run time: the edges around the real core and policies. The core
/// and the policies themselves are broken by patches, see mutants.sh.
#pragma once

#include "libpath/base/words.h"

#define SIM_MUTANTS(X)                                                                             \
	X(NONE, "none")                                                                            \
	X(DRAIN_SKIPPED, "drain-skipped")                                                          \
	X(FUA_LOST, "fua-lost-on-retry")                                                           \
	X(FLUSH_EARLY, "flush-acknowledged-early")                                                 \
	X(ORDER_REVERSED, "held-order-reversed")                                                   \
	X(HELD_TWICE, "held-bio-sent-twice")                                                       \
	X(HELD_LOST, "held-bio-forgotten")                                                         \
	X(WRITE_DROPPED, "failed-write-acknowledged")                                              \
	X(MEDIUM_RETRIED, "medium-error-taken-for-path-error")                                     \
	X(IDENTITY_UNCHECKED, "identity-not-checked")                                              \
	X(EPOCH_IGNORED, "server-ignores-epoch")                                                   \
	X(REVOKE_EARLY, "revoke-answers-before-io-ended")                                          \
	X(REVOKE_TRUSTS_ERRORS, "revoke-trusts-errored-writes")                                    \
	X(KEY_MISSING, "key-not-registered")                                                       \
	X(ABORT_MISSING, "preempt-without-abort")                                                  \
	X(OPERATOR_HASTY, "operator-confirms-blindly")                                             \
	X(LATE_PROOF, "proof-of-older-mv-accepted")                                                \
	X(WITNESS_SKIPPED, "witness-skipped")                                                      \
	X(COHERENCE_FORGOTTEN, "incoherent-server-forgotten")                                      \
	X(KEY_NOT_CARRIED, "users-key-not-carried")                                                \
	X(PREEMPTED_KEY_COPIED, "preempted-key-copied")                                            \
	X(SERVER_KEY_EARLY, "server-key-back-while-it-exports")                                    \
	X(EXPORT_UNKEYED, "exported-without-key")                                                  \
	X(PEERS_BELIEVED, "peers-believed-after-restart")                                          \
	X(SERVER_KEY_CLAIMED, "server-claims-key")                                                 \
	X(PREEMPTED_SERVED, "preempted-client-served")

namespace swpath
{

SWPATH_WORDS(SimMutant, SIM_MUTANTS)

namespace sim
{
using Mutant = SimMutant;
}

} // namespace swpath
