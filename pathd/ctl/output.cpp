// SPDX-License-Identifier: GPL-2.0-or-later
#include "pathd/ctl/output.h"

#include <unistd.h>

#include "pathd/ctl/render.h"
#include "pathd/ctl/terminal.h"

namespace swpath::ctl
{

bool print(std::string_view text)
{
	return write_all(STDOUT_FILENO, text);
}

void print_error(std::string_view text)
{
	// There is nobody left to tell if this fails.
	(void)write_all(STDERR_FILENO, text);
}

std::string json_text(const Json &json)
{
	return json.dump(2, ' ', false, Json::error_handler_t::replace) + "\n";
}

int failed(const CommandLine &line, const Refusal &refusal)
{
	const int status = exit_status(refusal.kind);
	if (line.json)
		print_error(json_text({{"schema", "swpath.error"},
				       {"version", report_version},
				       {"error", std::string(word(refusal.kind))},
				       {"status", status},
				       {"unit", line.unit},
				       {"message", refusal.message},
				       {"hint", refusal.hint}}));
	else
		print_error(render_refusal(style_for(line, STDERR_FILENO), refusal, line.unit));
	return status;
}

} // namespace swpath::ctl
