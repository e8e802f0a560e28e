// SPDX-License-Identifier: GPL-2.0-or-later
/// One host's way to a disk: the I_T nexus and the SCSI layer above it. Commands time out, are
/// aborted, and if that fails too the logical unit is reset, and if that fails too the device goes
/// offline, its commands end in errors and may live on in the target (Linux:
/// drivers/scsi/scsi_error.c, scsi_unjam_host()).
#pragma once

#include <string>
#include <vector>

#include "disk.h"
#include "host.h"

namespace swpath::sim
{

enum class Link : std::uint8_t {
	Up,
	Down, ///< nothing passes
	Deaf, ///< commands pass, answers do not
};

struct NexusFaults {
	double abort_fails = 0; ///< an abort, or a reset, has no answer although the link is up
};

class Nexus
{
public:
	Nexus(Context &context, Host &host, NexusId id, Disk &disk, Nanos command_limit)
		: context_(context), host_(host), id_(id), disk_(&disk),
		  command_limit_(command_limit)
	{
	}
	Nexus(const Nexus &) = delete;
	Nexus &operator=(const Nexus &) = delete;

	[[nodiscard]] NexusId id() const { return id_; }
	[[nodiscard]] Disk &disk() const { return *disk_; }
	[[nodiscard]] bool passes() const { return link_ == Link::Up && !lost_; }

	/// `done` is called exactly once, unless the host goes down.
	void send(const Request &request, Done done);
	/// A command to a device that is not there any more.
	void refuse(Done done);
	/// The device was deleted: its commands have ended, aborted where the target can be
	/// reached.
	void deleted();
	/// LOGICAL UNIT RESET; `done` is told whether the target confirmed.
	void reset_unit(std::function<void(bool)> done);
	/// A command that has no task set: PERSISTENT RESERVE IN and OUT. `what` happens at the
	/// disk; `done` is told whether the answer came back.
	void manage(std::function<void(Disk &)> what, std::function<void(bool)> done);
	/// An offline device is set running again: it logs in anew, and the target forgets what it
	/// held.
	void revive();

	/// Writes that ended in an error and may still be executed, since the target last forgot.
	[[nodiscard]] unsigned in_doubt() const { return in_doubt_; }
	[[nodiscard]] bool link_up() const { return link_ == Link::Up; }

	// What goes wrong.
	void set_link(Link link);
	/// Unplugged, the link is down whatever set_link() says.
	void plug(bool in);
	void point_at(Disk &disk);
	void set_faults(const NexusFaults &faults) { faults_ = faults; }
	void host_went_down();
	void host_came_up();

private:
	struct Command {
		std::uint64_t number;
		Request request;
		Done done;
		std::uint64_t tag = 0; ///< at the disk, 0: not there yet
	};

	void arrive(std::uint64_t number, std::uint64_t login);
	void answered(std::uint64_t number, const Answer &answer);
	void watch(std::uint64_t number);
	void expire(std::uint64_t number);
	void escalate();
	void end_all(Status status, bool doubt);
	void finish(std::vector<Command>::iterator at, const Answer &answer);
	void change_link(Link link);
	void log_in();
	std::vector<Command>::iterator find(std::uint64_t number);

	Context &context_;
	Host &host_;
	NexusId id_;
	Disk *disk_;
	Nanos command_limit_;
	NexusFaults faults_;
	Link link_ = Link::Up;
	Link wanted_link_ = Link::Up;
	bool plugged_ = true;
	bool offline_ = false;
	bool lost_ = false; ///< the transport gave up: logs in when the link is back
	bool recovering_ = false;
	std::uint64_t logins_ = 1;
	unsigned in_doubt_ = 0;
	std::uint64_t next_number_ = 1;
	std::uint64_t link_changes_ = 0;
	std::vector<Command> commands_;
};

} // namespace swpath::sim
