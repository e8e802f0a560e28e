// SPDX-License-Identifier: GPL-2.0-or-later
#include "pathd/members_engine.h"

#include <array>
#include <cerrno>
#include <csignal>
#include <utility>

#include <fmt/core.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/syscall.h>

#include "libpath/base/earlier.h"
#include "libpath/sys/clock.h"

namespace swpath
{

const std::string MembersEngine::default_program = SWPATH_LIBEXEC_DIR "/swpath-members";

namespace
{

Error named(Error error, const std::string &program)
{
	error.context = error.code == std::errc::no_such_file_or_directory
				? fmt::format("engine = \"corosync\" needs {}, which is not "
					      "installed (it is swpath's component corosync, built "
					      "where libcpg-dev is; or engine = \"static\")",
					      program)
				: fmt::format("engine = \"corosync\": {}", error.context);
	return error;
}

} // namespace

Result<std::unique_ptr<MembersEngine>> MembersEngine::create(Member self, std::string group,
							     std::shared_ptr<Mailbox> mailbox,
							     std::string program)
{
	UniqueFd epoll(::epoll_create1(EPOLL_CLOEXEC));
	if (!epoll)
		return fail(errno, "epoll_create1");
	auto starter = Worker::start("members");
	if (!starter)
		return tl::unexpected(starter.error());
	return std::unique_ptr<MembersEngine>(
		new MembersEngine(std::move(self), std::move(group), std::move(mailbox),
				  std::move(program), std::move(epoll), std::move(*starter)));
}

MembersEngine::MembersEngine(Member self, std::string group, std::shared_ptr<Mailbox> mailbox,
			     std::string program, UniqueFd epoll, std::unique_ptr<Worker> starter)
	: self_(std::move(self)), group_(std::move(group)), program_(std::move(program)),
	  mailbox_(std::move(mailbox)), epoll_(std::move(epoll)), starter_(std::move(starter))
{
}

MembersEngine::~MembersEngine()
{
	kill();
}

void MembersEngine::start()
{
	std::array<int, 2> ends{};
	if (::socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, ends.data()) <
	    0) {
		keeper_.not_started(Error{{errno, std::generic_category()}, "socketpair"}, now_);
		return;
	}
	// A job can be copied, what is in it not.
	const auto ours = std::make_shared<UniqueFd>(ends[0]);
	const auto theirs = std::make_shared<UniqueFd>(ends[1]);
	ChildSetup setup;
	setup.arguments = {program_, "--name=" + self_.host,
			   fmt::format("--incarnation={}", self_.incarnation), "--group=" + group_};
	setup.input = theirs->get();
	const auto taken =
		starter_->submit([=, this, mailbox = mailbox_, here = std::weak_ptr<bool>(here_)] {
			(void)theirs;
			const auto child =
				std::make_shared<Result<ChildProcess>>(start_child(setup));
			mailbox->post([=, this] {
				if (!here.expired())
					started(std::move(*child), std::move(*ours));
			});
		});
	if (!taken)
		keeper_.not_started(
			Error{{EAGAIN, std::generic_category()}, "swpath-members is not started"},
			now_);
}

void MembersEngine::started(Result<ChildProcess> child, UniqueFd socket)
{
	if (!child) {
		keeper_.not_started(named(std::move(child.error()), program_), now());
		return;
	}
	child_ = std::move(*child);
	socket_ = std::move(socket);
	for (const int fd : {child_.pidfd.get(), socket_.get()}) {
		epoll_event watched{};
		watched.events = EPOLLIN;
		(void)::epoll_ctl(epoll_.get(), EPOLL_CTL_ADD, fd, &watched);
	}
	keeper_.started(now());
}

void MembersEngine::kill()
{
	socket_.reset(); // it leaves epoll_ by being closed
	queue_.clear();
	if (child_.pidfd)
		(void)::syscall(SYS_pidfd_send_signal, child_.pidfd.get(), SIGKILL, nullptr, 0);
}

void MembersEngine::carry_out(MembersActions actions)
{
	if (actions.start)
		start();
	if (actions.kill)
		kill();
	if (actions.ping && socket_) {
		const auto packet = encode(MembersOrder(MembersPing()));
		(void)::send(socket_.get(), packet.data(), packet.size(), MSG_NOSIGNAL);
	}
	if (!actions.event)
		return;
	if (std::holds_alternative<Membership>(*actions.event))
		queue_.drop_frames(); // what waits is of a round that is over
	events_.push_back(std::move(*actions.event));
}

void MembersEngine::look_for_end()
{
	if (!child_.pidfd)
		return;
	const auto how = how_it_ended(child_);
	if (!how)
		return;
	child_ = {};
	socket_.reset();
	queue_.clear();
	carry_out(keeper_.ended(*how, now_));
}

void MembersEngine::read_news()
{
	std::array<char, members_packet_bytes_max> packet{};
	for (unsigned i = 0; i < packets_max && socket_; i++) {
		const auto got = ::recv(socket_.get(), packet.data(), packet.size(),
					MSG_DONTWAIT | MSG_TRUNC);
		if (got < 0 && (errno == EAGAIN || errno == EINTR))
			return;
		if (got <= 0) {
			socket_.reset(); // it is ending: how, it tells when it has
			return;
		}
		const auto size = static_cast<std::size_t>(got);
		const auto news =
			size > packet.size()
				? fail(EMSGSIZE, fmt::format("a packet of {} bytes", size))
				: decode_members_news({packet.data(), size});
		if (!news)
			return carry_out(keeper_.failed(Error{
				news.error().code, "swpath-members says " + news.error().context}));
		carry_out(keeper_.told(*news));
	}
}

void MembersEngine::flush()
{
	while (const auto *packet = socket_ ? queue_.offer(now_) : nullptr) {
		if (::send(socket_.get(), packet->data(), packet->size(),
			   MSG_DONTWAIT | MSG_NOSIGNAL) < 0)
			return queue_.refused(now_); // its end is told elsewhere
		queue_.taken();
	}
}

std::vector<ClusterEvent> MembersEngine::step(Instant now)
{
	now_ = now;
	read_news();
	look_for_end();
	carry_out(keeper_.tick(now));
	flush();
	return std::exchange(events_, {});
}

std::optional<Instant> MembersEngine::next() const
{
	return earlier(keeper_.deadline(), queue_.next(now_));
}

void MembersEngine::send(const RecoveryFrame &frame, Instant now)
{
	// While it is away there is nobody whom it would still concern later.
	if (!socket_)
		return;
	now_ = now;
	queue_.push(encode(MembersOrder(MembersFrame{frame.bytes})));
	flush();
}

} // namespace swpath
