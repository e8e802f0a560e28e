// SPDX-License-Identifier: GPL-2.0-or-later
#include <csignal>

#include "libpath/control/refusal.h"
#include "pathd/ctl/command_line.h"
#include "pathd/ctl/output.h"
#include "pathd/ctl/style.h"
#include "pathd/ctl/verbs.h"

int main(int argc, char **argv)
{
	using namespace swpath;
	// Whoever reads the output may stop: then write(2) says so.
	std::signal(SIGPIPE, SIG_IGN);

	const auto line = ctl::parse_command_line({argv + 1, argv + argc});
	if (!line) {
		const bool printed = ctl::print(line.error().out);
		if (!line.error().error.empty()) {
			const auto &text = line.error().error;
			// What was typed may hold a line break; the hint does not.
			const auto end = text.rfind('\n');
			ctl::print_error("pathctl: " + ctl::plain_text(text.substr(0, end)) +
					 "\nhint: " + ctl::plain_text(text.substr(end + 1)) + "\n");
		}
		return line.error().status == 0 && !printed ? exit_status(RefusalKind::Failed)
							    : line.error().status;
	}
	return ctl::run(*line);
}
