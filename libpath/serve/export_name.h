// SPDX-License-Identifier: LGPL-2.1-or-later
/// The name of an export: the disk, the client that it is served to, and the epoch of that client,
/// "WWID@CLIENT@EPOCH". Each client of a server has epochs of its own, so that several can use one
/// disk through it and none closes what another uses.
#pragma once

#include <compare>
#include <cstdint>
#include <string>
#include <string_view>

#include "libpath/base/result.h"

namespace swpath
{

struct ExportName {
	/// Longest WWID; a designation descriptor of VPD page 0x83 has at most 255 bytes (SPC-4
	/// 7.8.6.1), and the text of one seldom a third of that.
	static constexpr std::size_t wwid_bytes_max = 255;
	/// Longest name of a client.
	static constexpr std::size_t client_bytes_max = 255;

	std::string wwid;   ///< printable ASCII; may hold spaces, as t10 designators do, and '@'
	std::string client; ///< the host's name in the cluster: printable ASCII without '@'
	std::uint64_t epoch = 0;

	auto operator<=>(const ExportName &) const = default;

	[[nodiscard]] std::string text() const;
	/// "epoch 7 of naa.1 for alpha", for messages.
	[[nodiscard]] std::string spoken() const;
	/// Reads text(): the last two '@' divide. Errors: EINVAL with what is wrong and how it is
	/// written.
	[[nodiscard]] static Result<ExportName> parse(std::string_view text);
	/// Errors: EINVAL empty, too long, or not printable.
	[[nodiscard]] static Result<void> check_wwid(std::string_view wwid);
	/// Errors: EINVAL empty, too long, not printable, or with an '@'.
	[[nodiscard]] static Result<void> check_client(std::string_view client);
};

} // namespace swpath
