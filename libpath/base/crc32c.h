// SPDX-License-Identifier: LGPL-2.1-or-later
/// CRC-32C (Castagnoli, reflected, as in iSCSI, ext4 and the witness records of dm-sw).
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

namespace swpath
{

[[nodiscard]] std::uint32_t crc32c(std::span<const std::byte> data);

} // namespace swpath
