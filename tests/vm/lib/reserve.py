#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""reserve.py DEVICE register OLD NEW | ignore NEW | reserve KEY TYPE | release KEY TYPE | preempt KEY VICTIM TYPE | clear KEY

The kernel's reservation ioctls (include/uapi/linux/pr.h). TYPE as SPC-4 numbers it. Exit status: 0, or 1 with the errno's name."""
import errno
import fcntl
import os
import struct
import sys

REGISTER, RESERVE, RELEASE, PREEMPT, CLEAR = (0x401870C8, 0x401070C9, 0x401070CA, 0x401870CB, 0x401070CD)
IGNORE_KEY = 1
TYPES = {1: 1, 3: 2, 5: 3, 6: 4, 7: 5, 8: 6}  # SPC-4's numbers to the kernel's

device, action, *rest = sys.argv[1:]
numbers = [int(each, 0) for each in rest]
if action in ("reserve", "release", "preempt"):
    numbers[-1] = TYPES[numbers[-1]]
request, argument = {
    "register": lambda old, new: (REGISTER, struct.pack("=QQII", old, new, 0, 0)),
    "ignore": lambda new: (REGISTER, struct.pack("=QQII", 0, new, IGNORE_KEY, 0)),
    "reserve": lambda key, kind: (RESERVE, struct.pack("=QII", key, kind, 0)),
    "release": lambda key, kind: (RELEASE, struct.pack("=QII", key, kind, 0)),
    "preempt": lambda key, victim, kind: (PREEMPT, struct.pack("=QQII", key, victim, kind, 0)),
    "clear": lambda key: (CLEAR, struct.pack("=QII", key, 0, 0)),
}[action](*numbers)
descriptor = os.open(device, os.O_RDWR)
try:
    status = fcntl.ioctl(descriptor, request, bytearray(argument))
except OSError as error:
    print(f"{device}: {action}: {errno.errorcode.get(error.errno, error.errno)}")
    sys.exit(1)
if status != 0:  # a SCSI status as it is, on kernels before 6.3
    print(f"{device}: {action}: SCSI status {status:#x}")
    sys.exit(1)
