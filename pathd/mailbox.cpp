// SPDX-License-Identifier: GPL-2.0-or-later
#include "pathd/mailbox.h"

#include <cerrno>
#include <memory>

#include <sys/eventfd.h>
#include <unistd.h>

namespace swpath
{

Result<std::shared_ptr<Mailbox>> Mailbox::create()
{
	UniqueFd event(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK));
	if (!event)
		return fail(errno, "create eventfd");
	auto mailbox = std::shared_ptr<Mailbox>(new Mailbox(std::move(event)));
	mailbox->letters_.reserve(64);
	mailbox->running_.reserve(64);
	return mailbox;
}

void Mailbox::post(Letter letter)
{
	{
		const std::lock_guard lock(mutex_);
		letters_.push_back(std::move(letter));
	}
	const std::uint64_t one = 1;
	// Cannot fail but for a counter of 2^64: then the descriptor is readable anyway.
	(void)!::write(event_.get(), &one, sizeof(one));
}

void Mailbox::run()
{
	std::uint64_t count = 0;
	(void)!::read(event_.get(), &count, sizeof(count));
	{
		const std::lock_guard lock(mutex_);
		std::swap(letters_, running_);
	}
	for (auto &letter : running_)
		letter();
	running_.clear();
}

} // namespace swpath
