// SPDX-License-Identifier: GPL-2.0-or-later
/// CRC-32C (Castagnoli, reflected, as in iSCSI and ext4).
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

namespace swpath::stamp
{

[[nodiscard]] std::uint32_t crc32c(std::span<const std::byte> data);

} // namespace swpath::stamp
