// SPDX-License-Identifier: LGPL-2.1-or-later
/// The engine `corosync`: a closed process group (CPG) of the corosync of this host. Who is a
/// member is decided by GroupMembership, what is sent when by SendQueue; this carries it out.
///
/// step() waits for nobody while corosync runs or is dead. A corosync that is stopped (SIGSTOP, a
/// debugger) keeps it for as long as that lasts: libcpg knows no other way, and so it is asked on
/// purpose, once in ask_interval. Its members have left out this host then, and it would never hear
/// of it. So this has no place in a process that anybody waits for, and belongs into one that
/// somebody watches: swpath-members.
#pragma once

#include <memory>

#include <corosync/cpg.h>

#include "libpath/base/backoff.h"
#include "libpath/base/unique_fd.h"
#include "libpath/cluster/cluster_engine.h"
#include "libpath/cluster/group_membership.h"
#include "libpath/cluster/send_queue.h"

namespace swpath
{

class CorosyncEngine final : public ClusterEngine
{
public:
	static constexpr std::string_view default_group = "swpath";
	static constexpr Duration ask_interval = std::chrono::seconds(1);

	/// Waits for nothing: the first step() connects. Errors: EINVAL `group` has not 1 to 128
	/// bytes, or `self` no name of 1 to 64; errno of epoll_create1().
	[[nodiscard]] static Result<std::unique_ptr<CorosyncEngine>>
	create(Member self, const std::string &group = std::string(default_group));
	~CorosyncEngine() override;

	[[nodiscard]] int fd() const override { return epoll_.get(); }
	[[nodiscard]] std::optional<Instant> next() const override;
	[[nodiscard]] std::vector<ClusterEvent> step(Instant now) override;
	void send(const RecoveryFrame &frame, Instant now) override;
	/// Nothing: who is in the group is corosync's to say.
	void left_out(const Member &, Instant) override {}
	/// ENOTCONN corosync does not run, or has just ended; EACCES it does not let this user in;
	/// EEXIST two hosts have the same name; EIO anything else of its errors, by number.
	[[nodiscard]] const std::optional<Error> &trouble() const override { return trouble_; }

	[[nodiscard]] const GroupMembership &group() const { return group_; }
	[[nodiscard]] const SendQueue &queue() const { return queue_; }

private:
	/// Messages for each step(), so that it ends.
	static constexpr unsigned messages_max = 256;

	CorosyncEngine(Member self, const std::string &group, UniqueFd epoll);
	static CorosyncEngine &of(cpg_handle_t handle);
	static void delivered(cpg_handle_t handle, const cpg_name *group, std::uint32_t node,
			      std::uint32_t pid, void *bytes, std::size_t size);
	static void listed(cpg_handle_t handle, const cpg_name *group, const cpg_address *all,
			   std::size_t all_count, const cpg_address *left, std::size_t left_count,
			   const cpg_address *joined, std::size_t joined_count);
	static void ring_formed(cpg_handle_t handle, cpg_ring_id ring, std::uint32_t count,
				const std::uint32_t *nodes);

	[[nodiscard]] cs_error_t connect();
	void ask();
	void dispatch();
	void flush();
	void lose(cs_error_t error);
	void carry_out(GroupActions actions);

	UniqueFd epoll_;
	cpg_name name_{};
	bool connected_ = false;
	cpg_handle_t handle_ = 0; ///< while connected
	Backoff reconnect_{std::chrono::milliseconds(100), std::chrono::seconds(5)};
	Instant ask_at_{};
	GroupMembership group_;
	SendQueue queue_;
	Instant now_{}; ///< of the present step(), for what libcpg calls back with
	std::vector<ClusterEvent> events_;
	std::optional<Error> trouble_;
};

} // namespace swpath
