// SPDX-License-Identifier: LGPL-2.1-or-later
/// Why a request of the control protocol was not carried out. The kinds are the protocol's errors
/// and the exit statuses of pathctl, so that a script sees one cause as one number everywhere.
#pragma once

#include <string>
#include <string_view>

#include <tl/expected.hpp>

#include "libpath/base/result.h"
#include "libpath/base/words.h"

namespace swpath
{

/// (enumerator, varlink error without the interface's name)
#define SW_REFUSALS(X)                                                                             \
	X(Failed, "Failed")             /* it was tried and did not work */                        \
	X(Usage, "BadRequest")          /* the request makes no sense */                           \
	X(NotReachable, "NotReachable") /* no daemon, or no module: made by the client */          \
	X(NotFound, "NotFound")         /* no such unit or path */                                 \
	X(Permission, "Permission")                                                                \
	X(Unsafe, "Unsafe") /* refused for safety */                                               \
	X(Timeout, "Timeout")                                                                      \
	X(ConfigInvalid, "ConfigInvalid")

SWPATH_WORDS(RefusalKind, SW_REFUSALS)

struct Refusal {
	RefusalKind kind = RefusalKind::Failed;
	std::string message; ///< what is wrong with what: "cannot switch to 'beta': probe failed"
	std::string hint;    ///< the next step, an imperative; may be empty

	bool operator==(const Refusal &) const = default;
};

template <class T>
using Answered = tl::expected<T, Refusal>;

[[nodiscard]] inline auto refuse(RefusalKind kind, std::string message, std::string hint = {})
{
	return tl::unexpected(Refusal{kind, std::move(message), std::move(hint)});
}

/// Exit status of pathctl for a kind: Failed 1, Usage 2, NotReachable 3, NotFound 4, Permission 5,
/// Unsafe 6, Timeout 7, ConfigInvalid 8.
[[nodiscard]] int exit_status(RefusalKind kind) noexcept;

/// The kind that fits an errno: ENODEV and ENXIO NotFound, EPERM and EACCES Permission, EBUSY and
/// ESTALE Unsafe, ETIMEDOUT Timeout, the others Failed. The message is that of the Error.
[[nodiscard]] Refusal refusal_of(const Error &error, std::string hint = {});

} // namespace swpath
