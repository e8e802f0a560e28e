// SPDX-License-Identifier: LGPL-2.1-or-later
/// Connections that have come and use no export: still in TLS's or NBD's handshake, or done with
/// one. nbdkit waits for what they say next without end, with a thread for each, and does not end
/// itself while one is there; so their number and their time have a bound here.
///
/// TCP only: who may open a unix socket is a matter of its mode.
///
/// Pure: no clock, no I/O, no lock.
#pragma once

#include <cstddef>
#include <map>
#include <utility>
#include <vector>

#include <netinet/in.h>

#include "libpath/base/instant.h"

namespace swpath
{

class Handshakes
{
public:
	/// As many hosts may find this one back at the same moment, with a connection for each
	/// disk.
	static constexpr std::size_t at_once_max = 256;
	/// From the connection to its export. Our own clients take 3 s for all of it.
	static constexpr Duration time_max = std::chrono::seconds(10);

	/// False: there are too many.
	[[nodiscard]] bool begin(const sockaddr_storage &peer, Instant now);
	/// It uses an export; or not any more, and may ask for another.
	void uses(const sockaddr_storage &peer, bool an_export);
	/// It has ended.
	void gone(const sockaddr_storage &peer);

	[[nodiscard]] std::vector<sockaddr_storage> all() const;
	/// Those whose time is over.
	[[nodiscard]] std::vector<sockaddr_storage> late(Instant now) const;
	[[nodiscard]] std::size_t count() const noexcept { return count_; }

private:
	struct Known {
		Instant began{};
		bool uses_export = false;
	};
	/// Address and port.
	using Key = std::pair<std::vector<unsigned char>, std::uint16_t>;
	[[nodiscard]] static Key key_of(const sockaddr_storage &peer);

	std::map<Key, std::pair<sockaddr_storage, Known>> known_;
	std::size_t count_ = 0; ///< that use no export
};

} // namespace swpath
