// SPDX-License-Identifier: GPL-2.0-or-later
#include "libpath/control/peer_session.h"
#include "tests/fuzz/fuzz.h"

using namespace swpath;

namespace
{

void converse(PeerSession::Side side, std::string_view bytes)
{
	Instant now{};
	PeerSession session(side, PeerHello{}, {}, now);
	// In two parts: a frame may be cut anywhere.
	const auto half = bytes.size() / 2;
	for (const auto part : {bytes.substr(0, half), bytes.substr(half)}) {
		const auto events = session.feed(part, now);
		if (!events) {
			FUZZ_EXPECT(!events.error().context.empty());
			return;
		}
		for (const auto &event : *events) {
			if (event.kind == PeerEvent::Kind::Request) {
				FUZZ_EXPECT(session.hello().has_value());
				PeerAnswer answer;
				answer.verb = event.request.verb;
				answer.id = event.request.id;
				session.answer(answer, now);
			}
		}
		// One of each kind, so that the other half may answer them.
		for (std::size_t verb = 0; verb < Words<PeerVerb>::all.size(); verb++) {
			PeerRequest request;
			request.verb = static_cast<PeerVerb>(verb);
			request.id = verb;
			request.deadline_ms = 1000;
			(void)session.ask(request, now);
		}
		FUZZ_EXPECT(!session.deadline() || *session.deadline() >= now);
		now += std::chrono::milliseconds(10);
		(void)session.tick(now);
	}
}

} // namespace

/// What a peer sends: whatever is read is written again as it was, and a conversation survives it.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t *data, std::size_t size)
{
	const auto bytes = text_of(data, size);
	converse(PeerSession::Side::Answers, bytes);
	converse(PeerSession::Side::Asks, bytes);
	const auto frame = decode_peer_frame(bytes);
	if (!frame || !*frame)
		return 0;
	FUZZ_EXPECT((*frame)->bytes <= size);
	const auto again =
		(*frame)->request ? encode(*(*frame)->request) : encode(*(*frame)->answer);
	const auto twice = decode_peer_frame(again);
	FUZZ_EXPECT(twice && *twice);
	if ((*frame)->request)
		FUZZ_EXPECT((*twice)->request == (*frame)->request);
	return 0;
}
