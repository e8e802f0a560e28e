// SPDX-License-Identifier: LGPL-2.1-or-later
#include "libpath/serve/export_name.h"

#include <algorithm>

#include <fmt/core.h>

#include "libpath/base/text.h"

namespace swpath
{
namespace
{

Result<void> check_part(std::string_view what, std::string_view part, std::size_t bytes_max)
{
	if (part.empty())
		return fail(EINVAL, fmt::format("the {} is empty", what));
	if (part.size() > bytes_max)
		return fail(EINVAL, fmt::format("the {} is longer than {} bytes", what, bytes_max));
	const bool printable =
		std::all_of(part.begin(), part.end(), [](char c) { return c >= 0x20 && c < 0x7f; });
	if (!printable)
		return fail(EINVAL,
			    fmt::format("the {} has a byte that is not printable ASCII", what));
	return {};
}

} // namespace

std::string ExportName::text() const
{
	return fmt::format("{}@{}@{}", wwid, client, epoch);
}

std::string ExportName::spoken() const
{
	return fmt::format("epoch {} of {} for {}", epoch, wwid, client);
}

Result<void> ExportName::check_wwid(std::string_view wwid)
{
	return check_part("WWID", wwid, wwid_bytes_max);
}

Result<void> ExportName::check_client(std::string_view client)
{
	if (client.find('@') != client.npos)
		return fail(EINVAL, "the client's name has an '@'");
	return check_part("client's name", client, client_bytes_max);
}

Result<ExportName> ExportName::parse(std::string_view text)
{
	const auto last = text.rfind('@');
	const auto first = last == text.npos || last == 0 ? text.npos : text.rfind('@', last - 1);
	if (first == text.npos)
		return fail(EINVAL, "an export is asked for as WWID@CLIENT@EPOCH");
	const auto epoch = parse_number<std::uint64_t>(text.substr(last + 1));
	if (!epoch)
		return fail(EINVAL, "an export is asked for as WWID@CLIENT@EPOCH, EPOCH a number");
	ExportName name{std::string(text.substr(0, first)),
			std::string(text.substr(first + 1, last - first - 1)), *epoch};
	if (auto good = check_wwid(name.wwid); !good)
		return tl::unexpected(std::move(good.error()));
	if (auto good = check_client(name.client); !good)
		return tl::unexpected(std::move(good.error()));
	return name;
}

} // namespace swpath
