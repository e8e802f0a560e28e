#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""A peer that speaks version 2 of the peers' protocol (docs/protocol.md) and no other, with the real TLS and a real key.

other_version.py serve ADDRESS KEYS NAME   answers each hello with its own, for ever
other_version.py ask ADDRESS KEYS NAME     says hello to the pathd there, as NAME; prints the versions that this one tells, and
                                           ends when it hangs up
"""

import ctypes
import socket
import struct
import sys

PORT = 10808
VERSION = 2
ANSWER = 0x8000
# gnutls.h
SERVER, CLIENT, CRD_PSK, KEY_HEX, SEC_PARAM_MEDIUM = 1, 2, 4, 1, 3
PRIORITIES = b"NORMAL:-VERS-ALL:+VERS-TLS1.3:-KX-ALL:+ECDHE-PSK:+DHE-PSK"

tls = ctypes.CDLL("libgnutls.so.30")
tls.gnutls_strerror.restype = ctypes.c_char_p
for call in (tls.gnutls_record_send, tls.gnutls_record_recv):
    call.restype = ctypes.c_ssize_t
    call.argtypes = (ctypes.c_void_p, ctypes.c_char_p, ctypes.c_size_t)


class Datum(ctypes.Structure):
    _fields_ = [("data", ctypes.c_char_p), ("size", ctypes.c_uint)]


def good(result, what):
    if result < 0:
        raise OSError(f"{what}: {tls.gnutls_strerror(result).decode()}")
    return result


def client_credentials(keys, name):
    with open(keys, encoding="ascii") as lines:
        key = next(line for line in lines if line.startswith(name + ":")).strip().split(":")[1].encode()
    credentials = ctypes.c_void_p()
    good(tls.gnutls_psk_allocate_client_credentials(ctypes.byref(credentials)), "credentials")
    datum = Datum(key, len(key))
    good(tls.gnutls_psk_set_client_credentials(credentials, name.encode(), ctypes.byref(datum), KEY_HEX), "key")
    return credentials


def server_credentials(keys):
    credentials = ctypes.c_void_p()
    good(tls.gnutls_psk_allocate_server_credentials(ctypes.byref(credentials)), "credentials")
    good(tls.gnutls_psk_set_server_credentials_file(credentials, keys.encode()), "key file")
    good(tls.gnutls_psk_set_server_known_dh_params(credentials, SEC_PARAM_MEDIUM), "DH parameters")
    return credentials


class Link:
    """A connection with TLS on it."""

    def __init__(self, connection, side, credentials):
        self.connection = connection
        self.session = ctypes.c_void_p()
        good(tls.gnutls_init(ctypes.byref(self.session), side), "session")
        good(tls.gnutls_priority_set_direct(self.session, PRIORITIES, None), "priorities")
        good(tls.gnutls_credentials_set(self.session, CRD_PSK, credentials), "credentials")
        fd = connection.fileno()
        tls.gnutls_transport_set_int2(self.session, fd, fd)
        good(tls.gnutls_handshake(self.session), "handshake")

    def send(self, data):
        good(tls.gnutls_record_send(self.session, data, len(data)), "send")

    def receive(self, count):
        """So many bytes, or fewer if the other side hangs up."""
        data = b""
        while len(data) < count:
            chunk = ctypes.create_string_buffer(count - len(data))
            got = tls.gnutls_record_recv(self.session, chunk, len(chunk))
            if got <= 0:
                break
            data += chunk.raw[:got]
        return data

    def frame(self):
        """The verb and the body of the next frame; nothing: there is none."""
        head = self.receive(20)
        if len(head) < 20:
            return None
        magic, _, verb, _, count = struct.unpack(">4sHHQI", head)
        assert magic == b"SWPP"
        return verb, self.receive(count)

    def close(self):
        tls.gnutls_deinit(self.session)
        self.connection.close()


def text(value):
    return struct.pack(">H", len(value)) + value.encode()


def hello(name):
    return struct.pack(">HH16s16sQ", VERSION, VERSION, b"t" * 16, b"b" * 16, 7) + text(name)


def frame(verb, body):
    return struct.pack(">4sHHQI", b"SWPP", VERSION, verb, 0, len(body)) + body


def serve(address, keys, name):
    credentials = server_credentials(keys)
    with socket.create_server((address, PORT), reuse_port=False) as listener:
        while True:
            connection, _ = listener.accept()
            try:
                link = Link(connection, SERVER, credentials)
                if link.frame() is not None:
                    link.send(frame(ANSWER, struct.pack(">QH", 0, 0) + text("") + hello(name)))
                    link.frame()
                link.close()
            except OSError as error:
                print(error, file=sys.stderr)


def ask(address, keys, name):
    connection = socket.create_connection((address, PORT), 30)
    connection.settimeout(None)
    link = Link(connection, CLIENT, client_credentials(keys, name))
    link.send(frame(0, struct.pack(">QI", 0, 5000) + hello(name)))
    verb, body = link.frame()
    assert verb == ANSWER
    _, status, length = struct.unpack(">QHH", body[:12])
    assert (status, length) == (0, 0)
    print("versions %d to %d" % struct.unpack(">HH", body[12:16]))
    assert link.frame() is None, "it goes on"
    print("it has hung up")


{"serve": serve, "ask": ask}[sys.argv[1]](*sys.argv[2:])
