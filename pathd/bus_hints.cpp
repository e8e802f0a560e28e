// SPDX-License-Identifier: GPL-2.0-or-later
#include "pathd/bus_hints.h"

#include <algorithm>
#include <cerrno>
#include <csignal>

#include <fmt/core.h>
#include <sys/epoll.h>
#include <sys/wait.h>

#include "libpath/base/text.h"
#include "libpath/sys/clock.h"
#include "libpath/sys/file.h"
#include "pathd/log.h"

namespace swpath
{

using log::Message;

namespace
{

/// While the process does not take what it is told, or has not been reaped.
constexpr Duration soon = std::chrono::milliseconds(100);
constexpr Duration for_ever = std::chrono::hours(1);
constexpr const char *standstill =
	"the lock manager lets nobody lock: the cluster has no quorum, or a host that failed is "
	"not fenced yet; corosync-quorumtool and dlm_tool ls tell";

} // namespace

BusHints::Program BusHints::program(const HintsConfig &config)
{
	Program program;
	program.command = {SWPATH_LIBEXEC_DIR "/swpath-lockspace", "--engine",
			   std::string(word(config.engine)), "--lockspace", config.lockspace};
	if (config.engine == LockEngine::Dlm)
		program.status_file =
			fmt::format("/sys/kernel/dlm/{}/recover_status", config.lockspace);
	return program;
}

BusHints::BusHints(const HintsConfig &config, bool serves, Program program, std::string machine_id,
		   UniqueFd watched, std::unique_ptr<Worker> starter,
		   std::shared_ptr<Mailbox> mailbox, std::function<void()> changed)
	: config_(config), program_(std::move(program)), machine_id_(std::move(machine_id)),
	  number_(config.number.value_or(host_number(machine_id_))),
	  keeper_(config.buses, number_, serves), watched_(std::move(watched)),
	  starter_(std::move(starter)), mailbox_(std::move(mailbox)), changed_(std::move(changed))
{
}

BusHints::~BusHints() = default;

Result<std::unique_ptr<BusHints>> BusHints::create(const HintsConfig &config, bool serves,
						   Program program,
						   std::shared_ptr<Mailbox> mailbox,
						   std::function<void()> changed)
{
	auto id = read_file("/etc/machine-id", 64);
	if (!id || trimmed(*id).empty())
		return fail(id ? ENODATA : id.error().code.value(),
			    "/etc/machine-id, which numbers this host (systemd-machine-id-setup "
			    "makes one)");
	UniqueFd watched(::epoll_create1(EPOLL_CLOEXEC));
	if (!watched)
		return fail(errno, "watch the lock space");
	auto starter = Worker::start("hints");
	if (!starter)
		return tl::unexpected(starter.error());
	return std::unique_ptr<BusHints>(new BusHints(
		config, serves, std::move(program), std::string(trimmed(*id)), std::move(watched),
		std::move(*starter), std::move(mailbox), std::move(changed)));
}

void BusHints::direct_proved(const BlockDevice &device, const Identity &identity)
{
	keeper_.direct_proved(device.number, port_of(device.hctl), device.by_path, identity);
}

/// On a thread of its own: the program may lie on a disk that is held.
void BusHints::start(Instant now)
{
	starting_ = starter_->submit([command = program_.command, mailbox = mailbox_,
				      here = std::weak_ptr(here_), this] {
		auto process = LockProcess::start(command);
		Result<std::shared_ptr<LockProcess>> result;
		if (process)
			result = std::shared_ptr<LockProcess>(std::move(*process));
		else
			result = tl::unexpected(process.error());
		mailbox->post([=, this] {
			if (!here.expired())
				started(result);
		});
	});
	began_ = now;
	if (!starting_)
		ended("the thread that starts it hangs", now);
}

void BusHints::started(Result<std::shared_ptr<LockProcess>> result)
{
	starting_ = false;
	if (!result)
		return ended(result.error().message(), now());
	process_ = std::move(*result);
	starts_++;
	epoll_event event{};
	event.events = EPOLLIN;
	if (::epoll_ctl(watched_.get(), EPOLL_CTL_ADD, process_->fd(), &event) != 0)
		ended("it cannot be watched", now());
}

void BusHints::ended(const std::string &why, Instant now)
{
	if (process_) {
		(void)::epoll_ctl(watched_.get(), EPOLL_CTL_DEL, process_->fd(), nullptr);
		// It has ended, or says what it must not.
		(void)::kill(process_->pid(), SIGKILL);
		ended_.push_back(process_->pid());
		process_.reset();
	}
	ready_ = unsent_ = false;
	last_words_.clear();
	watch_ = {};
	keeper_.space_gone();
	start_at_ = restart_.ended(began_, now);
	if (trouble_ != why)
		log::say(Message::Warning, {}, "hints: no lock space: {}", why);
	trouble_ = why;
}

void BusHints::reap()
{
	std::erase_if(ended_, [](pid_t pid) { return ::waitpid(pid, nullptr, WNOHANG) != 0; });
}

void BusHints::listen(Instant now)
{
	const auto lines = process_->receive();
	if (!lines && lines.error().code.value() != EPIPE)
		return ended(lines.error().message(), now);
	if (!lines)
		return ended(last_words_.empty()
				     ? fmt::format("its process ({}) has ended; its own words are "
						   "in the journal",
						   process_->pid())
				     : last_words_,
			     now);
	for (const auto &line : *lines) {
		if (line == "ready") {
			ready_ = true;
			trouble_.clear();
			keeper_.space_ready();
			log::say(Message::Notice, {}, "hints: lock space {} (process {})",
				 word(config_.engine), process_->pid());
			continue;
		}
		const auto event = parse_lock_event(line);
		if (!event)
			return ended(fmt::format("it said '{}': {}", line, event.error().context),
				     now);
		log::say(Message::Debug, {}, "hints: {}", line);
		if (event->kind == LockEventKind::Failed && event->name == "?")
			last_words_ = event->error->context;
		else
			keeper_.take(*event, now);
	}
	if (!lines->empty())
		changed_();
}

bool BusHints::due_to_look() const
{
	return process_ && !looking_ && !program_.status_file.empty();
}

/// The process cannot say it: the kernel keeps it asleep meanwhile, or it asks for nothing.
void BusHints::look(Instant now)
{
	look_at_ = now + LockSpaceWatch::look_every;
	looking_ = starter_->submit([now, file = program_.status_file, mailbox = mailbox_,
				     here = std::weak_ptr(here_), this] {
		const auto status = read_file(file, 64);
		mailbox->post([=, this, runs = !status || trimmed(*status) != "0"] {
			if (!here.expired())
				looked(runs, now);
		});
	});
}

void BusHints::looked(bool runs, Instant at)
{
	looking_ = false;
	if (!process_ || !watch_.seen(runs, at))
		return;
	if (watch_.stands_still())
		log::say(Message::Warning, {}, "hints: {}", standstill);
	else
		log::say(Message::Notice, {}, "hints: the lock manager lets others lock again");
}

void BusHints::step(Instant now)
{
	stepped_ = now;
	reap();
	if (process_)
		listen(now);
	if (!process_ && !starting_ && keeper_.wanted() && now >= start_at_)
		start(now);
	if (due_to_look() && now >= look_at_)
		look(now);
	keeper_.tick(now);
	const auto orders = keeper_.take_orders();
	if (process_) {
		for (const auto &order : orders)
			process_->send(lock_line(order));
		unsent_ = !process_->flush();
	}
	for (const auto &news : keeper_.take_news())
		log::say(Message::Notice, {}, "hints: {}", news);
}

Instant BusHints::deadline() const
{
	Instant at = stepped_ + (unsent_ || !ended_.empty() ? soon : for_ever);
	if (!process_ && !starting_ && keeper_.wanted())
		at = std::min(at, start_at_);
	if (due_to_look())
		at = std::min(at, look_at_);
	if (const auto next = keeper_.next())
		at = std::min(at, *next);
	return at;
}

HintsReport BusHints::report() const
{
	HintsReport report;
	report.state = watch_.stands_still()                         ? HintsState::Stopped
		       : ready_                                      ? HintsState::Ready
		       : !keeper_.wanted()                           ? HintsState::Idle
		       : process_ || (starting_ && trouble_.empty()) ? HintsState::Starting
								     : HintsState::Down;
	report.engine = word(config_.engine);
	if (config_.engine == LockEngine::Dlm)
		report.lockspace = config_.lockspace;
	report.number = number_;
	report.process = process_ ? static_cast<std::uint64_t>(process_->pid()) : 0;
	report.restarts = starts_ > 0 ? starts_ - 1 : 0;
	report.trouble = watch_.stands_still() ? standstill : trouble_;
	keeper_.report(report);
	return report;
}

} // namespace swpath
