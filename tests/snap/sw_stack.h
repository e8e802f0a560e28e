// SPDX-License-Identifier: GPL-2.0-or-later
/// swpath: unit sw0 and the real pathd.
#pragma once

#include <optional>

#include <sys/types.h>

#include "libpath/base/instant.h"
#include "libpath/control/order.h"
#include "libpath/unit/unit_status.h"
#include "tests/snap/stack.h"

namespace swpath::snap
{

class SwStack final : public Stack
{
public:
	SwStack(const Disk &disk, const Server &server) : disk_(disk), server_(server) {}

	[[nodiscard]] Result<void> begin() override;
	[[nodiscard]] std::string device() const override;
	[[nodiscard]] Result<void> begin_on(bool served) override;
	std::string perform(const Deed &deed) override;
	[[nodiscard]] std::string state() const override;
	[[nodiscard]] bool is_well(std::string &said) override;
	[[nodiscard]] std::vector<std::string> views() const override;
	void post_mortem() const override;

private:
	[[nodiscard]] Result<void> configure() const;
	[[nodiscard]] Result<void> start_pathd();
	[[nodiscard]] Result<UnitStatus> status() const;
	std::string order(Verb verb, std::string_view path, bool forced) const;

	const Disk &disk_;
	const Server &server_;
	pid_t pathd_ = -1;
	/// Writes that came through the server, and since when it is that number.
	std::optional<std::uint64_t> served_writes_;
	Instant quiet_since_{};
};

} // namespace swpath::snap
