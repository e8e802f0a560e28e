// SPDX-License-Identifier: GPL-2.0-or-later
#include <cerrno>

#include <gmock/gmock.h>

#include "libpath/serve/export_book.h"
#include "tests/unit/serve/orders.h"

namespace swpath
{
namespace
{

using namespace std::chrono_literals;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

const ClientAddress local{};

class Book : public testing::Test
{
protected:
	Instant at(Duration since) const { return Instant(1h + since); }

	ConnectionId open(std::uint64_t epoch)
	{
		const auto admitted =
			book.connect("naa.1@alpha@" + std::to_string(epoch), local, at(0s));
		EXPECT_TRUE(admitted) << admitted.error().message();
		return admitted ? admitted->connection : 0;
	}
	std::string refusal(std::string_view asked, const ClientAddress &client = local)
	{
		const auto admitted = book.connect(asked, client, at(0s));
		return admitted ? "admitted" : admitted.error().context;
	}

	ExportBook book;
};

class OpenBook : public Book
{
protected:
	OpenBook() { EXPECT_TRUE(book.add(order_for("naa.1", 7), at(0s))); }
};

TEST_F(Book, ServesNothingThatWasNotExported)
{
	EXPECT_EQ(refusal("naa.1@alpha@7"), "naa.1 is not served by this host to alpha");
	EXPECT_THAT(refusal("disk"), HasSubstr("WWID@CLIENT@EPOCH"));
	EXPECT_THAT(refusal("naa.1@alpha@x"), HasSubstr("EPOCH a number"));
	EXPECT_THAT(refusal(""), HasSubstr("WWID@CLIENT@EPOCH"));
}

TEST_F(OpenBook, AWwidMayHoldAnAt)
{
	ASSERT_TRUE(book.add(order_for("t10.AB @3", 1, "/dev/sdy"), at(0s)));
	EXPECT_EQ(refusal("t10.AB @3@alpha@1"), "admitted");
}

TEST_F(OpenBook, AnOlderEpochIsClosedAndANewerOneIsNotOpen)
{
	EXPECT_EQ(refusal("naa.1@alpha@6"), "epoch 6 of naa.1 for alpha is closed; ask for 7");
	EXPECT_EQ(refusal("naa.1@alpha@8"), "epoch 8 of naa.1 for alpha is not open here; 7 is");
	(void)book.revoke({"naa.1", "alpha", 7}, at(0s));
	EXPECT_EQ(refusal("naa.1@alpha@7"), "epoch 7 of naa.1 for alpha is closed; ask for 8");
	EXPECT_EQ(refusal("naa.1@alpha@8"), "epoch 8 of naa.1 for alpha is not open here; none is");
}

TEST_F(Book, AClientThatIsNotOnTheListIsAForeignOne)
{
	ASSERT_TRUE(book.add(order_for("naa.1", 7, "/dev/sdx", "10.0.0.0/24"), at(0s)));
	EXPECT_EQ(refusal("naa.1@alpha@7"), "client unix:0 may not use naa.1@alpha@7");
	ASSERT_EQ(book.refusals().size(), 1U);
	EXPECT_EQ(book.refusals()[0].client, "unix:0");
}

TEST_F(Book, RemembersTheLatestRefusalsOnly)
{
	for (unsigned i = 0; i < 100; i++)
		(void)refusal("naa.1@alpha@" + std::to_string(i));
	EXPECT_EQ(book.refusals().size(), ExportBook::refusals_kept);
}

TEST_F(OpenBook, AnEqualOrderChangesNothing)
{
	open(7);
	ASSERT_TRUE(book.check(order_for("naa.1", 7)));
	EXPECT_FALSE(*book.check(order_for("naa.1", 7)));
	ASSERT_TRUE(book.add(order_for("naa.1", 7), at(1s)));
	EXPECT_EQ(book.exports(at(1s))[0].connections, 1U);
}

TEST_F(OpenBook, OrdersThatContradictAreRefused)
{
	const auto code = [&](const ExportOrder &order) {
		const auto checked = book.check(order);
		return checked ? 0 : checked.error().code.value();
	};
	EXPECT_EQ(code(order_for("naa.1", 7, "/dev/sdy")), EEXIST);
	EXPECT_EQ(code(order_for("naa.1", 7, "/dev/sdx", "unix")), EEXIST);
	EXPECT_EQ(code(order_for("naa.1", 8)), EBUSY) << "an older epoch is open";
	EXPECT_EQ(code(order_for("naa.1", 6)), ESTALE);
	EXPECT_EQ(code(order_for("naa.2", 1)), EBUSY) << "one device, two disks";
	EXPECT_EQ(code({{"naa.3", "alpha", 1}, "/dev/sdz", {}, false}), EINVAL)
		<< "nobody is let in";
	EXPECT_EQ(code(order_for("", 1)), EINVAL);
	EXPECT_EQ(code(order_for("naa.2", 1, "/dev/sdy")), 0);
}

TEST_F(OpenBook, EachClientHasItsOwnEpochs)
{
	ASSERT_TRUE(book.add(order_for("naa.1", 1, "/dev/sdx", "any", "gamma"), at(0s)))
		<< "alpha's epoch is 7";
	EXPECT_EQ(refusal("naa.1@gamma@7"), "epoch 7 of naa.1 for gamma is not open here; 1 is");
	EXPECT_EQ(refusal("naa.1@beta@1"), "naa.1 is not served by this host to beta");
	const auto alphas = open(7);
	const auto gammas = book.connect("naa.1@gamma@1", local, at(0s))->connection;
	const auto request = book.begin(gammas, at(0s));
	EXPECT_THAT(book.revoke({"naa.1", "alpha", 9}, at(1s)).cut, ElementsAre(alphas));
	book.disconnected(alphas, at(1s));
	EXPECT_TRUE(book.revoke({"naa.1", "alpha", 9}, at(1s)).drained) << "gamma has I/O there";
	EXPECT_TRUE(book.begin(gammas, at(1s)));
	EXPECT_EQ(refusal("naa.1@alpha@9"), "epoch 9 of naa.1 for alpha is closed; ask for 10");
	ASSERT_TRUE(book.add(order_for("naa.1", 10), at(2s)));
	(void)book.end(*request, 0, at(2s));
	EXPECT_EQ(book.closed_epochs(), (std::vector<ExportName>{{"naa.1", "alpha", 9}}));
}

TEST_F(OpenBook, AnErrorOfThePathIsEveryClients)
{
	ASSERT_TRUE(book.add(order_for("naa.1", 1, "/dev/sdx", "any", "gamma"), at(0s)));
	ASSERT_TRUE(book.add(order_for("naa.1", 1, "/dev/sdy", "any", "beta"), at(0s)));
	const auto alphas = open(7);
	const auto gammas = book.connect("naa.1@gamma@1", local, at(0s))->connection;
	const auto betas = book.connect("naa.1@beta@1", local, at(0s))->connection;
	EXPECT_THAT(book.end(*book.begin(alphas, at(0s)), EIO, at(1s)),
		    testing::UnorderedElementsAre(alphas, gammas));
	EXPECT_FALSE(book.begin(gammas, at(1s)));
	EXPECT_TRUE(book.begin(betas, at(1s))) << "another device";
	// It has lost nothing, and says so.
	book.disconnected(gammas, at(2s));
	EXPECT_EQ(book.revoke({"naa.1", "gamma", 1}, at(2s)).what->lost, 0U);
}

TEST_F(OpenBook, AnOpenExportsFileDoesForOthersOfItsDevice)
{
	const auto beside = [&](std::string device, bool read_only) {
		auto order = order_for("naa.1", 1, std::move(device), "any", "gamma");
		order.read_only = read_only;
		return book.beside(order);
	};
	const ExportName alphas{"naa.1", "alpha", 7};
	EXPECT_EQ(beside("/dev/sdx", false), alphas);
	EXPECT_EQ(beside("/dev/sdx", true), alphas);
	EXPECT_FALSE(beside("/dev/sdy", false));
	(void)book.end(*book.begin(open(7), at(0s)), EIO, at(1s));
	EXPECT_FALSE(beside("/dev/sdx", false)) << "the device may be another by now";
	auto first = order_for("naa.2", 1, "/dev/sdz");
	first.read_only = true;
	ASSERT_TRUE(book.add(first, at(0s)));
	EXPECT_FALSE(book.beside(order_for("naa.2", 1, "/dev/sdz", "any", "gamma")));
}

TEST_F(Book, ThereIsAnEndToTheClients)
{
	for (unsigned i = 0; i < ExportBook::clients_max; i++)
		ASSERT_TRUE(book.add(
			order_for("naa.1", 1, "/dev/sdx", "any", "host" + std::to_string(i)),
			at(0s)));
	EXPECT_EQ(book.check(order_for("naa.1", 1)).error().code.value(), ENOSPC);
}

TEST_F(Book, ThereIsAnEndToTheDisks)
{
	for (unsigned i = 0; i < 1024; i++)
		ASSERT_TRUE(book.add(
			order_for("naa." + std::to_string(i), 1, "/dev/x" + std::to_string(i)),
			at(0s)));
	const auto refused = book.check(order_for("naa.more", 1));
	ASSERT_FALSE(refused);
	EXPECT_EQ(refused.error().code.value(), ENOSPC);
	EXPECT_EQ(refused.error().context, "naa.more@alpha@1: this server has 1024 disks already, "
					   "which is the limit");
}

TEST_F(OpenBook, WhatIsIdleDrainsAtOnce)
{
	const auto revoked = book.revoke({"naa.1", "alpha", 7}, at(1s));
	EXPECT_TRUE(revoked.drained);
	EXPECT_TRUE(revoked.served_here);
	EXPECT_THAT(revoked.cut, IsEmpty());
	EXPECT_TRUE(book.idle({"naa.1", "alpha", 7}));
	EXPECT_TRUE(book.check(order_for("naa.1", 8)));
}

TEST_F(OpenBook, RevocationWaitsForTheRequestAndForTheConnection)
{
	const auto connection = open(7);
	const auto request = book.begin(connection, at(0s));
	ASSERT_TRUE(request);

	auto revoked = book.revoke({"naa.1", "alpha", 7}, at(2s));
	EXPECT_FALSE(revoked.drained);
	EXPECT_THAT(revoked.cut, ElementsAre(connection));
	EXPECT_EQ(revoked.what->in_flight, 1U);
	EXPECT_EQ(revoked.what->oldest, Duration(2s));
	EXPECT_EQ(revoked.what->connections_ended, 1U);
	EXPECT_EQ(book.begin(connection, at(2s)).error().code.value(), ESHUTDOWN);

	(void)book.end(*request, 0, at(3s));
	revoked = book.revoke({"naa.1", "alpha", 7}, at(4s));
	EXPECT_FALSE(revoked.drained) << "the connection has not ended";
	EXPECT_THAT(revoked.cut, IsEmpty()) << "it was told once";
	EXPECT_EQ(revoked.what->in_flight, 0U);
	EXPECT_EQ(revoked.what->refused, 1U);
	EXPECT_FALSE(book.idle({"naa.1", "alpha", 7}));

	book.disconnected(connection, at(5s));
	revoked = book.revoke({"naa.1", "alpha", 7}, at(6s));
	EXPECT_TRUE(revoked.drained);
	EXPECT_EQ(revoked.what->requests, 1U);
	EXPECT_EQ(revoked.what->since, at(5s));
}

TEST_F(OpenBook, RequestsOutliveTheirConnectionInTheCount)
{
	const auto connection = open(7);
	const auto request = book.begin(connection, at(0s));
	book.disconnected(connection, at(1s));
	EXPECT_FALSE(book.revoke({"naa.1", "alpha", 7}, at(2s)).drained);
	(void)book.end(*request, 0, at(3s));
	EXPECT_TRUE(book.revoke({"naa.1", "alpha", 7}, at(3s)).drained);
}

TEST_F(OpenBook, ARequestIsEndedOnce)
{
	const auto connection = open(7);
	const auto first = book.begin(connection, at(0s));
	const auto second = book.begin(connection, at(0s));
	(void)book.end(*first, 0, at(1s));
	(void)book.end(*first, 0, at(1s));
	EXPECT_EQ(book.exports(at(1s))[0].in_flight, 1U);
	(void)book.end(*second, 0, at(1s));
	(void)book.end({99, 0}, 0, at(1s));
	EXPECT_EQ(book.exports(at(1s))[0].in_flight, 0U);
}

TEST_F(OpenBook, ClosingAnEpochClosesTheOlderOnesToo)
{
	const auto connection = open(7);
	auto revoked = book.revoke({"naa.1", "alpha", 9}, at(1s));
	EXPECT_FALSE(revoked.drained);
	EXPECT_THAT(revoked.cut, ElementsAre(connection));
	book.disconnected(connection, at(2s));
	EXPECT_EQ(book.check(order_for("naa.1", 9)).error().code.value(), ESTALE);
	EXPECT_TRUE(book.check(order_for("naa.1", 10)));
}

TEST_F(OpenBook, AnOldRevocationDoesNotTouchTheNewEpoch)
{
	(void)book.revoke({"naa.1", "alpha", 7}, at(1s));
	ASSERT_TRUE(book.add(order_for("naa.1", 8), at(2s)));
	const auto connection = open(8);
	const auto revoked = book.revoke({"naa.1", "alpha", 7}, at(3s));
	EXPECT_TRUE(revoked.drained);
	EXPECT_TRUE(revoked.served_here);
	EXPECT_THAT(revoked.cut, IsEmpty());
	EXPECT_TRUE(book.begin(connection, at(3s)));
}

TEST_F(Book, RevokesWhatItHasNeverServedAndVouchesForItselfOnly)
{
	const auto revoked = book.revoke({"naa.1", "alpha", 7}, at(0s));
	EXPECT_TRUE(revoked.drained);
	EXPECT_FALSE(revoked.served_here);
	EXPECT_TRUE(revoked.held.empty());
	EXPECT_EQ(book.check(order_for("naa.1", 7)).error().code.value(), ESTALE)
		<< "an order that was late";
	ASSERT_TRUE(book.add(order_for("naa.1", 8), at(1s)));
	EXPECT_TRUE(book.revoke({"naa.1", "alpha", 7}, at(2s)).held.contains("/dev/sdx"));
	EXPECT_EQ(book.closed_epochs(), (std::vector<ExportName>{{"naa.1", "alpha", 7}}));
}

TEST_F(OpenBook, APathErrorEndsTheExport)
{
	const auto one = open(7), two = open(7);
	const auto request = book.begin(one, at(0s));
	const auto other = book.begin(two, at(0s));
	EXPECT_THAT(book.end(*request, EIO, at(1s)), testing::UnorderedElementsAre(one, two));
	EXPECT_THAT(book.end(*other, EIO, at(1s)), IsEmpty()) << "they were told";
	EXPECT_EQ(book.exports(at(1s))[0].state, ExportState::Failed);
	EXPECT_EQ(book.exports(at(1s))[0].path_error, EIO);
	EXPECT_EQ(book.begin(two, at(1s)).error().code.value(), ESHUTDOWN);
	EXPECT_THAT(refusal("naa.1@alpha@7"), HasSubstr("the direct path of this host has failed"));

	// The path is back: the same epoch may be served again, but not beside what is left of it.
	EXPECT_EQ(book.check(order_for("naa.1", 7)).error().code.value(), EBUSY);
	book.disconnected(one, at(2s));
	book.disconnected(two, at(2s));
	EXPECT_TRUE(book.idle({"naa.1", "alpha", 7}));
	ASSERT_TRUE(book.add(order_for("naa.1", 7), at(3s)));
	EXPECT_TRUE(book.begin(open(7), at(3s)));
}

TEST_F(OpenBook, AFailedExportIsRevokedLikeAnyOther)
{
	const auto connection = open(7);
	(void)book.end(*book.begin(connection, at(0s)), ENODEV, at(1s));
	EXPECT_FALSE(book.revoke({"naa.1", "alpha", 7}, at(2s)).drained);
	book.disconnected(connection, at(3s));
	const auto revoked = book.revoke({"naa.1", "alpha", 7}, at(4s));
	EXPECT_TRUE(revoked.drained);
	EXPECT_EQ(revoked.what->connections_ended, 1U);
}

TEST_F(OpenBook, WhatEndedInAnErrorOfThePathIsCountedForTheWholeEpoch)
{
	auto connection = open(7);
	const auto late = book.begin(connection, at(0s));
	(void)book.end(*book.begin(connection, at(0s)), EIO, at(1s));
	(void)book.end(*late, EIO, at(1s));
	book.disconnected(connection, at(2s));
	// The same epoch again, when the path is back.
	ASSERT_TRUE(book.add(order_for("naa.1", 7), at(3s)));
	connection = open(7);
	(void)book.end(*book.begin(connection, at(3s)), 0, at(3s));
	book.disconnected(connection, at(4s));
	const auto revoked = book.revoke({"naa.1", "alpha", 7}, at(5s));
	EXPECT_TRUE(revoked.drained);
	EXPECT_EQ(revoked.what->lost, 2U);
	EXPECT_EQ(revoked.what->requests, 3U);
	ASSERT_TRUE(book.add(order_for("naa.1", 8), at(6s)));
	EXPECT_EQ(book.revoke({"naa.1", "alpha", 8}, at(7s)).what->lost, 0U);
}

TEST_F(OpenBook, ErrorsOfTheMediumOrOfTheRequestEndNothing)
{
	const auto connection = open(7);
	for (const int error :
	     {ENODATA, EREMOTEIO, EBADE, EILSEQ, ENOSPC, EOPNOTSUPP, EINVAL, ENOMEM, EBUSY}) {
		EXPECT_THAT(book.end(*book.begin(connection, at(0s)), error, at(1s)), IsEmpty());
		EXPECT_FALSE(is_path_error(error)) << error;
	}
	EXPECT_EQ(book.exports(at(1s))[0].state, ExportState::Open);
	for (const int error : {EIO, ENODEV, ENXIO, ENOLINK, ETIMEDOUT})
		EXPECT_TRUE(is_path_error(error)) << error;
}

} // namespace
} // namespace swpath
