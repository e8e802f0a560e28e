// SPDX-License-Identifier: LGPL-2.1-or-later
/// The lock space of a cluster: the kernel's distributed lock manager, with dlm_controld and
/// corosync below it. What to ask it for is decided by LockKeeper; this carries it out.
///
/// While the lock space recovers, or has no quorum, the kernel keeps whoever asks for a lock in
/// a sleep that not even SIGKILL ends. So this has no place in a process that anybody waits for:
/// it runs in one of its own (swpath-lockspace).
#pragma once

#include <deque>
#include <map>
#include <memory>
#include <random>

#include "libpath/hints/lock_keeper.h"
#include "libpath/hints/lock_space.h"

namespace swpath
{

class DlmLockSpace final : public LockSpace
{
public:
	static constexpr std::string_view default_name = "swpath";

	/// Opens the lock space of that name, and creates it if this host has none. Blocks until
	/// the cluster has let this host join. Errors: EINVAL a name longer than 64 bytes; errno of
	/// libdlm, with what has to run for it to work.
	[[nodiscard]] static Result<std::unique_ptr<DlmLockSpace>>
	open(const std::string &lockspace = std::string(default_name));
	/// Leaves the lock space if no other process of this host is in it.
	~DlmLockSpace() override;

	/// Does nothing for a name whose release() is still under way, but to hold it again after.
	[[nodiscard]] Result<void> hold(std::string_view name) override;
	[[nodiscard]] Result<void> publish(std::string_view name, const LockBytes &bytes,
					   Instant deadline) override;
	void release(std::string_view name) override;
	[[nodiscard]] std::optional<LockValue> value(std::string_view name) const override;
	[[nodiscard]] int fd() const override;
	[[nodiscard]] std::optional<Instant> next() const override;
	[[nodiscard]] Result<std::vector<LockEvent>> step(Instant now) override;

private:
	struct Name;
	/// What libdlm called back with: an answer, or a blocking AST.
	struct Call {
		Name *name = nullptr;
		bool blocking = false;
		int error = 0;
		LockValue value;
	};
	DlmLockSpace(std::string lockspace, void *handle);
	static void completed(void *argument);
	static void blocked(void *argument);
	void carry_out(Name &name, const LockKeeperStep &step, Instant now,
		       std::vector<LockEvent> &events);
	[[nodiscard]] int ask(Name &name, const LockRequest &request);

	std::string lockspace_;
	void *handle_; ///< libdlm's
	std::map<std::string, std::unique_ptr<Name>, std::less<>> names_;
	std::deque<Call> calls_; ///< in the order in which they came
	std::random_device random_;
};

} // namespace swpath
