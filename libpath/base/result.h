// SPDX-License-Identifier: LGPL-2.1-or-later
/// The way every libpath call reports failure: a value or an Error, never an exception.
#pragma once

#include <string>
#include <string_view>
#include <system_error>
#include <utility>

#include <tl/expected.hpp>

namespace swpath
{

/// What went wrong and to what: `code` is for programs (compare with std::errc), `context` names
/// the operation and its object for people ("load table of 'sw0'"), without the code's own text.
struct Error {
	std::error_code code;
	std::string context;

	/// One line: "<context>: <text of the code>".
	[[nodiscard]] std::string message() const { return context + ": " + code.message(); }
};

template <class T>
using Result = tl::expected<T, Error>;

/// A failed Result from an errno value (positive).
[[nodiscard]] inline auto fail(int error_number, std::string context)
{
	return tl::unexpected(Error{{error_number, std::generic_category()}, std::move(context)});
}

/// The same failure with what the caller was doing put in front.
[[nodiscard]] inline auto fail(Error error, std::string_view doing)
{
	error.context = std::string(doing) + ": " + error.context;
	return tl::unexpected(std::move(error));
}

} // namespace swpath
