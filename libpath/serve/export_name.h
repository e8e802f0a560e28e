// SPDX-License-Identifier: LGPL-2.1-or-later
/// The name of an export: the disk and the epoch in which it is served, "WWID@EPOCH".
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

	std::string wwid; ///< printable ASCII; may hold spaces, as t10 designators do
	std::uint64_t epoch = 0;

	auto operator<=>(const ExportName &) const = default;

	[[nodiscard]] std::string text() const;
	/// Reads text(): the last '@' divides. Errors: EINVAL with what is wrong and how it is
	/// written.
	[[nodiscard]] static Result<ExportName> parse(std::string_view text);
	/// Errors: EINVAL empty, too long, or not printable.
	[[nodiscard]] static Result<void> check_wwid(std::string_view wwid);
};

} // namespace swpath
