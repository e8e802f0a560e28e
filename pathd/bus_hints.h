// SPDX-License-Identifier: GPL-2.0-or-later
/// The marks of this host on its buses: HintKeeper, and the lock space that it needs, a process
/// that is started when there is a bus, and anew when it has ended.
///
/// Nothing here waits, and nothing waits for it: without the lock space what is known stays known.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "libpath/base/unique_fd.h"
#include "libpath/config/hints.h"
#include "libpath/policy/hint_keeper.h"
#include "libpath/policy/lock_space_watch.h"
#include "libpath/policy/restart_policy.h"
#include "libpath/sys/udev.h"
#include "pathd/lock_process.h"
#include "pathd/mailbox.h"
#include "pathd/worker.h"

namespace swpath
{

class BusHints
{
public:
	struct Program {
		std::vector<std::string> command; ///< what starts the lock space
		/// Of the lock manager: "0" in it while nobody may lock. Empty: there is none.
		std::string status_file;
	};
	[[nodiscard]] static Program program(const HintsConfig &config);

	/// `changed`: units are to be planned anew. Errors: /etc/machine-id cannot be read; no
	/// thread.
	[[nodiscard]] static Result<std::unique_ptr<BusHints>>
	create(const HintsConfig &config, bool serves, Program program,
	       std::shared_ptr<Mailbox> mailbox, std::function<void()> changed);
	~BusHints();

	[[nodiscard]] const std::string &machine_id() const { return machine_id_; }

	// As HintKeeper has them.
	void direct_proved(const BlockDevice &device, const Identity &identity);
	void direct_goes(DevNumber leg) { keeper_.direct_goes(leg); }
	void keys_seen(DevNumber leg, std::span<const std::uint64_t> own,
		       const std::vector<std::uint64_t> &registered)
	{
		keeper_.keys_seen(leg, own, registered);
	}
	void image_appears(DevNumber leg, Instant now) { keeper_.image_appears(leg, now); }
	void image_goes(DevNumber leg) { keeper_.image_goes(leg); }
	void ports_known() { keeper_.ports_known(); }
	[[nodiscard]] bool has_ports() const { return keeper_.has_ports(); }
	void members_see(DiskHashes disks) { keeper_.members_see(std::move(disks)); }
	[[nodiscard]] SeenWorld admit(SeenWorld world) const
	{
		return keeper_.admit(std::move(world));
	}
	[[nodiscard]] std::optional<Instant> next_admission(Instant now) const
	{
		return keeper_.next_admission(now);
	}
	[[nodiscard]] bool shared(const std::string &port) const { return keeper_.shared(port); }

	/// Readable when step() has something to do.
	[[nodiscard]] int fd() const { return watched_.get(); }
	/// Does what is due. Called by the loop after each of its rounds.
	void step(Instant now);
	[[nodiscard]] Instant deadline() const;

	/// All but when and by whom it was made.
	[[nodiscard]] HintsReport report() const;

private:
	BusHints(const HintsConfig &config, bool serves, Program program, std::string machine_id,
		 UniqueFd watched, std::unique_ptr<Worker> starter,
		 std::shared_ptr<Mailbox> mailbox, std::function<void()> changed);
	void start(Instant now);
	void started(Result<std::shared_ptr<LockProcess>> result);
	void listen(Instant now);
	void ended(const std::string &why, Instant now);
	void reap();
	void look(Instant now);
	void looked(bool runs, Instant at);
	[[nodiscard]] bool due_to_look() const;

	HintsConfig config_;
	Program program_;
	std::string machine_id_;
	std::uint16_t number_;
	HintKeeper keeper_;
	UniqueFd watched_; ///< an epoll: processes change, what the loop watches does not
	std::unique_ptr<Worker> starter_;
	std::shared_ptr<Mailbox> mailbox_;
	std::function<void()> changed_;
	std::shared_ptr<LockProcess> process_;
	bool starting_ = false;
	bool ready_ = false;
	bool unsent_ = false;
	std::vector<pid_t> ended_; ///< and not reaped yet
	RestartPolicy restart_;
	Instant began_{};
	Instant start_at_{};
	Instant stepped_{};
	std::uint64_t starts_ = 0;
	std::string trouble_;
	std::string last_words_; ///< of the process: why it ends
	LockSpaceWatch watch_;
	bool looking_ = false;
	Instant look_at_{};
	std::shared_ptr<bool> here_ = std::make_shared<bool>(true); ///< for letters that come late
};

} // namespace swpath
