// SPDX-License-Identifier: GPL-2.0-or-later
/// Units that the configuration knows no more, until their devices are gone and their disks are
/// shown to other programs.
///
/// All that one reload takes out go together, on a thread, as a removal may block. The disks are
/// shown later, on the loop's thread. Until then they keep their marks, by which another pathd
/// finds them if this one ends.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "libpath/base/instant.h"
#include "pathd/mailbox.h"
#include "pathd/unit_end.h"
#include "pathd/worker.h"

namespace swpath
{

/// What is done to the host.
struct RemovalActs {
	std::function<bool(const UnitEnd &)> remove = remove_device;
	std::function<void(const UnitEnd &)> disconnect = end_connections;
	std::function<void(const UnitEnd &)> show = show_legs;
};

class UnitRemover
{
public:
	/// `keeps`: a unit has this disk now, and its keeper the legs. `settled`: units may have
	/// keepers that could have none (removes()).
	UnitRemover(std::shared_ptr<Mailbox> mailbox,
		    std::function<bool(std::string_view wwid)> keeps, std::function<void()> settled,
		    RemovalActs acts = {});

	/// A unit that was just taken out; nobody keeps it any more.
	void add(UnitEnd end);
	/// Left over: these carry no marks any more and belong to no unit.
	void add_hidden(std::vector<DevNumber> numbers, Instant now);
	/// Does what is due.
	void step(Instant now);
	[[nodiscard]] std::optional<Instant> deadline() const;

	/// The device and the connections of this name are about to go: a keeper would lose its
	/// own. One that has the disk under another name can do no harm, and peers may wait for it.
	[[nodiscard]] bool removes(std::string_view name) const;
	/// Those whose devices are there yet.
	[[nodiscard]] const std::vector<UnitEnd> &removing() const { return removing_; }

private:
	struct Hidden {
		UnitEnd end;
		Instant show_at{};
	};
	void begin(Instant now);
	void settle(const std::vector<UnitEnd> &ends);

	std::shared_ptr<Mailbox> mailbox_;
	std::function<bool(std::string_view)> keeps_;
	std::function<void()> settled_;
	RemovalActs acts_;
	std::unique_ptr<Worker> worker_; ///< from the first removal on
	std::vector<UnitEnd> removing_;
	std::size_t begun_ = 0; ///< of those, the first ones, by the thread
	Instant retry_at_{};    ///< the others
	std::vector<Hidden> hidden_;
	std::vector<DevNumber> left_over_;
	Instant left_over_at_{};
	std::shared_ptr<bool> here_ = std::make_shared<bool>(true);
};

} // namespace swpath
