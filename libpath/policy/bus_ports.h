// SPDX-License-Identifier: LGPL-2.1-or-later
/// Which bus each port of this host leads to: the name that an administrator gave it, or else one
/// that is derived from the target ports of the disks behind it. Pure.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "libpath/base/dev_number.h"
#include "libpath/config/hints.h"
#include "libpath/unit/identity.h"

namespace swpath
{

/// The number of a host that was given none, from /etc/machine-id's text: 1 to 65535. Two hosts may
/// get one, by a chance of one in 65535; neither would take the other's marks for another host's.
[[nodiscard]] std::uint16_t host_number(std::string_view machine_id);

/// The name that all hosts derive which see this target port; nothing: the disk reports no name of
/// the port that would be the world's (its relative number is not one).
[[nodiscard]] std::optional<BusName> derived_bus(const Identity &identity);

class BusPorts
{
public:
	struct Port {
		BusName bus;
		bool given = false; ///< by an administrator

		bool operator==(const Port &) const = default;
	};
	/// By port: "host2".
	using Ports = std::map<std::string, Port>;

	explicit BusPorts(std::vector<BusConfig> given) : given_(std::move(given)) {}

	/// A disk was seen through `leg`. Again: other values.
	void leg_seen(DevNumber leg, const std::string &port, std::string_view by_path,
		      const Identity &identity);
	void leg_goes(DevNumber leg) { legs_.erase(leg); }

	/// Ports with a disk of a bus that has a name. A given name goes before a derived one; of
	/// several it is the smallest, so that the order in which disks came decides nothing.
	[[nodiscard]] Ports ports() const;

private:
	struct Leg {
		std::string port;
		Port leads_to;
	};
	std::vector<BusConfig> given_;
	std::map<DevNumber, Leg> legs_; ///< with a bus
};

/// "host2" for "2:0:0:1"; empty: no SCSI device.
[[nodiscard]] std::string port_of(std::string_view hctl);

} // namespace swpath
