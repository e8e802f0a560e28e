// SPDX-License-Identifier: GPL-2.0-or-later
#include "pathd/process.h"

#include <algorithm>
#include <cerrno>
#include <cstdlib>
#include <cstring>

#include <fcntl.h>
#include <fmt/core.h>
#include <malloc.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <unistd.h>

#include "libpath/base/unique_fd.h"

#ifndef PR_SET_IO_FLUSHER
#define PR_SET_IO_FLUSHER 57 // linux/prctl.h since 5.6
#endif

namespace swpath
{

namespace
{

/// Heap that exists before it is needed.
constexpr std::size_t heap_reserve = 4 * 1024 * 1024;
/// A direct path has two open for as long as it is kept; the usual limit, 1024, is that of 500.
constexpr rlim_t descriptors = 65536;

std::string failure(const char *what)
{
	return std::string(what) + ": " + std::strerror(errno);
}

} // namespace

void prepare_memory()
{
	(void)mallopt(M_ARENA_MAX, 1);
	(void)mallopt(M_MMAP_MAX, 0);
	(void)mallopt(M_TRIM_THRESHOLD, -1);
	(void)mallopt(M_TOP_PAD, static_cast<int>(heap_reserve));
	void *reserve = std::malloc(heap_reserve);
	if (reserve != nullptr) {
		std::memset(reserve, 0, heap_reserve);
		std::free(reserve);
	}
}

Result<void> allow_descriptors()
{
	rlimit limit{};
	if (getrlimit(RLIMIT_NOFILE, &limit) != 0)
		return fail(errno, "limit of open files");
	const rlimit wanted{std::max(limit.rlim_cur, descriptors),
			    std::max(limit.rlim_max, descriptors)};
	if (setrlimit(RLIMIT_NOFILE, &wanted) == 0)
		return {};
	const int error = errno;
	// Without CAP_SYS_RESOURCE no more than the hard limit.
	limit.rlim_cur = limit.rlim_max;
	(void)setrlimit(RLIMIT_NOFILE, &limit);
	return fail(error, fmt::format("open more than {} files (LimitNOFILE={}?)", limit.rlim_max,
				       descriptors));
}

std::vector<std::string> seal_process()
{
	std::vector<std::string> missing;
	if (const auto allowed = allow_descriptors(); !allowed)
		missing.push_back(allowed.error().message());
	if (mlockall(MCL_CURRENT | MCL_FUTURE) != 0)
		missing.push_back(failure("memory is not locked (LimitMEMLOCK=infinity?)"));
	if (prctl(PR_SET_IO_FLUSHER, 1, 0, 0, 0) != 0)
		missing.push_back(
			failure("memory reclaim may wait for a held disk (PR_SET_IO_FLUSHER)"));
	const UniqueFd score(::open("/proc/self/oom_score_adj", O_WRONLY | O_CLOEXEC));
	if (!score || ::write(score.get(), "-1000", 5) != 5)
		missing.push_back(failure("the OOM killer may take this process"));
	return missing;
}

} // namespace swpath
