#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""preempt.py DEVICE KEY VICTIM: by SG_IO, as holder of KEY, PREEMPT AND ABORT of VICTIM, then READ KEYS; prints their time in us.

The nexus has registered KEY, another one VICTIM. Exit status 1: a command failed, or VICTIM is still there."""
import ctypes
import fcntl
import os
import struct
import sys
import time

SG_IO = 0x2285
TO_DEVICE, FROM_DEVICE = -2, -3
PREEMPT_AND_ABORT, WRITE_EXCLUSIVE_REGISTRANTS = 5, 5


class SgIo(ctypes.Structure):
    """sg_io_hdr of scsi/sg.h."""

    _fields_ = [
        ("interface_id", ctypes.c_int),
        ("direction", ctypes.c_int),
        ("command_bytes", ctypes.c_ubyte),
        ("sense_max", ctypes.c_ubyte),
        ("segments", ctypes.c_ushort),
        ("data_bytes", ctypes.c_uint),
        ("data", ctypes.c_void_p),
        ("command", ctypes.c_void_p),
        ("sense", ctypes.c_void_p),
        ("timeout_ms", ctypes.c_uint),
        ("flags", ctypes.c_uint),
        ("pack_id", ctypes.c_int),
        ("user", ctypes.c_void_p),
        ("status", ctypes.c_ubyte),
        ("masked_status", ctypes.c_ubyte),
        ("message_status", ctypes.c_ubyte),
        ("sense_bytes", ctypes.c_ubyte),
        ("host_status", ctypes.c_ushort),
        ("driver_status", ctypes.c_ushort),
        ("residual", ctypes.c_int),
        ("duration", ctypes.c_uint),
        ("info", ctypes.c_uint),
    ]


def send(descriptor, command, direction, data):
    held = (ctypes.create_string_buffer(command, len(command)), ctypes.create_string_buffer(64))
    request = SgIo(
        interface_id=ord("S"),
        direction=direction,
        command_bytes=len(command),
        sense_max=64,
        data_bytes=len(data),
        data=ctypes.addressof(data),
        command=ctypes.addressof(held[0]),
        sense=ctypes.addressof(held[1]),
        timeout_ms=10000,
    )
    fcntl.ioctl(descriptor, SG_IO, request)
    if request.status or request.host_status:
        sys.exit(f"command {command.hex()}: SCSI status {request.status:#x}, host status {request.host_status}")


key, victim = (int(each, 0) for each in sys.argv[2:])
device = os.open(sys.argv[1], os.O_RDWR)
preempt = struct.pack(">BBB4xHx", 0x5F, PREEMPT_AND_ABORT, WRITE_EXCLUSIVE_REGISTRANTS, 24)
keys = struct.pack(">BB5xHx", 0x5E, 0, 1024)
answer = ctypes.create_string_buffer(1024)
begin = time.monotonic()
send(device, preempt, TO_DEVICE, ctypes.create_string_buffer(struct.pack(">QQ8x", key, victim), 24))
send(device, keys, FROM_DEVICE, answer)
print(round((time.monotonic() - begin) * 1e6))
count = struct.unpack_from(">I", answer, 4)[0] // 8
if victim in struct.unpack_from(f">{count}Q", answer, 8):
    sys.exit(f"the key {victim:#x} is still there")
