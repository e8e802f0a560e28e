// SPDX-License-Identifier: GPL-2.0-or-later
/// swattach ENDPOINT EXPORT [KEYFILE]: gives an export to the kernel's nbd the way pathd does, with
/// TLS if there is a key, and prints the device. For the VM tests.
#include <iostream>

#include "libpath/sys/clock.h"
#include "libpath/sys/nbd.h"

namespace
{

using namespace swpath;

Result<std::string> attach(int count, char **arguments)
{
	const auto endpoint = NbdEndpoint::parse(arguments[1]);
	if (!endpoint)
		return tl::unexpected(endpoint.error());
	std::optional<PresharedKey> key;
	if (count > 3) {
		const auto read = KeyFile::read(arguments[3]);
		if (!read)
			return tl::unexpected(read.error());
		key = read->keys().front();
	}
	const auto connection = nbd_connect(
		*endpoint, arguments[2], now() + std::chrono::seconds(60), key ? &*key : nullptr);
	if (!connection)
		return tl::unexpected(connection.error());
	auto control = NbdControl::open();
	if (!control)
		return tl::unexpected(control.error());
	NbdAttach how;
	how.request_timeout = std::chrono::seconds(10);
	const auto index = control->attach(how, *connection);
	if (!index)
		return tl::unexpected(index.error());
	return "/dev/nbd" + std::to_string(*index);
}

} // namespace

int main(int count, char **arguments)
{
	if (count < 3) {
		std::cerr << "usage: swattach ENDPOINT EXPORT [KEYFILE]\n";
		return 2;
	}
	const auto device = attach(count, arguments);
	if (!device) {
		std::cerr << "swattach: " << device.error().message() << '\n';
		return 1;
	}
	std::cout << *device << '\n';
	return 0;
}
