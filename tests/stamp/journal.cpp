// SPDX-License-Identifier: GPL-2.0-or-later
#include "tests/stamp/journal.h"

#include <cerrno>

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tests/stamp/stamp.h"

namespace swpath::stamp
{
namespace
{

constexpr std::uint64_t magic = 0x53572d6a6f75726e; // "SW-journ"

struct FileHead {
	std::uint64_t magic;
	JournalHead head;
};

Result<void> write_whole(int fd, const void *data, std::size_t size)
{
	const ssize_t written = ::write(fd, data, size);
	if (written < 0)
		return fail(errno, "write the log");
	if (static_cast<std::size_t>(written) != size)
		return fail(ENOSPC, "write the log");
	return {};
}

Result<void> read_whole(int fd, void *data, std::size_t size, std::size_t offset,
			const std::string &file)
{
	auto *at = static_cast<char *>(data);
	while (size > 0) {
		const ssize_t got = ::pread(fd, at, size, static_cast<off_t>(offset));
		if (got < 0)
			return fail(errno, "read " + file);
		if (got == 0)
			return fail(EINVAL, file + " is shorter than its parts");
		at += got;
		offset += static_cast<std::size_t>(got);
		size -= static_cast<std::size_t>(got);
	}
	return {};
}

bool is_possible(const JournalRecord &record, const JournalHead &head)
{
	return record.fate >= Fate::Submit && record.fate <= Fate::Error &&
	       record.block < head.blocks && record.version > 0;
}

} // namespace

Result<JournalContent> read_journal(const std::string &file)
{
	const UniqueFd fd(::open(file.c_str(), O_RDONLY | O_CLOEXEC));
	if (!fd)
		return fail(errno, "open " + file);
	struct stat info {
	};
	if (::fstat(fd.get(), &info) != 0)
		return fail(errno, "stat " + file);
	const auto size = static_cast<std::size_t>(info.st_size);
	FileHead head{};
	if (size < sizeof(head))
		return fail(EINVAL, file + " is no log of swstamp");
	if (auto read = read_whole(fd.get(), &head, sizeof(head), 0, file); !read)
		return tl::unexpected(read.error());
	if (head.magic != magic || head.head.block_bytes == 0 ||
	    head.head.block_bytes % sector_bytes != 0)
		return fail(EINVAL, file + " is no log of swstamp");

	JournalContent content{head.head, {}};
	content.records.resize((size - sizeof(head)) / sizeof(JournalRecord));
	if (auto read =
		    read_whole(fd.get(), content.records.data(),
			       content.records.size() * sizeof(JournalRecord), sizeof(head), file);
	    !read)
		return tl::unexpected(read.error());
	for (const JournalRecord &record : content.records) {
		if (!is_possible(record, content.head))
			return fail(EINVAL, file + " has a record that cannot be");
	}
	return content;
}

Result<Journal> Journal::create(const std::string &file, const JournalHead &head)
{
	UniqueFd fd(::open(file.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644));
	if (!fd)
		return fail(errno, "create " + file);
	const FileHead file_head{magic, head};
	if (auto written = write_whole(fd.get(), &file_head, sizeof(file_head)); !written)
		return tl::unexpected(written.error());
	return Journal(std::move(fd));
}

Result<Journal> Journal::open(const std::string &file)
{
	UniqueFd fd(::open(file.c_str(), O_WRONLY | O_CLOEXEC));
	if (!fd)
		return fail(errno, "open " + file);
	// Behind the last whole record: a killed writer may have left a part of one.
	const off_t end = ::lseek(fd.get(), 0, SEEK_END);
	if (end < static_cast<off_t>(sizeof(FileHead)))
		return fail(EINVAL, file + " is no log of swstamp");
	const off_t torn = (end - static_cast<off_t>(sizeof(FileHead))) %
			   static_cast<off_t>(sizeof(JournalRecord));
	if (::ftruncate(fd.get(), end - torn) != 0 || ::lseek(fd.get(), end - torn, SEEK_SET) < 0)
		return fail(errno, "go on with " + file);
	return Journal(std::move(fd));
}

Result<void> Journal::append(const JournalRecord &record)
{
	return write_whole(fd_.get(), &record, sizeof(record));
}

} // namespace swpath::stamp
