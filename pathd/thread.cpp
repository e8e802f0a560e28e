// SPDX-License-Identifier: GPL-2.0-or-later
#include "pathd/thread.h"

#include <algorithm>
#include <cstddef>

#include <limits.h>
#include <pthread.h>

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

} // namespace swpath
