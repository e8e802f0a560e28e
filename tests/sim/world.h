// SPDX-License-Identifier: GPL-2.0-or-later
/// One run: a client with a unit, its servers, the disk, the users, and everything that goes wrong;
/// all of it made from a seed.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "daemon.h"
#include "peer.h"
#include "reserver.h"
#include "wait_judge.h"
#include "workload.h"

namespace swpath::sim
{

/// Which faults a run has; about half of them in each, so that a rare one is not always drowned by
/// the others.
struct FaultMix {
	bool link = false;    ///< a nexus: cut, or deaf
	bool stall = false;   ///< a target port keeps what arrives
	bool abort = false;   ///< aborts and resets without an answer
	bool network = false; ///< cut, one way or both
	bool loss = false;
	bool freeze = false; ///< of a server, or its machine
	bool kill = false;   ///< of a server
	bool crash = false;  ///< of a server's machine
	bool pathd = false;  ///< killed, at any step
	bool client = false; ///< the client freezes
	bool reboot = false; ///< the client crashes and boots
	bool power = false;  ///< the disk loses its cache
	bool medium = false;
	bool swap = false;      ///< a dead path comes back with another disk behind it
	bool operators = false; ///< hold, switch, fail, abort ...
	bool reload = false;
	bool caching = false; ///< a server shows what it once read, or once was
	bool remove = false;  ///< a device is deleted and found again under another number
};

struct RunResult {
	std::uint64_t switches = 0;
	std::uint64_t holds = 0;
	std::uint64_t ios = 0;
	std::uint64_t errors = 0;
	std::uint64_t events = 0;
	std::uint64_t faults = 0;
	std::uint64_t ghosts_by_policy = 0;
	std::uint64_t ghosts_of_crash = 0;
	std::uint64_t stale_reads = 0;
	Nanos simulated = 0;
	std::string violation; ///< empty: none
};

class World
{
public:
	World(std::uint64_t seed, bool trace, Mutant broken);

	RunResult run();

private:
	void choose_setup();
	void build();
	void run_until(Nanos until);
	void boot_client();
	void break_things();
	void fault();
	void one_fault(unsigned which);
	void heal_everything();
	void wait_for(const std::function<bool()> &done);
	bool settled();
	void verify_medium();
	void operator_looks();
	void operator_fences();
	void random_order();
	void note_withdrawn();
	void bring_back(unsigned path);
	void swap_disk(unsigned path);
	void start_caching(Peer &peer);
	void reload_table();
	[[nodiscard]] Nanos length();
	[[nodiscard]] std::vector<Nexus *> nexuses();

	Context context_;
	UnitSetup setup_;
	bool two_ways_; ///< of each server to the disk
	FaultMix mix_;
	Disk disk_;
	Disk other_disk_;
	Host client_;
	Network network_;
	std::vector<std::unique_ptr<Nexus>> direct_; ///< the client's
	std::vector<std::unique_ptr<Peer>> peers_;
	std::vector<std::unique_ptr<Leg>> legs_;
	std::unique_ptr<Kernel> kernel_;
	std::unique_ptr<Daemon> daemon_;
	std::unique_ptr<Workload> workload_;
	std::unique_ptr<Reserver> reserver_;    ///< none: nobody reserves the disk
	std::unique_ptr<WaitJudge> wait_judge_; ///< none: nothing is bounded where aborts fail, or
						///< where users' keys are looked for
	Nanos fault_pause_ = 0;
	Nanos fault_length_ = 0;
	double restart_chance_ = 0.3; ///< of a pathd that was killed, each second
	bool calm_ = false;           ///< no more faults
	bool swapping_ = false;
	bool fencing_ = false; ///< an operator is at it
	std::uint64_t faults_ = 0;
	Nanos mv_seen_since_ = 0;
	std::uint64_t mv_seen_ = 0;
	std::uint64_t sure_of_ = 0; ///< the mount verification that a person confirmed
};

} // namespace swpath::sim
