// SPDX-License-Identifier: GPL-2.0-or-later
/// This host's announcement in DNS-SD, and those of others, through avahi-daemon's D-Bus interface.
/// Nothing here waits. Without a bus or without an avahi-daemon it says so, tries again, and is
/// there when they are.
///
/// No object of avahi's is given back by itself: avahi drops what a client had when its connection
/// to the bus ends, so whatever goes wrong, or changes there, ends the connection and begins anew.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include <systemd/sd-bus.h>

#include "libpath/base/instant.h"
#include "libpath/base/result.h"
#include "libpath/base/unique_fd.h"
#include "libpath/cluster/found_hosts.h"
#include "libpath/cluster/host_advert.h"

namespace swpath
{

class DnsSd
{
public:
	static constexpr Duration retry = std::chrono::seconds(5);
	/// What was passed over, because more was announced than is read, is looked for again after
	/// this.
	static constexpr Duration look_again = std::chrono::minutes(5);
	/// A record that was read is read again after this: what is in it may have changed.
	static constexpr Duration read_again = std::chrono::seconds(30);
	/// Records that are read; what is announced beyond them is passed over.
	static constexpr std::size_t places_max = 256;

	struct Announced {
		FoundHosts::Place place;
		std::vector<std::string> texts;
		HostAddress address;
	};
	struct Withdrawn {
		FoundHosts::Place place;
	};
	/// Nobody knows any more what is announced.
	struct AllWithdrawn {
	};
	using Event = std::variant<Announced, Withdrawn, AllWithdrawn>;

	/// `port`: where this host's pathd answers. Errors: of epoll.
	[[nodiscard]] static Result<std::unique_ptr<DnsSd>> create(const HostAdvert &own,
								   std::uint16_t port);
	DnsSd(const DnsSd &) = delete;
	DnsSd &operator=(const DnsSd &) = delete;
	~DnsSd();

	/// Readable when step() has something to do.
	[[nodiscard]] int fd() const { return epoll_.get(); }
	[[nodiscard]] std::vector<Event> step(Instant now);
	[[nodiscard]] std::optional<Instant> deadline() const;
	/// Why nothing is announced or found, for people; empty: it works.
	[[nodiscard]] const std::string &trouble() const { return trouble_; }

private:
	using Bus = UniquePtr<sd_bus, &sd_bus_close_unref>;
	using MessagePtr = UniquePtr<sd_bus_message, &sd_bus_message_unref>;
	/// A record, and when it is read again; `reading`: it is being read.
	struct Record {
		std::string domain;
		Instant next{};
		bool reading = false;
	};
	/// One question about a record: it may be withdrawn before there is an answer.
	struct Reading {
		DnsSd *self = nullptr;
		FoundHosts::Place place;
	};
	using Reply = int (*)(sd_bus_message *, void *, sd_bus_error *);

	DnsSd(const HostAdvert &own, std::uint16_t port, UniqueFd epoll);
	void connect(Instant now);
	void give_up(const std::string &why);
	void watch();
	[[nodiscard]] MessagePtr method(const char *path, const char *interface,
					const char *member);
	void call(MessagePtr message, Reply reply, void *data);
	void browse();
	void publish(const char *group);
	void read_records(Instant now);
	/// False: it is an error, or of somebody else than avahi, and that is the end.
	[[nodiscard]] bool good_reply(sd_bus_message *message);
	[[nodiscard]] bool from_avahi(sd_bus_message *message) const;

	static int on_state(sd_bus_message *message, void *data, sd_bus_error *);
	static int on_nothing(sd_bus_message *message, void *data, sd_bus_error *);
	static int on_group(sd_bus_message *message, void *data, sd_bus_error *);
	static int on_record(sd_bus_message *message, void *data, sd_bus_error *);
	static int on_signal(sd_bus_message *message, void *data, sd_bus_error *);
	static int on_item(sd_bus_message *message, void *data, sd_bus_error *);

	HostAdvert own_;
	std::uint16_t port_;
	UniqueFd epoll_;
	Bus bus_;
	int watched_fd_ = -1;
	std::uint32_t watched_ = 0;
	std::string owner_; ///< avahi's connection to the bus
	Instant now_{};     ///< of the present step
	Instant retry_at_{};
	std::string trouble_ = "not tried yet";
	std::string ending_; ///< why the connection is to be ended; empty: it is not
	std::map<FoundHosts::Place, Record> records_;
	bool passed_over_ = false; ///< there was no room for a record
	Instant look_again_{};     ///< for those, not before
	std::vector<Event> events_;
};

} // namespace swpath
