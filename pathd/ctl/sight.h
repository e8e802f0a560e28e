// SPDX-License-Identifier: GPL-2.0-or-later
/// Where reports come from: pathd, or the kernel if there is no pathd.
#pragma once

#include <optional>

#include "libpath/control/client.h"
#include "pathd/ctl/command_line.h"

namespace swpath::ctl
{

struct Sight {
	Report report;
	/// Why it is the kernel's and not pathd's report.
	std::optional<Refusal> without_daemon;
};

/// The report of the unit that was typed, or of all; histories only if `history`, then nothing
/// else is sure to be there. Refusals: NotFound and Usage, those of find_unit(); else what the
/// kernel's view was refused for.
[[nodiscard]] Answered<Sight> look(const CommandLine &line, bool history);

/// The exit status of what was shown: the kernel's view is a whole answer, but a pathd that hangs
/// must not go unnoticed.
[[nodiscard]] int shown_status(const std::optional<Refusal> &without_daemon);

/// Cuts a report down to the unit that was typed, if one was. Refusals: those of find_unit().
[[nodiscard]] Answered<void> select_unit(Report &report, const std::string &typed);

} // namespace swpath::ctl
