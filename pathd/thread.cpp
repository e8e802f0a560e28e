// SPDX-License-Identifier: GPL-2.0-or-later
#include "pathd/thread.h"

#include <algorithm>
#include <cstddef>
#include <string_view>

#include <fcntl.h>
#include <limits.h>
#include <pthread.h>
#include <unistd.h>

namespace swpath
{

namespace
{

constexpr std::size_t stack_bytes = 128 * 1024;
constexpr std::size_t name_bytes_max = 15;

} // namespace

Result<void> start_thread(const std::string &name, void *(*main)(void *), void *data)
{
	pthread_attr_t attributes;
	pthread_attr_init(&attributes);
	pthread_attr_setdetachstate(&attributes, PTHREAD_CREATE_DETACHED);
	pthread_attr_setstacksize(&attributes,
				  std::max<std::size_t>(stack_bytes, PTHREAD_STACK_MIN));
	pthread_t thread{};
	const int error = pthread_create(&thread, &attributes, main, data);
	pthread_attr_destroy(&attributes);
	if (error != 0)
		return fail(error, "start thread '" + name + "'");
	(void)pthread_setname_np(thread, name.substr(0, name_bytes_max).c_str());
	return {};
}

void name_thread(const std::string &name) noexcept
{
	char text[name_bytes_max + 1] = "";
	name.copy(text, name_bytes_max);
	(void)pthread_setname_np(pthread_self(), text);
}

ThreadView ThreadView::own()
{
	ThreadView view;
	view.stat_.reset(::open("/proc/thread-self/stat", O_RDONLY | O_CLOEXEC));
	(void)pthread_getcpuclockid(pthread_self(), &view.clock_); // cannot fail for oneself
	return view;
}

bool ThreadView::wants_cpu() const noexcept
{
	// "NUMBER (NAME) STATE ...": the name is short, and may have anything in it.
	char text[64];
	const auto got = ::pread(stat_.get(), text, sizeof(text), 0);
	const std::string_view seen(text, got > 0 ? static_cast<std::size_t>(got) : 0);
	const auto state = seen.rfind(") ");
	return state != seen.npos && state + 2 < seen.size() && seen[state + 2] == 'R';
}

Duration ThreadView::used() const noexcept
{
	timespec time{};
	if (clock_gettime(clock_, &time) != 0)
		return {};
	return std::chrono::seconds(time.tv_sec) + std::chrono::nanoseconds(time.tv_nsec);
}

} // namespace swpath
