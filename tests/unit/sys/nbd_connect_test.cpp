// SPDX-License-Identifier: GPL-2.0-or-later
/// Against the real thing: a qemu-nbd of the test's own, on a unix socket.
#include <csignal>
#include <cstring>
#include <thread>

#include <gmock/gmock.h>
#include <linux/nbd.h>
#include <spawn.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>

#include "libpath/sys/clock.h"
#include "libpath/sys/nbd.h"
#include "tests/unit/sys/temporary_directory.h"

extern char **environ;

namespace swpath
{
namespace
{

using namespace std::chrono_literals;
using testing::HasSubstr;

class NbdConnect : public TemporaryDirectory
{
protected:
	NbdConnect()
	{
		write("image", "");
		std::filesystem::resize_file(path("image"), 1 << 20);
	}
	~NbdConnect() override
	{
		if (server_ > 0) {
			kill(server_, SIGKILL);
			waitpid(server_, nullptr, 0);
		}
	}

	[[nodiscard]] NbdEndpoint endpoint() const
	{
		return *NbdEndpoint::parse("unix:" + path("s"));
	}

	/// False if there is no qemu-nbd here.
	bool serve()
	{
		const auto socket = path("s"), image = path("image");
		const char *arguments[] = {"qemu-nbd",    "--persistent", "-f", "raw",
					   "-k",          socket.c_str(), "-x", "disk",
					   image.c_str(), nullptr};
		if (posix_spawnp(&server_, arguments[0], nullptr, nullptr,
				 const_cast<char **>(arguments), environ) != 0)
			return false;
		const auto deadline = now() + 20s;
		while (!listens() && now() < deadline)
			std::this_thread::sleep_for(10ms);
		return listens();
	}

	[[nodiscard]] sockaddr_un address() const
	{
		sockaddr_un at{};
		at.sun_family = AF_UNIX;
		std::strncpy(at.sun_path, path("s").c_str(), sizeof(at.sun_path) - 1);
		return at;
	}

	/// The socket's name is there a moment before anybody listens.
	[[nodiscard]] bool listens() const
	{
		const UniqueFd fd(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
		const auto to = address();
		return connect(fd.get(), reinterpret_cast<const sockaddr *>(&to), sizeof(to)) == 0;
	}

	/// A socket that takes connections and never says a word.
	[[nodiscard]] UniqueFd listen_in_silence() const
	{
		UniqueFd fd(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
		const auto at = address();
		EXPECT_EQ(bind(fd.get(), reinterpret_cast<const sockaddr *>(&at), sizeof(at)), 0);
		EXPECT_EQ(listen(fd.get(), 1), 0);
		return fd;
	}

	pid_t server_ = -1;
};

TEST_F(NbdConnect, LeavesTheSocketAtTheDataPhase)
{
	if (!serve())
		GTEST_SKIP() << "no qemu-nbd here";
	const auto connection = nbd_connect(endpoint(), "disk", now() + 20s);
	ASSERT_TRUE(connection) << connection.error().message();
	EXPECT_EQ(connection->what.size_bytes, 1U << 20);

	// The server answers the first request of the data phase, and with that only.
	nbd_request request{};
	request.magic = htobe32(NBD_REQUEST_MAGIC);
	request.type = htobe32(NBD_CMD_READ);
	request.len = htobe32(512);
	std::memcpy(request.handle, "01234567", 8);
	ASSERT_EQ(send(connection->socket.get(), &request, sizeof(request), MSG_NOSIGNAL),
		  static_cast<ssize_t>(sizeof(request)));
	char reply[sizeof(nbd_reply) + 512];
	ASSERT_EQ(recv(connection->socket.get(), reply, sizeof(reply), MSG_WAITALL),
		  static_cast<ssize_t>(sizeof(reply)));
	nbd_reply head;
	std::memcpy(&head, reply, sizeof(head));
	EXPECT_EQ(be32toh(head.magic), static_cast<std::uint32_t>(NBD_REPLY_MAGIC));
	EXPECT_EQ(head.error, 0U);
	EXPECT_EQ(std::memcmp(head.handle, request.handle, 8), 0);
}

TEST_F(NbdConnect, SaysThatThereIsNoSuchExport)
{
	if (!serve())
		GTEST_SKIP() << "no qemu-nbd here";
	const auto connection = nbd_connect(endpoint(), "other", now() + 20s);
	ASSERT_FALSE(connection);
	EXPECT_EQ(connection.error().code, std::errc::no_such_file_or_directory);
	EXPECT_THAT(connection.error().context,
		    HasSubstr("reach export 'other' at unix:" + path("s")));
}

TEST_F(NbdConnect, GivesUpOnASilentServerAtItsDeadline)
{
	const auto listener = listen_in_silence();
	const auto begin = now();
	const auto connection = nbd_connect(endpoint(), "disk", begin + 200ms);
	ASSERT_FALSE(connection);
	EXPECT_EQ(connection.error().code, std::errc::timed_out);
	EXPECT_GE(now() - begin, 200ms);
	EXPECT_LT(now() - begin, 10s);
}

TEST_F(NbdConnect, NobodyListensIsSaidAtOnce)
{
	EXPECT_EQ(nbd_connect(endpoint(), "disk", now() + 20s).error().code,
		  std::errc::no_such_file_or_directory);
	{
		const auto listener = listen_in_silence();
	}
	EXPECT_EQ(nbd_connect(endpoint(), "disk", now() + 20s).error().code,
		  std::errc::connection_refused);
}

TEST_F(NbdConnect, ReachesATcpServerByAddress)
{
	UniqueFd listener(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
	ASSERT_EQ(listen(listener.get(), 1), 0); // any free port
	sockaddr_storage address{};
	socklen_t bytes = sizeof(address);
	ASSERT_EQ(getsockname(listener.get(), reinterpret_cast<sockaddr *>(&address), &bytes), 0);
	const auto port = be16toh(reinterpret_cast<const std::uint16_t *>(&address)[1]);
	std::thread server([&] {
		const UniqueFd client(accept4(listener.get(), nullptr, nullptr, SOCK_CLOEXEC));
		(void)send(client.get(), "HTTP/1.1 400 Bad Request\r\n", 26, MSG_NOSIGNAL);
	});
	const auto connection = nbd_connect(
		*NbdEndpoint::parse("127.0.0.1:" + std::to_string(port)), "disk", now() + 20s);
	server.join();
	ASSERT_FALSE(connection);
	EXPECT_EQ(connection.error().code, std::errc::protocol_error);
	EXPECT_THAT(connection.error().context, HasSubstr("has another greeting"));
}

} // namespace
} // namespace swpath
