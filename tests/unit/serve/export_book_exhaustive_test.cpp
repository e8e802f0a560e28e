// SPDX-License-Identifier: GPL-2.0-or-later
/// Every short sequence of what can happen to one disk, and many long ones, against a model that
/// only counts.
#include <cerrno>
#include <map>
#include <random>
#include <set>

#include <gtest/gtest.h>

#include "libpath/serve/export_book.h"
#include "tests/unit/serve/orders.h"

namespace swpath
{
namespace
{

constexpr unsigned event_count = 10;

/// The book, and what has really happened: kept by value, so that a branch is a copy.
struct World {
	ExportBook book;
	std::uint64_t closed = 0;                          ///< epochs up to here; they begin with 1
	std::map<ConnectionId, std::uint64_t> connections; ///< to their epochs
	std::vector<std::pair<AdmittedRequest, std::uint64_t>> requests;
	std::multiset<ConnectionId> cut;
	std::set<std::uint64_t> failed;
	Instant at{};

	void note_cut(const std::vector<ConnectionId> &list)
	{
		cut.insert(list.begin(), list.end());
	}

	void export_epoch(std::uint64_t epoch)
	{
		const bool added = book.add(order_for("d", epoch), at).has_value();
		if (epoch <= closed) {
			EXPECT_FALSE(added) << "a closed epoch was opened";
		}
		if (!added)
			return;
		for (const auto &[request, of] : requests)
			EXPECT_EQ(of, epoch) << "beside an epoch that has not drained";
		failed.erase(epoch);
	}
	void connect(std::uint64_t epoch)
	{
		const auto admitted = book.connect("d@alpha@" + std::to_string(epoch), {}, at);
		if (!admitted)
			return;
		EXPECT_GT(epoch, closed);
		EXPECT_FALSE(failed.contains(epoch));
		connections[admitted->connection] = epoch;
	}
	void begin()
	{
		for (const auto &[connection, epoch] : connections) {
			const auto request = book.begin(connection, at);
			const bool may = epoch > closed && !cut.contains(connection);
			EXPECT_EQ(request.has_value(), may);
			if (request)
				requests.emplace_back(*request, epoch);
		}
	}
	void end(int error)
	{
		if (requests.empty())
			return;
		const auto [request, epoch] = requests.front();
		requests.erase(requests.begin());
		note_cut(book.end(request, error, at));
		if (error == EIO && epoch > closed) {
			failed.insert(epoch);
			for (const auto &[connection, of] : connections)
				if (of == epoch) {
					EXPECT_EQ(cut.count(connection), 1U);
				}
		}
	}
	void disconnect()
	{
		if (connections.empty())
			return;
		book.disconnected(connections.begin()->first, at);
		connections.erase(connections.begin());
	}
	void revoke(std::uint64_t epoch)
	{
		const auto answer = book.revoke({"d", "alpha", epoch}, at);
		note_cut(answer.cut);
		closed = std::max(closed, epoch);
		unsigned left = 0;
		for (const auto &[request, of] : requests)
			left += of <= epoch;
		for (const auto &[connection, of] : connections) {
			left += of <= epoch;
			if (of <= epoch) {
				EXPECT_EQ(cut.count(connection), 1U) << "told to end once";
			}
		}
		EXPECT_EQ(answer.drained, left == 0);
	}

	void step(unsigned event)
	{
		at += std::chrono::seconds(1);
		switch (event) {
		case 0:
			return export_epoch(1);
		case 1:
			return export_epoch(2);
		case 2:
			return connect(1);
		case 3:
			return connect(2);
		case 4:
			return begin();
		case 5:
			return end(0);
		case 6:
			return end(EIO);
		case 7:
			return disconnect();
		case 8:
			return revoke(1);
		default:
			return revoke(2);
		}
	}
};

void every_sequence(const World &world, unsigned depth)
{
	for (unsigned event = 0; event < event_count && !testing::Test::HasFailure(); event++) {
		World next = world;
		next.step(event);
		if (depth > 1)
			every_sequence(next, depth - 1);
	}
}

TEST(ExportBookExhaustive, NoShortSequenceLetsALateRequestPassOrClaimsAFalseDrain)
{
	every_sequence({}, 5);
}

TEST(ExportBookExhaustive, NeitherDoesALongOne)
{
	for (unsigned seed = 0; seed < 3000 && !HasFailure(); seed++) {
		SCOPED_TRACE(seed);
		std::mt19937 random(seed);
		World world;
		for (unsigned i = 0; i < 60; i++)
			world.step(random() % event_count);
	}
}

} // namespace
} // namespace swpath
