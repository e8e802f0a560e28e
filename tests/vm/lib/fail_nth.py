#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""fail_nth.py TABLE - every allocation of a unit's life fails once, one after the other.

For each of the device-mapper calls that make, ask, tell and end a unit, the first allocation of the call fails, then the
second, and so on until there is none left to fail (/proc/self/fail-nth, a kernel with fault injection). A call may fail with
ENOMEM, or do without; it may not do anything else, and the same call without a failure has to work afterwards. Prints
"CALL: N failures, M of them ENOMEM" for each. Status 1: something else happened, or nothing could be made to fail.
"""

import errno
import fcntl
import struct
import sys
import time
from operator import itemgetter

NAME = b"nomem"
HEADER = struct.Struct("=10IQ128s129s7x")  # struct dm_ioctl of linux/dm-ioctl.h
SPEC = struct.Struct("=QQiI16s")  # struct dm_target_spec
CREATE, REMOVE, SUSPEND, LOAD, CLEAR, TABLE_STATUS, MESSAGE = 3, 4, 6, 9, 10, 12, 14
SUSPEND_FLAG, NOFLUSH_FLAG = 1 << 1, 1 << 11
BUFFER = 16384
FAIL_NTH = "/proc/self/fail-nth"


def call(number, flags=0, data=b"", targets=0):
    """The errno of one ioctl, 0: it worked; and what came back."""
    head = HEADER.pack(4, 0, 0, BUFFER, HEADER.size, targets, 0, flags, 0, 0, 0, NAME, b"")
    buffer = bytearray((head + data).ljust(BUFFER, b"\0"))
    try:
        fcntl.ioctl(call.control, (3 << 30) | (HEADER.size << 16) | (0xFD << 8) | number, buffer)
    except OSError as error:
        return error.errno, buffer
    return 0, buffer


def load(table):
    start, length, kind, params = table.split(" ", 3)
    text = params.encode() + b"\0"
    size = (SPEC.size + len(text) + 7) // 8 * 8
    spec = SPEC.pack(int(start), int(length), 0, size, kind.encode())
    return call(LOAD, data=(spec + text).ljust(size, b"\0"), targets=1)[0]


def status():
    error, buffer = call(TABLE_STATUS, NOFLUSH_FLAG)
    start = struct.unpack_from("=I", buffer, 16)[0] + SPEC.size
    return error, bytes(buffer[start:]).split(b"\0")[0]


def message(text):
    return call(MESSAGE, data=struct.pack("=Q", 0) + text.encode() + b"\0")[0]


def settle():
    """A release ends when what was held has been sent."""
    for _ in range(200):
        if b" online " in b" " + status()[1] + b" ":
            return
        time.sleep(0.05)
    sys.exit(f"status: {status()[1]}: not online")


def sweep(name, attempt, undo=lambda: None):
    """`attempt` with one failure after the other; `undo` after each that worked."""
    failures = refused = 0
    for nth in range(1, 1000):
        # Opened before: an open allocates, too.
        with open(FAIL_NTH, "wb", buffering=0) as arm, open(FAIL_NTH, "rb", buffering=0) as look:
            arm.write(b"%d" % nth)
            error = attempt()
            left = int(look.read(32).strip(b"\0\n") or b"0")
            arm.write(b"0")
        if left:  # there was no such allocation
            if error:
                sys.exit(f"{name}: errno {error} though nothing failed")
            undo()
            break
        failures += 1
        if error == 0:
            undo()
        elif error == errno.ENOMEM:
            refused += 1
            error = attempt()
            if error:
                sys.exit(f"{name}: after failure {nth}: {errno.errorcode[error]}")
            undo()
        else:
            sys.exit(f"{name}: failure {nth}: {errno.errorcode[error]}, not ENOMEM")
    else:
        sys.exit(f"{name}: no end of allocations")
    if not failures:
        sys.exit(f"{name}: nothing could be made to fail")
    print(f"{name}: {failures} failures, {refused} of them ENOMEM")


def must(error, what):
    if error:
        sys.exit(f"{what}: {errno.errorcode[error]}")


def main():
    table = sys.argv[1]
    call.control = open("/dev/mapper/control", "rb")  # pylint: disable=consider-using-with
    must(call(CREATE)[0], "create")
    sweep("load", lambda: load(table), lambda: must(call(CLEAR)[0], "clear"))
    must(load(table), "load")
    must(call(SUSPEND)[0], "resume")
    before = status()[1]
    for text in ("history", "witness", "hold", "release", "fail 1", "reinstate 1", "switch 7 forced", "nonsense"):
        undo = {"hold": "release", "fail 1": "reinstate 1"}.get(text)
        expected = message(text)
        if undo:
            must(message(undo), undo)
            settle()
        # What is refused without a failure is refused with one, too.
        sweep(
            f"message '{text}'",
            lambda text=text, expected=expected: (lambda error: 0 if error == expected else error)(message(text)),
            lambda undo=undo: undo and (must(message(undo), undo), settle()),
        )
    after = status()[1]
    # State, epoch and active path; each hold has taken a number.
    if itemgetter(1, 4, 5)(after.split()) != itemgetter(1, 4, 5)(before.split()):
        sys.exit(f"status: {before} became {after}")
    sweep("status", lambda: status()[0])
    sweep("reload", lambda: load(table) or call(SUSPEND, SUSPEND_FLAG)[0] or call(SUSPEND)[0])
    must(call(REMOVE)[0], "remove")


main()
