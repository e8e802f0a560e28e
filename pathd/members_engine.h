// SPDX-License-Identifier: GPL-2.0-or-later
/// The engine `corosync` as pathd has it: swpath-members, a process of its own, which may wait for
/// corosync as long as it likes. Nothing here waits, not for its start either. When it is started
/// and given up is MembersKeeper's; this carries it out.
#pragma once

#include <memory>
#include <string>

#include "libpath/base/unique_fd.h"
#include "libpath/cluster/cluster_engine.h"
#include "libpath/cluster/members_keeper.h"
#include "libpath/cluster/send_queue.h"
#include "libpath/sys/child_process.h"
#include "pathd/mailbox.h"
#include "pathd/worker.h"

namespace swpath
{

class MembersEngine final : public ClusterEngine
{
public:
	static const std::string default_program;

	/// `group`: of corosync's processes. The first step() starts the program. Errors: of
	/// epoll_create1(2); no thread.
	[[nodiscard]] static Result<std::unique_ptr<MembersEngine>>
	create(Member self, std::string group, std::shared_ptr<Mailbox> mailbox,
	       std::string program = default_program);
	/// Kills the process, so that corosync hears that it has left.
	~MembersEngine() override;

	[[nodiscard]] int fd() const override { return epoll_.get(); }
	[[nodiscard]] std::optional<Instant> next() const override;
	[[nodiscard]] std::vector<ClusterEvent> step(Instant now) override;
	/// To all members, whoever it is for.
	void send(const RecoveryFrame &frame, Instant now) override;
	/// Nothing: who is in the group is corosync's to say.
	void left_out(const Member &, Instant) override {}
	/// What swpath-members says (see CorosyncEngine); ENOENT it is not installed, EACCES it
	/// cannot be executed; ETIMEDOUT it does not answer; ECONNRESET it has ended.
	[[nodiscard]] const std::optional<Error> &trouble() const override
	{
		return keeper_.trouble();
	}
	/// Of the process; -1: there is none.
	[[nodiscard]] pid_t pid() const { return child_.pid; }

private:
	/// Packets for each step(), so that it ends.
	static constexpr unsigned packets_max = 256;

	MembersEngine(Member self, std::string group, std::shared_ptr<Mailbox> mailbox,
		      std::string program, UniqueFd epoll, std::unique_ptr<Worker> starter);
	void carry_out(MembersActions actions);
	void start();
	void started(Result<ChildProcess> child, UniqueFd socket);
	void kill();
	void look_for_end();
	void read_news();
	void flush();

	Member self_;
	std::string group_, program_;
	std::shared_ptr<Mailbox> mailbox_;
	UniqueFd epoll_;
	std::unique_ptr<Worker> starter_; ///< the disk that the program is on may hang
	MembersKeeper keeper_;
	ChildProcess child_;
	UniqueFd socket_; ///< while it is running
	SendQueue queue_;
	Instant now_{}; ///< of the present step()
	std::vector<ClusterEvent> events_;
	std::shared_ptr<bool> here_ = std::make_shared<bool>(true);
};

} // namespace swpath
