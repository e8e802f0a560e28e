// SPDX-License-Identifier: GPL-2.0-or-later
#include "tests/snap/multipath_stack.h"

#include <cerrno>
#include <chrono>
#include <cstdlib>

#include <fmt/core.h>
#include <unistd.h>

#include "libpath/sys/clock.h"
#include "libpath/sys/dm.h"
#include "libpath/sys/nbd.h"
#include "libpath/sys/sysfs.h"
#include "libpath/sys/udev.h"

namespace swpath::snap
{
namespace
{

using namespace std::chrono_literals;

constexpr const char *map = "mp";
/// As pathd derives it from a stall budget of 3 s.
constexpr auto command_limit = 2s;

} // namespace

Result<void> MultipathStack::limit_commands() const
{
	const auto name = disk_.name(0);
	if (!name)
		return tl::unexpected(name.error());
	const auto settings = scsi_settings(
		*name, {.command_timeout_s = unsigned(command_limit.count()), .eh_deadline_s = {}});
	if (!settings)
		return tl::unexpected(settings.error());
	for (const auto &each : *settings)
		if (auto set = write_attribute(each.attribute, each.value); !set)
			return set;
	return {};
}

Result<std::uint32_t> MultipathStack::attach() const
{
	const auto connection = nbd_connect(server_.endpoint(), server_.export_name(), now() + 10s);
	if (!connection)
		return tl::unexpected(connection.error());
	auto control = NbdControl::open();
	if (!control)
		return tl::unexpected(control.error());
	NbdAttach how;
	how.request_timeout = command_limit;
	return control->attach(how, *connection);
}

Result<void> MultipathStack::begin()
{
	if (auto limited = limit_commands(); !limited)
		return limited;
	const auto index = attach();
	if (!index)
		return tl::unexpected(index.error());
	const auto device = disk_.device(0);
	const auto block =
		device.and_then([](const auto &node) { return find_block_device(node); });
	if (!block)
		return tl::unexpected(block.error());
	direct_ = block->number.text();
	const auto command = fmt::format("dmsetup create {} --table '0 {} multipath 2 queue_mode "
					 "bio 0 2 1 round-robin 0 1 1 "
					 "{} 1 round-robin 0 1 1 /dev/nbd{} 1'",
					 map, block->size_bytes / 512, *device, *index);
	if (std::system(command.c_str()) != 0)
		return fail(EIO, command);
	return {};
}

std::string MultipathStack::device() const
{
	return fmt::format("/dev/mapper/{}", map);
}

Result<void> MultipathStack::begin_on(bool served)
{
	return dm::message(map, served ? "switch_group 2" : "switch_group 1").map([](const auto &) {
	});
}

std::string MultipathStack::perform(const Deed &deed)
{
	Result<std::string> done;
	switch (deed.kind) {
	case DeedKind::SwitchDirect:
		done = dm::message(map, "switch_group 1");
		break;
	case DeedKind::SwitchServed:
		done = dm::message(map, "switch_group 2");
		break;
	case DeedKind::DirectHeal:
		// As its daemon would, having found that the path answers.
		done = dm::message(map, "reinstate_path " + direct_);
		break;
	default:
		return {};
	}
	return done ? "done" : done.error().message();
}

std::string MultipathStack::state() const
{
	const auto is = dm::status(map);
	return is ? is->params : is.error().message();
}

bool MultipathStack::is_well(std::string &said)
{
	said.clear();
	return true;
}

std::vector<std::string> MultipathStack::views() const
{
	return {};
}

} // namespace swpath::snap
