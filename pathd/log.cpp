// SPDX-License-Identifier: GPL-2.0-or-later
#include "pathd/log.h"

#include <algorithm>
#include <array>
#include <atomic>
#include <cerrno>
#include <condition_variable>
#include <cstring>
#include <mutex>

#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

#define SD_JOURNAL_SUPPRESS_LOCATION
#include <systemd/sd-journal.h>

#include "libpath/base/text.h"
#include "libpath/base/words.h"
#include "libpath/sys/clock.h"
#include "pathd/thread.h"

namespace swpath::log
{

namespace
{

struct Kind {
	const char *id;
	int priority;
};

constexpr std::array kinds{
#define SWPATH_MESSAGE_KIND(name, id, priority) Kind{id, priority},
	SWPATH_MESSAGES(SWPATH_MESSAGE_KIND)
#undef SWPATH_MESSAGE_KIND
};

/// A text of bounded length that is copied, never allocated. What cannot be shown, or was cut in
/// the middle, becomes "?": journalctl tells of a text with one such byte nothing but its size.
template <std::size_t N>
struct Text {
	std::array<char, N> bytes;
	std::uint16_t length;

	void set(std::string_view text)
	{
		length = static_cast<std::uint16_t>(std::min(text.size(), N));
		std::copy_n(text.data(), length, bytes.data());
		for (std::size_t i = 0; i < length;) {
			const auto shown = printable_length(view().substr(i));
			if (shown == 0 && bytes[i] != '\n' && bytes[i] != '\t')
				bytes[i] = '?';
			i += std::max<std::size_t>(shown, 1);
		}
	}
	[[nodiscard]] std::string_view view() const { return {bytes.data(), length}; }
};

struct Entry {
	Message message;
	std::uint64_t held_us;
	Text<16> unit;
	Text<40> path;
	Text<24> reason;
	Text<40> from;
	Text<40> to;
	Text<480> text;
};

constexpr std::size_t ring_entries = 512;

/// The lock is held for the copy of one entry, never across a system call that can wait.
struct Ring {
	std::mutex mutex;
	std::condition_variable wake;
	std::condition_variable written;
	std::array<Entry, ring_entries> entries;
	std::size_t head = 0;
	std::size_t count = 0;
	bool writing = false;
	std::uint64_t lost = 0;
	std::uint64_t lost_told = 0;
};

/// Never destroyed: its thread waits on it until the process ends.
Ring &ring = *new Ring;
std::atomic<int> max_priority{6};
bool to_journal = false;

int priority_of(LogLevel level)
{
	switch (level) {
	case LogLevel::Error:
		return 3;
	case LogLevel::Warning:
		return 4;
	case LogLevel::Info:
		return 6;
	case LogLevel::Debug:
		return 7;
	}
	return 6;
}

void write_stderr(const Entry &entry, int priority)
{
	const std::string_view text = entry.text.view();
	// The "<N>" is what journald and kmsg understand of a line on stderr.
	char level[] = {'<', static_cast<char>('0' + priority), '>'};
	const bool terminal = ::isatty(STDERR_FILENO) == 1;
	const std::array<iovec, 5> parts{{
		{level, terminal ? 0 : sizeof(level)},
		{const_cast<char *>("pathd: "), terminal ? 7U : 0U},
		{const_cast<char *>(entry.unit.view().empty() ? "" : entry.unit.bytes.data()),
		 entry.unit.length},
		{const_cast<char *>(": "), entry.unit.view().empty() ? 0U : 2U},
		{const_cast<char *>(text.data()), text.size()},
	}};
	(void)!::writev(STDERR_FILENO, parts.data(), static_cast<int>(parts.size()));
	(void)!::write(STDERR_FILENO, "\n", 1);
}

void write_journal(const Entry &entry, const Kind &kind)
{
	std::array<char, 1024> storage;
	std::array<iovec, 12> parts{};
	std::size_t used = 0;
	int count = 0;
	const auto field = [&](std::string_view name, std::string_view value) {
		if (value.empty() || used + name.size() + value.size() > storage.size())
			return;
		char *begin = storage.data() + used;
		std::copy_n(name.data(), name.size(), begin);
		std::copy_n(value.data(), value.size(), begin + name.size());
		parts[static_cast<std::size_t>(count++)] = {begin, name.size() + value.size()};
		used += name.size() + value.size();
	};
	char number[24];
	char message[540];
	const auto length =
		entry.unit.view().empty()
			? bounded_format(message, "{}", entry.text.view())
			: bounded_format(message, "{}: {}", entry.unit.view(), entry.text.view());
	field("MESSAGE=", {message, std::min(length, sizeof(message))});
	field("MESSAGE_ID=", kind.id);
	field("SYSLOG_IDENTIFIER=", "pathd");
	const char priority = static_cast<char>('0' + kind.priority);
	field("PRIORITY=", {&priority, 1});
	field("SW_UNIT=", entry.unit.view());
	field("SW_PATH=", entry.path.view());
	field("SW_REASON=", entry.reason.view());
	field("SW_FROM=", entry.from.view());
	field("SW_TO=", entry.to.view());
	if (entry.held_us != 0)
		field("SW_HELD_USEC=", {number, bounded_format(number, "{}", entry.held_us)});
	if (sd_journal_sendv(parts.data(), count) < 0)
		write_stderr(entry, kind.priority);
}

[[noreturn]] void *write_out(void *)
{
	Entry entry;
	std::unique_lock lock(ring.mutex);
	while (true) {
		ring.wake.wait(lock, [] { return ring.count > 0 || ring.lost != ring.lost_told; });
		if (ring.count > 0) {
			entry = ring.entries[ring.head];
			ring.head = (ring.head + 1) % ring_entries;
			ring.count--;
		} else {
			entry = {};
			entry.message = Message::Dropped;
			char text[64];
			const auto length = bounded_format(text, "{} messages were dropped",
							   ring.lost - ring.lost_told);
			entry.text.set({text, length});
			ring.lost_told = ring.lost;
		}
		ring.writing = true;
		lock.unlock();
		const auto &kind = kinds[static_cast<std::size_t>(entry.message)];
		if (to_journal)
			write_journal(entry, kind);
		else
			write_stderr(entry, kind.priority);
		lock.lock();
		ring.writing = false;
		if (ring.count == 0)
			ring.written.notify_all();
	}
}

} // namespace

Result<void> start(LogLevel level)
{
	set_level(level);
	struct stat info = {};
	to_journal = ::isatty(STDERR_FILENO) != 1 && ::getenv("JOURNAL_STREAM") != nullptr &&
		     ::stat("/run/systemd/journal/socket", &info) == 0;

	return start_thread("pathd-log", write_out, nullptr);
}

void set_level(LogLevel level)
{
	max_priority = priority_of(level);
}

void flush(Duration limit)
{
	std::unique_lock lock(ring.mutex);
	(void)ring.written.wait_for(lock, limit, [] { return ring.count == 0 && !ring.writing; });
}

void write(Message message, const Subject &subject, std::string_view text) noexcept
{
	if (kinds[static_cast<std::size_t>(message)].priority > max_priority)
		return;
	{
		const std::lock_guard lock(ring.mutex);
		if (ring.count == ring_entries) {
			ring.lost++;
			return;
		}
		auto &entry = ring.entries[(ring.head + ring.count) % ring_entries];
		entry.message = message;
		entry.held_us = subject.held_us;
		entry.unit.set(subject.unit);
		entry.path.set(subject.path);
		entry.reason.set(subject.reason);
		entry.from.set(subject.from);
		entry.to.set(subject.to);
		entry.text.set(text);
		ring.count++;
	}
	ring.wake.notify_one();
}

std::uint64_t dropped() noexcept
{
	const std::lock_guard lock(ring.mutex);
	return ring.lost;
}

} // namespace swpath::log
