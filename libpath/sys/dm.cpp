// SPDX-License-Identifier: LGPL-2.1-or-later
#include "libpath/sys/dm.h"

#include <cstdarg>
#include <cstdio>
#include <mutex>
#include <thread>

#include <fmt/core.h>
#include <libdevmapper.h>

#include "libpath/sys/clock.h"

namespace swpath::dm
{
namespace
{

/// udev's rules read this flag as "only the paths changed: scan nothing" (udev/*-swpath.rules).
constexpr std::uint16_t udev_paths_only = DM_SUBSYSTEM_UDEV_FLAG0;

using Task = UniquePtr<dm_task, &dm_task_destroy>;

/// Held during every use of libdevmapper. Recursive: a failed operation gives up its cookie while
/// it still has the library.
std::recursive_mutex library_mutex;
/// What the library logged as errors since the mutex was taken.
std::string library_log;

extern "C" void note_log(int level, const char * /*file*/, int /*line*/, int /*errno_or_class*/,
			 const char *format, ...)
{
	constexpr int error_level = 3; // _LOG_ERR of the library's private header
	if ((level & 7) > error_level)
		return;
	char text[512];
	va_list args;
	va_start(args, format);
	(void)std::vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	if (!library_log.empty())
		library_log += "; ";
	library_log += text;
}

/// The library, for this thread, for as long as the object lives.
class Library
{
public:
	Library() : lock_(library_mutex)
	{
		dm_log_with_errno_init(&note_log);
		library_log.clear();
	}

private:
	std::lock_guard<std::recursive_mutex> lock_;
};

auto task_failed(int error_number, std::string doing)
{
	if (!library_log.empty())
		doing += " (" + library_log + ")";
	if (error_number == 0)
		error_number = EIO;
	return fail(error_number == ENXIO ? ENODEV : error_number, std::move(doing));
}

Result<Task> make_task(int type, std::string_view name, const std::string &doing)
{
	Task task(dm_task_create(type));
	if (!task || !dm_task_set_name(task.get(), std::string(name).c_str()))
		return task_failed(errno, doing);
	return task;
}

Result<void> add_table(dm_task *task, const Table &table, const std::string &doing)
{
	const auto params = build_table(table);
	if (!params)
		return fail(params.error(), doing);
	if (!dm_task_add_target(task, 0, table.sectors, SW_TARGET_NAME, params->c_str()))
		return task_failed(ENOMEM, doing);
	return {};
}

/// Runs a task that udev takes part in.
Result<UdevWait> run_with_udev(dm_task *task, std::uint16_t flags, const std::string &doing)
{
	std::uint32_t cookie = 0;
	if (!dm_task_set_cookie(task, &cookie, flags))
		return task_failed(errno, doing + ": udev cookie");
	UdevWait wait(cookie);
	if (!dm_task_run(task)) {
		// No uevent will come for it: the cookie goes when `wait` does.
		return task_failed(dm_task_get_errno(task), doing);
	}
	return wait;
}

std::string doing_to(std::string_view what, std::string_view name)
{
	return fmt::format("{} {}", what, name);
}

Result<UdevWait> resume_locked(std::string_view name, std::uint16_t udev_flags)
{
	const auto doing = doing_to("resume", name);
	auto task = make_task(DM_DEVICE_RESUME, name, doing);
	if (!task)
		return tl::unexpected(task.error());
	// With a new table in its slot, a resume suspends first: without flush and without
	// freezing, both of which would wait for I/O that the unit may be holding.
	if (!dm_task_no_flush(task->get()) || !dm_task_skip_lockfs(task->get()))
		return task_failed(ENOMEM, doing);
	return run_with_udev(task->get(), udev_flags, doing);
}

/// Puts a table into the device's inactive slot, then into use.
Result<UdevWait> load_locked(std::string_view name, const Table &table, std::uint16_t udev_flags,
			     const std::string &doing)
{
	auto task = make_task(DM_DEVICE_RELOAD, name, doing);
	if (!task)
		return tl::unexpected(task.error());
	if (auto ok = add_table(task->get(), table, doing); !ok)
		return tl::unexpected(ok.error());
	if (!dm_task_run(task->get()))
		return task_failed(dm_task_get_errno(task->get()), doing);

	auto resumed = resume_locked(name, udev_flags);
	if (!resumed) {
		auto clear = make_task(DM_DEVICE_CLEAR, name, doing);
		if (clear)
			(void)dm_task_run(clear->get()); // the resume's error is the one to tell
		// A table that is refused when it is put into use leaves the device suspended
		// (drivers/md/dm-ioctl.c, do_resume): it goes on with the one that it has.
		(void)resume_locked(name, udev_flags);
	}
	return resumed;
}

} // namespace

std::string uuid_of(std::string_view wwid)
{
	return std::string(SW_UUID_PREFIX) + std::string(wwid);
}

std::string_view wwid_of(std::string_view uuid) noexcept
{
	constexpr std::string_view prefix = SW_UUID_PREFIX;
	return uuid.starts_with(prefix) ? uuid.substr(prefix.size()) : std::string_view();
}

Result<std::vector<Listed>> list_units()
{
	auto channel = DmChannel::open();
	if (!channel)
		return tl::unexpected(channel.error());
	auto devices = channel->list();
	if (devices)
		std::erase_if(*devices,
			      [](const Listed &device) { return wwid_of(device.uuid).empty(); });
	return devices;
}

Result<Info> info(std::string_view name)
{
	auto channel = DmChannel::open();
	return channel ? channel->info(name) : tl::unexpected(channel.error());
}

Result<TargetStatus> status(std::string_view name, bool table)
{
	auto channel = DmChannel::open();
	if (!channel)
		return tl::unexpected(channel.error());
	DmChannel::Line line;
	if (const int error = channel->status(name, table, line); error != 0)
		return fail(error, doing_to(table ? "table of" : "status of", name));
	return TargetStatus{line.start, line.length, std::string(line.type),
			    std::string(line.params)};
}

Result<std::optional<Version>> target_version()
{
	auto channel = DmChannel::open();
	if (!channel)
		return tl::unexpected(channel.error());
	const auto version = channel->target_version(SW_TARGET_NAME);
	if (version)
		return *version;
	if (version.error().code == std::errc::no_such_file_or_directory)
		return std::nullopt;
	return tl::unexpected(version.error());
}

Result<std::string> message(std::string_view name, std::string_view text)
{
	auto channel = DmChannel::open();
	if (!channel)
		return tl::unexpected(channel.error());
	std::string_view reply;
	if (const int error = channel->send(name, text, &reply); error != 0)
		return fail(error, fmt::format("message '{}' to {}", text, name));
	return std::string(reply);
}

UdevWait &UdevWait::operator=(UdevWait &&other) noexcept
{
	if (this != &other) {
		give_up();
		cookie_ = std::exchange(other.cookie_, 0);
	}
	return *this;
}

UdevWait::~UdevWait()
{
	give_up();
}

void UdevWait::give_up() noexcept
{
	if (cookie_ == 0)
		return;
	// A cookie is a semaphore that counts what udev still has to do. It outlives processes, so
	// it is counted down here and collected; udev's own later step then finds none, which is
	// fine.
	Library library;
	int ready = 0;
	for (int left = 16; left > 0; left--) {
		if (!dm_udev_wait_immediate(cookie_, &ready) || ready)
			break;
		if (!dm_udev_complete(cookie_))
			break;
	}
	cookie_ = 0;
}

Result<bool> UdevWait::ready()
{
	if (cookie_ == 0)
		return true;
	Library library;
	int ready = 0;
	if (!dm_udev_wait_immediate(cookie_, &ready)) {
		cookie_ = 0;
		return task_failed(errno, "wait for udev");
	}
	if (ready)
		cookie_ = 0;
	return ready != 0;
}

Result<void> UdevWait::wait(Duration limit)
{
	// The library knows only to wait for ever or not at all.
	constexpr auto step = std::chrono::milliseconds(5);
	const auto deadline = now() + limit;
	for (;;) {
		const auto done = ready();
		if (!done)
			return tl::unexpected(done.error());
		if (*done)
			return {};
		if (now() >= deadline)
			return fail(ETIMEDOUT, "wait for udev");
		std::this_thread::sleep_for(step);
	}
}

Result<UdevWait> create(std::string_view name, std::string_view wwid, const Table &table)
{
	const auto doing = doing_to("create", name);
	Library library;
	// The three ioctls of a creation are not one: a process that was killed between them left a
	// device without a table.
	if (const auto left = info(name); left && left->uuid == uuid_of(wwid) && !left->live_table)
		return load_locked(name, table, 0, doing);

	auto task = make_task(DM_DEVICE_CREATE, name, doing);
	if (!task)
		return tl::unexpected(task.error());
	if (!dm_task_set_uuid(task->get(), uuid_of(wwid).c_str()))
		return task_failed(EINVAL, doing);
	if (auto ok = add_table(task->get(), table, doing); !ok)
		return tl::unexpected(ok.error());
	return run_with_udev(task->get(), 0, doing);
}

Result<UdevWait> reload(std::string_view name, const Table &table)
{
	Library library;
	return load_locked(name, table, udev_paths_only, doing_to("reload", name));
}

Result<void> suspend(std::string_view name)
{
	const auto doing = doing_to("suspend", name);
	Library library;
	auto task = make_task(DM_DEVICE_SUSPEND, name, doing);
	if (!task)
		return tl::unexpected(task.error());
	if (!dm_task_no_flush(task->get()) || !dm_task_skip_lockfs(task->get()))
		return task_failed(ENOMEM, doing);
	if (!dm_task_run(task->get()))
		return task_failed(dm_task_get_errno(task->get()), doing);
	return {};
}

Result<UdevWait> resume(std::string_view name)
{
	Library library;
	return resume_locked(name, 0);
}

Result<UdevWait> remove(std::string_view name, RemoveMode mode)
{
	const auto doing = doing_to("remove", name);
	Library library;
	auto task = make_task(DM_DEVICE_REMOVE, name, doing);
	if (!task)
		return tl::unexpected(task.error());
	if (mode == RemoveMode::Retry && !dm_task_retry_remove(task->get()))
		return task_failed(ENOMEM, doing);
	if (mode == RemoveMode::Deferred && !dm_task_deferred_remove(task->get()))
		return task_failed(ENOMEM, doing);
	return run_with_udev(task->get(), 0, doing);
}

} // namespace swpath::dm
