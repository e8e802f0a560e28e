// SPDX-License-Identifier: GPL-2.0-or-later
/// The program pathctl, run against a server in this process.
#pragma once

#include <array>
#include <filesystem>
#include <thread>

#include <fcntl.h>
#include <poll.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include "libpath/base/unique_fd.h"
#include "libpath/control/server.h"
#include "tests/unit/control/handler.h"

namespace swpath::testing
{

struct Ran {
	int status = -1;
	std::string out;
	std::string error;
};

struct Program : ::testing::Test {
	std::filesystem::path dir;
	std::string path;
	RecordingHandler handler;
	std::unique_ptr<ControlServer> server;
	std::thread thread;
	UniqueFd stop;

	void SetUp() override
	{
		std::string name = std::filesystem::temp_directory_path() / "swpath-ctl-XXXXXX";
		ASSERT_TRUE(::mkdtemp(name.data()));
		dir = name;
		path = dir / "s";
	}
	void TearDown() override
	{
		stop.reset();
		if (thread.joinable())
			thread.join();
		server.reset();
		std::filesystem::remove_all(dir);
	}
	void serve()
	{
		auto opened = ControlServer::open(path, "", handler);
		ASSERT_TRUE(opened);
		server = std::move(*opened);
		int ends[2];
		ASSERT_EQ(::pipe2(ends, O_CLOEXEC), 0);
		stop = UniqueFd(ends[1]);
		thread = std::thread([this, end = UniqueFd(ends[0])] {
			for (;;) {
				pollfd both[] = {{server->fd(), POLLIN, 0}, {end.get(), POLLIN, 0}};
				::poll(both, 2, -1);
				if (both[1].revents)
					return;
				server->step(Instant(std::chrono::seconds(1)));
			}
		});
	}

	/// Runs pathctl to its end and takes what it wrote. Its standard output is `to`, or a file
	/// that is read.
	Ran run(std::vector<std::string> arguments, const char *to = nullptr)
	{
		const std::filesystem::path out = to ? std::filesystem::path(to) : dir / "out";
		const auto error = dir / "err";
		arguments.insert(arguments.begin(), {SW_PATHCTL, "--socket", path});
		std::vector<char *> argv;
		for (auto &each : arguments)
			argv.push_back(each.data());
		argv.push_back(nullptr);
		posix_spawn_file_actions_t files;
		posix_spawn_file_actions_init(&files);
		posix_spawn_file_actions_addopen(&files, 0, "/dev/null", O_RDONLY, 0);
		posix_spawn_file_actions_addopen(&files, 1, out.c_str(),
						 O_CREAT | O_TRUNC | O_WRONLY, 0600);
		posix_spawn_file_actions_addopen(&files, 2, error.c_str(),
						 O_CREAT | O_TRUNC | O_WRONLY, 0600);
		char c_locale[] = "LC_ALL=C";
		char *environment[] = {c_locale, nullptr};
		pid_t pid = 0;
		EXPECT_EQ(posix_spawn(&pid, SW_PATHCTL, &files, nullptr, argv.data(), environment),
			  0);
		posix_spawn_file_actions_destroy(&files);
		int status = 0;
		EXPECT_EQ(::waitpid(pid, &status, 0), pid);
		return {WIFEXITED(status) ? WEXITSTATUS(status) : -1,
			to ? std::string() : read(out), read(error)};
	}
	static std::string read(const std::filesystem::path &file)
	{
		const UniqueFd fd(::open(file.c_str(), O_RDONLY | O_CLOEXEC));
		std::string text;
		std::array<char, 4096> bytes;
		for (ssize_t got = 0; (got = ::read(fd.get(), bytes.data(), bytes.size())) > 0;)
			text.append(bytes.data(), std::size_t(got));
		return text;
	}
};

} // namespace swpath::testing
