// SPDX-License-Identifier: LGPL-2.1-or-later
#include "libpath/sys/dm_channel.h"

#include <algorithm>
#include <cerrno>
#include <cstring>

#include <fcntl.h>
#include <fmt/core.h>
#include <linux/dm-ioctl.h>
#include <sys/ioctl.h>

#include "libpath/base/bounded_format.h"

namespace swpath::dm
{
namespace
{

constexpr const char *control_path = "/dev/mapper/control";
constexpr std::size_t message_bytes_max = 512;
/// Enough for the line of a unit with eight paths. The kernel clears and copies as much as it is
/// asked with, and a status is what is asked most often.
constexpr std::size_t line_bytes_usual = 2048 - sizeof(dm_ioctl);
/// More than this of device names is not a list but a mistake.
constexpr std::size_t list_bytes_max = 4U << 20;

dm_ioctl *header_of(std::byte *buffer) noexcept
{
	return reinterpret_cast<dm_ioctl *>(buffer);
}

/// Starts an ioctl in a zeroed header. `bytes` is the size of the whole buffer as the kernel may
/// use it: it copies that much in, so small questions stay cheap.
void begin(dm_ioctl &io, std::string_view name, std::uint32_t flags, std::size_t bytes) noexcept
{
	std::memset(&io, 0, sizeof(io));
	// The oldest interface that has everything used here (event polling: 4.37), so that any
	// later kernel accepts it.
	io.version[0] = 4;
	io.version[1] = 0;
	io.version[2] = 0;
	io.data_size = static_cast<std::uint32_t>(bytes);
	io.data_start = sizeof(dm_ioctl);
	io.flags = flags;
	std::memcpy(io.name, name.data(), name.size());
}

int control(int fd, unsigned long request, dm_ioctl &io) noexcept
{
	while (ioctl(fd, request, &io) < 0) {
		if (errno == EINTR)
			continue;
		// Device-mapper says ENXIO where others say ENODEV; one word for "no such device".
		return errno == ENXIO ? ENODEV : errno;
	}
	return 0;
}

/// A NUL-terminated text at `from`, which must end before `end`.
std::string_view text_at(const std::byte *from, const std::byte *end) noexcept
{
	const auto *text = reinterpret_cast<const char *>(from);
	const auto room = static_cast<std::size_t>(end - from);
	return {text, strnlen(text, room)};
}

constexpr std::size_t align8(std::size_t offset) noexcept
{
	return (offset + 7) & ~std::size_t{7};
}

} // namespace

DmChannel::DmChannel(UniqueFd control)
	: control_(std::move(control)), buffer_(std::make_unique<std::byte[]>(buffer_bytes))
{
}

Result<DmChannel> DmChannel::open()
{
	UniqueFd control(::open(control_path, O_RDWR | O_CLOEXEC));
	if (!control) {
		const int error = errno;
		const bool none = error == ENOENT || error == ENXIO || error == ENODEV;
		return fail(none ? ENODEV : error, std::string("open ") + control_path);
	}
	return DmChannel(std::move(control));
}

int DmChannel::run(unsigned long request, std::string_view name, std::uint32_t flags,
		   std::size_t data_bytes) noexcept
{
	if (name.empty() || name.size() >= DM_NAME_LEN)
		return EINVAL;
	auto &io = *header_of(buffer_.get());
	begin(io, name, flags, sizeof(dm_ioctl) + data_bytes);
	return control(control_.get(), request, io);
}

int DmChannel::send(std::string_view unit, std::string_view text, std::string_view *reply) noexcept
{
	if (text.size() > message_bytes_max)
		return EMSGSIZE;
	auto *message = reinterpret_cast<dm_target_msg *>(buffer_.get() + sizeof(dm_ioctl));
	message->sector = 0;
	std::memcpy(message->message, text.data(), text.size());
	message->message[text.size()] = '\0';

	constexpr std::size_t small = sizeof(dm_target_msg) + message_bytes_max + 1;
	const auto data_bytes = reply ? buffer_bytes - sizeof(dm_ioctl) : small;
	if (const int error = run(DM_TARGET_MSG, unit, 0, data_bytes); error != 0)
		return error;
	if (!reply)
		return 0;

	const auto &io = *header_of(buffer_.get());
	*reply = {};
	if (io.flags & DM_BUFFER_FULL_FLAG)
		return EOVERFLOW;
	if ((io.flags & DM_DATA_OUT_FLAG) && io.data_start < buffer_bytes)
		*reply = text_at(buffer_.get() + io.data_start, buffer_.get() + buffer_bytes);
	return 0;
}

namespace
{

/// A message put together without allocating; longer than message_bytes_max gives EMSGSIZE.
template <class... Args>
int send_format(DmChannel &channel, std::string_view unit, fmt::format_string<Args...> format,
		Args &&...args) noexcept
{
	char text[message_bytes_max];
	const auto length = bounded_format(text, format, std::forward<Args>(args)...);
	if (length > sizeof(text))
		return EMSGSIZE;
	return channel.send(unit, {text, length});
}

} // namespace

int DmChannel::commit(std::string_view unit, std::uint64_t mv, unsigned path, Method method,
		      std::string_view evidence) noexcept
{
	return send_format(*this, unit, SW_MSG_COMMIT " {} {} {} {}", mv, path, word(method),
			   evidence);
}

int DmChannel::ticket(std::string_view unit, unsigned path, std::uint64_t epoch,
		      std::uint64_t ttl_ms) noexcept
{
	return send_format(*this, unit, SW_MSG_TICKET " {} {} {}", path, epoch, ttl_ms);
}

int DmChannel::reject(std::string_view unit, std::uint64_t mv, unsigned path,
		      Reason reason) noexcept
{
	return send_format(*this, unit, SW_MSG_REJECT " {} {} {}", mv, path, word(reason));
}

int DmChannel::status(std::string_view unit, bool table, Line &line) noexcept
{
	const std::uint32_t flags = DM_NOFLUSH_FLAG | (table ? DM_STATUS_TABLE_FLAG : 0U);
	auto &io = *header_of(buffer_.get());
	int error = run(DM_TABLE_STATUS, unit, flags, line_bytes_usual);
	if (error == 0 && (io.flags & DM_BUFFER_FULL_FLAG))
		error = run(DM_TABLE_STATUS, unit, flags, buffer_bytes - sizeof(dm_ioctl));
	if (error != 0)
		return error;
	if (io.flags & DM_BUFFER_FULL_FLAG)
		return EOVERFLOW;
	if (!(io.flags & DM_ACTIVE_PRESENT_FLAG) || io.target_count == 0)
		return ENODATA;
	if (io.target_count > 1 || io.data_start + sizeof(dm_target_spec) > buffer_bytes)
		return EBADMSG;

	const auto *end = buffer_.get() + buffer_bytes;
	const auto *spec = reinterpret_cast<const dm_target_spec *>(buffer_.get() + io.data_start);
	const auto *type = reinterpret_cast<const std::byte *>(spec->target_type);
	line.start = spec->sector_start;
	line.length = spec->length;
	line.type = text_at(type, type + sizeof(spec->target_type));
	line.params = text_at(reinterpret_cast<const std::byte *>(spec + 1), end);
	line.event_nr = io.event_nr;
	return 0;
}

Result<Info> DmChannel::info(std::string_view unit)
{
	if (const int error = run(DM_DEV_STATUS, unit, 0, 0); error != 0)
		return fail(error, fmt::format("info of {}", unit));
	const auto &io = *header_of(buffer_.get());
	Info info;
	info.name = io.name;
	info.uuid = io.uuid;
	info.number = DevNumber::from(io.dev);
	info.event_nr = io.event_nr;
	info.open_count = static_cast<std::uint32_t>(std::max(io.open_count, 0));
	info.suspended = io.flags & DM_SUSPEND_FLAG;
	info.live_table = io.flags & DM_ACTIVE_PRESENT_FLAG;
	info.inactive_table = io.flags & DM_INACTIVE_PRESENT_FLAG;
	info.read_only = io.flags & DM_READONLY_FLAG;
	info.deferred_remove = io.flags & DM_DEFERRED_REMOVE;
	return info;
}

Result<std::vector<Listed>> DmChannel::list()
{
	// Usually the channel's own buffer is enough; a host with hundreds of maps needs more.
	std::vector<std::byte> larger;
	auto *buffer = buffer_.get();
	auto bytes = buffer_bytes;
	for (;;) {
		auto &io = *header_of(buffer);
		begin(io, "", DM_UUID_FLAG, bytes);
		if (const int error = control(control_.get(), DM_LIST_DEVICES, io); error != 0)
			return fail(error, "list device-mapper devices");
		if (!(io.flags & DM_BUFFER_FULL_FLAG))
			break;
		bytes *= 2;
		if (bytes > list_bytes_max)
			return fail(EOVERFLOW, "list device-mapper devices");
		larger.resize(bytes);
		buffer = larger.data();
	}

	const auto &io = *header_of(buffer);
	const auto *end = buffer + std::min<std::size_t>(io.data_size, bytes);
	const auto *at = buffer + io.data_start;
	std::vector<Listed> devices;
	// The list ends with next == 0; an empty one is an entry with dev == 0.
	while (at + sizeof(dm_name_list) <= end) {
		const auto *entry = reinterpret_cast<const dm_name_list *>(at);
		if (entry->dev == 0)
			break;
		Listed device;
		device.number = DevNumber::from(entry->dev);
		const auto name = text_at(at + offsetof(dm_name_list, name), end);
		device.name = name;
		const auto *extra = at + align8(offsetof(dm_name_list, name) + name.size() + 1);
		std::uint32_t words[2]; // event_nr, flags
		if (extra + sizeof(words) <= end) {
			std::memcpy(words, extra, sizeof(words));
			device.event_nr = words[0];
			if (words[1] & DM_NAME_LIST_FLAG_HAS_UUID)
				device.uuid = text_at(extra + sizeof(words), end);
		}
		devices.push_back(std::move(device));
		if (entry->next == 0)
			break;
		at += entry->next;
	}
	return devices;
}

Result<Version> DmChannel::target_version(std::string_view target)
{
	if (const int error = run(DM_GET_TARGET_VERSION, target, 0,
				  sizeof(dm_target_versions) + DM_MAX_TYPE_NAME);
	    error != 0)
		return fail(error == EINVAL ? ENOENT : error,
			    fmt::format("version of target {}", target));
	const auto &io = *header_of(buffer_.get());
	const auto *versions =
		reinterpret_cast<const dm_target_versions *>(buffer_.get() + io.data_start);
	return Version{versions->version[0], versions->version[1], versions->version[2]};
}

int DmChannel::arm() noexcept
{
	auto &io = *header_of(buffer_.get());
	begin(io, "", 0, sizeof(dm_ioctl));
	return control(control_.get(), DM_DEV_ARM_POLL, io);
}

} // namespace swpath::dm
