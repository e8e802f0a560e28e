#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""qmp.py SOCKET COMMAND [JSON] - one command for a QEMU, as its monitor's protocol has it; prints what it returns.

Status 1, with QEMU's words, if it refused or did not answer within 10 s.
"""
import json
import socket
import sys


def fail(text):
    sys.exit(f"qmp: {sys.argv[2]}: {text}")


def answer(stream):
    """The next message that is neither the greeting nor an event."""
    while line := stream.readline():
        message = json.loads(line)
        if "return" in message or "error" in message:
            return message
    fail("QEMU has closed its monitor")


try:
    with socket.socket(socket.AF_UNIX) as monitor:
        monitor.settimeout(10)
        monitor.connect(sys.argv[1])
        with monitor.makefile("rw", encoding="utf-8") as qemu:
            said = {}
            for command in ({"execute": "qmp_capabilities"},
                            {"execute": sys.argv[2], "arguments": json.loads((sys.argv + ["{}"])[3])}):
                qemu.write(json.dumps(command) + "\n")
                qemu.flush()
                said = answer(qemu)
                if "error" in said:
                    fail(said["error"]["desc"])
            print(json.dumps(said["return"]))
except OSError as error:
    fail(error)
