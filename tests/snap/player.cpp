// SPDX-License-Identifier: GPL-2.0-or-later
#include "tests/snap/player.h"

#include <chrono>
#include <csignal>
#include <cstring>
#include <filesystem>

#include <fmt/core.h>

#include "libpath/base/crc32c.h"
#include "libpath/sys/file.h"
#include "tests/snap/wait.h"
#include "tests/stamp/journal.h"
#include "tests/stamp/ledger.h"
#include "tests/stamp/verify.h"

namespace swpath::snap
{
namespace
{

using namespace std::chrono_literals;

constexpr const char *log_file = "/run/writer.log";
constexpr std::size_t log_bytes_max = 64 << 20;
/// Between two looks at the stack's state.
constexpr auto watch_interval = 50ms;
/// From the end of the last fault until I/O flows on a unit with all its paths.
constexpr auto settle_limit = 120s;
/// It is to be so for so long, more than a stall budget, a ticket or a check last: what is known of
/// a path that carries nothing is from before its server came back, else.
constexpr auto well_for = 3500ms;
/// I/O that is not back after this, when nothing is wrong any more, is stuck.
constexpr auto writer_limit = 60s;
/// More than twice any command's time limit: what is to land late has landed.
constexpr auto late = 5s;

} // namespace

void Player::tell(const std::string &text) const
{
	fmt::print("{:9.6f} {}\n", std::chrono::duration<double>(now() - began_).count(), text);
}

void Player::blame(const std::string &text)
{
	tell("WRONG: " + text);
	if (!wrong_.empty())
		wrong_ += "; ";
	wrong_ += text;
}

void Player::start_writer()
{
	const auto &workload = plan_.workload;
	stamp::WriterOptions options;
	options.device = stack_.device();
	options.unit = "snap";
	options.log = log_file;
	options.depth = workload.depth;
	options.block_bytes = workload.block_bytes;
	options.span_bytes = workload.blocks * workload.block_bytes;
	options.seed = plan_.seed;
	options.fsync_every = workload.fsync_every;
	options.read_percent = workload.read_percent;
	options.fua = workload.fua;
	options.duty_percent = workload.duty_percent;
	writer_ = std::thread([this, options] {
		summary_ = stamp::write_stamped(options, stop_);
		written_ = true;
	});
}

void Player::watch()
{
	auto state = stack_.state();
	if (state == state_)
		return;
	state_ = std::move(state);
	tell(state_);
}

void Player::pass_time(Duration until)
{
	const Instant end = began_ + until;
	for (Instant at = now(); at < end; at = now()) {
		std::this_thread::sleep_for(std::min<Duration>(end - at, watch_interval));
		watch();
	}
}

void Player::perform(const Deed &deed)
{
	tell(fmt::format("{}{}", word(deed.kind), deed.forced ? " forced" : ""));
	Result<void> done;
	switch (deed.kind) {
	case DeedKind::ServerStop:
		server_.signal(SIGSTOP);
		break;
	case DeedKind::ServerContinue:
		server_.signal(SIGCONT);
		break;
	case DeedKind::ServerKill:
		server_.signal(SIGKILL);
		break;
	case DeedKind::ServerStart:
		done = server_.start();
		break;
	case DeedKind::DirectErrors:
		done = disk_.set_mode(0, DiskMode::NoTransport);
		break;
	case DeedKind::DirectHangs:
		done = disk_.set_mode(0, DiskMode::Swallows);
		break;
	case DeedKind::DirectKeeps:
		done = disk_.set_mode(0, DiskMode::Keeps);
		break;
	case DeedKind::GhostsLand:
		done = disk_.end_ghosts(0, true);
		break;
	case DeedKind::DirectOffline:
		done = disk_.offline(0);
		break;
	case DeedKind::DirectDelete:
		done = disk_.remove(0);
		break;
	case DeedKind::DirectHeal:
		done = disk_.heal(0);
		break;
	default:
		break;
	}
	if (!done)
		tell(done.error().message());
	if (const auto answer = stack_.perform(deed); !answer.empty())
		tell(answer);
	watch();
}

void Player::settle()
{
	tell("everything is healed");
	std::string said;
	Instant ill = now();
	const bool well = wait_until(
		settle_limit,
		[&] {
			if (const auto revived = server_.revive(); !revived)
				tell(revived.error().message());
			else if (*revived)
				tell("the server had ended by itself, and is started again");
			if (!stack_.is_well(said))
				ill = now();
			if (!said.empty())
				tell(said);
			watch();
			return now() - ill >= well_for;
		},
		watch_interval);
	if (!well)
		blame(fmt::format("not well {} s after everything was healed",
				  std::chrono::seconds(settle_limit).count()));
}

void Player::stop_writer()
{
	stop_ = true;
	const bool stopped = wait_until(writer_limit, [&] {
		watch();
		return written_.load();
	});
	if (!stopped) {
		blame("I/O is stuck");
		tell_threads();
		return;
	}
	writer_.join();
	if (!*summary_) {
		blame("writer: " + summary_->error().message());
		return;
	}
	const auto &summary = **summary_;
	tell(summary.to_json());
	if (summary.errors > 0)
		blame(fmt::format("{} I/O errors, the first {}", summary.errors,
				  std::strerror(summary.first_error)));
	if (summary.mismatches > 0)
		blame(fmt::format("{} reads of lost data, the first {}", summary.mismatches,
				  summary.first_mismatch));
	if (summary.ops == 0)
		blame("no I/O was done");
}

/// Where in the kernel each of this process's threads waits.
void Player::tell_threads() const
{
	for (const auto &task : std::filesystem::directory_iterator("/proc/self/task"))
		tell(fmt::format("thread {}\n{}", task.path().filename().string(),
				 read_file(task.path() / "stack", 4096).value_or("")));
}

void Player::judge(const char *when)
{
	const auto content = stamp::read_journal(log_file);
	const auto ledger = content ? stamp::Ledger::replay(*content)
				    : Result<stamp::Ledger>(tl::unexpected(content.error()));
	if (!ledger) {
		blame("log: " + ledger.error().message());
		return;
	}
	auto views = stack_.views();
	for (const unsigned way : {0U, 1U})
		if (const auto device = disk_.device(way))
			views.push_back(*device);
	for (const auto &view : views) {
		const auto report = stamp::verify(*ledger, view);
		if (!report) {
			blame(report.error().message());
			continue;
		}
		tell(fmt::format("{} {}: {}", when, view, report->summary()));
		for (const auto &detail : report->details)
			tell(detail);
		if (!report->is_clean())
			blame(fmt::format("{}: {} lost, {} ghost, {} misplaced, {} unreadable",
					  view, report->lost, report->ghost, report->misplaced,
					  report->errors));
	}
}

std::string Player::play()
{
	began_ = now();
	fmt::print("{}", plan_.text());
	if (const auto there = stack_.begin_on(plan_.begins_served); !there) {
		blame(there.error().message());
		return wrong_;
	}
	began_ = now();
	start_writer();
	for (const auto &deed : plan_.deeds) {
		pass_time(deed.at);
		perform(deed);
	}
	settle();
	stop_writer();
	if (written_) {
		judge("at once:");
		std::this_thread::sleep_for(late);
		judge("late:");
	}
	const auto log = read_file(log_file, log_bytes_max).value_or("");
	tell(fmt::format("writer's log: {} bytes, crc32c {:08x}", log.size(),
			 crc32c(std::as_bytes(std::span(log)))));
	return wrong_;
}

} // namespace swpath::snap
