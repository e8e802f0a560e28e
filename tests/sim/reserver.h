// SPDX-License-Identifier: GPL-2.0-or-later
/// The unit's users as reservations have them: they register a key through the unit, reserve the
/// disk, release it and take the key away; and another host of theirs, which preempts the key.
///
/// One reservation type: Write Exclusive, Registrants Only. A key is used once.
#pragma once

#include <vector>

#include "kernel.h"

namespace swpath::sim
{

class Reserver
{
public:
	Reserver(Context &context, Host &client, Kernel &kernel, Disk &disk,
		 std::vector<std::unique_ptr<Leg>> &legs)
		: context_(context), client_(client), kernel_(kernel), disk_(disk), legs_(legs)
	{
	}

	void start() { later(); }
	/// No new orders.
	void stop() { stopped_ = true; }

private:
	void later();
	void order();
	void other_host();

	Context &context_;
	Host &client_;
	Kernel &kernel_;
	Disk &disk_;
	std::vector<std::unique_ptr<Leg>> &legs_;
	bool stopped_ = false;
	Key next_key_ = 0xa000;
};

} // namespace swpath::sim
