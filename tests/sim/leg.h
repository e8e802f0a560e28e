// SPDX-License-Identifier: GPL-2.0-or-later
/// A path's block device on the client, as the kernel target and pathd see it.
#pragma once

#include <memory>
#include <vector>

#include "libpath/unit/kinds.h"
#include "server.h"

namespace swpath::sim
{

class Leg
{
public:
	Leg() = default;
	Leg(const Leg &) = delete;
	Leg &operator=(const Leg &) = delete;
	virtual ~Leg() = default;

	[[nodiscard]] virtual PathKind kind() const = 0;
	/// Number of the block device, 0: there is none. A number is never used again.
	[[nodiscard]] virtual std::uint64_t device() const = 0;
	/// `done` is called exactly once, later, unless the client goes down.
	virtual void send(const Request &request, Done done) = 0;
	/// pathd's order to a leg that does not drain.
	virtual void give_up() = 0;
	/// A check is about to be made: what was taken offline after a hang is set running.
	virtual void revive() {}
	/// The way to the disk that it ends in: this host's own, or its server's.
	[[nodiscard]] virtual Nexus &nexus() const = 0;
	/// For the judge: where it leads to, and what a read of a block would return now.
	[[nodiscard]] const Disk &disk() const { return nexus().disk(); }
	[[nodiscard]] virtual Stamp shown(std::uint32_t block) const = 0;
	/// The client went down, or is up again.
	virtual void client_went_down() = 0;
	virtual void client_came_up() = 0;
};

class DirectLeg final : public Leg
{
public:
	explicit DirectLeg(Nexus &nexus) : nexus_(nexus) {}

	[[nodiscard]] PathKind kind() const override { return PathKind::DIRECT; }
	[[nodiscard]] std::uint64_t device() const override { return device_; }
	void send(const Request &request, Done done) override
	{
		if (request.device == device_)
			nexus_.send(request, std::move(done));
		else
			nexus_.refuse(std::move(done));
	}
	void give_up() override
	{
		nexus_.reset_unit([](bool) {});
	}
	void revive() override { nexus_.revive(); }
	[[nodiscard]] Nexus &nexus() const override { return nexus_; }
	[[nodiscard]] Stamp shown(std::uint32_t block) const override
	{
		return nexus_.disk().shown(block);
	}
	void client_went_down() override { nexus_.host_went_down(); }
	void client_came_up() override { nexus_.host_came_up(); }
	/// Deleted and found again: another device of the same disk.
	void replace()
	{
		device_++;
		nexus_.deleted();
	}

private:
	Nexus &nexus_;
	std::uint64_t device_ = 1;
};

/// The kernel's NBD client: one connection, which is never mended. When it ends, all its requests
/// end in errors, and the server goes on with them (Linux: drivers/block/nbd.c, sock_shutdown(),
/// without reconnect).
class ServedLeg final : public Leg
{
public:
	ServedLeg(Context &context, Host &client, Network &network, HostId peer, Server &server,
		  Nanos request_limit)
		: context_(context), client_(client), network_(network), peer_(peer),
		  server_(server), request_limit_(request_limit)
	{
	}

	[[nodiscard]] PathKind kind() const override { return PathKind::SERVED; }
	[[nodiscard]] std::uint64_t device() const override { return connection_; }
	void send(const Request &request, Done done) override;
	void give_up() override { disconnect("given up"); }
	[[nodiscard]] Nexus &nexus() const override { return server_.nexus_of(epoch_); }
	[[nodiscard]] Stamp shown(std::uint32_t block) const override
	{
		return server_.shown(block);
	}
	void client_went_down() override;
	void client_came_up() override {}

	/// Epoch of the present connection, or of the last one.
	[[nodiscard]] Epoch epoch() const { return epoch_; }
	/// A new connection, made by a thread of `owner`. `done` is told whether there is one,
	/// within 3 s.
	void attach(Epoch epoch, Host &owner, std::function<void(bool)> done);
	void disconnect(const char *why);
	/// The server's process died: its machine says so.
	void server_died();
	[[nodiscard]] HostId peer() const { return peer_; }
	[[nodiscard]] Server &server() { return server_; }

private:
	struct Outstanding {
		std::uint64_t number;
		Done done;
	};

	void connection_ended(std::uint64_t connection, const char *why);
	void answered(std::uint64_t number, const Answer &answer);
	void ask(std::uint64_t connection, Epoch epoch, Host &owner,
		 std::shared_ptr<std::function<void(bool)>> done);

	Context &context_;
	Host &client_;
	Network &network_;
	HostId peer_;
	Server &server_;
	Nanos request_limit_;
	std::uint64_t connection_ = 0; ///< 0: none
	std::uint64_t next_connection_ = 1;
	Epoch epoch_ = 0;
	std::uint64_t next_number_ = 1;
	std::vector<Outstanding> outstanding_;
	/// Connections whose unsent tail is dropped at their end: a reset instead of a close.
	std::shared_ptr<std::map<std::uint64_t, bool>> reset_ =
		std::make_shared<std::map<std::uint64_t, bool>>();
};

} // namespace swpath::sim
