// SPDX-License-Identifier: LGPL-2.1-or-later
#include "libpath/unit/reason.h"

namespace swpath
{

std::string_view reason_text(Reason reason)
{
	switch (reason) {
	case Reason::NONE:
		return "none";
	case Reason::ERROR:
		return "I/O error";
	case Reason::TIMEOUT:
		return "command timeout";
	case Reason::TRANSPORT:
		return "transport error";
	case Reason::OFFLINE:
		return "device offline";
	case Reason::STALL:
		return "no answer within the stall budget";
	case Reason::NO_PATH:
		return "no usable path";
	case Reason::OPERATOR:
		return "operator";
	case Reason::FAILBACK:
		return "failback";
	case Reason::LOAD:
		return "new, no path is proved yet";
	case Reason::RETRY:
		return "operator's retry";
	case Reason::PATH_GONE:
		return "device removed";
	case Reason::FLUSH_FAILED:
		return "flush failed";
	case Reason::MV_TIMEOUT:
		return "mount verification timed out";
	case Reason::ABORT:
		return "ended by an operator";
	case Reason::IDENTITY:
		return "another disk";
	case Reason::SIZE:
		return "disk of another size";
	case Reason::WRITE_PROTECTED:
		return "write-protected";
	case Reason::STALE_DATA:
		return "shows other contents than the path in use";
	case Reason::RESERVATION:
		return "reservation conflict";
	case Reason::UNREADABLE:
		return "medium cannot be read";
	case Reason::REFUSED:
		return "refused";
	}
	return "unknown";
}

} // namespace swpath
