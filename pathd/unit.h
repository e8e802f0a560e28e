// SPDX-License-Identifier: GPL-2.0-or-later
/// The keeper of one unit: it looks at the kernel, the devices and the monitors, asks the policies
/// what to do, and does it. Everything here runs on the loop's thread and never waits for a disk.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "libpath/base/instant.h"
#include "libpath/cluster/server_directory.h"
#include "libpath/config/config.h"
#include "libpath/control/explain.h"
#include "libpath/control/exports_report.h"
#include "libpath/control/flight_recorder.h"
#include "libpath/control/order.h"
#include "libpath/control/peer_service.h"
#include "libpath/control/report.h"
#include "libpath/policy/carried_key.h"
#include "libpath/policy/coherence_probe.h"
#include "libpath/policy/failback.h"
#include "libpath/policy/medium_compare.h"
#include "libpath/policy/mount_verification.h"
#include "libpath/policy/path_keeper.h"
#include "libpath/policy/path_monitor.h"
#include "libpath/policy/unit_builder.h"
#include "libpath/sys/clock.h"
#include "libpath/sys/dm_channel.h"
#include "libpath/sys/nbd.h"
#include "libpath/sys/settings_book.h"
#include "libpath/sys/udev.h"
#include "pathd/bus_hints.h"
#include "pathd/leg.h"
#include "pathd/mailbox.h"
#include "pathd/peers.h"
#include "pathd/run_state.h"
#include "pathd/serving.h"
#include "pathd/turns.h"
#include "pathd/unit_end.h"
#include "pathd/worker.h"

namespace swpath
{

class Unit;

/// What all units share; outlives them.
struct Services {
	dm::DmChannel &dm;
	std::shared_ptr<Mailbox> mailbox;
	SettingsBook &settings;
	Turns<Unit> &turns;
	/// Devices changed by our own hand (a connection was made): look again.
	std::function<void()> rescan;
	bool dry_run = false;                       ///< print plans, carry out none
	Peers *peers = nullptr;                     ///< null: there is no [cluster]
	Serving *serving = nullptr;                 ///< null: this host serves nothing
	const ServerDirectory *directory = nullptr; ///< null: there is no [cluster]
	BusHints *hints = nullptr;                  ///< null: there is no [hints]
};

class Unit
{
public:
	/// Errors: the unit's state cannot be read; no threads for its work.
	[[nodiscard]] static Result<std::unique_ptr<Unit>> create(const UnitConfig &config,
								  Services &services);
	~Unit();
	Unit(const Unit &) = delete;
	Unit &operator=(const Unit &) = delete;

	[[nodiscard]] const std::string &name() const { return config_.name; }
	[[nodiscard]] const UnitConfig &config() const { return config_; }

	/// All whole disks of the host, and which of them carry the mark of a leg.
	void seen(const std::vector<BlockDevice> &devices, const std::vector<DevNumber> &marked);
	/// The kernel says that the connection of /dev/nbd<index> died.
	void connection_died(std::uint32_t index);
	/// Every device that leads to the disk, those that no path wants too.
	[[nodiscard]] std::vector<DevNumber> legs() const;
	/// Why its paths cannot be those of `config` now; nothing: they can.
	[[nodiscard]] std::optional<std::string> keeps_paths(const UnitConfig &config);
	/// New configuration of the same unit.
	void reconfigure(const UnitConfig &config);
	/// This process is not to touch the unit any more: gives back what was borrowed from the
	/// legs.
	void let_go();
	/// The kernel's table leads through the peer, or led when the last path failed.
	[[nodiscard]] bool needs_peer(const std::string &peer) const;
	/// What it would leave behind.
	[[nodiscard]] UnitEnd end() const;

	/// Looks at everything and does what is due.
	void step(Instant now);
	/// Something happened: step() is due (Services::turns).
	void touch();

	[[nodiscard]] Answered<Done> order(const Order &order, Instant now);
	/// The unit as it is in memory, the kernel's status being asked once more.
	[[nodiscard]] UnitReport report(Instant now);
	/// All that explains its paths, but for the places in the configuration.
	[[nodiscard]] UnitFacts facts(Instant now);
	/// What was recorded of it since this process keeps it.
	[[nodiscard]] FlightReport flight(Instant now);
	/// A connection was ended and its device is still there: its end has no event.
	[[nodiscard]] bool awaits_end() const;
	/// The first look at every path is done: there is a verdict about each, and the device has
	/// been created, or cannot be.
	[[nodiscard]] bool settled() const;
	/// One of its paths goes by this device.
	[[nodiscard]] bool has_leg(const std::string &sysname) const;
	/// A peer would get the disk from this host now.
	[[nodiscard]] bool can_serve() const;
	/// There was a verdict about each direct path that this host has.
	[[nodiscard]] bool directs_judged() const;
	/// What peers may know of the disk; nothing: it is not served.
	[[nodiscard]] std::optional<PeerDisk> peer_disk(const std::string &peer) const;
	/// What speaks for and against serving it, but for the server's own trouble.
	[[nodiscard]] ServeFacts serve_facts(Instant now) const;
	/// Every direct one of legs(), by its node.
	[[nodiscard]] std::vector<std::string> direct_devices() const;
	/// A peer's order about the disk. `address`: where the peer asks from.
	void carry_out(const PeerOrder &order, const std::string &address);
	/// The plan that would be carried out now, a line for each step.
	[[nodiscard]] std::vector<std::string> plan_lines(Instant now);

private:
	/// One configured path: what is remembered of it, whatever device stands for it.
	struct Slot {
		PathMonitor monitor{MonitorPolicy{}};
		std::shared_ptr<Leg> leg;
		CoherenceProbe coherence;
		bool witnessed = false;            ///< the last check compared acknowledged writes
		std::optional<LastLook> last_look; ///< at the kernel's word
		bool probe_now = false;            ///< a new device stands here
		bool overdue = false;              ///< the running check was counted as failed
		std::string text;                  ///< last failure, for people
		std::string_view proof;            ///< what the last good check rests on, one word
		std::string stranger; ///< a device where ours should be that is another disk
		MonitorState told = MonitorState::Unknown; ///< last state that was logged
		std::optional<Instant> since;              ///< of `told`
		std::optional<Instant> last_probe;
		bool attaching = false;
		bool attach_tried = false; ///< and failed, since the last success
		std::unique_ptr<Worker> attacher;
		/// Of a path that is a peer's:
		std::optional<PeerAnswer> attestation; ///< the last one
		Instant attest_next{};
		bool attesting = false;
		std::uint64_t doubt_epoch = 0; ///< of the export that doubt_mv is about
		std::uint64_t doubt_mv = 0;
		std::uint64_t revoked_mv = 0; ///< mount verification that has revoked it
	};

	Unit(const UnitConfig &config, Services &services);

	// unit.cpp
	bool look(Instant now);
	void notice_changes(const UnitStatus &before, const UnitStatus &after, Instant now);
	bool keep(Instant now);
	bool fail_back(Instant now);
	int send(std::string_view text);
	void read_history();
	/// Errors (logged already): errno of writing.
	Result<void> save_state();
	void forget_mount_verifications();
	[[nodiscard]] FailbackDecision failback_now(Instant now) const;
	[[nodiscard]] bool pinned() const;
	/// The leg of slot `i`, if it is the very device that the kernel's table has there.
	[[nodiscard]] Leg *in_table(unsigned i) const;
	void schedule(Instant now);
	void reset_policies();

	// unit_order.cpp
	[[nodiscard]] bool knows_numbers() const;
	void forget_numbers();
	void look_after_order();
	void table_loaded(std::vector<std::string> paths);
	void save_order();

	// unit_fence.cpp
	[[nodiscard]] std::vector<MvCandidate> candidates() const;
	bool verify(Instant now);
	void fence(const FenceAction &action, Instant now);
	void fenced(const FenceAction &action, const std::string &what, const FenceResult &result);
	void guard_keys();

	// unit_peer.cpp
	[[nodiscard]] bool by_peer(unsigned slot) const;
	[[nodiscard]] PeerClient *peer_of(unsigned slot) const;
	/// The latest export that its peer has granted; epoch 0: none.
	[[nodiscard]] ExportGrant grant_of(unsigned slot) const;
	void ask_peer(unsigned slot, PeerRequest request, Duration limit,
		      std::function<void(const Result<PeerAnswer> &)> answered);
	void attest_due(Instant now);
	[[nodiscard]] std::optional<Difference> judge_attestation(unsigned slot,
								  const PeerAnswer &answer) const;
	void attach_by_peer(unsigned slot);
	void export_by_peer(unsigned slot, std::uint64_t epoch);
	void look_for_keys(unsigned slot);
	void note_keys(unsigned slot, const std::vector<std::uint64_t> &keys, Instant asked);
	void export_if_keyed(unsigned slot, std::uint64_t epoch);
	void grant_by_peer(unsigned slot, std::uint64_t epoch,
			   const std::optional<std::vector<std::uint64_t>> &keys = {});
	void note_attestation(unsigned slot, const PeerAnswer &answer);
	void note_revoked(unsigned slot, std::uint64_t lost);
	void settle_grants();
	void note_doubt();
	[[nodiscard]] FencePath fence_path_of_peer(unsigned slot) const;
	bool fence_by_peer(const FenceAction &action, const std::string &what);

	// unit_rights.cpp
	void carry_key(unsigned slot, const ProbeFacts &facts);
	[[nodiscard]] std::optional<Difference> judge_rights(unsigned slot) const;
	void carry_by_peer(unsigned slot, std::function<void(const Result<void> &)> answered);
	void carry_for(const PeerOrder &order);
	void look_for_client(Leg &leg, const std::string &client, std::optional<NexusChange> copy,
			     std::function<void(int error, std::string text)> answered);
	void look_after_rights(Instant now);

	// unit_serve.cpp
	[[nodiscard]] Leg *served_leg() const;
	[[nodiscard]] bool is_served() const;
	void answer_peer(std::uint64_t token, PeerStatus status, std::string text);
	void look_after_exports();
	[[nodiscard]] std::string device_served(const ExportName &name) const;
	[[nodiscard]] Duration rights_wait() const;
	void serve_no_more(const ExportName &name, std::string_view why);

	// unit_build.cpp
	[[nodiscard]] std::optional<UnitPlan> plan(Instant now);
	void build(Instant now);
	void assign(const UnitPlan &plan, Instant now);
	void carry_out(const PlanStep &step);
	[[nodiscard]] SeenWorld world(Instant now) const;
	void change_table(const Table &table, bool create);

	// unit_attach.cpp
	void attach(unsigned slot);
	void submit_attach(unsigned slot, const NbdEndpoint &server, const std::string &export_name,
			   const std::string &backend, std::optional<PresharedKey> key);
	void attach_failed(unsigned slot, Reason reason, const std::string &text);
	/// A connection that the kernel has now, and our own descriptor of it.
	struct Attached {
		std::uint32_t index = 0;
		std::shared_ptr<UniqueFd> socket;
	};
	static Result<Attached> attach_served(const std::string &unit, const NbdEndpoint &server,
					      const std::string &export_name, const NbdAttach &how,
					      const PresharedKey *key);
	static void end_unclaimed(const Attached &connection, const std::string &backend);
	void attached(unsigned slot, unsigned generation, const Result<Attached> &result);
	void connected(const Attached &connection);
	void detach(DevNumber number);
	void given_up(Leg &leg, const Result<void> &result);
	void look_after_connections();

	// unit_legs.cpp
	void drop_leg(DevNumber number);
	void borrow_settings(Leg &leg, bool cut = false);
	void give_key(unsigned slot);
	[[nodiscard]] std::optional<unsigned> slot_of(const Leg &leg) const;
	[[nodiscard]] std::string path_label(unsigned slot) const;
	/// What the kernel keeps for us of the connection of a served slot; of a peer's, what it
	/// begins with: the export's name follows.
	[[nodiscard]] std::string backend_of(unsigned slot) const;
	[[nodiscard]] std::optional<unsigned> slot_of_backend(const std::string &backend,
							      std::uint64_t &epoch) const;

	// unit_probe.cpp
	void probe_due(Instant now);
	void probe(unsigned slot, std::uint64_t mv);
	[[nodiscard]] WitnessList witnesses();
	[[nodiscard]] std::string server_of(unsigned slot) const;
	void keep_coherence(unsigned slot);
	void distrust_incoherent();
	[[nodiscard]] std::optional<Difference> judge_coherence(unsigned slot,
								const ProbeFacts &facts);
	void probed(Leg &leg, const ProbeFacts &facts, std::uint64_t mv);
	[[nodiscard]] std::optional<Difference> judge(const Leg &leg, unsigned slot,
						      const ProbeFacts &facts);
	void tell(unsigned slot, Instant now);
	[[nodiscard]] MonitorPolicy monitor_policy() const;

	// unit_hints.cpp
	void hint_probed(const Leg &leg, const ProbeFacts &facts, Reason reason);
	void hint_seen(const Leg &leg);
	void hint_gone(const Leg &leg);

	// unit_report.cpp
	void record(Instant now);
	void describe_path(PathReport &path, unsigned slot, Instant now) const;
	[[nodiscard]] std::string path_text(unsigned slot, Instant now) const;

	UnitConfig config_;
	std::vector<std::string> identities_; ///< path_identities() of it
	Services &services_;
	UnitRunState state_;
	std::vector<Slot> slots_;
	std::map<DevNumber, std::shared_ptr<Leg>> legs_;
	std::map<std::string, std::shared_ptr<UniqueFd>>
		sockets_; ///< by device name, until it is a leg
	std::vector<DevNumber> spare_;

	std::optional<SeenUnit> kernel_;
	std::uint64_t length_sectors_ = 0;
	std::optional<DevNumber> number_;
	bool wrong_owner_ = false; ///< a device of this name is not ours
	std::vector<SwitchRecord> history_;
	bool history_grows_ =
		false; ///< its last record may not have been complete at the last look
	FlightRecorder flight_;

	PathOrder order_;
	MountVerification mv_{MvPolicy{}};
	CarriedKey carried_;
	ClientKeys clients_;
	bool rights_busy_ = false; ///< the disk is asked for a client's rights
	Instant rights_next_{};
	std::string rights_turn_;                ///< the client that was looked after last
	std::map<std::string, Instant> told_at_; ///< each client's word
	MediumCompare medium_;
	FailbackRule failback_rule_;
	std::optional<Geometry> geometry_; ///< of the proved disk
	std::optional<Instant> first_proved_;
	std::string waiting_; ///< why the plan waits
	/// What stands for which path must be found anew before anything is said about paths.
	bool stale_ = true;

	std::unique_ptr<Worker> table_worker_;
	bool table_busy_ = false;
	Instant table_retry_{};
	std::optional<Instant> table_read_; ///< as kernel_->table has it; nothing: read it anew
	std::uint32_t kernel_event_ = 0;    ///< the kernel's count of events, at the last look
	std::uint32_t table_event_ = 0;     ///< and when the table was read
	unsigned generation_ = 0;           ///< of the slots: what was asked for older ones is void
	unsigned revoking_ = 0;             ///< exports of its own that this host ends
	Instant revoke_next_{};
	std::shared_ptr<bool> here_ = std::make_shared<bool>(true); ///< for letters that come late
	std::optional<Instant> due_;                                ///< the note of Turns
	Instant looked_{};
	const Instant created_ = swpath::now();
};

} // namespace swpath
