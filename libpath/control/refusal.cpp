// SPDX-License-Identifier: LGPL-2.1-or-later
#include "libpath/control/refusal.h"

namespace swpath
{

int exit_status(RefusalKind kind) noexcept
{
	return static_cast<int>(kind) + 1;
}

namespace
{

RefusalKind kind_of(const std::error_code &code)
{
	if (code == std::errc::no_such_device || code == std::errc::no_such_device_or_address)
		return RefusalKind::NotFound;
	if (code == std::errc::operation_not_permitted || code == std::errc::permission_denied)
		return RefusalKind::Permission;
	if (code == std::errc::device_or_resource_busy || code.value() == ESTALE)
		return RefusalKind::Unsafe;
	if (code == std::errc::timed_out)
		return RefusalKind::Timeout;
	return RefusalKind::Failed;
}

} // namespace

Refusal refusal_of(const Error &error, std::string hint)
{
	return {kind_of(error.code), error.message(), std::move(hint)};
}

} // namespace swpath
