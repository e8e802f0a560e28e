// SPDX-License-Identifier: LGPL-2.1-or-later
#include "libpath/hints/dlm/dlm_lock_space.h"

#include <algorithm>
#include <cerrno>
#include <cstdlib>
#include <utility>

#include <sys/types.h>

#include <fmt/core.h>

extern "C" { // the header does not say so itself
#include <libdlm.h>
}

#include "libpath/base/earlier.h"

namespace swpath
{
namespace
{

static_assert(lock_value_bytes == DLM_LVB_LEN && lock_name_bytes_max == DLM_RESNAME_MAXLEN);

std::uint32_t dlm_mode(LockMode mode)
{
	switch (mode) {
	case LockMode::None:
	case LockMode::Null:
		return LKM_NLMODE;
	case LockMode::Shared:
		return LKM_PRMODE;
	case LockMode::Exclusive:
		return LKM_EXMODE;
	}
	return LKM_NLMODE;
}

} // namespace

struct DlmLockSpace::Name {
	Name(DlmLockSpace &of, std::string_view what, std::uint32_t seed)
		: space(of), called(what), keeper(seed)
	{
		status.sb_lvbptr = reinterpret_cast<char *>(bytes.data());
	}

	DlmLockSpace &space;
	const std::string called;
	LockKeeper keeper;
	bool again = false; ///< hold() came while it was being released
	// libdlm writes here, at any time in its dispatch: neither may move.
	struct dlm_lksb status {
	};
	LockBytes bytes{};
};

Result<std::unique_ptr<DlmLockSpace>> DlmLockSpace::open(const std::string &lockspace)
{
	if (lockspace.empty() || lockspace.size() > DLM_LOCKSPACE_LEN)
		return fail(EINVAL, fmt::format("lock space '{}': a name has 1 to {} bytes",
						lockspace, DLM_LOCKSPACE_LEN));
	auto *handle = dlm_open_lockspace(lockspace.c_str());
	if (handle == nullptr)
		handle = dlm_create_lockspace(lockspace.c_str(), 0600);
	if (handle == nullptr)
		// libdlm does not always say why.
		return fail(errno != 0 ? errno : ENODEV,
			    fmt::format("join lock space '{}' (are the module dlm, corosync "
					"and dlm_controld there?)",
					lockspace));
	return std::unique_ptr<DlmLockSpace>(new DlmLockSpace(lockspace, handle));
}

DlmLockSpace::DlmLockSpace(std::string lockspace, void *handle)
	: lockspace_(std::move(lockspace)), handle_(handle)
{
}

DlmLockSpace::~DlmLockSpace()
{
	// Not by force: it stays if another process of this host has locks in it.
	(void)dlm_release_lockspace(lockspace_.c_str(), handle_, 0);
}

Result<void> DlmLockSpace::hold(std::string_view name)
{
	if (auto good = check_lock_name(name); !good)
		return good;
	if (const auto found = names_.find(name); found != names_.end()) {
		found->second->again = true;
		return {};
	}
	names_.emplace(name, std::make_unique<Name>(*this, name, random_()));
	return {};
}

Result<void> DlmLockSpace::publish(std::string_view name, const LockBytes &bytes, Instant deadline)
{
	const auto found = names_.find(name);
	if (found == names_.end())
		return fail(ENOENT, fmt::format("lock '{}' is not held", name));
	if (auto begun = found->second->keeper.publish(bytes, deadline); !begun)
		return fail(begun.error(), fmt::format("lock '{}'", name));
	return {};
}

void DlmLockSpace::release(std::string_view name)
{
	const auto found = names_.find(name);
	if (found == names_.end())
		return;
	found->second->again = false;
	found->second->keeper.release();
}

std::optional<LockValue> DlmLockSpace::value(std::string_view name) const
{
	const auto found = names_.find(name);
	return found == names_.end() ? std::nullopt : found->second->keeper.told();
}

int DlmLockSpace::fd() const
{
	return dlm_ls_get_fd(handle_);
}

std::optional<Instant> DlmLockSpace::next() const
{
	std::optional<Instant> at;
	for (const auto &[called, name] : names_)
		at = earlier(at, name->keeper.next());
	return at;
}

void DlmLockSpace::completed(void *argument)
{
	auto &name = *static_cast<Name *>(argument);
	Call call{&name, false, std::abs(name.status.sb_status), {}};
	if (call.error == EUNLOCK)
		call.error = 0;
	call.value.valid = (name.status.sb_flags & DLM_SBF_VALNOTVALID) == 0;
	if (call.value.valid)
		call.value.bytes = name.bytes;
	name.space.calls_.push_back(call);
}

void DlmLockSpace::blocked(void *argument)
{
	auto &name = *static_cast<Name *>(argument);
	name.space.calls_.push_back({&name, true, 0, {}});
}

Result<std::vector<LockEvent>> DlmLockSpace::step(Instant now)
{
	if (dlm_dispatch(fd()) < 0)
		return fail(errno, fmt::format("lock space '{}'", lockspace_));
	std::vector<LockEvent> events;
	while (!calls_.empty()) {
		const auto call = calls_.front();
		calls_.pop_front();
		auto &keeper = call.name->keeper;
		carry_out(*call.name,
			  call.blocking ? keeper.blocked(now)
					: keeper.completed(call.error, call.value, now),
			  now, events);
	}
	for (auto at = names_.begin(); at != names_.end();) {
		auto &name = *at->second;
		carry_out(name, name.keeper.step(now), now, events);
		if (!name.keeper.gone()) {
			++at;
		} else if (name.again) {
			at->second = std::make_unique<Name>(*this, at->first, random_());
			carry_out(*at->second, at->second->keeper.step(now), now, events);
			++at;
		} else {
			at = names_.erase(at);
		}
	}
	return events;
}

void DlmLockSpace::carry_out(Name &name, const LockKeeperStep &step, Instant now,
			     std::vector<LockEvent> &events)
{
	for (const auto &news : step.news) {
		LockEvent event{news.kind, name.called, news.value, {}};
		if (news.kind == LockEventKind::Failed)
			event.error =
				Error{{news.error, std::generic_category()},
				      fmt::format("lock '{}' of '{}'", name.called, lockspace_)};
		events.push_back(std::move(event));
	}
	if (!step.request)
		return;
	if (const int error = ask(name, *step.request); error != 0)
		carry_out(name, name.keeper.completed(error, {}, now), now, events);
}

/// Hands a request to the kernel; its answer comes by completed(). errno if it does not take it.
int DlmLockSpace::ask(Name &name, const LockRequest &request)
{
	if (request.to == LockMode::None)
		return dlm_ls_unlock(handle_, name.status.sb_lkid, 0, &name.status, &name) == 0
			       ? 0
			       : errno;

	std::uint32_t flags = 0;
	if (request.from != LockMode::None)
		flags |= LKF_CONVERT;
	if (request.no_queue)
		flags |= LKF_NOQUEUE | LKF_NOQUEUEBAST;
	// Down from Exclusive the flag means "write".
	if (request.from != LockMode::Exclusive || request.write)
		flags |= LKF_VALBLK;
	name.bytes = request.write.value_or(LockBytes{});
	return dlm_ls_lock(handle_, dlm_mode(request.to), &name.status, flags, name.called.data(),
			   static_cast<unsigned>(name.called.size()), 0, &completed, &name,
			   &blocked, nullptr) == 0
		       ? 0
		       : errno;
}

} // namespace swpath
