// SPDX-License-Identifier: LGPL-2.1-or-later
/// The file in which a server keeps the epochs that it closed, for the next server process and for
/// pathd: {WWID: {client: epoch}}. Pure.
#pragma once

#include <cstddef>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "libpath/base/result.h"
#include "libpath/serve/export_name.h"

namespace swpath
{

/// The file of a server that has served as many disks to as many clients as it can has no more.
inline constexpr std::size_t closed_epochs_bytes_max = 16U << 20;

[[nodiscard]] std::string closed_epochs_text(std::span<const ExportName> closed);
/// Reads the same, in the order of disks and clients. Errors: EBADMSG with what is wrong: without
/// it a closed epoch could open again.
[[nodiscard]] Result<std::vector<ExportName>> parse_closed_epochs(std::string_view text);

} // namespace swpath
