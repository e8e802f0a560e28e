// SPDX-License-Identifier: GPL-2.0-or-later
#include "pathd/unit_remover.h"

#include <algorithm>
#include <utility>

#include "libpath/base/earlier.h"
#include "libpath/sys/clock.h"
#include "pathd/log.h"

namespace swpath
{

namespace
{

/// udevd looks at the rules' files at most every 3 s (write_leg_rules()); an event before that
/// would hide a leg by the old ones.
constexpr Duration rules_read_after = std::chrono::seconds(4);
/// There was no thread for a removal.
constexpr Duration retry_interval = std::chrono::seconds(1);

} // namespace

UnitRemover::UnitRemover(std::shared_ptr<Mailbox> mailbox,
			 std::function<bool(std::string_view)> keeps, std::function<void()> settled,
			 RemovalActs acts)
	: mailbox_(std::move(mailbox)), keeps_(std::move(keeps)), settled_(std::move(settled)),
	  acts_(std::move(acts))
{
}

void UnitRemover::add(UnitEnd end)
{
	removing_.push_back(std::move(end));
}

void UnitRemover::add_hidden(std::vector<DevNumber> numbers, Instant now)
{
	left_over_ = std::move(numbers);
	left_over_at_ = now + rules_read_after;
}

void UnitRemover::step(Instant now)
{
	if (begun_ == 0 && !removing_.empty() && now >= retry_at_)
		begin(now);
	std::erase_if(hidden_, [&](const Hidden &each) {
		if (now < each.show_at)
			return false;
		if (!keeps_(each.end.wwid))
			acts_.show(each.end);
		return true;
	});
	if (!left_over_.empty() && now >= left_over_at_)
		show_again(std::exchange(left_over_, {}));
}

void UnitRemover::begin(Instant now)
{
	retry_at_ = now + retry_interval; // unless it is taken
	if (!worker_) {
		auto started = Worker::start("remover");
		if (!started)
			return;
		worker_ = std::move(*started);
	}
	const bool taken = worker_->submit([this, here = std::weak_ptr(here_), mailbox = mailbox_,
					    acts = acts_, ends = removing_] {
		std::vector<UnitEnd> gone;
		std::vector<UnitEnd> left;
		for (const auto &end : ends)
			(acts.remove(end) ? gone : left).push_back(end);
		// Whoever is needed may have a keeper again at once.
		mailbox->post([this, here, left] {
			if (!here.expired())
				settle(left);
		});
		for (const auto &end : gone)
			acts.disconnect(end);
		mailbox->post([this, here, gone] {
			if (here.expired())
				return;
			for (const auto &end : gone)
				hidden_.push_back({end, swpath::now() + rules_read_after});
			settle(gone);
		});
	});
	if (!taken)
		return;
	retry_at_ = {};
	begun_ = removing_.size();
}

void UnitRemover::settle(const std::vector<UnitEnd> &ends)
{
	if (ends.empty())
		return;
	std::erase_if(removing_, [&](const UnitEnd &each) {
		return std::any_of(ends.begin(), ends.end(),
				   [&](const UnitEnd &end) { return end.name == each.name; });
	});
	begun_ -= ends.size();
	settled_();
}

std::optional<Instant> UnitRemover::deadline() const
{
	std::optional<Instant> first;
	if (begun_ == 0 && !removing_.empty())
		first = retry_at_;
	for (const auto &each : hidden_)
		first = earlier(first, each.show_at);
	if (!left_over_.empty())
		first = earlier(first, left_over_at_);
	return first;
}

bool UnitRemover::removes(std::string_view name) const
{
	return std::any_of(removing_.begin(), removing_.end(),
			   [&](const UnitEnd &each) { return each.name == name; });
}

} // namespace swpath
