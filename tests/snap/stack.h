// SPDX-License-Identifier: GPL-2.0-or-later
/// What is put below the writer: swpath, or stock dm-multipath over the same two ways to the disk.
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "libpath/base/result.h"
#include "tests/snap/disk.h"
#include "tests/snap/plan.h"
#include "tests/snap/server.h"

namespace swpath::snap
{

class Stack
{
public:
	virtual ~Stack() = default;

	/// Brings it up, with I/O possible on both paths. BLOCKS, at most 60 s. Errors: what did
	/// not come up.
	[[nodiscard]] virtual Result<void> begin() = 0;
	/// What the writer is given.
	[[nodiscard]] virtual std::string device() const = 0;
	/// Puts I/O on one of the paths, before anything goes wrong.
	[[nodiscard]] virtual Result<void> begin_on(bool served) = 0;
	/// A deed to this stack (a daemon, an order), or one below it that it must be told of;
	/// the answer, for the story. Others are ignored.
	virtual std::string perform(const Deed &deed) = 0;
	/// One line about its state; changes of it are told in the story.
	[[nodiscard]] virtual std::string state() const = 0;
	/// When everything is healed: takes the next step that is a person's, if one is due, and
	/// says if all is well. What it did, or what is missing, is in `said`.
	[[nodiscard]] virtual bool is_well(std::string &said) = 0;
	/// Devices to judge the disk through, beside the test disk's own.
	[[nodiscard]] virtual std::vector<std::string> views() const = 0;
	/// What a reader of a violation wants to see.
	virtual void post_mortem() const = 0;
};

/// Errors: EINVAL no such product ("sw", "dm-multipath").
[[nodiscard]] Result<std::unique_ptr<Stack>> make_stack(std::string_view product, const Disk &disk,
							const Server &server);

} // namespace swpath::snap
