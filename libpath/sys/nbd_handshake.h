// SPDX-License-Identifier: LGPL-2.1-or-later
/// The client's side of the NBD handshake (fixed newstyle, NBD_OPT_GO), as bytes in and bytes out.
///
/// The kernel wants a socket on which the handshake is over and not one byte of the data phase has
/// been read. No library hands out its socket at that point, so the handshake is done here: pure,
/// bounded, and fuzzed. Source: the NBD project's doc/proto.md.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "libpath/base/result.h"

namespace swpath
{

/// What a server says about an export.
struct NbdExport {
	std::uint64_t size_bytes = 0;
	std::uint16_t flags = 0;           ///< NBD_FLAG_* of linux/nbd.h: transmission flags
	std::uint32_t min_block_bytes = 1; ///< of NBD_INFO_BLOCK_SIZE, or the protocol's default
	std::uint32_t preferred_block_bytes = 4096;
	std::uint32_t max_payload_bytes = 32U << 20;

	[[nodiscard]] bool read_only() const noexcept;
	[[nodiscard]] bool can_flush() const noexcept;
	[[nodiscard]] bool can_fua() const noexcept;
	[[nodiscard]] bool can_trim() const noexcept;
	bool operator==(const NbdExport &) const = default;
};

class NbdHandshake
{
public:
	/// Longest text of a server's refusal that is kept, and longest reply that is accepted.
	static constexpr std::size_t reply_bytes_max = 4096;
	/// Replies to one option: a server that sends more is refused.
	static constexpr unsigned replies_max = 32;

	/// `export_name`: at most 4096 bytes, may be empty (the server's default export). `tls`:
	/// nothing but NBD_OPT_STARTTLS is asked before the connection is secured; then
	/// wants_tls().
	explicit NbdHandshake(std::string_view export_name, bool tls = false);

	/// How many bytes are to be read from the socket next, exactly, and given to step():
	/// reading more would take bytes of the data phase. 0 when done.
	[[nodiscard]] std::size_t wants() const noexcept { return wants_; }
	/// Takes exactly wants() bytes; returns what is to be sent now (may be empty).
	/// Errors: EPROTO not an NBD server, or it breaks the protocol; EOPNOTSUPP it has no fixed
	/// newstyle, no NBD_OPT_GO or no TLS that was asked for; ENOENT no such export; EACCES
	/// refused by policy; EPROTONOSUPPORT it wants TLS; ESHUTDOWN it is going down; EINVAL an
	/// odd size. The context holds the server's own words. After an error the object is of no
	/// further use.
	[[nodiscard]] Result<std::vector<std::uint8_t>> step(std::span<const std::uint8_t> bytes);

	/// The server expects the TLS handshake now: do it, then call secured(). wants() is 0.
	[[nodiscard]] bool wants_tls() const noexcept { return stage_ == Stage::Tls; }
	/// The connection is secure. Returns what is to be sent through it now. Errors: EINVAL out
	/// of turn.
	[[nodiscard]] Result<std::vector<std::uint8_t>> secured();

	[[nodiscard]] bool done() const noexcept { return stage_ == Stage::Done; }
	/// The export, once done().
	[[nodiscard]] const NbdExport &result() const noexcept { return export_; }

private:
	enum class Stage : std::uint8_t { Greeting, ReplyHeader, ReplyData, Tls, Done, Broken };
	[[nodiscard]] Result<std::vector<std::uint8_t>>
	greeting(std::span<const std::uint8_t> bytes);
	[[nodiscard]] Result<std::vector<std::uint8_t>> header(std::span<const std::uint8_t> bytes);
	[[nodiscard]] Result<std::vector<std::uint8_t>> reply(std::span<const std::uint8_t> data);
	[[nodiscard]] Result<std::vector<std::uint8_t>>
	information(std::span<const std::uint8_t> data);

	void put_go(std::vector<std::uint8_t> &out);

	std::string export_name_;
	bool tls_;
	std::uint32_t option_ = 0; ///< the one that was sent last
	Stage stage_ = Stage::Greeting;
	std::size_t wants_ = 18;
	std::uint32_t reply_type_ = 0;
	unsigned replies_ = 0;
	bool have_export_ = false;
	NbdExport export_;
};

} // namespace swpath
