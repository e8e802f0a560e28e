// SPDX-License-Identifier: GPL-2.0-or-later
#include "tests/stamp/writer.h"

#include <algorithm>
#include <cerrno>
#include <condition_variable>
#include <cstring>
#include <filesystem>
#include <mutex>
#include <random>
#include <thread>
#include <vector>

#include <fcntl.h>
#include <fmt/core.h>
#include <nlohmann/json.hpp>
#include <unistd.h>

#include "tests/stamp/device.h"
#include "tests/stamp/journal.h"
#include "tests/stamp/latency.h"
#include "tests/stamp/ledger.h"

namespace swpath::stamp
{
namespace
{

constexpr std::uint64_t default_span_max = 1ULL << 30;
constexpr std::chrono::milliseconds pause_after_error{10};

/// What the threads share. Every member is guarded by `mutex_`; no I/O on the device under it.
class Session
{
public:
	Session(const WriterOptions &options, Device device, Journal journal, Ledger ledger)
		: options_(options), device_(std::move(device)), journal_(std::move(journal)),
		  ledger_(std::move(ledger)), busy_(ledger_.head().blocks), random_(options.seed)
	{
	}

	Result<WriterSummary> run(const std::atomic<bool> &stop);

private:
	struct Job {
		bool is_read = false;
		std::uint64_t block = 0;
		Stamp stamp{};
	};

	void work(const std::atomic<bool> &stop);
	bool is_over(const std::atomic<bool> &stop) const;
	std::optional<Job> next_job(const std::atomic<bool> &stop);
	void log(const Job &job, Fate fate, int error, std::uint64_t time);
	void finished(const Job &job, std::span<const std::byte> data, int error,
		      std::uint64_t begin, std::uint64_t end);
	void flush_if_due();
	void rest() const;
	void count_error(int error);
	void show_progress();

	const WriterOptions &options_;
	const Device device_;
	std::mutex mutex_;
	std::condition_variable block_free_;
	Journal journal_;
	Ledger ledger_;
	std::vector<bool> busy_;
	std::mt19937_64 random_;
	Latency latency_;
	Latency since_progress_;
	WriterSummary summary_;
	std::optional<Error> log_error_;
	std::uint64_t begin_ns_ = 0;
	std::uint64_t next_progress_ns_ = 0;
	std::uint64_t started_ = 0;
	std::uint64_t writes_since_flush_ = 0;
};

bool Session::is_over(const std::atomic<bool> &stop) const
{
	return stop || log_error_ || (options_.ops && started_ >= *options_.ops) ||
	       (options_.seconds &&
		static_cast<double>(now_ns() - begin_ns_) >= *options_.seconds * 1e9);
}

std::optional<Session::Job> Session::next_job(const std::atomic<bool> &stop)
{
	std::unique_lock lock(mutex_);
	Job job;
	for (;;) {
		if (is_over(stop))
			return std::nullopt;
		job.block = random_() % busy_.size();
		// The next free one, from a random one on.
		const auto busy_from = [&](std::uint64_t block) {
			return busy_[block % busy_.size()];
		};
		std::size_t tried = 0;
		while (tried < busy_.size() && busy_from(job.block + tried))
			tried++;
		if (tried < busy_.size()) {
			job.block = (job.block + tried) % busy_.size();
			break;
		}
		block_free_.wait_for(lock, std::chrono::milliseconds(100));
	}
	busy_[job.block] = true;
	started_++;
	job.is_read = random_() % 100 < options_.read_percent;
	if (!job.is_read) {
		job.stamp = ledger_.submit(job.block);
		log(job, Fate::Submit, 0, now_ns());
	}
	return job;
}

void Session::log(const Job &job, Fate fate, int error, std::uint64_t time)
{
	const JournalRecord record{fate,
				   static_cast<std::uint32_t>(error),
				   time,
				   job.block,
				   job.stamp.version,
				   job.stamp.sequence};
	if (auto logged = journal_.append(record); !logged && !log_error_)
		log_error_ = logged.error();
}

void Session::count_error(int error)
{
	summary_.errors++;
	if (summary_.first_error == 0)
		summary_.first_error = error;
}

void Session::finished(const Job &job, std::span<const std::byte> data, int error,
		       std::uint64_t begin, std::uint64_t end)
{
	const std::lock_guard lock(mutex_);
	latency_.completed(begin, end);
	since_progress_.completed(begin, end);
	if (error != 0)
		count_error(error);
	if (job.is_read) {
		summary_.reads++;
		if (error == 0 && ledger_.is_written(job.block)) {
			const auto finding = ledger_.judge(job.block, data);
			if (finding.verdict != Verdict::Good && summary_.mismatches++ == 0)
				summary_.first_mismatch = finding.detail;
		}
	} else {
		log(job, error == 0 ? Fate::Ack : Fate::Error, error, end);
		if (error == 0)
			ledger_.acknowledge(job.block, job.stamp.version);
	}
	busy_[job.block] = false;
	block_free_.notify_one();
	if (options_.progress_seconds > 0 && end >= next_progress_ns_)
		show_progress();
}

void Session::show_progress()
{
	const std::uint64_t now = now_ns();
	fmt::print("swstamp: {:.1f} s, {} I/Os, longest {:.0f} ms, {} errors\n",
		   static_cast<double>(now - begin_ns_) / 1e9, latency_.count(),
		   since_progress_.longest_ms(), summary_.errors);
	std::fflush(stdout);
	since_progress_ = Latency();
	next_progress_ns_ = now + static_cast<std::uint64_t>(options_.progress_seconds * 1e9);
}

void Session::flush_if_due()
{
	{
		const std::lock_guard lock(mutex_);
		if (options_.fsync_every == 0 || ++writes_since_flush_ < options_.fsync_every)
			return;
		writes_since_flush_ = 0;
	}
	if (::fdatasync(device_.fd.get()) != 0) {
		const int error = errno;
		const std::lock_guard lock(mutex_);
		count_error(error);
	}
}

void Session::rest() const
{
	constexpr std::uint64_t period_ns = 100'000'000;
	const std::uint64_t at = (now_ns() - begin_ns_) % period_ns;
	if (at >= period_ns / 100 * options_.duty_percent)
		std::this_thread::sleep_for(std::chrono::nanoseconds(period_ns - at));
}

void Session::work(const std::atomic<bool> &stop)
{
	AlignedBuffer buffer(options_.block_bytes);
	for (;;) {
		rest();
		const auto job = next_job(stop);
		if (!job)
			return;
		if (!job->is_read)
			encode_block(job->stamp, buffer.data());
		const std::uint64_t offset = job->block * options_.block_bytes;
		const std::uint64_t begin = now_ns();
		const int error = job->is_read ? read_at(device_, buffer.data(), offset)
					       : write_at(device_, buffer.data(), offset);
		finished(*job, buffer.data(), error, begin, now_ns());
		if (error != 0)
			std::this_thread::sleep_for(pause_after_error);
		else if (!job->is_read)
			flush_if_due();
	}
}

Result<WriterSummary> Session::run(const std::atomic<bool> &stop)
{
	begin_ns_ = now_ns();
	next_progress_ns_ = begin_ns_ + static_cast<std::uint64_t>(options_.progress_seconds * 1e9);
	{
		std::vector<std::jthread> threads;
		for (unsigned i = 0; i < options_.depth; i++)
			threads.emplace_back([&] { work(stop); });
	}
	if (log_error_)
		return tl::unexpected(*log_error_);
	summary_.ops = latency_.count();
	summary_.longest_ms = latency_.longest_ms();
	summary_.p50_ms = latency_.percentile_ms(50);
	summary_.p99_ms = latency_.percentile_ms(99);
	summary_.gap_ms = latency_.gap_ms();
	summary_.seconds = static_cast<double>(now_ns() - begin_ns_) / 1e9;
	return summary_;
}

struct Book {
	Journal journal;
	Ledger ledger;
};

Result<Book> open_book(const WriterOptions &options, std::uint64_t device_bytes)
{
	if (std::filesystem::exists(options.log)) {
		auto content = read_journal(options.log);
		if (!content)
			return tl::unexpected(content.error());
		if (content->head.unit != unit_id(options.unit) ||
		    content->head.block_bytes != options.block_bytes)
			return fail(EINVAL,
				    options.log + " is of another unit or another block size");
		if (content->head.blocks * options.block_bytes > device_bytes)
			return fail(EINVAL, options.log + " covers more than the device has");
		auto ledger = Ledger::replay(*content);
		if (!ledger)
			return tl::unexpected(ledger.error());
		auto journal = Journal::open(options.log);
		if (!journal)
			return tl::unexpected(journal.error());
		return Book{std::move(*journal), std::move(*ledger)};
	}
	const std::uint64_t span = options.span_bytes != 0
					   ? options.span_bytes
					   : std::min(device_bytes, default_span_max);
	if (span > device_bytes || span < options.block_bytes)
		return fail(EINVAL,
			    fmt::format("span of {} bytes on a device of {}", span, device_bytes));
	std::random_device entropy;
	const JournalHead head{(std::uint64_t{entropy()} << 32) | entropy(), unit_id(options.unit),
			       options.block_bytes, span / options.block_bytes};
	auto journal = Journal::create(options.log, head);
	if (!journal)
		return tl::unexpected(journal.error());
	return Book{std::move(*journal), Ledger(head)};
}

} // namespace

std::string WriterSummary::to_json() const
{
	nlohmann::ordered_json json{{"ops", ops},
				    {"reads", reads},
				    {"errors", errors},
				    {"mismatches", mismatches},
				    {"longest_ms", longest_ms},
				    {"p50_ms", p50_ms},
				    {"p99_ms", p99_ms},
				    {"gap_ms", gap_ms},
				    {"seconds", seconds}};
	if (first_error != 0)
		json["first_error"] = std::strerror(first_error);
	if (mismatches != 0)
		json["first_mismatch"] = first_mismatch;
	return json.dump();
}

Result<WriterSummary> write_stamped(const WriterOptions &options, const std::atomic<bool> &stop)
{
	const int flags = O_RDWR | (options.fua ? O_DSYNC : 0);
	auto device = open_device(options.device, flags);
	if (!device)
		return tl::unexpected(device.error());
	auto book = open_book(options, device->bytes);
	if (!book)
		return tl::unexpected(book.error());
	Session session(options, std::move(*device), std::move(book->journal),
			std::move(book->ledger));
	return session.run(stop);
}

} // namespace swpath::stamp
