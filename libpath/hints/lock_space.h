// SPDX-License-Identifier: LGPL-2.1-or-later
/// The seam to a lock manager: names that many hosts, or processes of one host, hold together, each
/// with a value of 32 bytes that all of them see.
///
/// A lock here is a mark, never a fence: it says what somebody meant, not what their disk is doing.
/// No switch waits for it.
///
/// Single-threaded. hold(), publish() and release() only begin something; what became of it is
/// told by step(), which is called when fd() is readable and at the time that next() names. Nothing
/// waits for another holder. What an engine may wait for all the same, it says where it is opened.
///
/// A value lives as long as somebody holds its name: when the last holder has gone, the next one
/// finds zeros. A value whose writer died while it wrote is not valid, and stays so until the next
/// publish(). Nobody writes over a value that it has not been told.
#pragma once

#include <array>
#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "libpath/base/instant.h"
#include "libpath/base/result.h"
#include "libpath/base/words.h"

namespace swpath
{

inline constexpr std::size_t lock_value_bytes = 32;
inline constexpr std::size_t lock_name_bytes_max = 64;
using LockBytes = std::array<std::byte, lock_value_bytes>;

struct LockValue {
	LockBytes bytes{};
	bool valid = true; ///< false: the bytes mean nothing

	bool operator==(const LockValue &) const = default;
};

#define SWPATH_LOCK_EVENTS(X)                                                                      \
	X(Held, "held")           /* the name is held; with its value */                           \
	X(Changed, "changed")     /* somebody else published, or the value became invalid */       \
	X(Published, "published") /* what was asked for is the value now */                        \
	X(Overtaken, "overtaken") /* nothing was published: somebody else had; with the value */   \
	X(Failed, "failed")       /* what was asked for did not come about; with the cause */
SWPATH_WORDS(LockEventKind, SWPATH_LOCK_EVENTS)

struct LockEvent {
	LockEventKind kind = LockEventKind::Held;
	std::string name;
	LockValue value;
	std::optional<Error> error; ///< Failed. ETIMEDOUT: publish() was not over by its deadline
};

class LockSpace
{
public:
	LockSpace() = default;
	LockSpace(const LockSpace &) = delete;
	LockSpace &operator=(const LockSpace &) = delete;
	/// Lets go of every name. A value that is being written by then may become invalid.
	virtual ~LockSpace() = default;

	/// Begins to hold `name`: Held follows, when the engine grants it. To hold it twice is to
	/// hold it once. Errors: EINVAL a name that check_lock_name() refuses; errno of the engine.
	[[nodiscard]] virtual Result<void> hold(std::string_view name) = 0;
	/// Begins to put `bytes` in the place of the value that step() told last: Published,
	/// Overtaken or Failed follows, the last one not later than the step() after `deadline`.
	/// Errors: ENOENT `name` is not held yet; EBUSY the one before is not over.
	[[nodiscard]] virtual Result<void> publish(std::string_view name, const LockBytes &bytes,
						   Instant deadline) = 0;
	/// Lets go of `name`; nothing follows. To release what is not held does nothing.
	virtual void release(std::string_view name) = 0;
	/// The value that was told last; nothing: not held yet.
	[[nodiscard]] virtual std::optional<LockValue> value(std::string_view name) const = 0;

	/// Readable when there is something to tell.
	[[nodiscard]] virtual int fd() const = 0;
	/// When step() is to be called though fd() is silent.
	[[nodiscard]] virtual std::optional<Instant> next() const = 0;
	/// What has happened. An error is of the engine as a whole: nothing more will come of it.
	[[nodiscard]] virtual Result<std::vector<LockEvent>> step(Instant now) = 0;
};

/// Letters, digits, '$', '.', '_' and '-', 1 to 64 of them, and not only dots.
/// Errors: EINVAL with the name.
[[nodiscard]] Result<void> check_lock_name(std::string_view name);

} // namespace swpath
