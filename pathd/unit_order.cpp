// SPDX-License-Identifier: GPL-2.0-or-later
/// Of a unit's keeper: whose numbers the paths have.
#include <fmt/core.h>

#include "libpath/sys/clock.h"
#include "pathd/log.h"
#include "pathd/unit.h"

namespace swpath
{

using log::Message;

/// The kernel's path `i` is the configuration's.
bool Unit::knows_numbers() const
{
	return order_.agrees(identities_);
}

/// What is remembered by the numbers of another order.
void Unit::forget_numbers()
{
	state_.pinned.reset();
	carried_ = {};
}

std::optional<std::string> Unit::keeps_paths(const UnitConfig &config)
{
	if (keeps_numbers(identities_, path_identities(config)))
		return std::nullopt;
	if (config_.build && !table_busy_)
		(void)look(now());
	if (!kernel_ || may_renumber(kernel_->status))
		return std::nullopt;
	return fmt::format(
		"{}: writes are in doubt, or on their way: its paths are not changed before "
		"I/O goes on (`pathctl status {}` says what it waits for); a path that is "
		"added behind the others can be",
		config_.name, config_.name);
}

void Unit::look_after_order()
{
	order_.looked(kernel_->status, identities_);
	if (order_.state().untraced && !state_.order.untraced)
		log::say(Message::Warning, {.unit = config_.name},
			 "the paths were changed while writes are in doubt");
	save_order();
	mv_.set_untraced(order_.untraced(kernel_->status, identities_));
}

void Unit::table_loaded(std::vector<std::string> paths)
{
	order_.loaded(std::move(paths));
	save_order();
}

void Unit::save_order()
{
	if (order_.state() == state_.order)
		return;
	state_.order = order_.state();
	save_state();
}

} // namespace swpath
