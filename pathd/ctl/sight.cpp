// SPDX-License-Identifier: GPL-2.0-or-later
#include "pathd/ctl/sight.h"

#include <fmt/core.h>

#include "pathd/ctl/kernel_view.h"

namespace swpath::ctl
{

namespace
{

Answered<Report> ask_daemon(const CommandLine &line, bool history)
{
	auto client = ControlClient::connect(line.socket, line.timeout);
	if (!client)
		return tl::unexpected(std::move(client.error()));
	return history ? client->history(line.unit) : client->status(line.unit);
}

} // namespace

Answered<Sight> look(const CommandLine &line, bool history)
{
	auto report = ask_daemon(line, history);
	if (report)
		return Sight{std::move(*report), std::nullopt};
	const Refusal &why = report.error();
	if (why.kind != RefusalKind::NotReachable && why.kind != RefusalKind::Timeout &&
	    why.kind != RefusalKind::Permission)
		return tl::unexpected(why);
	auto kernel = read_kernel();
	// What is amiss with pathd comes first: it answers more people than the kernel does.
	if (!kernel)
		return tl::unexpected(
			Refusal{kernel.error().kind,
				fmt::format("{}; {}", why.message, kernel.error().message),
				why.kind == RefusalKind::Permission
					? why.hint
					: fmt::format("{}; {}", kernel.error().hint, why.hint)});
	if (auto selected = select_unit(*kernel, line.unit); !selected)
		return tl::unexpected(std::move(selected.error()));
	return Sight{std::move(*kernel), why};
}

Answered<void> select_unit(Report &report, const std::string &typed)
{
	if (typed.empty())
		return {};
	const auto found = find_unit(report, typed);
	if (!found)
		return tl::unexpected(found.error());
	UnitReport unit = std::move(report.units[*found]);
	report.units.clear();
	report.units.push_back(std::move(unit));
	return {};
}

int shown_status(const std::optional<Refusal> &without_daemon)
{
	return without_daemon && without_daemon->kind == RefusalKind::Timeout
		       ? exit_status(RefusalKind::Timeout)
		       : 0;
}

} // namespace swpath::ctl
