// SPDX-License-Identifier: LGPL-2.1-or-later
/// The JSON of reports and messages, by name only: who makes or reads a value includes
/// <nlohmann/json.hpp>, which costs a compiler more than the rest of such a file.
#pragma once

#include <nlohmann/json_fwd.hpp>

namespace swpath
{

/// Keys stay in the order of writing: the name of a thing first. Looking one up is linear, which is
/// why a request is small (request_limits).
using Json = nlohmann::ordered_json;

} // namespace swpath
