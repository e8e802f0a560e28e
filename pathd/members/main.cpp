// SPDX-License-Identifier: GPL-2.0-or-later
/// swpath-members: who is a member of this host's corosync cluster, for pathd. It is a process of
/// its own because libcpg keeps it waiting for as long as corosync stands still; nobody waits for
/// this one: it is killed when it does not answer.
#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <system_error>
#include <thread>

#include <getopt.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <fmt/core.h>

#include "libpath/base/text.h"
#include "libpath/cluster/corosync/corosync_engine.h"
#include "libpath/cluster/members_keeper.h"
#include "libpath/cluster/news_queue.h"
#include "libpath/sys/clock.h"

namespace
{

using namespace swpath;

constexpr const char *usage =
	"usage: swpath-members --name NAME --incarnation NUMBER [--group GROUP]\n"
	"\n"
	"Started by pathd for [cluster] engine = \"corosync\". Standard input is a socket: orders\n"
	"come there, and news are told there (libpath/cluster/members_message.h).\n"
	"Ends, and leaves the group, with its input, or when nothing comes for 5 s.\n";

/// From the end of its input to its own.
constexpr auto time_to_leave = std::chrono::seconds(2);
/// Packets for each round, so that both directions get their turn.
constexpr unsigned packets_max = 256;

int complain(const std::string &text)
{
	fmt::print(stderr, "swpath-members: {}\n", text);
	return 1;
}

MembersTrouble as_news(const std::optional<Error> &trouble)
{
	if (!trouble)
		return {};
	return {trouble->code.value(), trouble->context};
}

class Members
{
public:
	Members(Member self, CorosyncEngine &engine) : self_(std::move(self)), engine_(engine)
	{
		news_.push(MembersTrouble{});
	}

	/// Returns the exit status.
	int run()
	{
		while (true) {
			if (const auto ends = read_orders())
				return *ends;
			if (now() - heard_ >= MembersKeeper::silence_limit)
				return complain("pathd says nothing, so this host leaves");
			look();
			tell();
			wait();
		}
	}

private:
	/// A status: the input is over, or is no input for this program.
	std::optional<int> read_orders()
	{
		std::array<char, members_packet_bytes_max> packet{};
		for (unsigned i = 0; i < packets_max; i++) {
			const auto got = ::recv(STDIN_FILENO, packet.data(), packet.size(),
						MSG_DONTWAIT | MSG_TRUNC);
			if (got < 0 && (errno == EAGAIN || errno == EINTR))
				return std::nullopt;
			// The end, too: pathd went with news unread (net/unix/af_unix.c,
			// unix_release_sock()).
			if (got == 0 || (got < 0 && errno == ECONNRESET))
				return 0;
			if (got < 0)
				return complain(
					fmt::format("standard input: {} (pathd starts this)",
						    std::strerror(errno)));
			const auto size = static_cast<std::size_t>(got);
			if (size > packet.size())
				return complain(fmt::format("a packet of {} bytes", size));
			const auto order = decode_members_order({packet.data(), size});
			if (!order)
				return complain(order.error().message());
			heard_ = now();
			if (const auto *frame = std::get_if<MembersFrame>(&*order))
				engine_.send({std::nullopt, frame->bytes}, heard_);
			else
				news_.push(MembersPong());
		}
		return std::nullopt;
	}

	void look()
	{
		for (auto &event : engine_.step(now())) {
			if (auto *membership = std::get_if<Membership>(&event))
				news_.push(std::move(*membership));
			else if (auto &frame = std::get<ClusterFrame>(event); frame.from != self_)
				news_.push(std::move(frame));
		}
		const auto trouble = as_news(engine_.trouble());
		if (trouble != told_)
			news_.push(trouble);
		told_ = trouble;
	}

	void tell()
	{
		while (const auto *packet = news_.front()) {
			// What it means that pathd is gone is said by the next read.
			if (::send(STDIN_FILENO, packet->data(), packet->size(),
				   MSG_DONTWAIT | MSG_NOSIGNAL) < 0)
				return;
			news_.pop();
		}
	}

	void wait()
	{
		const auto until = std::min(heard_ + MembersKeeper::silence_limit,
					    engine_.next().value_or(Instant::max()));
		const auto left = std::chrono::ceil<std::chrono::milliseconds>(until - now());
		const short wanted = news_.front() ? POLLIN | POLLOUT : POLLIN;
		std::array<pollfd, 2> watched{
			{{STDIN_FILENO, wanted, 0}, {engine_.fd(), POLLIN, 0}}};
		(void)::poll(watched.data(), watched.size(),
			     static_cast<int>(std::clamp<std::int64_t>(left.count(), 0, 60000)));
	}

	Member self_;
	CorosyncEngine &engine_;
	NewsQueue news_;
	MembersTrouble told_;
	Instant heard_ = now();
};

} // namespace

int main(int count, char **arguments)
{
	Member self;
	std::string group(CorosyncEngine::default_group);
	std::optional<std::uint64_t> incarnation;
	const std::array<option, 5> options{{
		{"name", required_argument, nullptr, 'n'},
		{"incarnation", required_argument, nullptr, 'i'},
		{"group", required_argument, nullptr, 'g'},
		{"help", no_argument, nullptr, 'h'},
		{nullptr, 0, nullptr, 0},
	}};
	for (int letter;
	     (letter = getopt_long(count, arguments, "", options.data(), nullptr)) != -1;) {
		switch (letter) {
		case 'n':
			self.host = optarg;
			break;
		case 'i':
			incarnation = parse_number<std::uint64_t>(optarg);
			break;
		case 'g':
			group = optarg;
			break;
		case 'h':
			fmt::print("{}", usage);
			return 0;
		default:
			fmt::print(stderr, "{}", usage);
			return 2;
		}
	}
	if (optind != count || self.host.empty() || !incarnation) {
		fmt::print(stderr, "{}", usage);
		return 2;
	}
	self.incarnation = *incarnation;
	// Who waits for corosync does not see that its input has ended. PR_SET_PDEATHSIG would be
	// of the thread that started this process, which pathd may end at any time.
	try {
		std::thread([] {
			pollfd input{STDIN_FILENO, 0, 0}; // POLLHUP is told in any case
			while (::poll(&input, 1, -1) < 0 && errno == EINTR)
				;
			std::this_thread::sleep_for(time_to_leave);
			::_exit(1);
		}).detach();
	} catch (const std::system_error &error) {
		return complain(error.what());
	}
	const auto engine = CorosyncEngine::create(self, group);
	if (!engine)
		return complain(engine.error().message());
	return Members(self, **engine).run();
}
