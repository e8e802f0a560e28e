// SPDX-License-Identifier: LGPL-2.1-or-later
/// What a host does with its lock space: which names it holds there, what it leaves on them, and
/// what it makes of what it finds. Pure: legs, events of the lock space and the time go in; orders
/// to the lock space come out.
///
/// The lock space may end at any time and come back. Then everything is held anew, and what was
/// known of a bus stays known until its mark is told again. Nothing waits for that.
#pragma once

#include <map>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "libpath/control/hints_report.h"
#include "libpath/hints/lock_line.h"
#include "libpath/policy/bus_ports.h"
#include "libpath/policy/bus_sharing.h"

namespace swpath
{

class HintKeeper
{
public:
	/// How long the lock space may take to publish a mark.
	static constexpr Duration publish_limit = std::chrono::seconds(5);
	/// Before an order that failed is given again.
	static constexpr Duration pause = std::chrono::seconds(1);

	/// `host`: this host's number; `serves`: it serves disks.
	HintKeeper(std::vector<BusConfig> given, std::uint16_t host, bool serves)
		: host_(host), ports_(std::move(given)), sharing_(host, serves)
	{
	}

	/// A check proved that `leg` leads to the disk `identity`. Of each leg, as often as it is
	/// proved.
	void direct_proved(DevNumber leg, const std::string &port, std::string_view by_path,
			   const Identity &identity);
	void direct_goes(DevNumber leg);
	/// The keys that are registered on the disk of a proved leg; `own`: all of this host.
	void keys_seen(DevNumber leg, std::span<const std::uint64_t> own,
		       std::vector<std::uint64_t> registered);
	void image_appears(DevNumber leg, Instant now) { sharing_.image_appears(leg, now); }
	void image_goes(DevNumber leg) { sharing_.image_goes(leg); }
	/// Every direct leg has had a verdict, once.
	void ports_known() { sharing_.ports_known(); }
	[[nodiscard]] bool has_ports() const { return !known_.empty(); }
	/// What other members of the cluster see now.
	void members_see(DiskHashes disks);

	/// A lock space takes orders: it holds nothing yet.
	void space_ready();
	/// It has ended.
	void space_gone();
	void take(const LockEvent &event, Instant now);
	/// Gives again what failed and is due.
	void tick(Instant now);
	[[nodiscard]] std::optional<Instant> next() const;

	/// There is something to hold: a lock space is needed.
	[[nodiscard]] bool wanted() const { return !buses_.empty(); }
	/// What is to be told to the lock space, in order; once.
	[[nodiscard]] std::vector<LockOrder> take_orders();
	/// What has changed, for the journal, one sentence each; once.
	[[nodiscard]] std::vector<std::string> take_news();

	[[nodiscard]] SeenWorld admit(SeenWorld world) const
	{
		return sharing_.admit(std::move(world));
	}
	/// When admit() lets the next image go.
	[[nodiscard]] std::optional<Instant> next_admission(Instant now) const
	{
		return sharing_.next(now);
	}
	[[nodiscard]] bool shared(const std::string &port) const { return sharing_.shared(port); }
	/// Ports and buses.
	void report(HintsReport &into) const;

private:
	struct Bus {
		bool held = false;
		std::optional<HintValue> mark;
		std::string why;              ///< the mark cannot be read
		std::optional<Instant> retry; ///< an order has failed
	};
	void follow_ports();
	void obey(const std::vector<BusOrder> &orders);
	void note_sharing();
	void note_strange(Instant now);

	std::uint16_t host_;
	BusPorts ports_;
	BusSharing sharing_;
	BusPorts::Ports known_;        ///< as sharing_ was told
	std::map<BusName, Bus> buses_; ///< that are to be held
	bool ready_ = false;
	std::vector<LockOrder> orders_;
	std::vector<std::string> news_;
	std::map<std::string, bool> shared_told_; ///< by port
	struct Strange {
		std::optional<Instant> due; ///< to tell of it, or to dispute it; nothing: at once
		bool told = false;
	};
	std::map<std::string, Strange> strange_; ///< by port
};

} // namespace swpath
