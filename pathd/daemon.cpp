// SPDX-License-Identifier: GPL-2.0-or-later
#include "pathd/daemon.h"

#include <algorithm>
#include <cerrno>
#include <csignal>
#include <cstdio>
#include <filesystem>
#include <utility>

#include <fmt/core.h>

#include "libpath/base/earlier.h"
#include "libpath/sys/clock.h"
#include "libpath/sys/leg_mark.h"
#include "pathd/log.h"
#include "pathd/run_state.h"
#include "pathd/wall_clock.h"

namespace swpath
{

using log::Message;

namespace
{

/// An event may have been lost: so often it is asked whether there was any since the last scan,
constexpr Duration scan_interval = std::chrono::seconds(30);
/// and devices are looked through at least so often, for what changes without one.
constexpr Duration scan_interval_max = std::chrono::minutes(5);
/// While a connection is on its way out.
constexpr Duration scan_soon = std::chrono::milliseconds(250);
/// READY=1 does not wait longer than this for the first verdict about every path.
constexpr Duration ready_limit = std::chrono::seconds(10);
/// Between two tries to join the cluster.
constexpr Duration join_interval = std::chrono::seconds(2);
/// Between two tries to keep a unit.
constexpr Duration keep_interval = std::chrono::seconds(10);
/// A reload has said that units are removed: a stop waits so long for it, less than systemd does.
constexpr Duration removal_limit = std::chrono::seconds(3);
/// A rehearsal gives every path this long.
constexpr Duration dry_run_limit = std::chrono::seconds(8);

} // namespace

Daemon::Daemon(const DaemonOptions &options, Config config, dm::DmChannel dm, SettingsBook settings,
	       std::shared_ptr<Mailbox> mailbox, std::unique_ptr<EventLoop> loop)
	: options_(options), config_(std::move(config)), dm_(std::move(dm)),
	  settings_(std::move(settings)), mailbox_(std::move(mailbox)),
	  loop_(std::move(loop)), services_{.dm = dm_,
					    .mailbox = mailbox_,
					    .settings = settings_,
					    .turns = turns_,
					    .rescan = [this] { scan_due_ = true; },
					    .dry_run = options.dry_run},
	  finder_(fmt::format("{}/{}", options.config_directory, found_file_name), mailbox_,
		  [this] { reload_found(); }),
	  remover_(
		  mailbox_, [this](std::string_view wwid) { return has_unit_of(wwid); },
		  [this] {
			  keep_at_ = {};
			  if (server_)
				  server_->changed(now());
		  })
{
}

Daemon::~Daemon() = default;

Result<std::unique_ptr<Daemon>> Daemon::create(const DaemonOptions &options, Config config)
{
	auto dm = dm::DmChannel::open();
	if (!dm)
		return fail(dm.error(),
			    "device-mapper is not there (modprobe dm-mod; are you root?)");
	auto settings = SettingsBook::open(fmt::format("{}/settings", run_dir));
	if (!settings)
		return tl::unexpected(settings.error());
	auto mailbox = Mailbox::create();
	if (!mailbox)
		return tl::unexpected(mailbox.error());
	auto loop = EventLoop::create();
	if (!loop)
		return tl::unexpected(loop.error());
	auto daemon = std::unique_ptr<Daemon>(new Daemon(options, std::move(config), std::move(*dm),
							 std::move(*settings), std::move(*mailbox),
							 std::move(*loop)));
	if (auto done = daemon->watch(); !done)
		return tl::unexpected(done.error());
	return daemon;
}

Result<void> Daemon::watch()
{
	auto udev = UdevMonitor::open();
	if (!udev)
		return tl::unexpected(udev.error());
	udev_.emplace(std::move(*udev));

	begin_discovery();
	Result<void> done = loop_->on_timer([] {});
	const auto then = [&](Result<void> next) {
		if (done)
			done = std::move(next);
	};
	then(loop_->watch(udev_->fd(), [this] { device_event(); }));
	then(loop_->watch(mailbox_->fd(), [this] { mailbox_->run(); }));
	then(loop_->watch(dm_.fd(), [this] { kernel_event(); }));
	const auto stop = [this] { stop_by_ = now() + removal_limit; };
	then(loop_->on_signal(SIGTERM, stop));
	then(loop_->on_signal(SIGINT, stop));
	then(loop_->on_signal(SIGHUP, [this] {
		notify("RELOADING=1");
		if (auto changes = load_with_keys(false); !changes)
			log::say(Message::ConfigRejected, {}, "{}", changes.error().message);
		notify("READY=1");
	}));
	if (!done)
		return done;

	// Without served paths the nbd module need not be there.
	if (auto nbd = NbdEvents::open()) {
		nbd_.emplace(std::move(*nbd));
		done = loop_->watch(nbd_->fd(), [this] { connection_event(); });
	}
	if (!done || options_.dry_run)
		return done;
	// Units do without.
	if (auto begun = begin_hints(); !begun)
		log::say(Message::Error, {}, "no marks are left: {}", begun.error().message());
	// This process has the lock of the directory: a socket in it is a dead process's, though
	// that may be unable to end, and callers that it will never answer may have filled its
	// queue.
	std::error_code none;
	if (config_.daemon.socket.starts_with(fmt::format("{}/", run_dir)) &&
	    std::filesystem::is_socket(config_.daemon.socket, none))
		std::filesystem::remove(config_.daemon.socket, none);
	auto server =
		ControlServer::open(config_.daemon.socket, config_.daemon.socket_group, *this);
	if (!server)
		return fail(server.error(), "listen for pathctl");
	server_ = std::move(*server);
	if (server_->closed_to_group())
		log::say(Message::Warning, {},
			 "[daemon] socket_group: there is no group '{0}' that {1} can be given to, "
			 "so pathctl is for root alone; `groupadd --system {0}`, or name another, "
			 "and restart pathd",
			 config_.daemon.socket_group, config_.daemon.socket);
	return loop_->watch(server_->fd(), [this] { server_->step(now()); });
}

Unit *Daemon::served_unit(const std::string &wwid) const
{
	for (const auto &[name, unit] : units_)
		if (unit->config().serve && unit->config().wwid == wwid)
			return unit.get();
	return nullptr;
}

void Daemon::kernel_event()
{
	// First armed again, then looked: an event between the two wakes the loop once more.
	(void)dm_.arm();
	const auto listed = dm_.list();
	if (!listed) {
		for (auto &[name, unit] : units_)
			unit->touch();
		return;
	}
	for (const auto &name : dm_changes_.since_last(*listed))
		if (const auto unit = units_.find(name); unit != units_.end())
			unit->second->touch();
}

void Daemon::device_event()
{
	while (true) {
		const auto event = udev_->receive();
		if (!event) {
			// Events were lost, or cannot be read: the scan finds out what they were
			// about.
			scan_due_ = true;
			return;
		}
		if (!*event)
			return;
		// A unit's own events say nothing new about devices.
		if ((*event)->device.transport != Transport::Dm)
			scan_due_ = true;
	}
}

void Daemon::connection_event()
{
	const auto dead = nbd_->receive();
	if (!dead) {
		scan_due_ = true;
		return;
	}
	for (const auto index : *dead)
		for (auto &[name, unit] : units_)
			unit->connection_died(index);
}

void Daemon::scan_if_due(Instant at)
{
	if (!scan_due_ && at < scan_asked_ + scan_interval)
		return;
	scan_asked_ = at;
	// What keeps a disk from becoming a unit may end without an event: a mount.
	find_due_ = true;
	const auto events = device_event_count();
	const bool quiet = events && events == scan_events_;
	if (!scan_due_ && quiet && at < scanned_ + scan_interval_max)
		return;
	scan_events_ = events;
	scan();
}

void Daemon::scan()
{
	scan_due_ = false;
	scanned_ = now();
	const auto devices = enumerate_block_devices();
	if (!devices) {
		log::say(Message::Warning, {}, "cannot list block devices: {}",
			 devices.error().message());
		scan_events_.reset(); // what it missed is looked for again soon
		return;
	}
	finder_.seen(*devices);
	const auto marked = marked_legs().value_or(std::vector<DevNumber>{});
	if (!std::exchange(marks_looked_at_, true) && !options_.dry_run)
		show_left_over(marked, *devices);
	for (auto &[name, unit] : units_)
		unit->seen(*devices, marked);
	if (!options_.dry_run)
		give_back_left_over(*devices);
}

/// What was borrowed for a unit that was taken out while no pathd ran, or was refused when it was
/// to go back.
void Daemon::give_back_left_over(const std::vector<BlockDevice> &devices)
{
	for (const auto &leg : settings_.legs()) {
		const auto device =
			std::find_if(devices.begin(), devices.end(),
				     [&](const auto &each) { return each.sysname == leg; });
		if ((device != devices.end() && has_unit_of(device->wwid)) ||
		    std::any_of(units_.begin(), units_.end(),
				[&](const auto &each) { return each.second->has_leg(leg); }))
			continue;
		if (auto done = settings_.give_back(leg); !done)
			log::say(Message::Warning, {}, "cannot put back settings of {}: {}", leg,
				 done.error().message());
	}
}

/// What went while no pathd ran took no mark along, and another disk may have its number.
void Daemon::show_left_over(const std::vector<DevNumber> &marked,
			    const std::vector<BlockDevice> &devices)
{
	std::vector<std::string> wwids;
	for (const auto &[name, unit] : config_.units)
		wwids.push_back(unit.wwid);
	const auto left_over = left_over_marks(marked, devices, wwids);
	// At once: a connection may be made with one of these numbers next.
	for (const auto number : left_over)
		if (auto done = unmark_leg(number); !done)
			log::say(Message::Warning, {}, "{}", done.error().message());
	remover_.add_hidden(left_over, now());
}

/// One that pathd is to touch.
bool Daemon::has_unit_of(std::string_view wwid) const
{
	return std::any_of(config_.units.begin(), config_.units.end(), [&](const auto &entry) {
		return entry.second.enabled && entry.second.wwid == wwid;
	});
}

/// Rules for devices that appear before a pathd runs.
void Daemon::hide_legs()
{
	std::vector<std::string> wwids;
	for (const auto &[name, unit] : config_.units)
		if (unit.enabled)
			wwids.push_back(unit.wwid);
	const auto kept = write_leg_rules(wwids, leg_rules_path);
	if (kept)
		return;
	log::say(Message::Warning, {}, "legs are not hidden at the next boot: {}",
		 kept.error().message());
	if (auto passing = write_leg_rules(wwids, leg_rules_run_path); !passing)
		log::say(Message::Warning, {}, "nor in this one: {}", passing.error().message());
}

/// Tells who has a leg open past its unit.
void Daemon::guard_legs()
{
	if (options_.dry_run)
		return;
	const auto legs = [this] {
		Guard::Legs all;
		for (const auto &[name, unit] : units_)
			for (const auto number : unit->legs())
				all.emplace(number, name);
		return all;
	};
	const std::string server(config_.cluster.serve ? serve_socket : "");
	guard_.emplace(mailbox_, server, legs, [this](const std::string &name) {
		if (const auto unit = units_.find(name); unit != units_.end())
			unit->second->touch();
	});
}

/// Threads or memory may be short for a moment.
void Daemon::keep_units()
{
	const auto before = std::exchange(unkept_, {});
	for (const auto &[name, config] : config_.units) {
		if (!config.enabled || units_.contains(name))
			continue;
		if (remover_.removes(name)) {
			unkept_[name] = "the unit that had this name before is being removed";
			continue;
		}
		auto unit = Unit::create(config, services_);
		if (unit) {
			units_.emplace(name, std::move(*unit));
			scan_due_ = true;
			continue;
		}
		const auto why = fmt::format("pathd cannot keep it, and tries again: {}",
					     unit.error().message());
		if (const auto told = before.find(name);
		    told == before.end() || told->second != why)
			log::say(Message::Error, {.unit = name}, "{}", why);
		unkept_[name] = why;
	}
	keep_at_ = now() + keep_interval;
}

void Daemon::make_units()
{
	if (config_.units.empty())
		log::say(Message::Notice, {},
			 "no unit is configured: write one into {} (swpath.toml(5)), then reload",
			 options_.config);
	keep_units();
	if (!options_.dry_run)
		hide_legs();
	tell_of_peers_without_path();
	scan_due_ = true;
}

const Report &Daemon::report()
{
	const Instant at = now();
	report_.generated = wall_now();
	report_.source = Source::Pathd;
	report_.version = SWPATH_VERSION;
	report_.units.clear();
	for (auto &[name, unit] : units_)
		report_.units.push_back(unit->report(at));
	for (auto &unit : report_.units)
		if (guard_)
			unit.opened_by = guard_->opened(unit.name);
	if (unkept_.empty() && remover_.removing().empty())
		return report_;
	const auto add = [this](const std::string &name, const std::string &wwid,
				const std::string &why) {
		auto &unit = report_.units.emplace_back();
		unit.name = name;
		unit.wwid = wwid;
		unit.reason_text = why;
	};
	for (const auto &[name, why] : unkept_) {
		const auto *config = config_.unit(name);
		add(name, config != nullptr ? config->wwid : std::string(), why);
	}
	for (const auto &end : remover_.removing())
		if (!unkept_.contains(end.name))
			add(end.name, end.wwid, "it is being removed");
	std::sort(report_.units.begin(), report_.units.end(),
		  [](const auto &one, const auto &other) { return one.name < other.name; });
	return report_;
}

FlightReport Daemon::flight(const std::string &unit)
{
	const auto found = units_.find(unit);
	return found == units_.end() ? FlightReport{} : found->second->flight(now());
}

void Daemon::order(CallId id, const Order &order)
{
	const auto found = units_.find(order.unit);
	if (const auto unkept = unkept_.find(order.unit); unkept != unkept_.end()) {
		server_->answer(id, Refusal{RefusalKind::Failed, unkept->second, ""});
		return;
	}
	if (found == units_.end()) {
		server_->answer(id, Answered<Done>(refuse(
					    RefusalKind::NotFound,
					    fmt::format("there is no unit '{}'", order.unit))));
		return;
	}
	server_->answer(id, found->second->order(order, now()));
}

/// Of what the daemon is made of: when the first has something to do even if nothing happens.
std::optional<Instant> Daemon::parts_deadline() const
{
	auto first = turns_.next();
	if (peers_)
		first = earlier(first, earlier(peers_->deadline(), cluster_->deadline()));
	if (dns_sd_)
		first = earlier(first, earlier(dns_sd_->deadline(), found_->deadline()));
	if (serving_)
		first = earlier(first, serving_->deadline());
	if (hints_)
		first = earlier(first, hints_->deadline());
	if (guard_)
		first = earlier(first, guard_->deadline(config_.daemon.guard_interval));
	first = earlier(first, remover_.deadline());
	if (server_)
		first = earlier(first, server_->deadline());
	return first;
}

bool Daemon::joins() const
{
	return !joined_ && !options_.dry_run && config_.cluster.configured();
}

void Daemon::round()
{
	watchdog_.beat();
	Instant at = now();
	scan_if_due(at);

	bool changed = false;
	if (!unkept_.empty() && at >= keep_at_) {
		keep_units();
		changed = true;
	}
	for (auto *unit : turns_.due(at)) {
		unit->step(at);
		changed = true;
		if (unit->awaits_end())
			ending_.insert(unit->name());
		else
			ending_.erase(unit->name());
	}
	if (joins() && at >= join_at_) {
		join_at_ = at + join_interval;
		const auto joined = join_cluster();
		joined_ = joined.has_value();
		const std::string trouble = joined ? "" : joined.error().message();
		if (!joined && trouble != join_trouble_)
			log::say(Message::Error, {}, "{}; trying again", trouble);
		join_trouble_ = trouble;
	}
	// After the units: what they have asked for goes out now.
	if (peers_) {
		if (dns_sd_)
			step_discovery(at);
		tell_members();
		peers_->step(at);
		if (cluster_->step(at)) {
			peers_->step(at);
			changed = find_due_ = true;
		}
	}
	if (std::exchange(find_due_, false) && !options_.dry_run)
		find_disks();
	if (serving_) {
		serving_->step(at);
		end_exports(at);
	}
	if (hints_)
		step_hints(at);
	if (guard_)
		guard_->step(at, config_.daemon.guard_interval);
	remover_.step(at);
	if (server_) {
		if (changed)
			server_->changed(at);
		server_->step(at);
	}

	at = now();
	Instant wake = scan_asked_ + scan_interval;
	if (!ending_.empty() && at - scanned_ >= scan_soon)
		scan_due_ = true;
	else if (!ending_.empty())
		wake = std::min(wake, scanned_ + scan_soon);
	const bool settled = (!ready_told_ || options_.dry_run) &&
			     std::all_of(units_.begin(), units_.end(),
					 [](const auto &entry) { return entry.second->settled(); });
	if (joins())
		wake = std::min(wake, join_at_);
	if (!unkept_.empty())
		wake = std::min(wake, keep_at_);
	wake = std::min(wake, parts_deadline().value_or(wake));
	if (const auto interval = watchdog_.interval_us(); interval != 0)
		wake = std::min(wake, at + std::chrono::microseconds(interval / 2));

	if (options_.dry_run) {
		if ((settled && at - started_ > std::chrono::seconds(1)) ||
		    at - started_ > dry_run_limit)
			loop_->stop();
		wake = std::min(wake, at + std::chrono::milliseconds(100));
	}
	if (!ready_told_ && (settled || at - started_ > ready_limit)) {
		ready_told_ = true;
		notify("READY=1");
	}
	if (stop_by_ && (remover_.removing().empty() || at >= *stop_by_)) {
		loop_->stop();
		wake = at;
	} else if (stop_by_) {
		wake = std::min(wake, *stop_by_);
	}
	loop_->wake_at(scan_due_ ? at : wake);
}

Result<void> Daemon::run()
{
	started_ = now();
	if (auto started = watchdog_.start(); !started)
		return started;
	make_units();
	guard_legs();
	(void)dm_.arm();
	loop_->after_each_round([this] { round(); });
	auto done = loop_->run();
	if (options_.dry_run)
		for (auto &[name, unit] : units_)
			for (const auto &line : unit->plan_lines(now()))
				fmt::print("{}\n", line);
	notify("STOPPING=1");
	return done;
}

} // namespace swpath
