// SPDX-License-Identifier: LGPL-2.1-or-later
/// The lock space of one host: a file for each name, in a directory that is empty after a boot.
///
/// A file has 33 bytes: a state, then the value. Two locks on the open file (F_OFD_SETLK), which
/// the kernel takes back however the process ends:
///
///   byte 0  shared by everyone who holds the name. Who gets it alone is the first holder, and
///           empties the file.
///   byte 1  alone while the value is written, shared while it is read.
///
/// A writer says "writing" in the state, writes the value, and says "sound". Who reads "writing"
/// though nobody has byte 1 knows that the writer died in the middle. inotify tells of changes.
#pragma once

#include <map>
#include <memory>
#include <random>

#include "libpath/base/backoff.h"
#include "libpath/base/unique_fd.h"
#include "libpath/hints/lock_space.h"

namespace swpath
{

class LocalLockSpace final : public LockSpace
{
public:
	static constexpr std::string_view default_directory = "/run/swpath/locks";

	/// Creates the directory, for root alone. Never waits for another process; a stopped writer
	/// delays what it writes, and nothing else. A child of fork() that keeps the descriptors
	/// holds what its parent held. Errors: errno of creating and watching the directory.
	[[nodiscard]] static Result<std::unique_ptr<LocalLockSpace>>
	open(const std::string &directory = std::string(default_directory));

	[[nodiscard]] Result<void> hold(std::string_view name) override;
	[[nodiscard]] Result<void> publish(std::string_view name, const LockBytes &bytes,
					   Instant deadline) override;
	void release(std::string_view name) override;
	[[nodiscard]] std::optional<LockValue> value(std::string_view name) const override;
	[[nodiscard]] int fd() const override { return watch_.get(); }
	[[nodiscard]] std::optional<Instant> next() const override;
	[[nodiscard]] Result<std::vector<LockEvent>> step(Instant now) override;

private:
	struct Wish {
		LockBytes bytes{};
		Instant deadline{};
	};
	struct Name {
		UniqueFd file;
		std::optional<LockValue> told; ///< nothing: not held yet
		std::optional<Wish> wish;
		bool look = true; ///< the file may have changed
		Instant retry{};  ///< not before: somebody has a lock that is in the way
		Backoff failures{std::chrono::milliseconds(20), std::chrono::seconds(5)};
	};
	LocalLockSpace(std::string directory, UniqueFd watch)
		: directory_(std::move(directory)), watch_(std::move(watch))
	{
	}
	[[nodiscard]] Result<void> drain_watch();
	void serve(const std::string &called, Name &name, Instant now,
		   std::vector<LockEvent> &events);
	[[nodiscard]] Result<bool> take(Name &name);
	[[nodiscard]] Result<std::optional<LockValue>> read(const Name &name);
	[[nodiscard]] Result<std::optional<LockValue>> write(Name &name, bool &written);

	std::string directory_;
	UniqueFd watch_;
	std::map<std::string, Name, std::less<>> names_;
	std::minstd_rand random_{std::random_device{}()};
};

} // namespace swpath
