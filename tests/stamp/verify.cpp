// SPDX-License-Identifier: GPL-2.0-or-later
#include "tests/stamp/verify.h"

#include <algorithm>
#include <cerrno>
#include <cstring>

#include <fcntl.h>
#include <fmt/core.h>

#include "tests/stamp/device.h"

namespace swpath::stamp
{
namespace
{

constexpr std::size_t details_max = 10;
constexpr std::uint64_t chunk_bytes = 256 << 10;

} // namespace

std::string VerifyReport::summary() const
{
	return fmt::format("verified {} blocks: {} lost, {} ghost, {} misplaced, {} errors", blocks,
			   lost, ghost, misplaced, errors);
}

void VerifyReport::count(std::uint64_t block, const Finding &finding)
{
	blocks++;
	switch (finding.verdict) {
	case Verdict::Good:
		return;
	case Verdict::Lost:
		lost++;
		break;
	case Verdict::Ghost:
		ghost++;
		break;
	case Verdict::Misplaced:
		misplaced++;
		break;
	case Verdict::Corrupt:
		errors++;
		break;
	}
	if (details.size() < details_max)
		details.push_back(fmt::format("block {}: {}", block, finding.detail));
}

Result<VerifyReport> verify(const Ledger &ledger, const std::string &name)
{
	const auto device = open_device(name, O_RDONLY);
	if (!device)
		return tl::unexpected(device.error());
	const std::uint64_t block_bytes = ledger.head().block_bytes;
	const std::uint64_t blocks = ledger.head().blocks;
	if (blocks * block_bytes > device->bytes)
		return fail(EINVAL, name + " is smaller than the log says");

	const std::uint64_t step = std::max<std::uint64_t>(chunk_bytes / block_bytes, 1);
	AlignedBuffer buffer(step * block_bytes);
	VerifyReport report;
	for (std::uint64_t first = 0; first < blocks; first += step) {
		const std::uint64_t count = std::min(step, blocks - first);
		const auto chunk = buffer.data().first(count * block_bytes);
		const int chunk_error = read_at(*device, chunk, first * block_bytes);
		for (std::uint64_t i = 0; i < count; i++) {
			const std::uint64_t block = first + i;
			if (!ledger.is_written(block))
				continue;
			const auto data = chunk.subspan(i * block_bytes, block_bytes);
			// A bad block must not cost its neighbours their verdict.
			const int error =
				chunk_error == 0 ? 0 : read_at(*device, data, block * block_bytes);
			report.count(block, error == 0
						    ? ledger.judge(block, data)
						    : Finding{Verdict::Corrupt,
							      fmt::format("read: {}",
									  std::strerror(error))});
		}
	}
	return report;
}

} // namespace swpath::stamp
