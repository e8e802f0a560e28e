// SPDX-License-Identifier: GPL-2.0-or-later
/// pathd on the client: the real policies, and around them what pathd/unit*.cpp do: look at the
/// kernel, ask the policies, tell the kernel, check paths, attach served ones. It can be killed
/// before each thing that it does, and starts again with nothing but what it can read.
#pragma once

#include <map>
#include <memory>
#include <optional>
#include <set>
#include <vector>

#include "fencer.h"
#include "kernel.h"
#include "libpath/policy/carried_key.h"
#include "libpath/policy/coherence_probe.h"
#include "libpath/policy/export_grant.h"
#include "libpath/policy/failback.h"
#include "libpath/policy/medium_compare.h"
#include "libpath/policy/mount_verification.h"
#include "libpath/policy/path_keeper.h"
#include "libpath/policy/path_monitor.h"

namespace swpath::sim
{

class Daemon
{
public:
	Daemon(Context &context, const UnitSetup &setup, Kernel &kernel, Network &network,
	       std::vector<std::unique_ptr<Leg>> &legs, std::vector<std::unique_ptr<Peer>> &peers);
	Daemon(const Daemon &) = delete;
	Daemon &operator=(const Daemon &) = delete;

	[[nodiscard]] Host &process() { return process_; }
	void start();
	/// The client's machine went down: /run is gone.
	void machine_went_down();
	/// Killed by chance before any of its deeds, with this probability each.
	void set_kill_chance(double chance) { kill_chance_ = chance; }
	void kill();

	/// Something happened: look.
	void touch();

	// What an operator does with pathctl, beside what the kernel is told directly.
	void pardon(unsigned path);
	void pin(unsigned path) { pinned_ = path; }
	/// `pathctl fenced --i-am-sure`.
	void confirm(std::uint64_t mv);

private:
	struct Slot {
		PathMonitor monitor{MonitorPolicy{}};
		std::optional<LastLook> last_look;
		std::uint64_t device = 0; ///< of the leg, as of the last look
		bool proved = false;
		bool probe_now = false;
		bool overdue = false;
		std::optional<Checker::Sight> stale; ///< what the path should not have shown
		unsigned failures = 0;               ///< failed checks of this device in a row
		std::optional<Instant> probing_since;
		std::optional<std::uint64_t> again; ///< the mount verification of the next check
		CoherenceProbe coherence;
		WitnessList expected;            ///< of the kernel, when the check began
		std::optional<NexusChange> copy; ///< key that the next check copies
		bool attaching = false;
		std::uint64_t doubt_mv = 0; ///< the mount verification that doubt_epoch is of
		std::uint64_t doubt_epoch = 0;
		std::uint64_t revoked_mv = 0; ///< the one whose fence has ended the export
		bool may_register = true;     ///< a check may give the path its key
		Instant asked{};              ///< the peer's pathd, last
		Instant peer_until{};         ///< it counts as reachable until then
		Instant carry_next{};         ///< the peer is told the users' key
	};

	void wake(Nanos at);
	void step();
	bool look(Instant now);
	void look_for_devices(Instant now);
	bool verify(Instant now);
	bool carry_out(const MvAction &action, Instant now, bool &told);
	bool keep(Instant now);
	bool fail_back(Instant now);
	void build(Instant now);
	void attach(unsigned i, Instant now);
	void end_export(unsigned i);
	void export_by_peer(unsigned i, Epoch epoch);
	void look_for_keys(unsigned i);
	void note_keys(unsigned i, const std::vector<Key> &keys, Instant asked);
	void export_if_keyed(unsigned i, Epoch epoch);
	void note_exports();
	[[nodiscard]] std::string peer_boot(unsigned i) const;
	void look_after_connections();
	void probe_due(Instant now);
	void ask_peers(Instant now);
	void fence(const FenceAction &action);
	void probe(unsigned i, std::uint64_t mv);
	void start_probe(unsigned i, std::uint64_t mv);
	void probed(unsigned i, std::uint64_t device, Instant began, std::uint64_t mv,
		    const Answer &answer);
	void attached(unsigned i, Reason fault);
	[[nodiscard]] Reason judge(unsigned i, Instant began, const Answer &answer);
	[[nodiscard]] Reason judge_medium(unsigned i, Instant began, const Answer &answer);
	[[nodiscard]] WitnessList witnesses() const;
	[[nodiscard]] Reason judge_coherence(unsigned i, const Answer &answer);
	void keep_coherence(unsigned i);
	void carry_key(unsigned i, Instant began, const Answer &answer);
	void carry_due(Instant now);
	void carry_by_peer(unsigned i, std::function<void(int error)> answered);
	[[nodiscard]] bool lacks_rights(unsigned i) const;
	/// `keys`: that were on the disk before; nothing: nobody has looked.
	void connect(unsigned i, Epoch epoch, const std::optional<std::vector<Key>> &keys = {});
	[[nodiscard]] std::vector<MvCandidate> candidates() const;
	void judge_ticket(unsigned i, Nanos began);
	[[nodiscard]] FailbackDecision failback_now(Instant now) const;
	[[nodiscard]] bool in_table(unsigned i) const;
	[[nodiscard]] bool dies();
	[[nodiscard]] Duration command() const { return duration(setup_.command_limit); }

	Context &context_;
	const UnitSetup &setup_;
	Kernel &kernel_;
	std::vector<std::unique_ptr<Leg>> &legs_;
	Host process_;
	Fencer fencer_;
	double kill_chance_ = 0;

	std::optional<UnitStatus> status_;
	std::vector<Slot> slots_;
	MountVerification mv_{MvPolicy{}};
	MediumCompare medium_;
	CarriedKey carried_;
	Nanos next_wake_ = 0;
	std::uint64_t wakes_ = 0;

	// Kept in its state directory, until the machine goes down.
	std::optional<Instant> last_failback_;
	std::optional<unsigned> pinned_;
	CarriedKey::State carried_state_;
	std::map<unsigned, ExportGrant> grants_; ///< by path
	std::set<unsigned> incoherent_;          ///< paths, which keep their servers here
};

} // namespace swpath::sim
