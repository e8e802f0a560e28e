// SPDX-License-Identifier: LGPL-2.1-or-later
/// What a host says of itself to hosts that do not know it yet: the texts of a record of DNS-SD
/// (RFC 6763), and back. docs/protocol.md lists them. It is believed by nobody: it says whom to
/// ask, and a key says who that is. Pure.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "libpath/base/result.h"
#include "libpath/config/cluster.h"

namespace swpath
{

inline constexpr const char *advert_service = "_swpath._tcp";
inline constexpr unsigned advert_version = 1;
/// Of one text, as DNS has them.
inline constexpr std::size_t advert_text_bytes_max = 255;

struct HostAdvert {
	std::string group; ///< of hosts that are meant for each other
	std::string host;  ///< its name in the cluster
	/// Where its pathd answers; nothing: at the port of the record, at whatever address the
	/// host has.
	std::optional<HostAddress> at;
	std::uint16_t serve_port = 0; ///< where it serves disks; 0: it serves none
	std::uint16_t priority = 100; ///< of a server; the lowest is taken first

	bool operator==(const HostAdvert &) const = default;
};

/// Of this host. An address that stands for all of the host's is left out.
[[nodiscard]] HostAdvert advert_of(const ClusterConfig &cluster);

/// "KEY=VALUE" each. What does not fit into a text is left out.
[[nodiscard]] std::vector<std::string> advert_texts(const HostAdvert &advert);
/// A key counts where it comes first; one that is not known is passed over. Errors:
/// EPROTONOSUPPORT another version; EBADMSG a key is missing, or its value is none.
[[nodiscard]] Result<HostAdvert> read_advert(const std::vector<std::string> &texts);

} // namespace swpath
