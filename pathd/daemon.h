// SPDX-License-Identifier: GPL-2.0-or-later
/// The daemon: the units, and the descriptors that tell of changes.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "libpath/config/config.h"
#include "libpath/control/server.h"
#include "libpath/sys/dm_changes.h"
#include "libpath/sys/dm_channel.h"
#include "libpath/sys/nbd.h"
#include "libpath/sys/settings_book.h"
#include "libpath/sys/udev.h"
#include "pathd/bus_hints.h"
#include "pathd/cluster.h"
#include "pathd/disk_finder.h"
#include "pathd/dns_sd.h"
#include "pathd/event_loop.h"
#include "pathd/guard.h"
#include "pathd/mailbox.h"
#include "pathd/unit.h"
#include "pathd/unit_remover.h"
#include "pathd/watchdog.h"

namespace swpath
{

class StaticEngine;

struct DaemonOptions {
	std::string config = std::string(config_file);
	std::string config_directory = std::string(config_dir);
	bool dry_run = false; ///< check every path once, print the plans, end
};

class Daemon final : public ControlHandler
{
public:
	/// Opens everything that is needed later. Errors: what is missing, with the next step for a
	/// person in the context.
	[[nodiscard]] static Result<std::unique_ptr<Daemon>> create(const DaemonOptions &options,
								    Config config);
	~Daemon() override;

	/// Runs until SIGTERM or SIGINT. Units stay as they are.
	[[nodiscard]] Result<void> run();

	[[nodiscard]] const Report &report() override;
	[[nodiscard]] FlightReport flight(const std::string &unit) override;
	[[nodiscard]] ClusterReport cluster() override;
	[[nodiscard]] ExportsReport exports() override;
	[[nodiscard]] Answered<ExplainReport> explain(const std::string &disk) override;
	[[nodiscard]] HintsReport hints() override;
	void order(CallId id, const Order &order) override;
	void reload(CallId id, bool dry_run) override;

private:
	Daemon(const DaemonOptions &options, Config config, dm::DmChannel dm, SettingsBook settings,
	       std::shared_ptr<Mailbox> mailbox, std::unique_ptr<EventLoop> loop);
	[[nodiscard]] Result<void> watch();
	void scan();
	void scan_if_due(Instant at);
	void give_back_left_over(const std::vector<BlockDevice> &devices);
	void show_left_over(const std::vector<DevNumber> &marked,
			    const std::vector<BlockDevice> &devices);
	void kernel_event();
	void device_event();
	void connection_event();
	void round();
	[[nodiscard]] std::optional<Instant> parts_deadline() const;
	[[nodiscard]] bool has_unit_of(std::string_view wwid) const;
	void make_units();
	void keep_units();
	void disable_unit(const std::string &name);
	void remove_unit(const std::string &name);
	[[nodiscard]] ConfigResult read_files() const;
	[[nodiscard]] Answered<std::vector<std::string>> load(bool dry_run);
	[[nodiscard]] Answered<std::vector<std::string>> load_with_keys(bool dry_run);
	void hide_legs();
	void guard_legs();
	void touch_units();
	[[nodiscard]] bool joins() const;
	[[nodiscard]] Result<void> join_cluster();
	[[nodiscard]] Result<void> meet_peers();
	void tell_members();
	void find_disks();
	void reload_found();
	[[nodiscard]] Result<std::unique_ptr<ClusterEngine>> make_engine();
	void begin_discovery();
	[[nodiscard]] Result<void> announce();
	void step_discovery(Instant now);
	void use_found();
	[[nodiscard]] Result<void> begin_hints();
	void step_hints(Instant now);
	void tell_of_peers_without_path();
	[[nodiscard]] Unit *served_unit(const std::string &wwid) const;
	// daemon_exports.cpp
	[[nodiscard]] std::vector<std::string> direct_devices(const std::string &wwid) const;
	[[nodiscard]] std::optional<PeerDisk> once_served(const std::string &wwid,
							  const std::string &peer) const;
	void revoke_once_served(const PeerOrder &order);
	void end_exports(Instant now);

	DaemonOptions options_;
	Config config_;
	dm::DmChannel dm_;
	dm::DmChanges dm_changes_;
	SettingsBook settings_;
	std::shared_ptr<Mailbox> mailbox_;
	std::unique_ptr<EventLoop> loop_;
	Watchdog watchdog_;
	Turns<Unit> turns_;
	Services services_;
	std::optional<UdevMonitor> udev_;
	std::optional<NbdEvents> nbd_;
	std::unique_ptr<FoundHosts> found_; ///< if hosts are to be discovered
	std::unique_ptr<Peers> peers_;
	std::unique_ptr<DnsSd> dns_sd_;            ///< from peers_ on, if there is a found_
	std::unique_ptr<DiskSightings> sightings_; ///< from peers_ on, like the next two
	std::unique_ptr<ServerDirectory> directory_;
	std::unique_ptr<Cluster> cluster_;
	StaticEngine *engine_ = nullptr; ///< cluster_'s, if it is that one
	std::unique_ptr<Serving> serving_;
	unsigned ending_exports_ = 0; ///< of disks that are served no more
	Instant end_exports_at_{};
	DiskFinder finder_;
	std::unique_ptr<BusHints> hints_; ///< if there is a [hints]
	std::map<std::string, std::unique_ptr<Unit>> units_;
	std::map<std::string, std::string> unkept_; ///< units without a keeper, and why
	Instant keep_at_{};                         ///< they are tried again
	std::optional<Guard> guard_;
	UnitRemover remover_;
	std::unique_ptr<ControlServer> server_;
	Report report_;
	std::set<std::string> ending_; ///< units that wait for the end of a connection
	bool scan_due_ = true;
	bool marks_looked_at_ = false; ///< those that an earlier pathd has left
	bool find_due_ = true;         ///< disks, here or elsewhere, may be others
	bool edits_told_ = false;      ///< that the files have some, which wait for a reload
	bool ready_told_ = false;
	Instant scanned_{};
	Instant scan_asked_{};                     ///< whether a scan is due
	std::optional<std::uint64_t> scan_events_; ///< the kernel's count before the last scan
	Instant started_{};
	std::optional<Instant> stop_by_; ///< asked to
	bool joined_ = false; ///< the cluster, or there is something left to be tried again
	Instant join_at_{};
	std::string join_trouble_;
	std::string discovery_trouble_;                        ///< dns_sd_'s, as it was told
	std::map<std::string, std::string> without_path_told_; ///< by peer
};

/// What a configuration's problems look like, one per line.
[[nodiscard]] std::string problems_text(const std::vector<ConfigProblem> &problems);

} // namespace swpath
