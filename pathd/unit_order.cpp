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
	return order_.agrees(path_identities(config_));
}

/// What is remembered by the numbers of another order.
void Unit::forget_numbers()
{
	state_.pinned.reset();
	carried_ = {};
}

std::optional<std::string> Unit::keeps_paths(const UnitConfig &config)
{
	if (keeps_numbers(path_identities(config_), path_identities(config)))
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
	const auto paths = path_identities(config_);
	order_.looked(kernel_->status, paths);
	if (order_.state() != state_.order) {
		if (order_.state().untraced && !state_.order.untraced)
			log::say(Message::Warning, {.unit = config_.name},
				 "the paths were changed while writes are in doubt");
		state_.order = order_.state();
		save_state();
	}
	mv_.set_untraced(order_.untraced(kernel_->status, paths));
}

void Unit::table_loaded(std::vector<std::string> paths)
{
	order_.loaded(std::move(paths));
	if (order_.state() == state_.order)
		return;
	state_.order = order_.state();
	save_state();
}

} // namespace swpath
