// SPDX-License-Identifier: LGPL-2.1-or-later
#include "libpath/sys/scsi.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <limits>

#include <fmt/core.h>
#include <scsi/sg.h>
#include <scsi/sg_lib.h>
#include <scsi/sg_unaligned.h>
#include <sys/ioctl.h>

#include "libpath/base/text.h"

namespace swpath
{
namespace
{

class ScsiCategory final : public std::error_category
{
public:
	[[nodiscard]] const char *name() const noexcept override { return "scsi"; }

	[[nodiscard]] std::string message(int value) const override
	{
		return std::string(word(static_cast<ScsiOutcome>(value)));
	}

	[[nodiscard]] std::error_condition
	default_error_condition(int value) const noexcept override
	{
		switch (static_cast<ScsiOutcome>(value)) {
		case ScsiOutcome::Timeout:
			return std::errc::timed_out;
		case ScsiOutcome::Offline:
		case ScsiOutcome::NotConnected:
			return std::errc::no_such_device;
		case ScsiOutcome::IllegalRequest:
			return std::errc::operation_not_supported;
		case ScsiOutcome::DataProtect:
			return std::errc::read_only_file_system;
		default:
			return std::errc::io_error;
		}
	}
};

constexpr unsigned attempts_max = 4; // the first, and 3 repeats of what was not executed
constexpr std::size_t vpd_bytes_max = 4096;
constexpr std::size_t reply_bytes_max = 4096;

// Host bytes of struct sg_io_hdr (drivers/scsi: DID_*), which no exported header names.
constexpr unsigned host_no_connect = 0x01;
constexpr unsigned host_timed_out = 0x03;
constexpr unsigned host_bad_target = 0x04;

ScsiOutcome host_outcome(unsigned host) noexcept
{
	switch (host) {
	case host_timed_out:
		return ScsiOutcome::Timeout;
	case host_no_connect:
	case host_bad_target:
		return ScsiOutcome::NotConnected;
	default:
		return ScsiOutcome::Transport;
	}
}

ScsiOutcome os_outcome(int error_number) noexcept
{
	switch (error_number) {
	case ENXIO: // offline: scsi_prep_state_check() in the kernel
	case ENODEV:
		return ScsiOutcome::Offline;
	case ETIMEDOUT:
		return ScsiOutcome::Timeout;
	case EBUSY:
	case EAGAIN:
		return ScsiOutcome::Busy;
	default:
		return ScsiOutcome::Transport;
	}
}

auto scsi_failure(ScsiOutcome outcome, std::string context)
{
	return tl::unexpected(Error{make_error_code(outcome), std::move(context)});
}

std::string inquiry_text(std::span<const std::uint8_t> bytes)
{
	std::string text;
	for (const auto byte : bytes)
		text += byte >= 0x20 && byte < 0x7f ? static_cast<char>(byte) : ' ';
	return std::string(trimmed(text));
}

} // namespace

const std::error_category &scsi_category() noexcept
{
	static const ScsiCategory category;
	return category;
}

std::error_code make_error_code(ScsiOutcome outcome) noexcept
{
	return {static_cast<int>(outcome), scsi_category()};
}

std::optional<Sense> parse_sense(std::span<const std::uint8_t> bytes) noexcept
{
	sg_scsi_sense_hdr header{};
	if (bytes.empty() ||
	    !sg_scsi_normalize_sense(bytes.data(), static_cast<int>(bytes.size()), &header))
		return std::nullopt;
	constexpr std::uint8_t deferred_fixed = 0x71, deferred_descriptor = 0x73;
	return Sense{header.sense_key, header.asc, header.ascq,
		     header.response_code == deferred_fixed ||
			     header.response_code == deferred_descriptor};
}

ScsiOutcome classify(std::uint8_t status, const std::optional<Sense> &sense) noexcept
{
	switch (status & 0x7e) {
	case SAM_STAT_GOOD:
	case SAM_STAT_CONDITION_MET:
		return ScsiOutcome::Good;
	case SAM_STAT_RESERVATION_CONFLICT:
		return ScsiOutcome::ReservationConflict;
	case SAM_STAT_BUSY:
	case SAM_STAT_TASK_SET_FULL:
		return ScsiOutcome::Busy;
	case SAM_STAT_TASK_ABORTED:
		return ScsiOutcome::Aborted;
	case SAM_STAT_CHECK_CONDITION:
		break;
	default:
		return ScsiOutcome::Other;
	}
	if (!sense)
		return ScsiOutcome::Other;
	// Whatever its key says, even that all is well, it does not say of this command.
	if (sense->deferred)
		return ScsiOutcome::Deferred;
	switch (sense->key) {
	case SPC_SK_NO_SENSE:
	case SPC_SK_RECOVERED_ERROR:
		return ScsiOutcome::Good;
	case SPC_SK_NOT_READY:
		// 04/0a to 04/0c: asymmetric access transition, standby, unavailable (SPC-6).
		return sense->asc == 0x04 && sense->ascq >= 0x0a && sense->ascq <= 0x0c
			       ? ScsiOutcome::PortUnavailable
			       : ScsiOutcome::NotReady;
	case SPC_SK_MEDIUM_ERROR:
		return ScsiOutcome::MediumError;
	case SPC_SK_HARDWARE_ERROR:
		return ScsiOutcome::HardwareError;
	case SPC_SK_ILLEGAL_REQUEST:
		// 25/00: logical unit not supported: it is gone from this target.
		return sense->asc == 0x25 ? ScsiOutcome::NotConnected : ScsiOutcome::IllegalRequest;
	case SPC_SK_UNIT_ATTENTION:
		return ScsiOutcome::UnitAttention;
	case SPC_SK_DATA_PROTECT:
		return ScsiOutcome::DataProtect;
	case SPC_SK_ABORTED_COMMAND:
		return ScsiOutcome::Aborted;
	default:
		return ScsiOutcome::Other;
	}
}

std::string sense_text(const Sense &sense)
{
	char key[64] = "";
	char additional[256] = "";
	sg_get_sense_key_str(sense.key, sizeof(key), key);
	sg_get_asc_ascq_str(sense.asc, sense.ascq, sizeof(additional), additional);
	// The library's own label in front says nothing that the numbers do not.
	constexpr std::string_view label = "Additional sense: ";
	std::string_view text = additional;
	if (text.starts_with(label))
		text.remove_prefix(label.size());
	return fmt::format("{}{}, {} ({:x}/{:02x}/{:02x})",
			   sense.deferred ? "of an earlier command: " : "", key, text, sense.key,
			   sense.asc, sense.ascq);
}

Result<std::vector<PortGroup>> parse_port_groups(std::span<const std::uint8_t> data)
{
	constexpr std::size_t header_bytes = 8, port_bytes = 4;
	if (data.size() < 4)
		return fail(EBADMSG, "target port groups: no header");
	const std::size_t length = sg_get_unaligned_be32(data.data());
	if (length > data.size() - 4)
		return fail(EBADMSG, fmt::format("target port groups: says {} bytes, has {}",
						 length, data.size() - 4));
	auto rest = data.subspan(4, length);
	// The extended header, if one was asked for, has format type 1 in bits 4 to 6.
	if (rest.size() >= 4 && rest[0] == 0x10)
		rest = rest.subspan(4);
	std::vector<PortGroup> groups;
	while (!rest.empty()) {
		if (rest.size() < header_bytes)
			return fail(EBADMSG, "target port groups: a group is cut off");
		const std::size_t ports = rest[7];
		if (rest.size() < header_bytes + ports * port_bytes)
			return fail(EBADMSG, "target port groups: a group's ports are cut off");
		PortGroup group;
		group.preferred = (rest[0] & 0x80) != 0;
		group.state = rest[0] & 0x0f;
		group.group = sg_get_unaligned_be16(&rest[2]);
		rest = rest.subspan(header_bytes);
		for (std::size_t port = 0; port < ports; port++)
			group.ports.push_back(sg_get_unaligned_be16(&rest[port * port_bytes + 2]));
		rest = rest.subspan(ports * port_bytes);
		groups.push_back(std::move(group));
	}
	return groups;
}

Result<std::size_t> ScsiDisk::receive(std::span<const std::uint8_t> cdb,
				      std::span<std::uint8_t> data, const char *what)
{
	return command(cdb, data.empty() ? SG_DXFER_NONE : SG_DXFER_FROM_DEV, data.data(),
		       data.size(), what);
}

Result<void> ScsiDisk::send(std::span<const std::uint8_t> cdb, std::span<const std::uint8_t> data,
			    const char *what)
{
	const auto done = command(cdb, data.empty() ? SG_DXFER_NONE : SG_DXFER_TO_DEV,
				  const_cast<std::uint8_t *>(data.data()), // only read
				  data.size(), what);
	if (!done)
		return tl::unexpected(done.error());
	return {};
}

Result<std::size_t> ScsiDisk::command(std::span<const std::uint8_t> cdb, int direction,
				      std::uint8_t *data, std::size_t bytes, const char *what)
{
	const auto limit_ms = std::chrono::duration_cast<std::chrono::milliseconds>(limit_).count();
	std::array<std::uint8_t, 64> sense_bytes{};
	for (unsigned attempt = 1;; attempt++) {
		sg_io_hdr io{};
		io.interface_id = 'S';
		io.cmd_len = static_cast<unsigned char>(cdb.size());
		io.cmdp = const_cast<unsigned char *>(cdb.data()); // only read
		io.dxfer_direction = direction;
		io.dxfer_len = static_cast<unsigned>(bytes);
		io.dxferp = data;
		io.mx_sb_len = sense_bytes.size();
		io.sbp = sense_bytes.data();
		io.timeout = static_cast<unsigned>(std::max<std::int64_t>(limit_ms, 1));

		if (ioctl(fd_, SG_IO, &io) < 0) {
			const int error = errno;
			if (error == EINTR)
				continue;
			if (error == ENOTTY || error == EINVAL || error == EPERM ||
			    error == EACCES || error == EBADF)
				return fail(error, what);
			return scsi_failure(os_outcome(error),
					    fmt::format("{}: {}", what, std::strerror(error)));
		}
		const auto sense = parse_sense(std::span(sense_bytes).first(io.sb_len_wr));
		// The driver byte says only that there is sense data; status says it as well.
		if (io.host_status != 0)
			return scsi_failure(
				host_outcome(io.host_status),
				fmt::format("{}: host byte {:#04x}", what, io.host_status));
		const auto outcome = classify(io.status, sense);
		if (outcome == ScsiOutcome::Good)
			return bytes - static_cast<std::size_t>(std::clamp<std::int64_t>(
					       io.resid, 0, static_cast<std::int64_t>(bytes)));
		// It reports something that happened before, once, and did not run the command.
		if ((outcome == ScsiOutcome::UnitAttention || outcome == ScsiOutcome::Deferred) &&
		    attempt < attempts_max)
			continue;
		return scsi_failure(outcome,
				    sense ? fmt::format("{}: {}", what, sense_text(*sense))
					  : fmt::format("{}: status {:#04x}", what, io.status));
	}
}

Result<void> ScsiDisk::test_unit_ready()
{
	constexpr std::array<std::uint8_t, 6> cdb{0x00};
	return send(cdb, {}, "TEST UNIT READY");
}

Result<Inquiry> ScsiDisk::inquiry()
{
	constexpr std::uint8_t standard_bytes = 36;
	constexpr std::array<std::uint8_t, 6> cdb{0x12, 0, 0, 0, standard_bytes, 0};
	std::array<std::uint8_t, standard_bytes> data{};
	const auto got = receive(cdb, data, "INQUIRY");
	if (!got)
		return tl::unexpected(got.error());
	if (*got < standard_bytes)
		return fail(EBADMSG, fmt::format("INQUIRY: {} bytes", *got));
	const std::span<const std::uint8_t> bytes(data);
	Inquiry inquiry;
	inquiry.peripheral = bytes[0];
	inquiry.tpgs = bytes[5] >> 4 & 3;
	inquiry.vendor = inquiry_text(bytes.subspan(8, 8));
	inquiry.product = inquiry_text(bytes.subspan(16, 16));
	inquiry.revision = inquiry_text(bytes.subspan(32, 4));
	return inquiry;
}

Result<std::vector<std::uint8_t>> ScsiDisk::vpd(std::uint8_t page)
{
	const auto what = fmt::format("INQUIRY of VPD page {:#04x}", page);
	// The length asked for first: some old disks choke on more than they have in a one-byte
	// field.
	std::size_t bytes = 252;
	for (;;) {
		std::array<std::uint8_t, 6> cdb{0x12, 0x01, page, 0, 0, 0};
		sg_put_unaligned_be16(static_cast<std::uint16_t>(bytes), &cdb[3]);
		std::vector<std::uint8_t> data(bytes);
		const auto got = receive(cdb, data, what.c_str());
		if (!got)
			return tl::unexpected(got.error());
		if (*got < 4 || data[1] != page)
			return fail(EBADMSG, what + ": another page, or none");
		const std::size_t whole = sg_get_unaligned_be16(&data[2]) + std::size_t{4};
		if (whole > vpd_bytes_max)
			return fail(EBADMSG, fmt::format("{}: says {} bytes", what, whole));
		if (whole <= *got) {
			data.resize(whole);
			return data;
		}
		if (whole <= bytes)
			return fail(EBADMSG,
				    fmt::format("{}: says {} bytes, has {}", what, whole, *got));
		bytes = whole;
	}
}

Result<Identity> ScsiDisk::identity()
{
	const auto page83 = vpd(0x83);
	if (!page83)
		return tl::unexpected(page83.error());
	const auto page80 = vpd(0x80);
	if (page80)
		return make_identity(*page83, *page80);
	if (page80.error().code == ScsiOutcome::IllegalRequest)
		return make_identity(*page83, {});
	return tl::unexpected(page80.error());
}

Result<BlockLimits> ScsiDisk::block_limits()
{
	const auto page = vpd(0xb0);
	if (!page)
		return tl::unexpected(page.error());
	const auto has = [&](std::size_t bytes) { return page->size() >= bytes; };
	BlockLimits limits;
	if (has(12))
		limits.max_transfer_blocks = sg_get_unaligned_be32(&(*page)[8]);
	if (has(24))
		limits.max_unmap_blocks = sg_get_unaligned_be32(&(*page)[20]);
	if (has(44))
		limits.max_write_same_blocks = sg_get_unaligned_be64(&(*page)[36]);
	return limits;
}

Result<Geometry> ScsiDisk::geometry()
{
	constexpr std::uint8_t capacity_bytes = 32;
	constexpr std::array<std::uint8_t, 16> cdb{0x9e, 0x10, 0, 0, 0, 0, 0,
						   0,    0,    0, 0, 0, 0, capacity_bytes};
	std::array<std::uint8_t, capacity_bytes> data{};
	const auto got = receive(cdb, data, "READ CAPACITY(16)");
	if (!got)
		return tl::unexpected(got.error());
	if (*got < 14)
		return fail(EBADMSG, fmt::format("READ CAPACITY(16): {} bytes", *got));
	const auto last = sg_get_unaligned_be64(data.data());
	const auto block = sg_get_unaligned_be32(&data[8]);
	// Of the kernel's loff_t; it is a multiple of every block size but for the last byte.
	constexpr std::uint64_t bytes_max = std::numeric_limits<std::int64_t>::max();
	if (block < 512 || block > 65536 || (block & (block - 1)) != 0 || last >= bytes_max / block)
		return fail(EBADMSG, fmt::format("READ CAPACITY(16): last block {}, of {} bytes",
						 last, block));
	Geometry geometry;
	geometry.capacity_bytes = (last + 1) * block;
	geometry.logical_block_bytes = block;
	geometry.physical_block_bytes = block << (data[13] & 0x0f);
	const auto is_protected = write_protected();
	if (!is_protected)
		return tl::unexpected(is_protected.error());
	geometry.write_protected = *is_protected;
	return geometry;
}

Result<bool> ScsiDisk::write_protected()
{
	// All pages (3f), no block descriptors; WP is bit 7 of the device-specific byte.
	constexpr std::uint8_t bytes6 = 192;
	constexpr std::array<std::uint8_t, 6> cdb6{0x1a, 0x08, 0x3f, 0, bytes6, 0};
	std::array<std::uint8_t, bytes6> data{};
	const auto got6 = receive(cdb6, data, "MODE SENSE(6)");
	if (got6 && *got6 >= 3)
		return (data[2] & 0x80) != 0;
	if (!got6 && got6.error().code != ScsiOutcome::IllegalRequest)
		return tl::unexpected(got6.error());

	constexpr std::array<std::uint8_t, 10> cdb10{0x5a, 0x08, 0x3f, 0, 0, 0, 0, 0, bytes6, 0};
	const auto got10 = receive(cdb10, data, "MODE SENSE(10)");
	if (got10 && *got10 >= 4)
		return (data[3] & 0x80) != 0;
	if (!got10 && got10.error().code != ScsiOutcome::IllegalRequest)
		return tl::unexpected(got10.error());
	return false;
}

Result<std::vector<PortGroup>> ScsiDisk::port_groups()
{
	std::array<std::uint8_t, 12> cdb{0xa3, 0x0a};
	sg_put_unaligned_be32(reply_bytes_max, &cdb[6]);
	std::vector<std::uint8_t> data(reply_bytes_max);
	const auto got = receive(cdb, data, "REPORT TARGET PORT GROUPS");
	if (!got)
		return tl::unexpected(got.error());
	return parse_port_groups(std::span(data).first(*got));
}

Result<void> ScsiDisk::reset_unit()
{
	// A flag of newer kernels that scsi/sg.h of the C library may lack.
	constexpr int no_escalate = 0x100;
	int kind = SG_SCSI_RESET_DEVICE | no_escalate;
	if (ioctl(fd_, SG_SCSI_RESET, &kind) < 0)
		return fail(errno, "LOGICAL UNIT RESET");
	return {};
}

} // namespace swpath
