// SPDX-License-Identifier: GPL-2.0-or-later
/// The certificate of one switch in words: what the list, the status and the picture say of it.
#pragma once

#include <array>
#include <string>
#include <string_view>

#include "libpath/control/report.h"
#include "pathd/ctl/style.h"

namespace swpath::ctl
{

struct PhaseTime {
	std::string_view word; ///< "drain"
	std::uint64_t us = 0;
};
/// The phases of a hold in their order.
[[nodiscard]] std::array<PhaseTime, 4> phases_of(const SwitchRecord &record);
/// "drain 1.08 s, prove 30 ms": the phases of `least_us` or more; empty if none is.
[[nodiscard]] std::string phases_text(const SwitchRecord &record, std::uint64_t least_us);

/// The name, or that the path is not there any more.
[[nodiscard]] std::string path_text(const std::string &name);
/// The unit had no path before, as far as a record tells: one that was taken out since is none
/// either.
[[nodiscard]] bool opened_first(const SwitchRecord &record);
/// "direct sda → served beta", "held and resumed on direct sda", "first opened on direct sda",
/// "failed on direct sda".
[[nodiscard]] std::string names_text(const Style &style, const SwitchReport &report);
/// The same with the reason: "direct sda → served beta: command timeout".
[[nodiscard]] std::string switch_text(const Style &style, const SwitchReport &report);
/// The proof that the old path is harmless: "preempt-abort (0x5357,by=beta)".
[[nodiscard]] std::string fence_text_of(const SwitchReport &report);
/// What the identity of the new path rests on, and how old that was.
[[nodiscard]] std::string identity_text(const SwitchReport &report);
/// Everything else of a certificate, as one sentence.
[[nodiscard]] std::string certificate_text(const SwitchReport &report);

} // namespace swpath::ctl
