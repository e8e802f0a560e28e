// SPDX-License-Identifier: GPL-2.0-or-later
#include "client_rights.h"

#include <algorithm>
#include <cerrno>

namespace swpath::sim
{

namespace
{

constexpr const char *client_name = "client";
constexpr Nanos rights_interval = 1 * sec;
constexpr Nanos export_grace = 10 * sec;
constexpr Nanos revoke_limit = 2 * sec;
constexpr Nanos tick_interval = 200 * ms;

} // namespace

void ClientRights::start()
{
	keys_ = ClientKeys(kept_);
	busy_ = revoking_ = false;
	next_ = told_at_ = ticked_ = 0;
	started_ = context_.schedule.now();
	pathd_.after(context_.random.between(1 * ms, tick_interval), [this] { tick(); });
}

void ClientRights::tick()
{
	const Nanos now = context_.schedule.now();
	const bool steady = ticked_ != 0 && now - ticked_ <= 2 * tick_interval;
	server_.watched(steady && nexus_.passes() && !server_.process().frozen(), told());
	ticked_ = now;
	look_after(now);
	pathd_.after(tick_interval, [this] { tick(); });
}

/// As Unit::carry_for().
void ClientRights::carry(Key key, std::function<void(int)> answer)
{
	if (!nexus_.passes())
		return answer(ENODEV);
	if (busy_)
		return answer(EAGAIN);
	keys_.told(client_name, key);
	told_at_ = context_.schedule.now();
	server_.watched(false, told());
	look(std::nullopt, std::move(answer));
}

/// As Unit::look_for_client().
void ClientRights::look(std::optional<NexusChange> copy, std::function<void(int)> answered)
{
	busy_ = true;
	struct Seen {
		bool copied = false;
		NexusView view;
	};
	auto seen = std::make_shared<Seen>();
	const bool lies = context_.broken(Mutant::SERVER_KEY_CLAIMED);
	nexus_.manage(
		[seen, copy, lies, id = nexus_.id()](Disk &disk) {
			seen->copied = copy && (lies || disk.copy_key(id, *copy));
			seen->view = disk.view(id);
			if (lies && copy)
				seen->view.own = copy->key;
		},
		[this, seen, copy, answered = std::move(answered),
		 boot = pathd_.boot()](bool reached) {
			if (boot != pathd_.boot())
				return;
			pathd_.run([this, seen, copy, answered, reached] {
				busy_ = false;
				if (!reached)
					return answered(EIO);
				if (copy && !seen->copied)
					return look(std::nullopt, answered);
				if (copy)
					keys_.changed(copy->key);
				looked(seen->view, answered);
			});
		});
}

void ClientRights::looked(const NexusView &view, const std::function<void(int)> &answered)
{
	const auto verdict = keys_.looked(client_name, view);
	kept_ = keys_.state();
	if (verdict.change) {
		context_.trace.say("rights", "{}: key {:#x} instead of {:#x}", pathd_.name(),
				   verdict.change->key, view.own);
		return look(verdict.change, answered);
	}
	if (!verdict.refusal.empty())
		context_.trace.say("rights", "{}: {}", pathd_.name(), verdict.refusal);
	answered(verdict.refusal.empty() ? 0 : EBADE);
}

/// As Unit::look_after_rights().
void ClientRights::look_after(Nanos now)
{
	const auto exported = server_.exported();
	if (keys_.state().keys.empty() || busy_ || now < next_ || !server_.process().up() ||
	    exported == 0 || !nexus_.passes())
		return;
	next_ = now + rights_interval;
	const bool open = exported > server_.closed();
	if (!open) {
		if (now < std::max(told_at_, started_) + export_grace)
			return;
		keys_.told(client_name, 0);
		if (!keys_.copy_is_left()) {
			keys_.forget(client_name);
			kept_ = keys_.state();
			return;
		}
	}
	look(std::nullopt, [this, open, exported](int error) {
		if (open && error == EBADE && !revoking_ &&
		    !context_.broken(Mutant::PREEMPTED_SERVED))
			serve_no_more(exported);
	});
}

void ClientRights::serve_no_more(Epoch epoch)
{
	context_.trace.say("rights", "{} serves epoch {} no more", pathd_.name(), epoch);
	revoking_ = true;
	pathd_.after(revoke_limit, [this] { revoking_ = false; });
	server_.process().run([this, epoch] { server_.revoke(epoch, [](Drained) {}); });
}

} // namespace swpath::sim
