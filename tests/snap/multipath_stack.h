// SPDX-License-Identifier: GPL-2.0-or-later
/// Stock dm-multipath (bio mode, without its daemon: the kernel alone switches) over the same two
/// ways, the served one by the kernel's nbd with the time-outs that pathd would set.
#pragma once

#include <cstdint>
#include <optional>

#include "tests/snap/stack.h"

namespace swpath::snap
{

class MultipathStack final : public Stack
{
public:
	MultipathStack(const Disk &disk, const Server &server) : disk_(disk), server_(server) {}

	[[nodiscard]] Result<void> begin() override;
	[[nodiscard]] std::string device() const override;
	[[nodiscard]] Result<void> begin_on(bool served) override;
	std::string perform(const Deed &deed) override;
	[[nodiscard]] std::string state() const override;
	[[nodiscard]] bool is_well(std::string &said) override;
	[[nodiscard]] std::vector<std::string> views() const override;
	void post_mortem() const override {}

private:
	[[nodiscard]] Result<void> limit_commands() const;
	[[nodiscard]] Result<std::uint32_t> attach() const;

	const Disk &disk_;
	const Server &server_;
	std::string direct_; ///< number of the device, as the table has it
};

} // namespace swpath::snap
