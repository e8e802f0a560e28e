// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include "libpath/serve/export_book.h"

namespace swpath
{

inline ExportOrder order_for(std::string wwid, std::uint64_t epoch, std::string device = "/dev/sdx",
			     std::string_view address = "any", std::string client = "alpha")
{
	return {{std::move(wwid), std::move(client), epoch},
		std::move(device),
		{*ClientPattern::parse(address)},
		false};
}

} // namespace swpath
