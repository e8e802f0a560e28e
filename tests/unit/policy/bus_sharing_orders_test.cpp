// SPDX-License-Identifier: GPL-2.0-or-later
/// Shared buses and the units on them, over all orders in which what a host sees may turn up: the
/// real BusSharing and the real plan_unit(), and around them a host that carries out what they say.
#include "libpath/policy/bus_sharing.h"

#include <algorithm>
#include <array>
#include <string>
#include <utility>

#include <gtest/gtest.h>

#include "tests/unit/policy/time_points.h"
#include "tests/unit/policy/unit_status_maker.h"

namespace swpath
{
namespace
{

using test::at_s;

constexpr BusName bus{17, 'B'};
constexpr std::uint16_t alpha = 1;
constexpr std::uint16_t beta = 2;

struct Unit {
	UnitConfig config;
	std::optional<Table> table;
	std::optional<Instant> first_proved;
};

struct Leg {
	std::size_t unit = 0; ///< whose disk it truly leads to
	SeenLeg seen;
	Instant since{};
};

/// Two disks on one bus, each served by beta too.
class Host
{
public:
	Host()
	{
		for (std::size_t i = 0; i < units_.size(); i++) {
			auto &config = units_[i].config;
			config.name = "sw" + std::to_string(i);
			config.paths.resize(2);
			config.paths[0].kind = PathKind::DIRECT;
			config.paths[1].kind = PathKind::SERVED;
		}
	}

	/// P the port, R all ports are known, D A direct paths, U one that is not checked yet,
	/// X D's number is A's disk now, S I images, H beta's mark, N no mark, K beta's key on the
	/// disk of D; small: it goes.
	void happen(char event)
	{
		const std::uint64_t keys[] = {0xa, 0xb};
		switch (event) {
		case 'P':
			port_ = true;
			obey(sharing_.port_appears("host2", bus));
			break;
		case 'p':
			// Its bus is let go, and with it what was told of it.
			port_ = told_mark_ = false;
			obey(sharing_.port_goes("host2"));
			break;
		case 'R':
			sharing_.ports_known();
			break;
		case 'U':
			if (!find({8, 0}))
				direct(0, false);
			break;
		case 'D':
			direct(0, true);
			break;
		case 'A':
			direct(1, true);
			break;
		case 'X':
			direct(1, true, {8, 0});
			break;
		case 'd':
			obey(sharing_.direct_goes({8, 0}));
			forget({8, 0});
			break;
		case 'S':
			image(0);
			break;
		case 'I':
			image(1);
			break;
		case 's':
			sharing_.image_goes({43, 0});
			forget({43, 0});
			break;
		case 'H':
			// The lock space tells what is held only.
			if (!port_)
				break;
			told_mark_ = true;
			obey(sharing_.mark_told(bus, HintValue{bus, false, true, beta, 3, 100}));
			break;
		case 'N':
			told_mark_ = told_mark_ && sharing_.shared("host2");
			obey(sharing_.mark_told(bus, {}));
			break;
		case 'K':
			told_key_ = told_key_ || find({8, 0});
			obey(sharing_.keys_seen({8, 0}, 0xa, keys));
			break;
		}
		settle();
	}

	void pass(Duration time)
	{
		if (time == Duration{})
			return;
		now_ += time;
		settle();
	}

	/// What must hold at every moment.
	void check()
	{
		std::vector<std::string> used;
		for (std::size_t i = 0; i < units_.size(); i++) {
			if (!units_[i].table)
				continue;
			const auto &paths = units_[i].table->paths;
			ASSERT_EQ(paths.size(), 2U);
			for (const auto &path : paths) {
				if (path.device.empty())
					continue;
				ASSERT_EQ(std::count(used.begin(), used.end(), path.device), 0)
					<< path.device << " is in two units";
				used.push_back(path.device);
				if (const auto *leg = find(*DevNumber::parse(path.device))) {
					ASSERT_EQ(leg->unit, i) << "the wrong disk";
					ASSERT_EQ(leg->seen.kind, path.kind) << "the wrong slot";
				}
			}
		}
		for (const auto &leg : legs_)
			ASSERT_TRUE(leg.seen.marked) << leg.seen.name << " is a disk of its own";
		ASSERT_EQ(early_, "");
		ASSERT_LE(marks_, 3U) << "marks without end";
	}

	/// What must hold when nothing has happened for long.
	void check_end()
	{
		check();
		for (const auto &leg : legs_) {
			const auto &unit = units_[leg.unit];
			const bool checked = leg.seen.proved;
			ASSERT_TRUE(unit.table || !checked) << "no unit";
			if (!checked)
				continue;
			const auto &paths = unit.table->paths;
			ASSERT_TRUE(std::any_of(paths.begin(), paths.end(),
						[&](const auto &path) {
							return path.device ==
							       leg.seen.number.text();
						}))
				<< leg.seen.name << " is lost";
		}
	}

	/// The port is known to be shared if, and only if, the host had what shows it.
	void check_detection()
	{
		const bool present = std::any_of(legs_.begin(), legs_.end(), [](const Leg &leg) {
			return leg.unit == 0 && leg.seen.kind == PathKind::DIRECT;
		});
		if (port_ && told_mark_ && present) {
			ASSERT_TRUE(sharing_.shared("host2")) << "not found to be shared";
		}
		if (!told_mark_ && !told_key_) {
			ASSERT_FALSE(sharing_.shared("host2")) << "shared with nobody";
		}
	}

private:
	Leg *find(DevNumber number)
	{
		const auto found = std::find_if(legs_.begin(), legs_.end(), [&](const Leg &leg) {
			return leg.seen.number == number;
		});
		return found == legs_.end() ? nullptr : &*found;
	}

	void forget(DevNumber number)
	{
		std::erase_if(legs_, [&](const Leg &leg) { return leg.seen.number == number; });
	}

	Leg &leg(std::size_t unit, DevNumber number, PathKind kind)
	{
		if (auto *known = find(number))
			return *known;
		auto &made = legs_.emplace_back();
		made.unit = unit;
		made.since = now_;
		made.seen.number = number;
		made.seen.kind = kind;
		made.seen.name = number.text();
		return made;
	}

	void direct(std::size_t unit, bool checked)
	{
		direct(unit, checked, {8, static_cast<std::uint32_t>(16 * unit)});
	}

	void direct(std::size_t unit, bool checked, DevNumber number)
	{
		// The kernel gives no number twice while a table has its device open.
		const auto &other = units_[1 - unit].table;
		if (other && other->paths[0].device == number.text())
			return;
		if (const auto *known = find(number); known && known->unit != unit)
			forget(number);
		auto &seen = leg(unit, number, PathKind::DIRECT).seen;
		seen.proved = seen.settled = checked;
		obey(sharing_.direct_appears(number, "host2", 100 + unit));
	}

	void image(std::size_t unit)
	{
		const DevNumber number{43, static_cast<std::uint32_t>(unit)};
		auto &seen = leg(unit, number, PathKind::SERVED).seen;
		seen.served_slot = 1;
		seen.proved = seen.settled = true;
		sharing_.image_appears(number, now_);
	}

	/// The lock space: it does what it is told, at once.
	void obey(const std::vector<BusOrder> &orders)
	{
		for (const auto &order : orders) {
			if (order.kind != BusOrder::Kind::Publish)
				continue;
			marks_++;
			ASSERT_EQ(order.mark->server, alpha);
			ASSERT_TRUE(order.mark->encode().has_value());
			obey(sharing_.mark_told(bus, order.mark));
		}
	}

	[[nodiscard]] SeenWorld world_of(std::size_t i)
	{
		auto &unit = units_[i];
		SeenWorld world;
		world.now = now_;
		world.capacity_bytes = 64 << 20;
		world.served_tried = {true, true};
		for (const auto &leg : legs_)
			if (leg.unit == i) {
				world.legs.push_back(leg.seen);
				if (leg.seen.proved && !unit.first_proved)
					unit.first_proved = now_;
			}
		world.first_proved = unit.first_proved;
		if (!unit.table)
			return world;
		// The kernel leaves a path whose device has gone, if there is another.
		SeenUnit seen{*unit.table, test::verifying_unit()};
		for (unsigned slot = 0; slot < 2; slot++) {
			const auto number = DevNumber::parse(unit.table->paths[slot].device);
			if (number && find(*number)) {
				seen.status = test::online_unit();
				seen.status.active = slot;
				break;
			}
		}
		for (auto &path : seen.status.paths)
			path.inflight = 0;
		world.unit = seen;
		return world;
	}

	/// Until nothing more is to be done now.
	void settle()
	{
		for (std::size_t i = 0; i < units_.size(); i++)
			for (int round = 0; round < 2; round++) {
				const auto plan =
					plan_unit(units_[i].config, sharing_.admit(world_of(i)));
				if (plan.steps.empty())
					break;
				for (const auto &step : plan.steps)
					carry_out(i, step);
			}
	}

	void carry_out(std::size_t i, const PlanStep &step)
	{
		switch (step.kind) {
		case PlanStep::Kind::Mark:
			find(*step.leg)->seen.marked = true;
			break;
		case PlanStep::Kind::Create:
			note_early(i, *step.table);
			units_[i].table = step.table;
			break;
		case PlanStep::Kind::Reload:
			units_[i].table = step.table;
			break;
		case PlanStep::Kind::Unmark:
		case PlanStep::Kind::Detach:
			early_ = "a leg is given up: " + step.text(units_[i].config.name);
			break;
		case PlanStep::Kind::Attach:
		case PlanStep::Kind::Wait:
			break;
		}
	}

	/// A unit on an image alone, on a bus that is marked, before its direct path had its time.
	void note_early(std::size_t i, const Table &table)
	{
		if (!sharing_.shared("host2") || !table.paths[0].device.empty())
			return;
		const auto *image = find(*DevNumber::parse(table.paths[1].device));
		if (now_ < image->since + BusSharing::direct_wait)
			early_ = units_[i].config.name + " began on an image too early";
	}

	BusSharing sharing_{alpha, true};
	std::array<Unit, 2> units_;
	std::vector<Leg> legs_;
	Instant now_ = at_s(0);
	std::string early_;
	unsigned marks_ = 0;
	bool port_ = false;
	bool told_mark_ = false;
	bool told_key_ = false;
};

/// All orders of what is `left` after `done`. Orders that begin alike go on from the same host:
/// that halves the time. The number of orders; ends at the first failure.
unsigned orders_after(Host host, const std::string &done, const std::string &left, Duration pace)
{
	SCOPED_TRACE(done);
	if (left.empty()) {
		for (int i = 0; i < 2; i++)
			host.pass(BusSharing::direct_wait + create_grace);
		host.check_end();
		host.check_detection();
		return 1;
	}
	host.pass(pace);
	host.check();
	unsigned orders = 0;
	for (std::size_t i = 0; i < left.size() && !testing::Test::HasFailure(); i++) {
		if (i > 0 && left[i] == left[i - 1])
			continue;
		auto rest = left;
		rest.erase(i, 1);
		Host next = host;
		next.happen(left[i]);
		next.check();
		orders += orders_after(std::move(next), done + left[i], rest, pace);
	}
	return orders;
}

/// The number of orders of `events`, each at three paces.
unsigned all_orders(std::string events)
{
	unsigned orders = 0;
	std::sort(events.begin(), events.end());
	for (const int pace_s : {0, 4, 31}) {
		SCOPED_TRACE("each after " + std::to_string(pace_s) + " s");
		orders += orders_after({}, {}, events, std::chrono::seconds(pace_s));
	}
	return orders;
}

TEST(BusSharingOrders, TwoDisksEachWithTwoPathsBecomeTwoUnits)
{
	EXPECT_EQ(all_orders("PDSHAI"), 720U * 3);
}

TEST(BusSharingOrders, WhatTurnsUpTwiceIsTheSame)
{
	EXPECT_EQ(all_orders("PPDDSSH"), 630U * 3);
}

TEST(BusSharingOrders, WhatGoesAndComesBackIsFoundAgain)
{
	EXPECT_EQ(all_orders("PDdDSsH"), 2520U * 3);
}

TEST(BusSharingOrders, ANumberThatLeadsToAnotherDiskNowIsThatDisk)
{
	EXPECT_EQ(all_orders("PDdXSH"), 720U * 3);
}

TEST(BusSharingOrders, APortThatGoesTakesNoPathWithIt)
{
	EXPECT_EQ(all_orders("PpPDSH"), 360U * 3);
}

TEST(BusSharingOrders, ADirectPathIsSeenBeforeItIsChecked)
{
	EXPECT_EQ(all_orders("PRUDSHN"), 5040U * 3);
}

TEST(BusSharingOrders, AKeyOnTheDiskOrNoneMakesNoDiskMore)
{
	EXPECT_EQ(all_orders("PRDKSAI"), 5040U * 3);
}

} // namespace
} // namespace swpath
