// SPDX-License-Identifier: GPL-2.0-or-later
/// The client's kernel: the real sw-core.c, and around it what dm-sw-io.c and dm-sw-unit.c do for
/// it: bios go down the open path or are held, come back, are sent again; drained paths, flushes
/// and the tick are reported.
#pragma once

#include <array>
#include <deque>
#include <functional>
#include <memory>
#include <unordered_map>
#include <vector>

#include "leg.h"
#include "libpath/unit/unit_status.h"

extern "C" {
#include "sw-age.h"
#include "sw-core.h"
#include "sw-witness.h"
}

namespace swpath::sim
{

struct UnitSetup {
	std::vector<PathKind> kinds;
	Fence fence = Fence::PROVE;
	Nanos stall = 5 * sec;
	Nanos mv_timeout = 60 * sec;
	Nanos check_interval = 5 * sec;
	Nanos stable = 20 * sec;
	Nanos failback_interval = 300 * sec;
	Nanos command_limit = 3 * sec;
	// What a fence can work with.
	bool reservations = false; ///< the disk does persistent reservations
	bool lu_reset = false;     ///< a path may reset the logical unit
	bool agent = false;        ///< the cluster can switch servers off
	bool carry = false;        ///< users reserve the disk, and their keys are carried
	unsigned witness = 0;      ///< records of acknowledged writes, 0: none
};

class Kernel
{
public:
	Kernel(Context &context, Host &client, const UnitSetup &setup,
	       std::vector<std::unique_ptr<Leg>> &legs);
	Kernel(const Kernel &) = delete;
	Kernel &operator=(const Kernel &) = delete;

	/// The unit is created: at the first boot, and after each. `devices`: of each path, 0:
	/// absent.
	void start(const std::vector<std::uint64_t> &devices);
	void crash();
	[[nodiscard]] bool running() const { return running_; }

	/// A user's bio. `done` is called once, unless the client goes down.
	void submit(const Request &request, Done done);

	// What pathd sees and says.
	[[nodiscard]] UnitStatus status() const;
	[[nodiscard]] const sw_core &core() const { return core_; }
	/// A checksum is the write's number.
	[[nodiscard]] std::vector<WitnessRecord> witnesses() const;
	int ticket(unsigned path, std::uint64_t epoch, std::uint64_t ttl_ms);
	int commit(std::uint64_t mv, unsigned path, Method method, const char *evidence);
	int reject(std::uint64_t mv, unsigned path, Reason reason);
	int fail(unsigned path, Reason reason);
	int reinstate(unsigned path);
	int switch_to(unsigned path, bool cooperative, Reason reason);
	int hold();
	int release();
	int abort();
	int retry();
	/// Another table. False: something is in flight, and the suspend, or a call that pathd
	/// makes after it, would wait for it.
	bool reload(const std::vector<std::uint64_t> &devices);
	[[nodiscard]] const std::vector<std::uint64_t> &devices() const { return devices_; }
	/// An event of the unit, as pathd gets it.
	void on_event(std::function<void()> what) { on_event_ = std::move(what); }

	/// Where a user's order goes that is no I/O.
	[[nodiscard]] std::optional<unsigned> open_path() const;
	[[nodiscard]] bool idle() const { return bios_.empty(); }
	[[nodiscard]] std::uint64_t switches() const { return switches_; }
	[[nodiscard]] std::uint64_t holds() const { return holds_; }

private:
	struct Bio {
		Request request;
		Done done;
		std::uint64_t arrival;
		unsigned tries = 0;
		unsigned path = 0;
		Nanos sent = 0; ///< later by what the client was frozen since
		unsigned generation = 0;
		bool in_flight = false;
		bool retried = false;
		bool sampled = false; ///< by the witness
	};
	using BioId = std::uint64_t;
	using Call = std::function<int(sw_core *, const sw_now *, unsigned *)>;

	[[nodiscard]] sw_now now() const;
	[[nodiscard]] sw_core_config config() const;
	int message(const char *name, const Call &call, bool stale);
	void map(BioId id);
	void send(BioId id);
	void end_io(BioId id, const Answer &answer);
	void finish(BioId id, const Answer &answer);
	void perform(unsigned actions);
	void opened();
	void sample(Bio &bio);
	void end_sample(Bio &bio, bool ok);
	void check_record(bool failed);
	void check_sights(unsigned to, bool by_ticket);
	void pump();
	void end_held();
	[[nodiscard]] std::vector<int> origins(const std::vector<std::uint64_t> &devices) const;
	void flush();
	void flush_ended(bool ok);
	void drained(unsigned path, std::uint64_t hold);
	void report_drain();
	void start_tick();
	void tick();
	[[nodiscard]] unsigned in_flight() const;
	[[nodiscard]] std::array<unsigned, SW_GENERATIONS> flight() const;
	[[nodiscard]] Nanos oldest() const;
	[[nodiscard]] Nanos oldest_in_truth() const;
	BioId pop_held(bool &was_retry);
	void check();

	Context &context_;
	Host &client_;
	const UnitSetup &setup_;
	std::vector<std::unique_ptr<Leg>> &legs_;

	sw_core core_;
	sw_ages ages_{};
	sw_witness_ring ring_{};
	bool running_ = false;
	int open_ = SW_NO_PATH;
	int closed_ = SW_NO_PATH; ///< not yet reported as drained
	std::uint64_t holds_ = 0;
	std::uint64_t switches_ = 0;
	std::uint64_t openings_ = 0;
	std::uint64_t next_bio_ = 1;
	std::uint64_t next_arrival_ = 1;
	std::uint64_t last_sent_arrival_ = 0; ///< of the held ones, in this opening
	std::uint64_t records_ = 0;
	std::uint64_t mv_ = 0; ///< the latest one, for the judge
	Nanos held_since_ = 0; ///< it began then
	bool goes_on_ = false; ///< another table takes an open path over
	std::uint64_t last_epoch_ = 0;
	std::unordered_map<BioId, Bio> bios_;
	std::deque<BioId> retry_;
	std::deque<BioId> held_;
	std::vector<std::uint64_t> devices_; ///< by path, 0: absent
	std::vector<unsigned> inflight_;     ///< by path
	std::vector<Nanos> left_;            ///< by path: it was in use until then
	std::vector<Nanos> flush_sent_;      ///< by path, 0: none
	bool flushed_ = false;               ///< in this hold, or tried
	bool pumping_ = false;
	bool ticking_ = false;
	Nanos tick_due_ = 0;
	std::function<void()> on_event_;
};

} // namespace swpath::sim
