// SPDX-License-Identifier: LGPL-2.1-or-later
/// Which of this host's ports lead to a bus that other hosts are on too, and which served images of
/// a disk must wait for its direct path. Pure: what the host sees, the marks that are told by the
/// lock space and the time go in; orders to the lock space come out, and legs are held back from
/// unit_builder.
///
/// A host holds the name of each bus that it is on, and leaves a mark there: a disk that it sees on
/// it. Who is told of another host's mark, and has that disk on that bus too, is not alone: its
/// port is shared, and it leaves a mark that says so, unless there is one. So both know after two
/// marks at most, and then nobody writes.
///
/// What a bus is called decides nothing by itself. A mark whose disk this host does not see is of
/// another bus with the same name (an allocation class that was given twice), or the disk has not
/// come yet: it makes nothing shared and is not written over, and explain() says so. If the disk
/// does not come dispute() notes that in the mark, so that the other host can say so, too; the
/// first to see the disk that is told of such a note anew takes it away, and it comes back if it is
/// still so. Hosts that cannot read each other's marks, as they have different keys, still meet at
/// the disk: a reservation key that is not this host's makes the port shared, without any mark.
///
/// What members of the cluster see counts like a mark, and needs no lock space.
///
/// Nothing waits for the lock space: without it an image waits for direct_wait, and no longer.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "libpath/cluster/disk_sightings.h"
#include "libpath/hints/hint_value.h"
#include "libpath/policy/unit_builder.h"

namespace swpath
{

/// An order to the lock space, about BusName::lock_name().
struct BusOrder {
	enum class Kind : std::uint8_t { Hold, Release, Publish } kind;
	BusName bus;
	std::optional<HintValue> mark; ///< Publish

	bool operator==(const BusOrder &) const = default;
};

class BusSharing
{
public:
	/// How long a served image waits for the direct path of its disk, from when it turned up.
	static constexpr Duration direct_wait = std::chrono::seconds(30);

	/// `host`: this host's number, 1 to 65535, another one on each; `serves`: it serves disks.
	BusSharing(std::uint16_t host, bool serves) : host_(host), serves_(serves) {}

	/// This host's port `port` ("host2") leads to `bus`. Again with another bus: it was moved.
	[[nodiscard]] std::vector<BusOrder> port_appears(const std::string &port, BusName bus);
	[[nodiscard]] std::vector<BusOrder> port_goes(const std::string &port);
	/// The host has looked for its ports, once: those it has are known from now on.
	void ports_known() { ports_known_ = true; }
	/// A direct leg to the disk with the hash `disk` (disk_hash()) through `port`; again with
	/// other values: another device has its number now. The port may appear later.
	[[nodiscard]] std::vector<BusOrder> direct_appears(DevNumber leg, const std::string &port,
							   std::uint64_t disk);
	[[nodiscard]] std::vector<BusOrder> direct_goes(DevNumber leg);
	/// The reservation keys that are registered on the disk of a direct leg; `own` is this
	/// host's, 0: none. They are forgotten with the leg.
	[[nodiscard]] std::vector<BusOrder> keys_seen(DevNumber leg, std::uint64_t own,
						      std::span<const std::uint64_t> registered);
	/// The mark of a bus as the lock space tells it; nothing: it is not valid, or not to be
	/// read (`why` says it), or nobody has left one.
	[[nodiscard]] std::vector<BusOrder> mark_told(BusName bus, std::optional<HintValue> mark,
						      std::string why = {});
	/// The disks that other members of the cluster see now, all of them.
	[[nodiscard]] std::vector<BusOrder> members_see(DiskHashes disks);
	/// The order to publish did not come about (Failed; of Overtaken the value is told): it is
	/// given again if it is still wanted. Its time limit in the lock space is what paces that.
	[[nodiscard]] std::vector<BusOrder> order_failed(BusName bus);

	/// A served image of a disk has turned up; once more: its wait goes on as it was.
	void image_appears(DevNumber leg, Instant now);
	void image_goes(DevNumber leg) { images_.erase(leg); }

	/// The bus of `port` is strange() still, after the time that a disk may take: notes that in
	/// the other host's mark, unless it says so.
	[[nodiscard]] std::vector<BusOrder> dispute(const std::string &port);

	/// What unit_builder is to see of a unit: all legs, but served images that are to wait for
	/// a direct path are neither proved nor settled. They are marked as all legs are, so they
	/// are nondisks meanwhile. An image that the unit has is never taken from it, and what
	/// image_appears() was not told of waits. Nothing waits on a host whose ports are known and
	/// all not shared: it has no direct path to wait for.
	[[nodiscard]] SeenWorld admit(SeenWorld world) const;
	/// When admit() lets the next image go; nothing: none waits for that.
	[[nodiscard]] std::optional<Instant> next(Instant now) const;

	[[nodiscard]] bool shared(const std::string &port) const;
	/// Another host's mark is on its bus, of a disk that this host does not see there, or of
	/// one that it sees and a third host on a bus of this name does not: disputed().
	[[nodiscard]] bool strange(const std::string &port) const;
	[[nodiscard]] bool disputed(const std::string &port) const;
	/// One sentence on a port: whether it is shared, and why it is thought so. Empty: there is
	/// no such port.
	[[nodiscard]] std::string explain(const std::string &port) const;

private:
	struct Direct {
		std::string port;
		std::uint64_t disk = 0;
		bool foreign_key = false;
	};
	struct Bus {
		bool told = false; ///< once at least, or nothing can be said of its mark
		std::optional<HintValue> mark;
		std::string why;         ///< there is no mark
		bool publishing = false; ///< an order is under way
		bool met = false; ///< another host has, or had, a disk there that is here too
		std::uint64_t epoch = 0; ///< the highest that was seen
		bool ask_again = false;  ///< its first mark is disputed: is it still?
		bool answered = false;   ///< its first mark was this host's own, and said "shared"
	};

	[[nodiscard]] bool on(const Direct &leg, BusName bus) const;
	[[nodiscard]] bool sees(BusName bus, std::uint64_t disk) const;
	[[nodiscard]] bool foreign_key(BusName bus) const;
	[[nodiscard]] bool bus_shared(BusName bus) const;
	[[nodiscard]] bool bus_strange(BusName bus) const;
	[[nodiscard]] bool bus_disputed(BusName bus) const;
	/// A port may lead to a disk that another host serves.
	[[nodiscard]] bool may_share() const;
	void decide(BusName bus, std::vector<BusOrder> &out);
	[[nodiscard]] std::vector<BusOrder> decide_all();

	std::uint16_t host_;
	bool serves_;
	bool ports_known_ = false;
	std::map<std::string, BusName> ports_;
	std::map<DevNumber, Direct> directs_;
	std::map<DevNumber, Instant> images_; ///< when they turned up
	std::map<BusName, Bus> buses_;
	DiskHashes others_;
};

} // namespace swpath
