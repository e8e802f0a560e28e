// SPDX-License-Identifier: LGPL-2.1-or-later
/// A block device's number, MAJ:MIN, the one name of it that the kernel never reuses while it is
/// open.
#pragma once

#include <compare>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include <sys/types.h>

namespace swpath
{

struct DevNumber {
	std::uint32_t major = 0; ///< 0 to 4095, as the kernel's 12 bits
	std::uint32_t minor = 0; ///< 0 to 1048575, as the kernel's 20 bits

	auto operator<=>(const DevNumber &) const = default;

	[[nodiscard]] static DevNumber from(dev_t number) noexcept;
	[[nodiscard]] dev_t dev() const noexcept;

	/// "8:16".
	[[nodiscard]] std::string text() const;

	/// Reads "8:16"; nothing if the text is anything else or out of range.
	[[nodiscard]] static std::optional<DevNumber> parse(std::string_view text) noexcept;
};

} // namespace swpath
