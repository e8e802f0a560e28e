// SPDX-License-Identifier: LGPL-2.1-or-later
#include "libpath/hints/local_lock_space.h"

#include <algorithm>
#include <cerrno>
#include <cstdlib>
#include <filesystem>

#include <fcntl.h>
#include <sys/inotify.h>
#include <sys/stat.h>

#include <fmt/core.h>

#include "libpath/base/earlier.h"

namespace swpath
{
namespace
{

constexpr off_t held_byte = 0;
constexpr off_t value_byte = 1;

enum State : std::uint8_t { Empty = 0, Sound = 1, Writing = 2 };
constexpr off_t state_at = 0;
constexpr off_t value_at = 1;

/// Between two tries to get a lock that somebody has. They have it for microseconds, unless they
/// are stopped.
constexpr std::chrono::milliseconds retry_min{2};
constexpr std::chrono::milliseconds retry_max{20};

/// True if the lock was got; false if somebody has one that is in the way.
Result<bool> lock_byte(int fd, short type, off_t byte)
{
	struct flock lock {
	};
	lock.l_type = type;
	lock.l_whence = SEEK_SET;
	lock.l_start = byte;
	lock.l_len = 1;
	if (::fcntl(fd, F_OFD_SETLK, &lock) == 0)
		return true;
	if (errno == EAGAIN || errno == EACCES)
		return false;
	return fail(errno, "lock");
}

/// Unlocks when it goes.
class ByteLock
{
public:
	ByteLock(int fd, off_t byte) : fd_(fd), byte_(byte) {}
	ByteLock(const ByteLock &) = delete;
	ByteLock &operator=(const ByteLock &) = delete;
	~ByteLock() { (void)lock_byte(fd_, F_UNLCK, byte_); }

private:
	int fd_;
	off_t byte_;
};

Result<void> put(int fd, const void *bytes, std::size_t size, off_t at)
{
	const auto done = ::pwrite(fd, bytes, size, at);
	if (done < 0)
		return fail(errno, "write");
	if (static_cast<std::size_t>(done) != size)
		return fail(ENOSPC, "write");
	return {};
}

/// What the file says; the lock on the value is the caller's.
Result<LockValue> look(int fd)
{
	std::array<std::byte, 1 + lock_value_bytes> bytes{};
	const auto done = ::pread(fd, bytes.data(), bytes.size(), state_at);
	if (done < 0)
		return fail(errno, "read");
	LockValue value;
	if (done == 0 || bytes[0] == std::byte{Empty})
		return value;
	value.valid =
		static_cast<std::size_t>(done) == bytes.size() && bytes[0] == std::byte{Sound};
	if (value.valid)
		std::copy(bytes.begin() + value_at, bytes.end(), value.bytes.begin());
	return value;
}

} // namespace

Result<std::unique_ptr<LocalLockSpace>> LocalLockSpace::open(const std::string &directory)
{
	std::error_code error;
	std::filesystem::create_directories(directory, error);
	if (::chmod(directory.c_str(), 0700) != 0)
		return fail(errno, "lock directory " + directory);
	UniqueFd watch(::inotify_init1(IN_NONBLOCK | IN_CLOEXEC));
	if (!watch || ::inotify_add_watch(watch.get(), directory.c_str(),
					  IN_MODIFY | IN_CLOSE_WRITE | IN_ONLYDIR) < 0)
		return fail(errno, "watch lock directory " + directory);
	return std::unique_ptr<LocalLockSpace>(new LocalLockSpace(directory, std::move(watch)));
}

Result<void> LocalLockSpace::hold(std::string_view name)
{
	if (auto good = check_lock_name(name); !good)
		return good;
	if (names_.find(name) != names_.end())
		return {};
	const auto path = fmt::format("{}/{}", directory_, name);
	Name added;
	added.file =
		UniqueFd(::open(path.c_str(), O_RDWR | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0600));
	if (!added.file)
		return fail(errno, "lock " + path);
	names_.emplace(name, std::move(added));
	return {};
}

Result<void> LocalLockSpace::publish(std::string_view name, const LockBytes &bytes,
				     Instant deadline)
{
	const auto found = names_.find(name);
	if (found == names_.end() || !found->second.told)
		return fail(ENOENT, fmt::format("lock '{}' is not held", name));
	if (found->second.wish)
		return fail(EBUSY, fmt::format("lock '{}' is being published", name));
	found->second.wish = Wish{bytes, deadline};
	return {};
}

void LocalLockSpace::release(std::string_view name)
{
	const auto found = names_.find(name);
	if (found != names_.end())
		names_.erase(found);
}

std::optional<LockValue> LocalLockSpace::value(std::string_view name) const
{
	const auto found = names_.find(name);
	return found == names_.end() ? std::nullopt : found->second.told;
}

std::optional<Instant> LocalLockSpace::next() const
{
	std::optional<Instant> at;
	for (const auto &[called, name] : names_)
		if (!name.told || name.look || name.wish)
			at = earlier(at, name.retry);
	return at;
}

Result<std::vector<LockEvent>> LocalLockSpace::step(Instant now)
{
	if (auto drained = drain_watch(); !drained)
		return tl::unexpected(drained.error());
	std::vector<LockEvent> events;
	for (auto &[called, name] : names_)
		if (now >= name.retry)
			serve(called, name, now, events);
	return events;
}

Result<void> LocalLockSpace::drain_watch()
{
	alignas(struct inotify_event) char buffer[4096];
	for (;;) {
		const auto got = ::read(watch_.get(), buffer, sizeof(buffer));
		if (got < 0 && errno == EINTR)
			continue;
		if (got < 0 && errno == EAGAIN)
			return {};
		if (got <= 0)
			return fail(got < 0 ? errno : EIO, "watch lock directory " + directory_);
		for (const char *at = buffer; at < buffer + got;) {
			const auto *event = reinterpret_cast<const struct inotify_event *>(at);
			at += sizeof(*event) + event->len;
			if ((event->mask & IN_Q_OVERFLOW) != 0) {
				for (auto &[called, name] : names_)
					name.look = true;
				continue;
			}
			if (event->len == 0)
				continue;
			const auto found = names_.find(std::string_view(event->name));
			if (found != names_.end())
				found->second.look = true;
		}
	}
}

/// Gets one name as far as it goes without waiting.
void LocalLockSpace::serve(const std::string &called, Name &name, Instant now,
			   std::vector<LockEvent> &events)
{
	std::uniform_int_distribution<std::int64_t> pause(retry_min.count(), retry_max.count());
	const auto later = [&] { name.retry = now + std::chrono::milliseconds(pause(random_)); };
	const auto failed = [&](Error error) {
		error.context = fmt::format("{} '{}/{}'", error.context, directory_, called);
		events.push_back({LockEventKind::Failed, called, {}, std::move(error)});
		name.failures.failed(now);
		name.retry = *name.failures.next();
	};

	if (!name.told) {
		const auto got = take(name);
		if (!got)
			return failed(got.error());
		if (!*got)
			return later();
	}
	if (name.wish) {
		bool written = false;
		const auto found = write(name, written);
		if (!found) {
			name.wish.reset();
			return failed(found.error());
		}
		if (*found) {
			name.told = **found;
			name.wish.reset();
			events.push_back(
				{written ? LockEventKind::Published : LockEventKind::Overtaken,
				 called,
				 **found,
				 {}});
		} else if (now >= name.wish->deadline) {
			name.wish.reset();
			events.push_back({LockEventKind::Failed,
					  called,
					  {},
					  Error{std::make_error_code(std::errc::timed_out),
						fmt::format("publish '{}': somebody keeps its "
							    "value locked",
							    called)}});
		} else {
			later();
		}
	}
	if (name.look || !name.told) {
		name.look = false;
		const auto found = read(name);
		if (!found)
			return failed(found.error());
		if (!*found) {
			name.look = true;
			return later();
		}
		name.failures.worked();
		if (name.told && *name.told == **found)
			return;
		events.push_back({name.told ? LockEventKind::Changed : LockEventKind::Held,
				  called,
				  **found,
				  {}});
		name.told = **found;
	}
}

/// Becomes a holder. False: somebody is just becoming the first one.
Result<bool> LocalLockSpace::take(Name &name)
{
	const auto alone = lock_byte(name.file.get(), F_WRLCK, held_byte);
	if (!alone)
		return alone;
	if (*alone && ::ftruncate(name.file.get(), 0) != 0)
		return fail(errno, "empty");
	return lock_byte(name.file.get(), F_RDLCK, held_byte);
}

/// The value; nothing: it is being written.
Result<std::optional<LockValue>> LocalLockSpace::read(const Name &name)
{
	const auto got = lock_byte(name.file.get(), F_RDLCK, value_byte);
	if (!got)
		return tl::unexpected(got.error());
	if (!*got)
		return std::nullopt;
	const ByteLock lock(name.file.get(), value_byte);
	auto value = look(name.file.get());
	if (!value)
		return tl::unexpected(value.error());
	return *value;
}

/// Carries out the wish if the value is still the one that was told. The value afterwards; nothing:
/// somebody reads or writes it.
Result<std::optional<LockValue>> LocalLockSpace::write(Name &name, bool &written)
{
	const int fd = name.file.get();
	const auto got = lock_byte(fd, F_WRLCK, value_byte);
	if (!got)
		return tl::unexpected(got.error());
	if (!*got)
		return std::nullopt;
	const ByteLock lock(fd, value_byte);
	auto value = look(fd);
	if (!value)
		return tl::unexpected(value.error());
	if (*value != *name.told)
		return *value;
	const std::uint8_t writing = Writing;
	const std::uint8_t sound = Sound;
	const auto &bytes = name.wish->bytes;
	if (auto done = put(fd, &writing, 1, state_at); !done)
		return tl::unexpected(done.error());
	if (auto done = put(fd, bytes.data(), bytes.size(), value_at); !done)
		return tl::unexpected(done.error());
	if (auto done = put(fd, &sound, 1, state_at); !done)
		return tl::unexpected(done.error());
	written = true;
	return LockValue{bytes, true};
}

} // namespace swpath
