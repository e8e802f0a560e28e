// SPDX-License-Identifier: LGPL-2.1-or-later
#include "libpath/cluster/corosync/corosync_engine.h"

#include <algorithm>
#include <cerrno>
#include <utility>

#include <sys/epoll.h>
#include <sys/uio.h>
#include <unistd.h>

#include <fmt/core.h>

namespace swpath
{
namespace
{

Error describe(cs_error_t error)
{
	const auto with = [](int number, std::string text) {
		return Error{{number, std::generic_category()}, std::move(text)};
	};
	switch (error) {
	case CS_ERR_LIBRARY:
	case CS_ERR_BAD_HANDLE:
	case CS_ERR_TRY_AGAIN: // a socket is there, and nobody behind it yet
	case CS_ERR_NOT_EXIST:
		return with(ENOTCONN, "corosync does not answer (systemctl start corosync)");
	case CS_ERR_ACCESS:
	case CS_ERR_SECURITY:
		return with(EACCES,
			    "corosync does not let this user in (uidgid.d in corosync.conf(5))");
	default:
		return with(EIO,
			    fmt::format("corosync's CPG: error {}", static_cast<unsigned>(error)));
	}
}

std::vector<GroupProcess> processes(const cpg_address *list, std::size_t count)
{
	std::vector<GroupProcess> result;
	for (std::size_t i = 0; i < count; i++)
		result.push_back({list[i].nodeid, list[i].pid});
	return result;
}

} // namespace

Result<std::unique_ptr<CorosyncEngine>> CorosyncEngine::create(Member self,
							       const std::string &group)
{
	if (group.empty() || group.size() > CPG_MAX_NAME_LENGTH)
		return fail(EINVAL, fmt::format("group '{}': a name has 1 to {} bytes", group,
						CPG_MAX_NAME_LENGTH));
	if (self.host.empty() || self.host.size() > member_host_bytes_max)
		return fail(EINVAL, fmt::format("host '{}': a name has 1 to {} bytes", self.host,
						member_host_bytes_max));
	UniqueFd epoll(::epoll_create1(EPOLL_CLOEXEC));
	if (!epoll)
		return fail(errno, "epoll_create1");
	return std::unique_ptr<CorosyncEngine>(
		new CorosyncEngine(std::move(self), group, std::move(epoll)));
}

CorosyncEngine::CorosyncEngine(Member self, const std::string &group, UniqueFd epoll)
	: epoll_(std::move(epoll)), group_(std::move(self))
{
	name_.length = static_cast<std::uint32_t>(group.size());
	std::copy(group.begin(), group.end(), name_.value);
}

CorosyncEngine::~CorosyncEngine()
{
	if (connected_)
		(void)cpg_finalize(handle_);
}

CorosyncEngine &CorosyncEngine::of(cpg_handle_t handle)
{
	void *context = nullptr;
	(void)cpg_context_get(handle, &context);
	return *static_cast<CorosyncEngine *>(context);
}

void CorosyncEngine::delivered(cpg_handle_t handle, const cpg_name *, std::uint32_t node,
			       std::uint32_t pid, void *bytes, std::size_t size)
{
	auto &self = of(handle);
	self.carry_out(
		self.group_.take({node, pid}, {static_cast<const char *>(bytes), size}, self.now_));
}

void CorosyncEngine::listed(cpg_handle_t handle, const cpg_name *, const cpg_address *all,
			    std::size_t all_count, const cpg_address *left, std::size_t left_count,
			    const cpg_address *joined, std::size_t joined_count)
{
	auto &self = of(handle);
	self.carry_out(self.group_.list({processes(all, all_count), processes(left, left_count),
					 processes(joined, joined_count)},
					self.now_));
}

void CorosyncEngine::ring_formed(cpg_handle_t handle, cpg_ring_id ring, std::uint32_t count,
				 const std::uint32_t *nodes)
{
	auto &self = of(handle);
	self.carry_out(
		self.group_.ring({ring.nodeid, ring.seq, {nodes, nodes + count}}, self.now_));
}

void CorosyncEngine::carry_out(GroupActions actions)
{
	if (actions.introduce)
		queue_.push_introduction(std::move(*actions.introduce));
	if (actions.changed) {
		// What waits was said to others; the recovery begins again.
		queue_.drop_frames();
		if (!actions.changed->members.empty())
			reconnect_.worked();
		events_.emplace_back(std::move(*actions.changed));
	}
	if (actions.frame)
		events_.emplace_back(std::move(*actions.frame));
}

cs_error_t CorosyncEngine::connect()
{
	cpg_model_v1_data_t model{};
	model.cpg_deliver_fn = &delivered;
	model.cpg_confchg_fn = &listed;
	model.cpg_totem_confchg_fn = &ring_formed;
	model.flags = CPG_MODEL_V1_DELIVER_INITIAL_TOTEM_CONF;
	auto error = cpg_model_initialize(&handle_, CPG_MODEL_V1,
					  reinterpret_cast<cpg_model_data_t *>(&model), this);
	if (error != CS_OK)
		return error;
	connected_ = true;
	unsigned node = 0;
	error = cpg_local_get(handle_, &node);
	if (error != CS_OK)
		return error;
	group_.begin({node, static_cast<std::uint32_t>(::getpid())});
	error = cpg_join(handle_, &name_);
	if (error != CS_OK)
		return error;
	int fd = -1;
	error = cpg_fd_get(handle_, &fd);
	if (error != CS_OK)
		return error;
	epoll_event watched{};
	watched.events = EPOLLIN;
	return ::epoll_ctl(epoll_.get(), EPOLL_CTL_ADD, fd, &watched) == 0 ? CS_OK
									   : CS_ERR_NO_RESOURCES;
}

void CorosyncEngine::lose(cs_error_t error)
{
	trouble_ = describe(error);
	if (connected_)
		(void)cpg_finalize(handle_); // its descriptor leaves epoll_ by being closed
	connected_ = false;
	queue_.clear();
	reconnect_.failed(now_);
	carry_out(group_.lost());
}

void CorosyncEngine::ask()
{
	ask_at_ = now_ + ask_interval;
	unsigned node = 0;
	const auto error = cpg_local_get(handle_, &node);
	if (error != CS_OK && error != CS_ERR_TRY_AGAIN)
		lose(error);
}

void CorosyncEngine::dispatch()
{
	for (unsigned i = 0; i < messages_max; i++) {
		const auto error = cpg_dispatch(handle_, CS_DISPATCH_ONE_NONBLOCKING);
		if (error == CS_ERR_TRY_AGAIN)
			return;
		if (error != CS_OK)
			return lose(error);
	}
}

void CorosyncEngine::flush()
{
	while (const auto *message = queue_.offer(now_)) {
		iovec part{const_cast<char *>(message->data()), message->size()};
		const auto error = cpg_mcast_joined(handle_, CPG_TYPE_AGREED, &part, 1);
		if (error == CS_ERR_TRY_AGAIN)
			return queue_.refused(now_);
		if (error != CS_OK)
			return lose(error);
		queue_.taken();
	}
}

std::vector<ClusterEvent> CorosyncEngine::step(Instant now)
{
	now_ = now;
	if (!connected_ && reconnect_.due(now))
		if (const auto error = connect(); error != CS_OK)
			lose(error);
	if (connected_ && now >= ask_at_)
		ask();
	if (connected_)
		dispatch();
	if (connected_) {
		carry_out(group_.tick(now));
		flush();
	}
	if (connected_) {
		trouble_.reset();
		if (const auto &doubled = group_.doubled())
			trouble_ =
				Error{{EEXIST, std::generic_category()},
				      fmt::format("nodes {} and {} both have the name '{}' (each "
						  "needs one of its own; node {} is left out)",
						  doubled->member, doubled->refused, doubled->host,
						  doubled->refused)};
	}
	return std::exchange(events_, {});
}

std::optional<Instant> CorosyncEngine::next() const
{
	if (!events_.empty())
		return now_;
	if (!connected_)
		return reconnect_.next().value_or(now_);
	auto at = ask_at_;
	for (const auto &other : {queue_.next(now_), group_.deadline()})
		at = std::min(at, other.value_or(at));
	return at;
}

void CorosyncEngine::send(const RecoveryFrame &frame, Instant now)
{
	// While there is no connection there is nobody whom it would still concern later.
	if (!connected_)
		return;
	now_ = now;
	queue_.push(frame.bytes);
	flush();
}

} // namespace swpath
