// SPDX-License-Identifier: LGPL-2.1-or-later
/// Attributes that are borrowed: set, with the duty to put back what they held.
#pragma once

#include <functional>
#include <map>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "libpath/base/result.h"
#include "libpath/sys/sysfs.h"

namespace swpath
{

/// Keeps what borrowed attributes held before, in a file that outlives the process, so that a
/// restarted pathd can still put them back. An attribute shared by several legs (a host's
/// eh_deadline) goes back when the last of them lets go. A value that somebody else has changed
/// meanwhile is theirs and stays.
class SettingsBook
{
public:
	/// Reads the book; a file that does not exist is an empty book. Values of devices that are
	/// gone are dropped. Errors: EBADMSG not such a file (with the line); errno of reading.
	[[nodiscard]] static Result<SettingsBook> open(std::string file);

	/// Writes down what each attribute holds, then sets it. All or as many as possible: the
	/// error is that of the first that failed, the others are set. The wanted settings replace
	/// what the leg borrowed before; attributes no longer wanted go back.
	[[nodiscard]] Result<void> borrow(const std::string &leg,
					  const std::vector<Setting> &wanted);
	/// Puts back everything that only `leg` still borrows. A device that is gone is no error.
	[[nodiscard]] Result<void> give_back(const std::string &leg);
	/// Legs that borrow something now.
	[[nodiscard]] std::set<std::string> legs() const;

private:
	struct Loan {
		std::string found;
		std::string set;
		std::set<std::string> legs;

		bool operator==(const Loan &) const = default;
	};
	explicit SettingsBook(std::string file) : file_(std::move(file)) {}
	/// Adds to the file what has changed in loans_, or writes all of them anew when the file
	/// has become twice as long as that.
	[[nodiscard]] Result<void> write_down(std::string_view lines);
	/// Takes `leg` off the loans that `which` picks, puts back those that nobody has left, and
	/// adds to `lines` what is to be written down.
	[[nodiscard]] Result<void> put_back(const std::string &leg,
					    const std::function<bool(const std::string &)> &which,
					    std::string &lines);

	std::string file_;
	std::size_t room_ = 0;              ///< bytes that can be added to the file
	std::map<std::string, Loan> loans_; ///< by attribute
	std::map<std::string, std::set<std::string>> borrowed_; ///< attributes, by leg
};

} // namespace swpath
