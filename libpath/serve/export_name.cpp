// SPDX-License-Identifier: LGPL-2.1-or-later
#include "libpath/serve/export_name.h"

#include <algorithm>

#include <fmt/format.h>

#include "libpath/base/text.h"

namespace swpath
{

std::string ExportName::text() const
{
	return fmt::format("{}@{}", wwid, epoch);
}

Result<void> ExportName::check_wwid(std::string_view wwid)
{
	if (wwid.empty())
		return fail(EINVAL, "the WWID is empty");
	if (wwid.size() > wwid_bytes_max)
		return fail(EINVAL,
			    fmt::format("the WWID is longer than {} bytes", wwid_bytes_max));
	const bool printable =
		std::all_of(wwid.begin(), wwid.end(), [](char c) { return c >= 0x20 && c < 0x7f; });
	if (!printable)
		return fail(EINVAL, "the WWID has a byte that is not printable ASCII");
	return {};
}

Result<ExportName> ExportName::parse(std::string_view text)
{
	const auto at = text.rfind('@');
	if (at == text.npos)
		return fail(EINVAL, "an export is asked for as WWID@EPOCH");
	const auto epoch = parse_number<std::uint64_t>(text.substr(at + 1));
	if (!epoch)
		return fail(EINVAL, "an export is asked for as WWID@EPOCH, EPOCH a number");
	if (auto good = check_wwid(text.substr(0, at)); !good)
		return tl::unexpected(std::move(good.error()));
	return ExportName{std::string(text.substr(0, at)), *epoch};
}

} // namespace swpath
