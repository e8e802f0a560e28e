// SPDX-License-Identifier: GPL-2.0-or-later
#include "leg.h"

#include <algorithm>
#include <utility>

namespace swpath::sim
{

namespace
{

constexpr HostId client_id = 0;
constexpr Nanos attach_limit = 3 * sec;

} // namespace

void ServedLeg::send(const Request &request, Done done)
{
	if (!connection_ || request.device != connection_) {
		client_.after(10 * us,
			      [done = std::move(done)] { done({.status = Status::Error}); });
		return;
	}
	const auto number = next_number_++;
	const auto connection = connection_;
	outstanding_.push_back({number, std::move(done)});
	network_.send(client_id, peer_, [this, connection, request, number, reset = reset_] {
		// A reset connection takes what was not delivered with it.
		if (reset->contains(connection))
			return;
		server_.process().run([this, connection, request, number] {
			// The server hears of a connection's end only after its requests: it never
			// heard here.
			server_.serve(connection, request, [this, number](const Answer &answer) {
				network_.send(peer_, client_id, [this, number, answer] {
					client_.run([this, number, answer] {
						answered(number, answer);
					});
				});
			});
			// The export was closed: the connection is ended from the server's side.
			if (!server_.has_session(connection))
				network_.send(peer_, client_id, [this, connection] {
					client_.run([this, connection] {
						connection_ended(connection, "ended by the server");
					});
				});
		});
	});
	client_.after(request_limit_, [this, number] {
		if (std::any_of(outstanding_.begin(), outstanding_.end(),
				[number](const Outstanding &o) { return o.number == number; }))
			disconnect("a request timed out");
	});
}

void ServedLeg::answered(std::uint64_t number, const Answer &answer)
{
	const auto at = std::find_if(outstanding_.begin(), outstanding_.end(),
				     [number](const Outstanding &o) { return o.number == number; });
	if (at == outstanding_.end())
		return;
	const auto done = std::move(at->done);
	outstanding_.erase(at);
	// NBD has no path errors: whatever went wrong at the server's path is an I/O error here;
	// and no number for a conflict.
	Answer told = answer;
	told.conflicted = told.status == Status::Conflict;
	if (path_error(told.status) || told.conflicted)
		told.status = Status::Error;
	done(told);
}

void ServedLeg::disconnect(const char *why)
{
	if (!connection_)
		return;
	const auto connection = connection_;
	if (context_.random.chance(0.5))
		(*reset_)[connection] = true;
	network_.send(client_id, peer_, [this, connection] {
		server_.process().run([this, connection] { server_.end_connection(connection); });
	});
	connection_ended(connection, why);
}

void ServedLeg::connection_ended(std::uint64_t connection, const char *why)
{
	if (connection == 0 || connection != connection_)
		return;
	context_.trace.say("leg", "connection {} to host {} ends: {}, {} requests end in errors",
			   connection, peer_, why, outstanding_.size());
	connection_ = 0;
	for (const auto &each : std::exchange(outstanding_, {}))
		client_.after(1 * us, [done = each.done] { done({.status = Status::Error}); });
}

void ServedLeg::server_died()
{
	network_.send(peer_, client_id, [this, connection = connection_] {
		client_.run(
			[this, connection] { connection_ended(connection, "the server died"); });
	});
}

void ServedLeg::attach(Epoch epoch, Host &owner, std::function<void(bool)> done)
{
	const auto connection = next_connection_++;
	auto once = std::make_shared<std::function<void(bool)>>(std::move(done));
	ask(connection, epoch, owner, once);
	owner.after(attach_limit, [once] {
		if (auto tell = std::exchange(*once, nullptr))
			tell(false);
	});
}

void ServedLeg::ask(std::uint64_t connection, Epoch epoch, Host &owner,
		    std::shared_ptr<std::function<void(bool)>> done)
{
	network_.send(
		client_id, peer_, [this, connection, epoch, done, &owner, boot = owner.boot()] {
			server_.process().run([this, connection, epoch, done, &owner, boot] {
				server_.revive();
				// Fail fast: a server without its own path serves nothing.
				const bool able = server_.proved(server_.nexus());
				const Epoch answer = able ? server_.open(connection, epoch) : 0;
				network_.send(
					peer_, client_id,
					[this, connection, epoch, answer, done, &owner, boot] {
						if (owner.boot() != boot)
							return;
						owner.run([this, connection, epoch, answer, done,
							   &owner] {
							if (!*done)
								return;
							if (answer > epoch) { // closed: it said
									      // which one is not
								ask(connection, answer, owner,
								    done);
								return;
							}
							if (answer == epoch) {
								connection_ = connection;
								epoch_ = epoch;
							}
							std::exchange(*done,
								      nullptr)(answer == epoch);
						});
					});
			});
		});
}

void ServedLeg::client_went_down()
{
	if (connection_) {
		network_.send(client_id, peer_, [this, connection = connection_] {
			server_.process().run(
				[this, connection] { server_.end_connection(connection); });
		});
	}
	connection_ = 0;
	outstanding_.clear();
}

} // namespace swpath::sim
