// SPDX-License-Identifier: GPL-2.0-or-later
#include "pathd/probe.h"

#include <algorithm>
#include <cerrno>
#include <cstring>

#include <fmt/core.h>

#include "libpath/base/crc32c.h"
#include "libpath/serve/served_disk.h"
#include "libpath/sys/clock.h"
#include "libpath/sys/reserve.h"
#include "libpath/sys/scsi.h"

namespace swpath
{

namespace
{

Reason reason_of(ScsiOutcome outcome)
{
	switch (outcome) {
	case ScsiOutcome::Timeout:
		return Reason::TIMEOUT;
	case ScsiOutcome::Transport:
		return Reason::TRANSPORT;
	case ScsiOutcome::Offline:
	case ScsiOutcome::NotReady:
	case ScsiOutcome::PortUnavailable:
		return Reason::OFFLINE;
	case ScsiOutcome::NotConnected:
		return Reason::PATH_GONE;
	case ScsiOutcome::ReservationConflict:
		return Reason::RESERVATION;
	case ScsiOutcome::MediumError:
		return Reason::UNREADABLE;
	default:
		return Reason::ERROR;
	}
}

/// Of whole words. Contents are compared, nobody is to be kept from forging them: it is enough that
/// each step can be undone, so that one word that differs makes another digest.
std::uint64_t digest(std::span<const std::byte> bytes)
{
	std::uint64_t hash = 0xcbf29ce484222325;
	while (bytes.size() >= sizeof(hash)) {
		std::uint64_t word = 0;
		std::memcpy(&word, bytes.data(), sizeof(word));
		bytes = bytes.subspan(sizeof(word));
		hash = (hash ^ word) * 0x9e3779b97f4a7c15;
		hash ^= hash >> 32;
	}
	return hash;
}

/// The disk answered: this block is bad, the path is not.
bool answered(const Error &error)
{
	return error.code == std::errc::no_message_available || error.code.value() == ENODATA ||
	       error.code.value() == EREMOTEIO || error.code.value() == EILSEQ;
}

} // namespace

Reason reason_of(const Error &error)
{
	if (error.code.category() == scsi_category())
		return reason_of(static_cast<ScsiOutcome>(error.code.value()));
	switch (error.code.value()) {
	case ETIMEDOUT:
		return Reason::TIMEOUT;
	case ENOLINK:
	case ECONNREFUSED:
	case ECONNRESET:
	case ECONNABORTED:
	case EPIPE:
	case EHOSTUNREACH:
	case ENETUNREACH:
		return Reason::TRANSPORT;
	case ENXIO:
		return Reason::OFFLINE;
	case ENODEV:
	case ENOENT:
		return Reason::PATH_GONE;
	case EBADE:
		return Reason::RESERVATION;
	case ENODATA:
		return Reason::UNREADABLE;
	default:
		return Reason::ERROR;
	}
}

bool offline_after_hang(std::string_view state, std::uint64_t timeouts,
			std::uint64_t timeouts_when_good)
{
	return state == "offline" && timeouts > timeouts_when_good;
}

Prober::Prober(PathKind kind, std::string sysname, Duration limit)
	: kind_(kind), sysname_(std::move(sysname)), devnode_("/dev/" + sysname_), limit_(limit),
	  buffer_(std::max<std::size_t>(landmark_bytes, SW_WITNESS_BYTES))
{
}

void Prober::revive()
{
	if (!kernel_)
		if (auto opened = ScsiState::open(sysname_))
			kernel_ = std::move(*opened);
	if (!kernel_)
		return;
	const auto state = kernel_->word();
	const auto timeouts = kernel_->timeouts();
	// If it cannot be brought back, the check that follows says so.
	if (state && timeouts && offline_after_hang(*state, *timeouts, timeouts_))
		(void)set_scsi_state(sysname_, "running");
}

/// Is it there, and which disk is it? Answered whatever is reserved.
Result<void> Prober::ask(ProbeFacts &facts)
{
	if (!fd_) {
		auto opened = open_leg(devnode_);
		if (!opened)
			return tl::unexpected(opened.error());
		fd_ = std::move(*opened);
	}
	if (kind_ == PathKind::SERVED)
		return {};
	ScsiDisk disk(fd_.get(), limit_);
	if (auto ready = disk.test_unit_ready();
	    !ready && ready.error().code != make_error_code(ScsiOutcome::ReservationConflict))
		return ready;
	auto identity = disk.identity();
	if (!identity)
		return tl::unexpected(identity.error());
	facts.identity = std::move(*identity);
	facts.sequence = disk_sequence(fd_.get());
	return {};
}

/// Not answered to whom exclusive access shuts out: MODE SENSE meets the reservation then, and with
/// LIO READ CAPACITY(16), too.
Result<void> Prober::measure(ProbeFacts &facts)
{
	if (kind_ == PathKind::SERVED) {
		auto geometry = kernel_geometry(fd_.get());
		if (!geometry)
			return tl::unexpected(geometry.error());
		facts.geometry = *geometry;
		// A connection that is gone leaves a device without a size.
		if (geometry->capacity_bytes == 0)
			return fail(ENOLINK, "'" + devnode_ + "' has no connection");
		return {};
	}
	auto geometry = ScsiDisk(fd_.get(), limit_).geometry();
	if (!geometry)
		return tl::unexpected(geometry.error());
	facts.geometry = *geometry;
	// What the disk has grown by is not to be reached before the kernel has asked it again.
	const auto of_kernel = kernel_geometry(fd_.get());
	if (!of_kernel)
		return tl::unexpected(of_kernel.error());
	if (of_kernel->capacity_bytes == 0)
		return fail(ENXIO, "'" + devnode_ + "' has no size in the kernel");
	facts.geometry.capacity_bytes =
		std::min(geometry->capacity_bytes, of_kernel->capacity_bytes);
	return {};
}

/// `bytes`: how much of the disk is looked at.
Result<void> Prober::read_landmarks(ProbeFacts &facts, std::uint64_t bytes)
{
	const auto offsets = landmarks(bytes);
	const auto landmark = buffer_.span().first(landmark_bytes);
	std::optional<Error> bad;
	unsigned good = 0;
	for (std::size_t i = 0; i < offsets.size(); i++) {
		if (!offsets[i])
			continue;
		if (auto read = read_medium(fd_.get(), *offsets[i], landmark); !read) {
			if (!answered(read.error()))
				return read;
			bad = read.error();
			continue;
		}
		facts.medium.digests[i] = digest(landmark);
		good++;
	}
	// Landmarks may sit in some cache by now: another place every time is read from the disk.
	if (const std::uint64_t blocks = bytes / landmark_bytes; blocks > 0) {
		constexpr std::uint64_t stride =
			104729; // a prime: visits every block of most disks
		turn_++;
		auto read =
			read_medium(fd_.get(), turn_ * stride % blocks * landmark_bytes, landmark);
		if (!read && !answered(read.error()))
			return read;
		if (read)
			good++;
	}
	if (good == 0)
		return tl::unexpected(bad.value_or(
			Error{make_error_code(std::errc::invalid_argument), "disk of no size"}));
	return {};
}

Result<void> Prober::read_witnessed(ProbeFacts &facts)
{
	for (const auto &record : facts.expected.records) {
		// Of a table that was longer.
		if (record.sector * sector_bytes + record.bytes > facts.geometry.capacity_bytes)
			continue;
		const auto block = buffer_.span().first(record.bytes);
		if (auto read = read_medium(fd_.get(), record.sector * sector_bytes, block);
		    !read) {
			if (!answered(read.error()))
				return read;
			continue;
		}
		facts.shown.push_back({record.sector, record.bytes, crc32c(block)});
	}
	return {};
}

Result<void> Prober::keep_key(const ProbeKey &key, ProbeFacts &facts)
{
	Reserver disk{ScsiDisk(fd_.get(), limit_)};
	const auto keys = disk.keys();
	if (!keys) {
		// A disk without reservations is used without.
		if (keys.error().code == ScsiOutcome::IllegalRequest)
			return {};
		return tl::unexpected(keys.error());
	}
	facts.reservations = true;
	facts.keys = keys->keys;
	const bool listed =
		std::find(keys->keys.begin(), keys->keys.end(), key.key) != keys->keys.end();
	// A key that is listed may be another nexus's, from before this device had the path's
	// place; and this one may have had another path's.
	if (listed && registered_ == key.key)
		return {};
	bool may_register = key.may_register;
	if (may_register && key.serves) {
		const auto is_free = disk_is_free(devnode_);
		if (!is_free)
			return tl::unexpected(is_free.error());
		may_register = *is_free;
	}
	if (listed && !may_register)
		return {};
	if (!may_register)
		return fail(EBADE, "the path is shut out by a fence");
	auto done = disk.register_key(key.key);
	registered_ = done ? key.key : 0;
	return done;
}

Result<void> Prober::carry_key(const ProbeKey &key, ProbeFacts &facts)
{
	Reserver disk{ScsiDisk(fd_.get(), limit_)};
	auto view = key.copy ? copy_key(nexus_, disk, *key.copy) : nexus_.look(disk);
	if (view && key.copy)
		facts.copied = key.copy->key;
	// What was to be copied is gone.
	if (!view && view.error().code.value() == ENOENT)
		view = nexus_.look(disk);
	if (view)
		facts.nexus = std::move(*view);
	// A disk without reservations is used without.
	else if (view.error().code != ScsiOutcome::IllegalRequest)
		return tl::unexpected(view.error());
	return {};
}

ProbeFacts Prober::probe(const ProbeKey &key, WitnessList expected, std::uint64_t unit_bytes)
{
	ProbeFacts facts;
	facts.expected = std::move(expected);
	facts.began = now();
	if (kind_ == PathKind::DIRECT)
		revive();
	auto done = ask(facts);
	const bool ours = facts.identity && facts.identity->wwid == key.wwid;
	// Before what a path without its key may not be allowed to ask, and to read.
	if (done && ours && key.carry)
		done = carry_key(key, facts);
	if (done)
		done = measure(facts);
	if (done) {
		facts.medium.began = now();
		const auto whole = facts.geometry.capacity_bytes;
		done = read_landmarks(facts, unit_bytes != 0 ? std::min(unit_bytes, whole) : whole);
		facts.medium.ended = now();
	}
	if (done)
		done = read_witnessed(facts);
	if (done && ours && key.key != 0)
		done = keep_key(key, facts);
	facts.ended = now();
	if (done && kind_ == PathKind::DIRECT)
		timeouts_ = kernel_ ? kernel_->timeouts().value_or(0) : 0;
	if (!done) {
		facts.failure = reason_of(done.error());
		facts.text = done.error().message();
		// The device may be another one the next time.
		fd_.reset();
		kernel_.reset();
		nexus_.forget();
		registered_ = 0;
	}
	return facts;
}

} // namespace swpath
