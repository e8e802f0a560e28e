// SPDX-License-Identifier: GPL-2.0-or-later
#include "pathd/guard.h"

#include <algorithm>
#include <iterator>
#include <set>

#include "libpath/serve/server_process.h"
#include "libpath/sys/clock.h"
#include "libpath/sys/device_users.h"
#include "pathd/log.h"
#include "pathd/wall_clock.h"

namespace swpath
{

using log::Message;

namespace
{

constexpr std::string_view in_part = "who has the legs open is not wholly known";
/// A look that takes longer hangs in the kernel.
constexpr Duration look_limit = std::chrono::seconds(60);

/// On the guard's own thread.
Result<DeviceUses> look(const std::vector<DevNumber> &devices, const std::string &server_socket)
{
	std::vector<pid_t> known;
	// It outlives pathd, so it need not be a child.
	if (!server_socket.empty()) {
		const auto server = ServerProcess::listening(server_socket);
		if (!server)
			return tl::unexpected(server.error());
		if (*server)
			known.push_back((*server)->pid());
	}
	return device_users(devices, known);
}

LegUser leg_user(const LegGuard::Opened &opened)
{
	LegUser user;
	if (opened.use.pid > 0)
		user.pid = static_cast<std::uint32_t>(opened.use.pid);
	user.command = opened.use.command;
	user.device = opened.use.name;
	user.since = wall_time(opened.since);
	user.write = opened.use.write;
	return user;
}

} // namespace

Guard::Guard(std::shared_ptr<Mailbox> mailbox, std::string server_socket,
	     std::function<Legs()> legs, std::function<void(const std::string &)> changed)
	: mailbox_(std::move(mailbox)), server_socket_(std::move(server_socket)),
	  legs_(std::move(legs)), changed_(std::move(changed))
{
}

void Guard::step(Instant now, Duration interval)
{
	if (interval == Duration::zero())
		return;
	if (began_) {
		if (now - *began_ >= look_limit && trouble_.empty()) {
			trouble_ = "the look hangs";
			log::say(Message::Warning, {}, "{}: {}", in_part, trouble_);
		}
		return;
	}
	// The first look comes when the host has had time to open what it opens at boot.
	if (first_)
		due_ = now + interval;
	first_ = false;
	if (now < due_)
		return;
	due_ = now + interval;
	if (!worker_)
		if (auto started = Worker::start("guard"))
			worker_ = std::move(*started);
	std::vector<DevNumber> devices;
	for (const auto &[number, unit] : legs_()) {
		devices.push_back(number);
		units_.insert_or_assign(number, unit);
	}
	if (worker_ && worker_->submit([devices = std::move(devices), socket = server_socket_,
					mailbox = mailbox_, here = std::weak_ptr(here_), this] {
		    auto seen = look(devices, socket);
		    mailbox->post([=, this, seen = std::move(seen)] {
			    if (!here.expired())
				    looked(seen);
		    });
	    }))
		began_ = now;
}

std::optional<Instant> Guard::deadline(Duration interval) const
{
	if (interval == Duration::zero())
		return std::nullopt;
	if (!began_)
		return due_;
	return trouble_.empty() ? std::optional(*began_ + look_limit) : std::nullopt;
}

std::string Guard::unit_of(const DeviceUse &use) const
{
	const auto found = units_.find(use.device);
	return found == units_.end() ? std::string() : found->second;
}

void Guard::looked(const Result<DeviceUses> &seen)
{
	began_.reset();
	std::string trouble;
	if (!seen)
		trouble = seen.error().message();
	else if (!seen->complete)
		trouble = "not every process could be looked at";
	if (!trouble.empty() && trouble != trouble_)
		log::say(Message::Warning, {}, "{}: {}", in_part, trouble);
	trouble_ = trouble;
	if (!seen)
		return;

	std::set<std::string> touched;
	for (const auto &[what, gone] : guard_.look(*seen, now())) {
		const auto unit = unit_of(what.use);
		touched.insert(unit);
		log::say(gone ? Message::LegClosed : Message::LegOpened,
			 {.unit = unit, .path = what.use.name}, "{}{}", use_text(what.use),
			 gone ? " no more" : ", past the unit");
	}
	opened_.clear();
	for (const auto &each : guard_.opened())
		opened_[unit_of(each.use)].push_back(each);
	for (const auto &unit : touched)
		changed_(unit);
}

std::vector<LegUser> Guard::opened(const std::string &unit) const
{
	const auto found = opened_.find(unit);
	std::vector<LegUser> users;
	if (found != opened_.end())
		std::transform(found->second.begin(), found->second.end(),
			       std::back_inserter(users), leg_user);
	return users;
}

} // namespace swpath
