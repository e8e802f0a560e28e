// SPDX-License-Identifier: GPL-2.0-or-later
#include "pathd/dns_sd.h"

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <ctime>
#include <utility>

#include <fmt/core.h>
#include <sys/epoll.h>

#include "libpath/base/earlier.h"
#include "libpath/sys/clock.h"

namespace swpath
{
namespace
{

constexpr const char *avahi = "org.freedesktop.Avahi";
constexpr const char *server = "org.freedesktop.Avahi.Server";
constexpr const char *browser = "org.freedesktop.Avahi.ServiceBrowser";
constexpr const char *entry_group = "org.freedesktop.Avahi.EntryGroup";

// avahi-common/defs.h
constexpr std::int32_t any_interface = -1;
constexpr std::int32_t any_protocol = -1;
constexpr std::int32_t server_running = 2;
constexpr std::int32_t group_collision = 3;
constexpr std::int32_t group_failure = 4;
constexpr std::uint32_t result_is_local = 8;

constexpr const char *does_not_run = "avahi-daemon does not run: start it";
constexpr const char *bus_is_gone = "the D-Bus system bus is gone";

/// Messages that are taken in one step; the descriptor stays readable for the others.
constexpr unsigned messages_max = 256;

} // namespace

DnsSd::DnsSd(const HostAdvert &own, std::uint16_t port, UniqueFd epoll)
	: own_(own), port_(port), epoll_(std::move(epoll))
{
}

DnsSd::~DnsSd() = default;

Result<std::unique_ptr<DnsSd>> DnsSd::create(const HostAdvert &own, std::uint16_t port)
{
	UniqueFd epoll(epoll_create1(EPOLL_CLOEXEC));
	if (!epoll)
		return fail(errno, "epoll");
	return std::unique_ptr<DnsSd>(new DnsSd(own, port, std::move(epoll)));
}

/// Ended at the end of the step: callbacks of the bus may not end it.
void DnsSd::give_up(const std::string &why)
{
	if (ending_.empty())
		ending_ = why;
}

DnsSd::MessagePtr DnsSd::method(const char *path, const char *interface, const char *member)
{
	sd_bus_message *message = nullptr;
	if (sd_bus_message_new_method_call(bus_.get(), &message, avahi, path, interface, member) <
	    0)
		return nullptr;
	// Who has stopped avahi-daemon does not want it started.
	(void)sd_bus_message_set_auto_start(message, 0);
	return MessagePtr(message);
}

void DnsSd::call(MessagePtr message, Reply reply, void *data)
{
	if (!message || sd_bus_call_async(bus_.get(), nullptr, message.get(), reply, data, 0) < 0)
		give_up("cannot ask avahi-daemon");
}

bool DnsSd::from_avahi(sd_bus_message *message) const
{
	const char *sender = sd_bus_message_get_sender(message);
	return sender != nullptr && owner_ == sender;
}

bool DnsSd::good_reply(sd_bus_message *message)
{
	const auto *error = sd_bus_message_get_error(message);
	if (error == nullptr)
		return true;
	if (sd_bus_error_has_name(error, SD_BUS_ERROR_SERVICE_UNKNOWN) != 0 ||
	    sd_bus_error_has_name(error, SD_BUS_ERROR_NAME_HAS_NO_OWNER) != 0)
		give_up(does_not_run);
	else if (sd_bus_is_open(bus_.get()) <= 0)
		give_up(bus_is_gone); // the error is no answer of avahi's
	else
		give_up(fmt::format("avahi-daemon: {}",
				    error->message != nullptr ? error->message : error->name));
	return false;
}

void DnsSd::connect(Instant now)
{
	retry_at_ = now + retry;
	look_again_ = now + look_again;
	sd_bus *bus = nullptr;
	if (const int r = sd_bus_open_system(&bus); r < 0)
		return give_up(fmt::format("no D-Bus system bus: {}", std::strerror(-r)));
	bus_.reset(bus);
	const auto match = [&](const std::string &rule, Reply callback) {
		if (sd_bus_add_match_async(bus, nullptr, rule.c_str(), callback, nullptr, this) < 0)
			give_up("cannot listen on the D-Bus system bus");
	};
	// The sender is looked at in the callbacks: anybody may emit these.
	match(fmt::format("type='signal',interface='{}',member='ItemNew'", browser), on_item);
	match(fmt::format("type='signal',interface='{}',member='ItemRemove'", browser), on_item);
	match(fmt::format("type='signal',interface='{}',member='Failure'", browser), on_signal);
	match(fmt::format("type='signal',interface='{}',member='StateChanged'", entry_group),
	      on_signal);
	match(fmt::format("type='signal',interface='{}',member='StateChanged'", server), on_signal);
	match(fmt::format("type='signal',sender='org.freedesktop.DBus',"
			  "interface='org.freedesktop.DBus',member='NameOwnerChanged',arg0='{}'",
			  avahi),
	      on_signal);
	call(method("/", server, "GetState"), on_state, this);
}

/// The first answer, from which on it is known who avahi is.
int DnsSd::on_state(sd_bus_message *message, void *data, sd_bus_error *)
{
	auto *self = static_cast<DnsSd *>(data);
	std::int32_t state = 0;
	if (!self->good_reply(message))
		return 0;
	const char *sender = sd_bus_message_get_sender(message);
	if (sender == nullptr || sd_bus_message_read(message, "i", &state) < 0) {
		self->give_up("avahi-daemon does not say its state");
		return 0;
	}
	self->owner_ = sender;
	if (state != server_running) {
		self->give_up("avahi-daemon is not ready yet");
		return 0;
	}
	self->browse();
	return 0;
}

void DnsSd::browse()
{
	auto message = method("/", server, "ServiceBrowserNew");
	if (message && sd_bus_message_append(message.get(), "iissu", any_interface, any_protocol,
					     advert_service, "", 0U) < 0)
		message.reset();
	call(std::move(message), on_nothing, this);
	call(method("/", server, "EntryGroupNew"), on_group, this);
}

int DnsSd::on_nothing(sd_bus_message *message, void *data, sd_bus_error *)
{
	(void)static_cast<DnsSd *>(data)->good_reply(message);
	return 0;
}

int DnsSd::on_group(sd_bus_message *message, void *data, sd_bus_error *)
{
	auto *self = static_cast<DnsSd *>(data);
	const char *group = nullptr;
	if (!self->good_reply(message))
		return 0;
	if (sd_bus_message_read(message, "o", &group) < 0)
		self->give_up("avahi-daemon gives no group of entries");
	else
		self->publish(group);
	return 0;
}

void DnsSd::publish(const char *group)
{
	auto message = method(group, entry_group, "AddService");
	const auto name = fmt::format("swpath {}", own_.host);
	const auto put = [&](int result) {
		if (result < 0)
			message.reset();
		return message != nullptr;
	};
	if (message &&
	    put(sd_bus_message_append(message.get(), "iiussssq", any_interface, any_protocol, 0U,
				      name.c_str(), advert_service, "", "", unsigned(port_))) &&
	    put(sd_bus_message_open_container(message.get(), 'a', "ay"))) {
		for (const auto &text : advert_texts(own_))
			if (!message || !put(sd_bus_message_append_array(message.get(), 'y',
									 text.data(), text.size())))
				break;
		if (message)
			(void)put(sd_bus_message_close_container(message.get()));
	}
	call(std::move(message), on_nothing, this);
	call(method(group, entry_group, "Commit"), on_nothing, this);
	trouble_.clear();
}

/// avahi-daemon came, went or changed, or something that it did for us has ended.
int DnsSd::on_signal(sd_bus_message *message, void *data, sd_bus_error *)
{
	auto *self = static_cast<DnsSd *>(data);
	if (sd_bus_message_is_signal(message, "org.freedesktop.DBus", "NameOwnerChanged") > 0) {
		const char *name = nullptr, *before = nullptr, *after = nullptr;
		if (sd_bus_message_read(message, "sss", &name, &before, &after) < 0)
			return 0;
		if (*after == '\0') {
			self->give_up(does_not_run);
		} else if (after != self->owner_) {
			self->give_up("avahi-daemon has just come");
			self->retry_at_ = self->now_;
		}
		return 0;
	}
	if (!self->from_avahi(message))
		return 0;
	std::int32_t state = 0;
	if (sd_bus_message_is_signal(message, entry_group, "StateChanged") > 0) {
		if (sd_bus_message_read(message, "i", &state) < 0)
			return 0;
		if (state == group_collision)
			self->give_up(fmt::format("another host announces itself as '{}': give one "
						  "of them another name in its [cluster]",
						  self->own_.host));
		else if (state == group_failure)
			self->give_up("avahi-daemon cannot announce this host: see its log");
	} else if (sd_bus_message_is_signal(message, server, "StateChanged") > 0) {
		self->give_up("avahi-daemon has changed the name of this host");
	} else {
		self->give_up("avahi-daemon looks for hosts no more: see its log");
	}
	return 0;
}

int DnsSd::on_item(sd_bus_message *message, void *data, sd_bus_error *)
{
	auto *self = static_cast<DnsSd *>(data);
	FoundHosts::Place place;
	const char *name = nullptr, *type = nullptr, *domain = nullptr;
	std::uint32_t flags = 0;
	if (!self->from_avahi(message) ||
	    sd_bus_message_read(message, "iisssu", &place.interface, &place.protocol, &name, &type,
				&domain, &flags) < 0)
		return 0;
	place.name = name;
	if (sd_bus_message_is_signal(message, browser, "ItemRemove") > 0) {
		if (self->records_.erase(place) == 0)
			return 0;
		self->events_.emplace_back(Withdrawn{place});
		// avahi-daemon names each once: it has to be asked again for those, which takes
		// this host's own announcement away for a moment.
		if (self->passed_over_ && self->now_ >= self->look_again_)
			self->give_up("more is announced than is read; looking again");
	} else if ((flags & result_is_local) == 0) {
		if (self->records_.size() < places_max)
			self->records_[place].domain = domain;
		else
			self->passed_over_ = true;
	}
	return 0;
}

void DnsSd::read_records(Instant now)
{
	for (auto &[place, record] : records_) {
		if (record.reading || now < record.next)
			continue;
		auto message = method("/", server, "ResolveService");
		if (message &&
		    sd_bus_message_append(message.get(), "iisssiu", place.interface, place.protocol,
					  place.name.c_str(), advert_service, record.domain.c_str(),
					  any_protocol, 0U) < 0)
			message.reset();
		record.reading = true;
		record.next = now + read_again;
		// Its own, with the question: it is given back with its slot, answered or not.
		auto reading = std::make_unique<Reading>(Reading{this, place});
		sd_bus_slot *slot = nullptr;
		if (!message || sd_bus_call_async(bus_.get(), &slot, message.get(), on_record,
						  reading.get(), 0) < 0)
			return give_up("cannot ask avahi-daemon");
		(void)sd_bus_slot_set_destroy_callback(
			slot, [](void *data) { delete static_cast<Reading *>(data); });
		(void)reading.release();
		(void)sd_bus_slot_set_floating(slot, 1);
		sd_bus_slot_unref(slot);
	}
}

int DnsSd::on_record(sd_bus_message *message, void *data, sd_bus_error *)
{
	const auto &reading = *static_cast<Reading *>(data);
	auto *self = reading.self;
	const auto record = self->records_.find(reading.place);
	if (record == self->records_.end())
		return 0;
	record->second.reading = false;
	// It has just gone, or was not heard of in time.
	if (sd_bus_message_get_error(message) != nullptr) {
		record->second.next = self->now_ + retry;
		return 0;
	}
	std::int32_t interface = 0, protocol = 0, address_protocol = 0;
	const char *name = nullptr, *type = nullptr, *domain = nullptr, *host = nullptr,
		   *address = nullptr;
	std::uint16_t port = 0;
	if (sd_bus_message_read(message, "iissssisq", &interface, &protocol, &name, &type, &domain,
				&host, &address_protocol, &address, &port) < 0 ||
	    sd_bus_message_enter_container(message, 'a', "ay") < 0)
		return 0;
	Announced event{reading.place, {}, {address, port}};
	const void *bytes = nullptr;
	std::size_t size = 0;
	while (sd_bus_message_read_array(message, 'y', &bytes, &size) > 0)
		event.texts.emplace_back(static_cast<const char *>(bytes), size);
	self->events_.emplace_back(std::move(event));
	return 0;
}

void DnsSd::watch()
{
	const int fd = bus_ ? sd_bus_get_fd(bus_.get()) : -1;
	const int events = bus_ ? sd_bus_get_events(bus_.get()) : 0;
	if (fd < 0 || events < 0)
		return;
	// poll's and epoll's bits are the same.
	const auto wanted = static_cast<std::uint32_t>(events);
	if (fd == watched_fd_ && wanted == watched_)
		return;
	epoll_event event{};
	event.events = wanted;
	event.data.fd = fd;
	if (epoll_ctl(epoll_.get(), fd == watched_fd_ ? EPOLL_CTL_MOD : EPOLL_CTL_ADD, fd,
		      &event) != 0)
		return give_up("epoll");
	watched_fd_ = fd;
	watched_ = wanted;
}

std::vector<DnsSd::Event> DnsSd::step(Instant now)
{
	now_ = now;
	if (!bus_ && now >= retry_at_)
		connect(now);
	for (unsigned i = 0; bus_ && ending_.empty() && i < messages_max; i++) {
		const int r = sd_bus_process(bus_.get(), nullptr);
		if (r < 0)
			give_up(fmt::format("{}: {}", bus_is_gone, std::strerror(-r)));
		if (r <= 0)
			break;
	}
	if (bus_ && ending_.empty() && !owner_.empty())
		read_records(now);
	if (bus_ && ending_.empty())
		watch();
	if (!ending_.empty()) {
		trouble_ = std::exchange(ending_, {});
		bus_.reset();
		watched_fd_ = -1;
		owner_.clear();
		records_.clear();
		passed_over_ = false;
		events_.emplace_back(AllWithdrawn{});
	}
	return std::exchange(events_, {});
}

std::optional<Instant> DnsSd::deadline() const
{
	if (!bus_)
		return retry_at_;
	std::optional<Instant> first;
	const auto consider = [&](Instant at) { first = earlier(first, at); };
	for (const auto &[place, record] : records_)
		if (!record.reading)
			consider(record.next);
	// On another clock, which stands still when Instant's need not.
	std::uint64_t until_us = 0;
	if (sd_bus_get_timeout(bus_.get(), &until_us) > 0 && until_us != UINT64_MAX) {
		timespec time{};
		(void)clock_gettime(CLOCK_MONOTONIC, &time);
		const auto now_us =
			std::uint64_t(time.tv_sec) * 1000000 + std::uint64_t(time.tv_nsec) / 1000;
		consider(now() +
			 std::chrono::microseconds(until_us > now_us ? until_us - now_us : 0));
	}
	return first;
}

} // namespace swpath
