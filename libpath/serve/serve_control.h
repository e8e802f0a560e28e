// SPDX-License-Identifier: LGPL-2.1-or-later
/// The server's control socket: answers calls of io.swpath.Serve in threads of its own, because a
/// revocation waits while others ask for the status.
#pragma once

#include <atomic>
#include <functional>
#include <list>
#include <memory>
#include <mutex>
#include <string>
#include <thread>

#include "libpath/base/result.h"
#include "libpath/base/unique_fd.h"
#include "libpath/serve/export_book.h"
#include "libpath/serve/serve_calls.h"

namespace swpath
{

class ServeControl
{
public:
	/// Callers at once; one more is turned away. When the path of many disks hangs, a
	/// revocation of each waits, and the server must still be seen to live.
	static constexpr std::size_t callers_max = ExportBook::disks_max + 256;

	/// Listens on `path`, mode 0600, for uid 0 and for the user that this process runs as.
	/// `handler` must outlive this. `complain` gets what goes wrong later, one line, for the
	/// log; from a thread of this. Errors: those of listen_on(); EAGAIN no thread to be had.
	[[nodiscard]] static Result<std::unique_ptr<ServeControl>>
	listen(const std::string &path, ServeHandler &handler,
	       std::function<void(const std::string &)> complain);
	/// Waits for the calls that are being answered.
	~ServeControl();

private:
	struct Caller {
		std::thread thread;
		std::atomic<bool> done = false;
	};
	ServeControl(std::string path, UniqueFd listener, UniqueFd stop, ServeHandler &handler,
		     std::function<void(const std::string &)> complain);
	void accept_callers();
	void admit(UniqueFd socket);
	void turn_away(const UniqueFd &socket, const std::string &why);
	void converse(const UniqueFd &socket);

	std::string path_;
	UniqueFd listener_;
	UniqueFd stop_; ///< readable when all is to end
	ServeHandler &handler_;
	std::function<void(const std::string &)> complain_;
	std::list<Caller> callers_; ///< of the accepting thread alone
	bool short_of_threads_ = false;
	std::thread thread_;
};

} // namespace swpath
