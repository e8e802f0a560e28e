// SPDX-License-Identifier: LGPL-2.1-or-later
/// Legs are nondisks: marked so that blkid, LVM, multipath and mount units do not see them.
///
/// Two marks, read by udev/*.rules: a file for each leg that exists now, named by its number; and
/// a generated rules file with the WWIDs of all configured units, which works when the leg appears
/// before pathd runs.
#pragma once

#include <cstdint>
#include <functional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "libpath/base/dev_number.h"
#include "libpath/base/result.h"
#include "libpath/sys/udev.h"

namespace swpath
{

inline constexpr std::string_view leg_mark_dir = "/run/swpath/legs";
/// Where udev finds the rules at the next boot too, before pathd runs.
inline constexpr std::string_view leg_rules_path = "/etc/udev/rules.d/58-swpath-legs.rules";
/// For as long as /etc cannot be written, as early in a boot. Of another name, as a file in /etc
/// hides its namesake in /run (udev(7)).
inline constexpr std::string_view leg_rules_run_path = "/run/udev/rules.d/58-swpath-legs-now.rules";

/// Marks a device as a leg of `unit`, for events that come from now on; then trigger_change() for
/// those that have been. An NBD leg is marked before it is connected. Creates the directory.
/// Errors: errno of mkdir, open, write.
[[nodiscard]] Result<void> mark_leg(DevNumber number, std::string_view unit,
				    std::string_view directory = leg_mark_dir);
/// Marks the first free NBD device as a leg of `unit`, then has `attach` connect it; the next one
/// if that says EBUSY. Returns its N. A device whose attach failed is not marked. One at a time, of
/// all threads and processes: two that chose the same device would both write its mark, and the one
/// that came too late would take away the other's. BLOCKS while others attach. Errors: those of
/// find_free_nbd(), mark_leg() and `attach`; errno of the lock.
[[nodiscard]] Result<std::uint32_t>
attach_free_nbd(std::string_view unit,
		const std::function<Result<std::uint32_t>(std::uint32_t index)> &attach,
		const std::string &directory = std::string(leg_mark_dir),
		const std::string &sys = "/sys");
/// Takes the mark away; no error if there is none.
[[nodiscard]] Result<void> unmark_leg(DevNumber number, std::string_view directory = leg_mark_dir);
/// All marked devices, sorted. A directory that does not exist has none.
[[nodiscard]] Result<std::vector<DevNumber>> marked_legs(std::string_view directory = leg_mark_dir);

/// Of the marked numbers those whose mark is left over: there is no such device, or it has none of
/// the configured units' `wwids`, pathd has not connected it, and no unit holds it. Numbers are
/// given again, so such a mark hides somebody else's disk. A SCSI disk that does not tell its WWID
/// now keeps its mark. Pure; for a pathd that has just started, as it does not know of connections
/// that are being made.
[[nodiscard]] std::vector<DevNumber> left_over_marks(std::span<const DevNumber> marked,
						     std::span<const BlockDevice> devices,
						     std::span<const std::string> wwids);

/// The text of the generated rules for these WWIDs. Pure. A WWID with a character that udev's rule
/// syntax or globs would misread has that character replaced by "?".
[[nodiscard]] std::string leg_rules(std::span<const std::string> wwids);
/// Writes them if they differ from what is there (atomic rename); true if they did. udevd notices
/// by itself within 3 s. Errors: EROFS; else errno of open, write, rename.
[[nodiscard]] Result<bool> write_leg_rules(std::span<const std::string> wwids,
					   std::string_view path);

} // namespace swpath
