// SPDX-License-Identifier: GPL-2.0-or-later
/// How worker threads hand their results to the loop.
#pragma once

#include <functional>
#include <mutex>
#include <vector>

#include "libpath/base/result.h"
#include "libpath/base/unique_fd.h"

namespace swpath
{

/// Any thread posts; the loop runs what was posted, in order, on its own thread. Shared by its
/// users (std::shared_ptr), because a hung worker may outlive everything else.
class Mailbox
{
public:
	using Letter = std::function<void()>;

	/// Errors: those of eventfd(2).
	[[nodiscard]] static Result<std::shared_ptr<Mailbox>> create();

	/// Readable while there is something to run.
	[[nodiscard]] int fd() const noexcept { return event_.get(); }
	void post(Letter letter);
	/// The loop's side.
	void run();

private:
	explicit Mailbox(UniqueFd event) : event_(std::move(event)) {}
	UniqueFd event_;
	std::mutex mutex_;
	std::vector<Letter> letters_;
	std::vector<Letter> running_; ///< the loop's only; swapped, so that both keep their memory
};

} // namespace swpath
