#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""An NBD server that serves a device truthfully (with direct I/O) until it is told to lie.

    liar.py ADDRESS DEVICE ORDER

As long as the file ORDER is there, each write is carried out, and its reply is what the file says:
    magic    a reply that does not begin as one
    handle   the reply to a request that was never made
    twice    the right one, two times
    half     half a reply, and the end of the connection
    silent   nothing
For the tests of the VM alone: it speaks as much of the protocol as the kernel's client needs.
"""
import mmap
import os
import socket
import struct
import sys
import threading

MAGIC_OPTION, MAGIC_OPTION_REPLY = b"IHAVEOPT", 0x3E889045565A9
MAGIC_REQUEST, MAGIC_REPLY = 0x25609513, 0x67446698
OPTION_EXPORT_NAME, OPTION_INFO, OPTION_GO = 1, 6, 7
REPLY_ACK, REPLY_INFO, REPLY_UNSUPPORTED = 1, 3, 0x80000001
FIXED_NEWSTYLE, NO_ZEROES = 1, 2
HAS_FLAGS, SEND_FLUSH, SEND_FUA = 1, 4, 8
READ, WRITE, DISCONNECT, FLUSH = 0, 1, 2, 3
BYTES_MAX = 32 << 20

address, device, order = sys.argv[1:]
disk = os.open(device, os.O_RDWR | os.O_DIRECT)
size = os.lseek(disk, 0, os.SEEK_END)


def receive(connection, count, into=None):
    into = memoryview(into if into is not None else bytearray(count))[:count]
    done = 0
    while done < count:
        got = connection.recv_into(into[done:])
        if got == 0:
            raise EOFError
        done += got
    return into


def shake_hands(connection):
    connection.sendall(b"NBDMAGIC" + MAGIC_OPTION + struct.pack(">H", FIXED_NEWSTYLE | NO_ZEROES))
    receive(connection, 4)
    what = struct.pack(">QH", size, HAS_FLAGS | SEND_FLUSH | SEND_FUA)
    while True:
        _, option, length = struct.unpack(">8sII", receive(connection, 16))
        receive(connection, length)

        def reply(kind, data=b""):
            connection.sendall(struct.pack(">QIII", MAGIC_OPTION_REPLY, option, kind, len(data)) + data)

        if option == OPTION_EXPORT_NAME:
            connection.sendall(what)
            return
        if option in (OPTION_INFO, OPTION_GO):
            reply(REPLY_INFO, struct.pack(">H", 0) + what)
            reply(REPLY_ACK)
            if option == OPTION_GO:
                return
        else:
            reply(REPLY_UNSUPPORTED)


def lie():
    try:
        with open(order) as told:
            return told.read().strip()
    except FileNotFoundError:
        return ""


def answer_write(connection, handle):
    reply = struct.pack(">IIQ", MAGIC_REPLY, 0, handle)
    how = lie()
    if how == "magic":
        reply = b"HTTP" + reply[4:]
    elif how == "handle":
        reply = struct.pack(">IIQ", MAGIC_REPLY, 0, handle ^ 0xFFFFFFFF)
    elif how == "twice":
        reply += reply
    elif how == "half":
        connection.sendall(reply[:8])
        raise EOFError
    elif how == "silent":
        return
    connection.sendall(reply)


def serve(connection):
    data = mmap.mmap(-1, BYTES_MAX)  # aligned, as direct I/O wants it
    try:
        shake_hands(connection)
        while True:
            _, _, kind, handle, offset, length = struct.unpack(">IHHQQI", receive(connection, 28))
            if kind == DISCONNECT:
                return
            if kind == READ:
                os.preadv(disk, [memoryview(data)[:length]], offset)
                connection.sendall(struct.pack(">IIQ", MAGIC_REPLY, 0, handle))
                connection.sendall(memoryview(data)[:length])
            elif kind == WRITE:
                receive(connection, length, data)
                os.pwritev(disk, [memoryview(data)[:length]], offset)
                answer_write(connection, handle)
            else:
                os.fsync(disk)
                connection.sendall(struct.pack(">IIQ", MAGIC_REPLY, 0, handle))
    except (EOFError, OSError):
        pass
    finally:
        connection.close()


listener = socket.create_server((address, 10809))
while True:
    client, _ = listener.accept()
    client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    threading.Thread(target=serve, args=(client,), daemon=True).start()
