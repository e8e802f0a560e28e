// SPDX-License-Identifier: GPL-2.0-or-later
#include <algorithm>
#include <cerrno>
#include <cstdarg>
#include <cstring>

#include <scsi/sg.h>

#include "libpath/sys/nexus_look.h"
#include "libpath/sys/reserve.h"
#include "libpath/sys/scsi.h"
#include "tests/fuzz/fuzz.h"

namespace
{

/// What the disk still answers. Each answer: the host byte (high half) and how much sense data
/// there is (low half), the status, the length of the data in two bytes, sense data, data.
std::span<const std::uint8_t> answers;
/// The last of them was the error of an earlier command.
bool deferred;

std::span<const std::uint8_t> take(std::size_t bytes)
{
	const auto taken = answers.first(std::min(bytes, answers.size()));
	answers = answers.subspan(taken.size());
	return taken;
}

int answer(sg_io_hdr &io)
{
	const auto head = take(4);
	if (head.size() < 4) {
		errno = ENODEV;
		return -1;
	}
	io.host_status = head[0] >> 4;
	io.status = head[1];
	const auto sense = take(std::min<std::size_t>(head[0] & 0x0f, io.mx_sb_len));
	std::copy(sense.begin(), sense.end(), io.sbp);
	io.sb_len_wr = static_cast<unsigned char>(sense.size());
	deferred = io.host_status == 0 && io.status == 0x02 && !sense.empty() &&
		   ((sense[0] & 0x7f) == 0x71 || (sense[0] & 0x7f) == 0x73);
	if (io.dxfer_direction == SG_DXFER_FROM_DEV) {
		const auto data = take(std::min<std::size_t>(head[2] << 8 | head[3], io.dxfer_len));
		if (!data.empty())
			std::memcpy(io.dxferp, data.data(), data.size());
		io.resid = static_cast<int>(io.dxfer_len - data.size());
	}
	return 0;
}

} // namespace

/// Stands between libpath and the kernel (--wrap): everything below ScsiDisk is the input's.
extern "C" int __wrap_ioctl(int, unsigned long request, ...)
{
	va_list arguments;
	va_start(arguments, request);
	auto *io = va_arg(arguments, sg_io_hdr *);
	va_end(arguments);
	FUZZ_EXPECT(request == SG_IO);
	return answer(*io);
}

using namespace swpath;

/// A disk that answers as it likes: what is made of it is sound, and every call ends.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t *data, std::size_t size)
{
	if (size == 0)
		return 0;
	answers = {data + 1, size - 1};
	ScsiDisk disk(-1, std::chrono::seconds(1));
	Reserver reserver(disk);
	switch (data[0] % 8) {
	case 0:
		if (const auto inquiry = disk.inquiry())
			FUZZ_EXPECT(inquiry->vendor.size() <= 8 && inquiry->product.size() <= 16 &&
				    inquiry->revision.size() <= 4 && inquiry->tpgs <= 3);
		break;
	case 1:
		if (const auto identity = disk.identity())
			FUZZ_EXPECT(!compare(*identity, *identity));
		break;
	case 2:
		(void)disk.block_limits();
		break;
	case 3:
		if (const auto found = disk.geometry()) {
			const auto block = found->logical_block_bytes;
			FUZZ_EXPECT(block >= 512 && found->physical_block_bytes >= block);
			FUZZ_EXPECT(found->capacity_bytes >= block &&
				    found->capacity_bytes % block == 0);
		}
		break;
	case 4:
		(void)disk.port_groups();
		break;
	case 5: {
		NexusLook nexus;
		NexusChange change{0, 2};
		for (unsigned looks = 0; looks < 2; looks++)
			if (const auto view = nexus.look(reserver)) {
				FUZZ_EXPECT(std::is_sorted(view->keys.begin(), view->keys.end()));
				change.had = view->own;
				if (!view->keys.empty())
					change.key = view->keys.back();
			}
		(void)copy_key(nexus, reserver, change);
		break;
	}
	case 6:
		// Nothing is a proof that was not executed.
		if (reserver.preempt_and_abort(1, 2, ReservationType::WriteExclusive))
			FUZZ_EXPECT(!deferred);
		(void)reserver.register_key(1);
		(void)reserver.is_shut_out();
		break;
	case 7:
		(void)reserver.capabilities();
		(void)reserver.holder();
		(void)reserver.keys();
		break;
	}
	return 0;
}
