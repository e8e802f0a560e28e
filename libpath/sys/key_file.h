// SPDX-License-Identifier: LGPL-2.1-or-later
/// The cluster's pre-shared keys: a file of lines "USER:HEX", as psktool(1) writes it and nbdkit
/// reads it. A user is a host, by its name in [cluster], or that with a mark behind it: "alpha",
/// "alpha#2". A host is known by any of its lines, and uses the first one. So keys are exchanged
/// with nobody cut off: the new ones are added behind the old ones on all hosts, then put before
/// them, then the old ones are taken away.
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "libpath/base/result.h"

namespace swpath
{

struct PresharedKey {
	std::string user;
	std::vector<unsigned char> key;

	bool operator==(const PresharedKey &) const = default;
};

/// The host that a user of the file is.
[[nodiscard]] std::string_view host_of_user(std::string_view user) noexcept;

class KeyFile
{
public:
	/// A shorter key can be found by trying.
	static constexpr std::size_t key_bytes_min = 16;

	/// Errors: EACCES others may read or write it; EINVAL a line that is none or whose key is
	/// too short, with its number; ENOKEY there is no key; EFBIG more than 64 KiB; else errno.
	/// Each names the file and says what to do. BLOCKS while the file is read.
	[[nodiscard]] static Result<KeyFile> read(const std::string &file);
	/// The same, from the file's text. Pure.
	[[nodiscard]] static Result<KeyFile> parse(std::string_view text, const std::string &file);

	/// Never empty.
	[[nodiscard]] const std::vector<PresharedKey> &keys() const noexcept { return keys_; }
	/// Null: there is no such line.
	[[nodiscard]] const PresharedKey *of_user(std::string_view user) const noexcept;
	/// The first of the host; null: it has none.
	[[nodiscard]] const PresharedKey *of_host(std::string_view host) const noexcept;

	bool operator==(const KeyFile &) const = default;

private:
	std::vector<PresharedKey> keys_;
};

} // namespace swpath
