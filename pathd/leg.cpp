// SPDX-License-Identifier: GPL-2.0-or-later
#include "pathd/leg.h"

#include <algorithm>
#include <cerrno>

#include "libpath/base/text.h"
#include "libpath/sys/clock.h"
#include "libpath/sys/iscsi_session.h"
#include "libpath/sys/medium.h"
#include "libpath/sys/nbd.h"
#include "libpath/sys/reserve.h"
#include "libpath/sys/scsi.h"
#include "libpath/sys/tcp_sockets.h"

namespace swpath
{

namespace
{

/// A reset may take as long as the host's error handling; this bounds only the commands around it.
constexpr Duration reset_limit = std::chrono::seconds(2);

/// Whoever asks a leg is answered once, on the loop's thread: that the leg is gone if it is by
/// then, also when its job goes with it before a thread has begun it.
template <class Answer>
class Reply
{
public:
	Reply(std::shared_ptr<Mailbox> mailbox, std::weak_ptr<Leg> leg,
	      std::function<void(const Answer &)> answered, Answer gone)
		: mailbox_(std::move(mailbox)), leg_(std::move(leg)),
		  answered_(std::move(answered)), gone_(std::move(gone))
	{
	}
	~Reply()
	{
		if (answered_)
			give(gone_);
	}
	Reply(const Reply &) = delete;
	Reply &operator=(const Reply &) = delete;

	void give(Answer answer)
	{
		mailbox_->post([leg = leg_, answered = std::exchange(answered_, nullptr),
				answer = std::move(answer),
				gone = gone_] { answered(leg.expired() ? gone : answer); });
	}
	/// Nobody waits for it.
	void cancel() { answered_ = nullptr; }

private:
	std::shared_ptr<Mailbox> mailbox_;
	std::weak_ptr<Leg> leg_;
	std::function<void(const Answer &)> answered_;
	Answer gone_;
};

constexpr const char *gone_text = "the path is gone";

Result<void> open_once(UniqueFd &fd, const std::string &devnode)
{
	if (fd)
		return {};
	auto opened = open_leg(devnode);
	if (!opened)
		return tl::unexpected(opened.error());
	fd = std::move(*opened);
	return {};
}

Result<void> reset_direct(UniqueFd &fd, const std::string &devnode)
{
	if (auto opened = open_once(fd, devnode); !opened)
		return opened;
	return ScsiDisk(fd.get(), reset_limit).reset_unit();
}

Result<NexusView> look_at_nexus(UniqueFd &fd, const std::string &devnode, NexusLook &nexus,
				std::optional<NexusChange> copy, Duration limit)
{
	if (const auto opened = open_once(fd, devnode); !opened)
		return tl::unexpected(opened.error());
	Reserver disk{ScsiDisk(fd.get(), limit)};
	return copy ? copy_key(nexus, disk, *copy) : nexus.look(disk);
}

} // namespace

Leg::Leg(const BlockDevice &device, PathKind kind, std::shared_ptr<Mailbox> mailbox,
	 OnProbe on_probe, OnGivenUp on_given_up)
	: device_(device), kind_(kind), mailbox_(std::move(mailbox)),
	  on_probe_(std::move(on_probe)), on_given_up_(std::move(on_given_up)),
	  reset_fd_(std::make_shared<UniqueFd>()), nexus_(std::make_shared<NexusLook>())
{
}

/// To close a device takes a mutex of it (block/bdev.c, blkdev_put) that whoever opens it holds
/// while the SCSI layer recovers the host: not for the loop to wait for.
Leg::~Leg()
{
	// What they have not begun holds on to the same descriptors.
	checker_.reset();
	breaker_.reset();
	cutter_.reset();
	auto started = Worker::start("end-" + device_.sysname);
	if (!started)
		return;
	const std::shared_ptr<Worker> ends = std::move(*started);
	(void)ends->submit(
		[ends, prober = std::move(prober_), fd = std::move(reset_fd_)]() mutable {
			prober.reset();
			fd.reset();
		});
}

Result<std::shared_ptr<Leg>> Leg::create(const BlockDevice &device, PathKind kind,
					 Duration command_limit, std::shared_ptr<Mailbox> mailbox,
					 OnProbe on_probe, OnGivenUp on_given_up)
{
	auto leg = std::shared_ptr<Leg>(new Leg(device, kind, std::move(mailbox),
						std::move(on_probe), std::move(on_given_up)));
	leg->prober_ = std::make_shared<Prober>(kind, device.sysname, command_limit);
	auto checker = Worker::start("chk-" + device.sysname);
	if (!checker)
		return tl::unexpected(checker.error());
	leg->checker_ = std::move(*checker);
	auto breaker = Worker::start("brk-" + device.sysname);
	if (!breaker)
		return tl::unexpected(breaker.error());
	leg->breaker_ = std::move(*breaker);
	if (kind == PathKind::DIRECT) {
		// Opened now: in a mount verification an open could hang behind the commands that
		// do.
		(void)leg->breaker_->submit([fd = leg->reset_fd_, devnode = device.devnode] {
			if (auto opened = open_leg(devnode))
				*fd = std::move(*opened);
		});
	}
	if (kind == PathKind::DIRECT && is_iscsi(device.syspath)) {
		auto cutter = Worker::start("cut-" + device.sysname);
		if (!cutter)
			return tl::unexpected(cutter.error());
		leg->cutter_ = std::move(*cutter);
		(void)leg->cutter_->submit(prepare_to_end_tcp_sockets);
	}
	return leg;
}

void Leg::probe(std::uint64_t mv)
{
	if (probing_since_)
		again_ = std::max(again_.value_or(0), mv);
	else
		start(mv);
}

void Leg::start(std::uint64_t mv)
{
	const bool taken =
		checker_->submit([prober = prober_, mailbox = mailbox_, weak = weak_from_this(), mv,
				  key = key, expected = expected, unit_bytes = unit_bytes] {
			auto facts = prober->probe(key, expected, unit_bytes);
			mailbox->post([weak, facts = std::move(facts), mv] {
				if (const auto leg = weak.lock())
					leg->finished(facts, mv);
			});
		});
	if (taken)
		probing_since_ = now();
}

void Leg::finished(const ProbeFacts &facts, std::uint64_t mv)
{
	const auto self = shared_from_this(); // the callback may drop the owner's reference
	probing_since_.reset();
	on_probe_(*this, facts, mv);
	if (probing_since_ || !again_)
		return;
	start(*std::exchange(again_, std::nullopt));
}

bool Leg::fence(const FenceAction &action, std::function<void(const FenceResult &)> answered)
{
	const auto reply = std::make_shared<Reply<FenceResult>>(mailbox_, weak_from_this(),
								std::move(answered),
								FenceResult{{}, ENODEV, gone_text});
	const Instant until = now() + action.limit;
	const bool taken = breaker_->submit([reply, fd = reset_fd_, devnode = device_.devnode,
					     until, action] {
		const auto opened = open_once(*fd, devnode);
		// By then the mount verification that it is for may be over, and the path
		// in use the one that it would shut out.
		auto step = action;
		step.limit = until - now();
		if (step.limit <= Duration::zero())
			return reply->give({{}, ETIMEDOUT, "its time was over before it began"});
		reply->give(opened ? carry_out_fence(fd->get(), step)
				   : FenceResult{{}, ENODEV, opened.error().message()});
	});
	if (!taken)
		reply->cancel();
	return taken;
}

bool Leg::nexus(std::optional<NexusChange> copy, Duration limit,
		std::function<void(const Result<NexusView> &)> answered)
{
	const auto reply = std::make_shared<Reply<Result<NexusView>>>(
		mailbox_, weak_from_this(), std::move(answered), fail(ENODEV, gone_text));
	const bool taken = breaker_->submit(
		[reply, fd = reset_fd_, devnode = device_.devnode, look = nexus_, copy, limit] {
			reply->give(look_at_nexus(*fd, devnode, *look, copy, limit));
		});
	if (!taken)
		reply->cancel();
	return taken;
}

Leg::GiveUp Leg::next_give_up() const
{
	if (kind_ == PathKind::SERVED)
		return GiveUp::Disconnect;
	return cutter_ && !cut_ ? GiveUp::Cut : GiveUp::Reset;
}

void Leg::cut_session()
{
	cut_ = cutter_->submit(
		[mailbox = mailbox_, weak = weak_from_this(), sysname = device_.sysname] {
			auto result = cut_iscsi_session(iscsi_connections(sysname));
			mailbox->post([weak, result = std::move(result)] {
				if (const auto leg = weak.lock())
					leg->on_given_up_(*leg, result);
			});
		});
}

void Leg::give_up()
{
	if (next_give_up() == GiveUp::Cut)
		return cut_session();
	if (giving_up_)
		return;
	// An open descriptor would keep the ended connection's device busy.
	if (kind_ == PathKind::SERVED)
		(void)checker_->submit([prober = prober_] { prober->close(); });
	giving_up_ = breaker_->submit([mailbox = mailbox_, weak = weak_from_this(), fd = reset_fd_,
				       kind = kind_, device = device_, connection = socket] {
		if (connection)
			nbd_cut(*connection);
		auto result = kind == PathKind::DIRECT
				      ? reset_direct(*fd, device.devnode)
				      : disconnect_nbd(device.sysname, device.nbd_backend);
		mailbox->post([weak, result = std::move(result)] {
			const auto leg = weak.lock();
			if (!leg)
				return;
			leg->giving_up_ = false;
			leg->on_given_up_(*leg, result);
		});
	});
}

} // namespace swpath
