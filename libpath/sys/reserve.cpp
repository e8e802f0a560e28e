// SPDX-License-Identifier: LGPL-2.1-or-later
#include "libpath/sys/reserve.h"

#include <algorithm>
#include <array>
#include <cerrno>

#include <fmt/core.h>
#include <scsi/sg_unaligned.h>

namespace swpath
{
namespace
{

// Service actions: SPC-4 tables 143 and 157.
constexpr std::uint8_t in_keys = 0x00, in_reservation = 0x01, in_capabilities = 0x02,
		       in_full_status = 0x03;
constexpr std::uint8_t out_register = 0x00, out_reserve = 0x01, out_release = 0x02,
		       out_clear = 0x03, out_preempt = 0x04, out_preempt_abort = 0x05,
		       out_register_ignore = 0x06;
constexpr std::size_t in_bytes_first = 512, in_bytes_max = 65528;

} // namespace

Result<std::vector<std::uint8_t>> Reserver::in(std::uint8_t action, const char *what)
{
	std::size_t bytes = in_bytes_first;
	for (;;) {
		std::array<std::uint8_t, 10> cdb{0x5e, action};
		sg_put_unaligned_be16(static_cast<std::uint16_t>(bytes), &cdb[7]);
		std::vector<std::uint8_t> data(bytes);
		const auto got = disk_.receive(cdb, data, what);
		if (!got)
			return tl::unexpected(got.error());
		data.resize(*got);
		if (action == in_capabilities || data.size() < 8)
			return data;
		const std::size_t whole = sg_get_unaligned_be32(&data[4]) + std::size_t{8};
		if (whole <= bytes)
			return data;
		if (bytes == in_bytes_max)
			return fail(EBADMSG, fmt::format("{}: says {} bytes", what, whole));
		bytes = std::min(whole, in_bytes_max);
	}
}

Result<ReservationKeys> Reserver::keys()
{
	const auto data = in(in_keys, "PERSISTENT RESERVE IN, READ KEYS");
	if (!data)
		return tl::unexpected(data.error());
	return parse_reservation_keys(*data);
}

Result<ReservationHolder> Reserver::holder()
{
	const auto data = in(in_reservation, "PERSISTENT RESERVE IN, READ RESERVATION");
	if (!data)
		return tl::unexpected(data.error());
	return parse_reservation_holder(*data);
}

Result<ReservationCapabilities> Reserver::capabilities()
{
	const auto data = in(in_capabilities, "PERSISTENT RESERVE IN, REPORT CAPABILITIES");
	if (!data)
		return tl::unexpected(data.error());
	return parse_reservation_capabilities(*data);
}

Result<std::vector<ReservationRegistrant>> Reserver::status()
{
	const auto data = in(in_full_status, "PERSISTENT RESERVE IN, READ FULL STATUS");
	if (!data)
		return tl::unexpected(data.error());
	return parse_reservation_status(*data);
}

Result<void> Reserver::out(std::uint8_t action, ReservationType type, std::uint64_t key,
			   std::uint64_t service_key, bool persist, const char *what)
{
	const auto parameters = reserve_out_parameters(key, service_key, persist);
	// The scope is 0, logical unit: the standard has no other.
	std::array<std::uint8_t, 10> cdb{0x5f, action, static_cast<std::uint8_t>(type)};
	sg_put_unaligned_be32(parameters.size(), &cdb[5]);
	return disk_.send(cdb, parameters, what);
}

Result<void> Reserver::register_key(std::uint64_t key)
{
	return register_by(out_register_ignore, 0, key,
			   "PERSISTENT RESERVE OUT, REGISTER AND IGNORE EXISTING KEY");
}

Result<void> Reserver::replace_key(std::uint64_t had, std::uint64_t key)
{
	auto done = register_by(out_register, had, key, "PERSISTENT RESERVE OUT, REGISTER");
	if (!done && done.error().code == ScsiOutcome::ReservationConflict)
		return fail(ENOENT, fmt::format("the nexus has not the key {} any more",
						reservation_key_text(had)));
	return done;
}

Result<void> Reserver::register_by(std::uint8_t action, std::uint64_t had, std::uint64_t key,
				   const char *what)
{
	const auto can = capabilities();
	if (!can)
		return tl::unexpected(can.error());
	if (can->persists) {
		auto done = out(action, ReservationType::None, had, key, true, what);
		// One that claims it and has no place to write it to: seen with LIO without
		// /etc/target/pr.
		if (done || done.error().code == ScsiOutcome::ReservationConflict)
			return done;
	}
	return out(action, ReservationType::None, had, key, false, what);
}

Result<bool> Reserver::has_key(std::uint64_t key)
{
	const auto can = capabilities();
	if (!can)
		return tl::unexpected(can.error());
	const auto done = out(out_register, ReservationType::None, key, key, can->persists_now,
			      "PERSISTENT RESERVE OUT, REGISTER");
	if (done)
		return true;
	if (done.error().code == ScsiOutcome::ReservationConflict)
		return false;
	return tl::unexpected(done.error());
}

Result<void> Reserver::reserve(std::uint64_t key, ReservationType type)
{
	return out(out_reserve, type, key, 0, false, "PERSISTENT RESERVE OUT, RESERVE");
}

Result<void> Reserver::release(std::uint64_t key, ReservationType type)
{
	return out(out_release, type, key, 0, false, "PERSISTENT RESERVE OUT, RELEASE");
}

Result<void> Reserver::clear(std::uint64_t key)
{
	return out(out_clear, ReservationType::None, key, 0, false,
		   "PERSISTENT RESERVE OUT, CLEAR");
}

Result<void> Reserver::preempt_by(std::uint8_t action, std::uint64_t key, std::uint64_t victim,
				  ReservationType type, const char *what)
{
	auto done = out(action, type, key, victim, false, what);
	if (done || done.error().code != ScsiOutcome::ReservationConflict)
		return done;
	// One status for two causes (5.12.11.2.1): tell the missing victim from our own missing
	// key.
	const auto registered = keys();
	if (!registered)
		return tl::unexpected(registered.error());
	const auto has = [&](std::uint64_t wanted) {
		return std::find(registered->keys.begin(), registered->keys.end(), wanted) !=
		       registered->keys.end();
	};
	if (has(key) && !has(victim))
		return fail(ENOENT, fmt::format("{}: no nexus has the key {}", what,
						reservation_key_text(victim)));
	return done;
}

Result<void> Reserver::preempt(std::uint64_t key, std::uint64_t victim, ReservationType type)
{
	return preempt_by(out_preempt, key, victim, type, "PERSISTENT RESERVE OUT, PREEMPT");
}

Result<void> Reserver::preempt_and_abort(std::uint64_t key, std::uint64_t victim,
					 ReservationType type)
{
	return preempt_by(out_preempt_abort, key, victim, type,
			  "PERSISTENT RESERVE OUT, PREEMPT AND ABORT");
}

Result<bool> Reserver::is_shut_out()
{
	constexpr std::array<std::uint8_t, 10> cdb{0x2a};
	const auto done = disk_.send(cdb, {}, "WRITE(10) of no blocks");
	if (done)
		return false;
	if (done.error().code == ScsiOutcome::ReservationConflict)
		return true;
	return tl::unexpected(done.error());
}

} // namespace swpath
