// SPDX-License-Identifier: GPL-2.0-or-later
#include "pathd/worker.h"

namespace swpath
{

Result<std::unique_ptr<Worker>> Worker::start(const std::string &name, WorkerPool &pool)
{
	auto line = pool.add(name, queue_max);
	if (!line)
		return tl::unexpected(line.error());
	return std::unique_ptr<Worker>(new Worker(pool, std::move(*line)));
}

Worker::~Worker()
{
	pool_.remove(*line_);
}

bool Worker::submit(Job job)
{
	return pool_.submit(line_, std::move(job));
}

} // namespace swpath
