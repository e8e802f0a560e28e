// SPDX-License-Identifier: GPL-2.0-or-later
/// swsnap plan SEED   prints what a seed means
/// swsnap PRODUCT     in the guest: brings everything up, says so, waits for the seed that comes
///                    with the restored snapshot, plays it, and says what became of the data
/// docs/testing.md describes the tier.
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <string_view>
#include <thread>

#include <fmt/core.h>
#include <termios.h>
#include <unistd.h>

#include "libpath/base/text.h"
#include "libpath/sys/file.h"
#include "libpath/sys/sysfs.h"
#include "tests/snap/player.h"
#include "tests/snap/wait.h"

namespace
{

using namespace swpath;
using namespace swpath::snap;
using namespace std::chrono_literals;

/// What QEMU was started with (-fw_cfg name=opt/seed); always of the same length, or the guest
/// would differ in more than the seed.
constexpr const char *seed_file = "/sys/firmware/qemu_fw_cfg/by_name/opt/seed/raw";
/// The machine that the snapshot is taken of has this one, and waits.
constexpr std::uint32_t no_seed = 0;

int complain(const Error &error)
{
	fmt::print("snap: {}\n", error.message());
	return EXIT_FAILURE;
}

std::uint32_t await_seed()
{
	for (;;) {
		const auto text = read_file(seed_file, 16).value_or("");
		const auto seed = parse_number<std::uint32_t>(trimmed(text)).value_or(no_seed);
		if (seed != no_seed)
			return seed;
		std::this_thread::sleep_for(100ms);
	}
}

/// At once, with whatever still waits for a disk.
[[noreturn]] void reset_machine()
{
	std::fflush(stdout);
	(void)::tcdrain(STDOUT_FILENO);
	(void)write_attribute("/proc/sys/kernel/sysrq", "1");
	(void)write_attribute("/proc/sysrq-trigger", "b");
	::_exit(EXIT_FAILURE);
}

int run(std::string_view product)
{
	// The journal, the stacks of the writer's threads: no page fault depends on what was
	// cached.
	::setvbuf(stdout, nullptr, _IOLBF, 0);
	const auto disk = Disk::find();
	if (!disk)
		return complain(disk.error());
	// The kernel makes the devices in its own time.
	if (!wait_until(10s, [&] { return disk->device(0) && disk->device(1); })) {
		fmt::print("snap: the test disk has not got its two devices\n");
		return EXIT_FAILURE;
	}
	Server server(*disk->wwid(1), *disk->device(1));
	if (auto started = server.start(); !started)
		return complain(started.error());
	const auto stack = make_stack(product, *disk, server);
	if (!stack)
		return complain(stack.error());
	if (auto begun = (*stack)->begin(); !begun) {
		(*stack)->post_mortem();
		return complain(begun.error());
	}
	fmt::print("snap: ready\n");
	const auto plan = make_plan(await_seed());
	fmt::print("seed {:05} {}\n", plan.seed, product);
	Player player(plan, *disk, server, **stack);
	const auto wrong = player.play();
	if (!wrong.empty()) {
		(*stack)->post_mortem();
		fmt::print("--- kernel\n");
		std::fflush(stdout);
		(void)std::system("dmesg | tail -n 100");
	}
	fmt::print("verdict {:05} {} {}\n", plan.seed, wrong.empty() ? "clean" : "violation",
		   wrong);
	reset_machine();
}

} // namespace

int main(int count, char **arguments)
{
	if (count == 3 && std::string_view(arguments[1]) == "plan") {
		const auto seed = parse_number<std::uint32_t>(arguments[2]);
		if (seed) {
			fmt::print("{}", make_plan(*seed).text());
			return EXIT_SUCCESS;
		}
	}
	if (count == 2)
		return run(arguments[1]);
	fmt::print(stderr, "usage: swsnap plan SEED | swsnap sw|dm-multipath (in the guest)\n");
	return 2;
}
