// SPDX-License-Identifier: GPL-2.0-or-later
#include "libpath/control/frame_reader.h"
#include "libpath/control/wire.h"
#include "libpath/serve/closed_epochs.h"
#include "libpath/serve/serve_calls.h"
#include "libpath/sys/tls_client.h"
#include "tests/fuzz/fuzz.h"

namespace
{

using namespace swpath;

/// Takes what the protocol lets through, which must be whole.
struct Handler : ServeHandler {
	ExportBook book;

	Answered<ExportedReply> export_disk(const ExportOrder &order) override
	{
		FUZZ_EXPECT(ExportName::check_wwid(order.name.wwid).has_value());
		FUZZ_EXPECT(!order.clients.empty() && order.device.starts_with('/'));
		FUZZ_EXPECT(order.device.find('\0') == std::string::npos);
		const auto again = ExportName::parse(order.name.text());
		FUZZ_EXPECT(again && *again == order.name);
		(void)book.add(order, {});
		return ExportedReply{order.name.text(), 4096, 512, 512, order.read_only, 1};
	}
	Answered<RevokedReply> revoke(const RevokeOrder &order) override
	{
		FUZZ_EXPECT(order.wait.count() >= 0 && order.wait <= revoke_wait_max);
		const auto revoked = book.revoke(order.name, {});
		FUZZ_EXPECT(revoked.drained); // nobody ever connects
		const auto late = book.connect(order.name.text(), {}, {});
		FUZZ_EXPECT(!late);
		RevokedReply reply;
		reply.drained = true;
		reply.text = revocation_text(order.name, reply);
		return reply;
	}
	ServeReport report() override
	{
		ServeReport report;
		for (const auto &view : book.exports({}))
			report.exports.push_back({view, 0});
		return report;
	}
};

} // namespace

/// Bytes of a caller, and texts of clients and of files: answered or refused.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t *data, std::size_t size)
{
	const auto bytes = text_of(data, size);
	if (const auto name = ExportName::parse(bytes))
		FUZZ_EXPECT(ExportName::parse(name->text()).value() == *name);
	if (const auto pattern = ClientPattern::parse(bytes))
		(void)pattern->matches({});
	if (const auto keys = KeyFile::parse(bytes, "keys"))
		for (const auto &each : keys->keys())
			FUZZ_EXPECT(!each.user.empty() &&
				    each.key.size() >= KeyFile::key_bytes_min &&
				    keys->of_host(host_of_user(each.user)) != nullptr);
	if (const auto closed = parse_closed_epochs(bytes)) {
		const auto again = parse_closed_epochs(closed_epochs_text(*closed));
		FUZZ_EXPECT(again && *again == *closed);
	}

	Handler handler;
	FrameReader reader(request_limits);
	if (!reader.feed(bytes.substr(0, size / 2)) || !reader.feed(bytes.substr(size / 2)))
		return 0;
	for (;;) {
		const auto message = reader.next();
		if (!message || !*message)
			return 0;
		const auto call = parse_call(**message);
		if (!call)
			continue;
		const auto reply = answer_serve_call(*call, handler);
		FrameReader back(reply_limits);
		FUZZ_EXPECT(back.feed(encode_reply(reply)).has_value());
		const auto read = back.next();
		FUZZ_EXPECT(read && *read && parse_reply(**read));
		(void)exported_from_json(**message);
		(void)revoked_from_json(**message);
		(void)serve_report_from_json(**message);
		if (call->method == "io.swpath.Serve.Status" && reply.error.empty())
			FUZZ_EXPECT(serve_report_from_json(parse_reply(**read)->parameters)
					    .has_value());
		if (call->method == "io.swpath.Serve.Export" && reply.error.empty())
			FUZZ_EXPECT(exported_from_json(reply.parameters).has_value());
		if (call->method == "io.swpath.Serve.Revoke" && reply.error.empty())
			FUZZ_EXPECT(revoked_from_json(reply.parameters).has_value());
	}
}
