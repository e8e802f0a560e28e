#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""The serving side as its clients meet it: the real nbdkit with our plugin, other people's clients.

serve_test.py [CASE...]: each case by its name, all without one. SW_PLUGIN names the plugin, SW_PRELOAD
the libraries that nbdkit has to load first. The disk is a regular file that takes direct I/O.
Exit status: 0 all hold, 1 one does not, 77 skipped.
"""

import contextlib
import json
import os
import random
import resource
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time

import nbd

BLOCK = 4096
DISK_BYTES = 32 << 20


def wait_until(what, limit_s=20.0):
    deadline = time.monotonic() + limit_s
    while not what():
        assert time.monotonic() < deadline, "waited too long"
        time.sleep(0.02)


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


class Server:
    """One nbdkit. Its directory, with the disk and the closed epochs, outlives it."""

    def __init__(self, directory, tls=None, unix=False):
        self.directory = directory
        self.disk = os.path.join(directory, "disk")
        self.control = os.path.join(directory, "control")
        if not os.path.exists(self.disk):
            with open(self.disk, "wb") as disk:
                disk.truncate(DISK_BYTES)
        self.unix = os.path.join(directory, "nbd") if unix else None
        self.port = None if unix else free_port()
        where = ["-U", self.unix] if unix else ["--ipaddr", "127.0.0.1", "--port", str(self.port)]
        security = ["--tls=require", "--tls-psk=" + tls] if tls else ["--tls=off"]
        if unix and os.path.exists(self.unix):
            os.unlink(self.unix)
        environment = dict(os.environ, ASAN_OPTIONS="detect_leaks=0:abort_on_error=1")
        environment["LD_PRELOAD"] = os.environ["SW_PRELOAD"]
        self.log_path = os.path.join(directory, "log")
        with open(self.log_path, "ab") as log:
            self.process = subprocess.Popen(
                ["nbdkit", "--foreground", *where, *security, os.environ["SW_PLUGIN"]]
                + [f"control={self.control}", f"closed={directory}/closed", "files=yes"]
                + [f"tls={'yes' if tls else 'no'}"],
                env=environment, stdin=subprocess.DEVNULL, stdout=log, stderr=log)
        try:
            wait_until(self.answers)
        except AssertionError:
            print(self.log(), file=sys.stderr)
            self.process.kill()
            raise

    def answers(self):
        with contextlib.suppress(OSError):
            return self.call("Status").get("pid") == self.process.pid
        assert self.process.poll() is None, self.log()
        return False

    def log(self):
        with open(self.log_path, errors="replace") as log:
            return log.read()

    def call(self, method, **parameters):
        """One call; the reply's parameters, with "error" if it is one."""
        with socket.socket(socket.AF_UNIX) as client:
            client.settimeout(90)
            client.connect(self.control)
            message = {"method": "io.swpath.Serve." + method, "parameters": parameters}
            client.sendall(json.dumps(message).encode() + b"\0")
            reply = b""
            while not reply.endswith(b"\0"):
                piece = client.recv(65536)
                if not piece:
                    raise ConnectionError("no answer")
                reply += piece
        reply = json.loads(reply[:-1])
        return dict(reply["parameters"], **({"error": reply["error"]} if "error" in reply else {}))

    def export(self, epoch, **more):
        parameters = {"wwid": "naa.1", "client": "alpha", "epoch": epoch, "device": self.disk, "clients": ["any"]} | more
        reply = self.call("Export", **parameters)
        assert "error" not in reply, reply
        return reply

    def revoke(self, epoch, **more):
        return self.call("Revoke", wwid="naa.1", client="alpha", epoch=epoch, **more)

    def uri(self, epoch):
        name = f"naa.1@alpha@{epoch}"
        if self.unix:
            return f"nbd+unix:///{name}?socket={self.unix}"
        return f"nbd://127.0.0.1:{self.port}/{name}"

    def connect(self, epoch):
        client = nbd.NBD()
        client.connect_uri(self.uri(epoch))
        return client

    def state(self):
        return self.call("Status")["exports"][-1]["state"]

    def stop(self):
        if self.process.poll() is None:
            self.process.terminate()
            try:
                self.process.wait(20)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()
                raise
        assert self.process.returncode in (0, -signal.SIGKILL), (self.process.returncode, self.log())
        assert "ERROR: AddressSanitizer" not in self.log() and "runtime error" not in self.log(), self.log()


@contextlib.contextmanager
def serving(**options):
    with tempfile.TemporaryDirectory(prefix="swpath-serve-") as directory:
        server = Server(directory, **options)
        try:
            yield server
        finally:
            server.stop()


def run(*command, fails=False):
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)
    assert (done.returncode != 0) == fails, (command, done.stdout, done.stderr)
    return done.stdout + done.stderr


def content(path):
    with open(path, "rb") as file:
        return file.read()


def nbd_error(action):
    """The error's number that an action of libnbd ends with, or None."""
    try:
        action()
    except nbd.Error as error:
        return error.errnum if error.errnum is not None else error.errno
    return None


class Writer(threading.Thread):
    """Writes versions to the blocks of its own through a connection of its own, several at once, and
    knows which were acknowledged, until the connection ends."""

    DEPTH = 8

    def __init__(self, server, epoch, number, count):
        super().__init__()
        self.client = server.connect(epoch)
        blocks = DISK_BYTES // BLOCK // count
        self.blocks = [number * blocks + i for i in range(min(blocks, 64))]
        self.acknowledged = {block: 0 for block in self.blocks}
        self.open = {}
        self.version = 0
        self.random = random.Random(number)
        self.start()

    def run(self):
        with contextlib.suppress(nbd.Error):
            while True:
                if len(self.open) < self.DEPTH:
                    block = self.random.choice(self.blocks)
                    if block not in self.open:
                        self.submit(block)
                        continue
                self.client.poll(1000)

    def submit(self, block):
        self.version += 1
        version = self.version
        self.open[block] = version

        def completed(error):
            value = error if isinstance(error, int) else error.value
            if value == 0:
                self.acknowledged[block] = version
                del self.open[block]
            return 1

        data = (b"%016d%016d" % (block, version)) * (BLOCK // 32)
        self.client.aio_pwrite(nbd.Buffer.from_bytearray(bytearray(data)), block * BLOCK, completed)

    def judge(self, disk):
        """Every block holds its last acknowledged version, or one whose fate is open."""
        for block in self.blocks:
            data = disk[block * BLOCK:(block + 1) * BLOCK]
            allowed = {self.acknowledged[block], self.open.get(block, -1)}
            versions = {int(data[i + 16:i + 32]) if data[i] else 0 for i in range(0, BLOCK, 512)}
            assert versions <= allowed, (block, versions, allowed)


def writers_flow(writers):
    wait_until(lambda: all(sum(w.acknowledged.values()) > 0 and w.version > 50 for w in writers), 60)


# ---- cases


def case_third_party_clients_read_and_write():
    for unix in (False, True):
        with serving(unix=unix) as server:
            server.export(7)
            info = json.loads(run("nbdinfo", "--json", server.uri(7)))["exports"][0]
            assert info["export-size"] == DISK_BYTES and info["block_size_minimum"] == BLOCK, info
            for flag in ("can_flush", "can_fua", "can_multi_conn", "can_trim", "can_zero"):
                assert info[flag] is True, info
            assert info["is_read_only"] is False, info
            listed = json.loads(run("nbdinfo", "--list", "--json", server.uri(7)))["exports"]
            assert [each["export-name"] for each in listed] == ["naa.1@alpha@7"], listed
            image = os.path.join(server.directory, "image")
            with open(image, "wb") as file:
                file.write(os.urandom(DISK_BYTES))
            run("nbdcopy", "--connections=4", "--requests=16", image, server.uri(7))
            assert content(image) == content(server.disk)
            run("qemu-img", "compare", "-f", "raw", "-F", "raw", image, server.uri(7))
            back = os.path.join(server.directory, "back")
            run("nbdcopy", server.uri(7), back)
            assert content(back) == content(image)


def case_flush_fua_trim_and_zeroes_do_what_they_say():
    with serving() as server:
        server.export(7)
        client = server.connect(7)
        client.pwrite(b"a" * (4 * BLOCK), 0, nbd.CMD_FLAG_FUA)
        client.zero(BLOCK, BLOCK)
        client.zero(BLOCK, 2 * BLOCK, nbd.CMD_FLAG_NO_HOLE | nbd.CMD_FLAG_FUA)
        client.trim(BLOCK, 3 * BLOCK, nbd.CMD_FLAG_FUA)
        client.flush()
        data = content(server.disk)[:3 * BLOCK]
        assert data == b"a" * BLOCK + bytes(2 * BLOCK)
        assert client.pread(3 * BLOCK, 0) == data
        client.shutdown()


def case_what_is_not_whole_blocks_is_refused():
    with serving() as server:
        server.export(7)
        client = nbd.NBD()
        client.set_strict_mode(0)
        client.connect_uri(server.uri(7))
        assert nbd_error(lambda: client.pread(512, 0)) == 22
        assert nbd_error(lambda: client.pwrite(b"x" * 512, BLOCK)) == 22
        assert nbd_error(lambda: client.pwrite(b"x" * BLOCK, 17)) == 22
        assert content(server.disk) == bytes(DISK_BYTES)
        assert client.pread(BLOCK, 0) == bytes(BLOCK), "the connection goes on"
        assert server.state() == "open"
        client.shutdown()


def case_unknown_exports_old_epochs_and_foreign_clients_are_refused():
    with serving() as server:
        server.export(7, clients=["127.0.0.1"])
        for epoch in (6, 8):
            run("nbdinfo", server.uri(epoch), fails=True)
        run("nbdinfo", f"nbd://127.0.0.1:{server.port}/other@alpha@7", fails=True)
        run("nbdinfo", f"nbd://127.0.0.1:{server.port}/", fails=True)
        run("nbdinfo", server.uri(7))
        assert server.revoke(7)["drained"]
        run("nbdinfo", server.uri(7), fails=True)
        server.export(8, clients=["192.0.2.0/24"])
        run("nbdinfo", server.uri(8), fails=True)
        texts = {each["text"] for each in server.call("Status")["refusals"]}
        for text in ("epoch 6 of naa.1 for alpha is closed; ask for 7", "epoch 8 of naa.1 for alpha is not open here; 7 is",
                     "other is not served by this host to alpha", "an export is asked for as WWID@CLIENT@EPOCH",
                     "epoch 7 of naa.1 for alpha is closed; ask for 8", "client 127.0.0.1 may not use naa.1@alpha@8"):
            assert text in texts, (text, texts)
            assert text in server.log(), text


def case_a_read_only_export_takes_no_writes():
    with serving() as server:
        server.export(7, read_only=True)
        client = nbd.NBD()
        client.set_strict_mode(0)
        client.connect_uri(server.uri(7))
        assert client.is_read_only()
        assert nbd_error(lambda: client.pwrite(b"x" * BLOCK, 0)) is not None
        assert client.pread(BLOCK, 0) == bytes(BLOCK)
        client.shutdown()


def case_only_the_holder_of_the_key_gets_in():
    with tempfile.TemporaryDirectory(prefix="swpath-psk-") as directory:
        keys = {}
        for name in ("right", "wrong"):
            keys[name] = os.path.join(directory, name)
            run("psktool", "-u", "swpath", "-p", keys[name])
        with serving(tls=keys["right"]) as server:
            server.export(7)
            assert server.call("Status")["tls"] is True
            secure = server.uri(7).replace("nbd://", "nbds://swpath@")
            run("nbdinfo", f"{secure}?tls-psk-file={keys['right']}")
            run("nbdinfo", f"{secure}?tls-psk-file={keys['wrong']}", fails=True)
            run("nbdinfo", server.uri(7), fails=True)
            image = os.path.join(server.directory, "image")
            with open(image, "wb") as file:
                file.write(os.urandom(DISK_BYTES))
            run("nbdcopy", image, f"{secure}?tls-psk-file={keys['right']}")
            assert content(image) == content(server.disk)
            client = nbd.NBD()
            client.set_uri_allow_local_file(True)
            client.connect_uri(f"{secure}?tls-psk-file={keys['right']}")
            revoked = server.revoke(7)
            assert revoked["drained"] and revoked["connections_ended"] == 1, revoked


def case_a_new_key_file_is_taken_by_the_next_connection_and_ends_none():
    with tempfile.TemporaryDirectory(prefix="swpath-psk-") as directory:
        keys, fresh = (os.path.join(directory, name) for name in ("keys", "fresh"))
        run("psktool", "-u", "alpha", "-p", keys)
        run("psktool", "-u", "alpha#2", "-p", fresh)
        shutil.copy(fresh, fresh + ".alone")
        with serving(tls=keys) as server:
            server.export(7)
            old = server.uri(7).replace("nbd://", "nbds://alpha@") + f"?tls-psk-file={keys}.old"
            new = server.uri(7).replace("nbd://", "nbds://alpha%232@") + f"?tls-psk-file={fresh}.alone"
            shutil.copy(keys, keys + ".old")
            client = nbd.NBD()
            client.set_uri_allow_local_file(True)
            client.connect_uri(old)
            run("nbdinfo", new, fails=True)
            with open(keys) as file, open(fresh, "a") as both:
                both.write(file.read())
            os.replace(fresh, keys)
            run("nbdinfo", old)
            run("nbdinfo", new)
            os.replace(fresh + ".alone", keys)
            shutil.copy(keys, fresh + ".alone")
            run("nbdinfo", old, fails=True)
            run("nbdinfo", new)
            assert client.pread(BLOCK, 0) == bytes(BLOCK), "a connection stays as it was"
            client.shutdown()


def revoke_under_load(unix):
    with serving(unix=unix) as server:
        for epoch in (7, 8, 9):
            server.export(epoch)
            writers = [Writer(server, epoch, i, 16) for i in range(16)]
            writers_flow(writers)
            revoked = server.revoke(epoch, wait_ms=30000)
            disk = content(server.disk)
            assert revoked["drained"], revoked
            assert revoked["connections_ended"] == 16 and revoked["in_flight"] == 0, revoked
            for writer in writers:
                writer.join(30)
                assert not writer.is_alive(), "its connection was not ended"
                writer.judge(disk)
            assert content(server.disk) == disk, "the disk changed after 'drained'"
            assert server.revoke(epoch)["drained"], "said again to who asks again"
            with open(server.disk, "r+b") as file:  # each round begins with blank blocks
                file.truncate(0)
                file.truncate(DISK_BYTES)


def case_revoked_under_load_the_disk_holds_what_was_acknowledged_and_changes_no_more():
    revoke_under_load(unix=False)


def case_so_it_does_over_a_unix_socket():
    revoke_under_load(unix=True)


def case_clients_that_vanish_with_requests_open_do_not_end_the_server():
    with serving() as server:
        server.export(7)
        for _ in range(30):
            client = server.connect(7)
            for block in range(64):
                client.aio_pread(nbd.Buffer(16 * BLOCK), block * BLOCK)
            del client  # its socket is closed with replies unread: a reset
        wait_until(lambda: server.call("Status")["exports"][-1]["connections"] == 0)
        assert server.connect(7).pread(BLOCK, 0) == bytes(BLOCK)


def case_a_server_that_loses_its_disk_ends_its_clients():
    with serving() as server:
        server.export(7)
        clients = [server.connect(7) for _ in range(4)]
        os.truncate(server.disk, 0)  # for a file what a vanished disk is for a path
        assert nbd_error(lambda: clients[0].pread(BLOCK, BLOCK)) is not None
        assert server.state() == "failed", server.call("Status")
        for client in clients[1:]:
            assert nbd_error(lambda: client.pread(BLOCK, 0)) is not None
        run("nbdinfo", server.uri(7), fails=True)
        wait_until(lambda: server.call("Status")["exports"][-1]["connections"] == 0)
        os.truncate(server.disk, DISK_BYTES)
        server.export(7)  # the path is back: the same epoch
        assert server.connect(7).pread(BLOCK, 0) == bytes(BLOCK)


def case_a_killed_servers_epoch_is_revoked_by_the_next_one():
    with tempfile.TemporaryDirectory(prefix="swpath-serve-") as directory:
        server = Server(directory)
        server.export(7)
        writers = [Writer(server, 7, i, 4) for i in range(4)]
        writers_flow(writers)
        server.process.kill()
        server.process.wait()
        server = Server(directory)
        try:
            for writer in writers:
                writer.join(30)
                assert not writer.is_alive()
            refused = server.revoke(7)
            assert refused["error"] == "io.swpath.Control.Unsafe", refused
            revoked = server.revoke(7, devices=[server.disk], wait_ms=30000)
            assert revoked["drained"] and not revoked["served_here"], revoked
            disk = content(server.disk)
            for writer in writers:
                writer.judge(disk)
            reply = server.call("Export", wwid="naa.1", client="alpha", epoch=7, device=server.disk, clients=["any"])
            assert "closed" in reply["message"], reply
            server.export(8)
            server.process.kill()
            server.process.wait()
            server = Server(directory)
            reply = server.call("Export", wwid="naa.1", client="alpha", epoch=7, device=server.disk, clients=["any"])
            assert "closed" in reply["message"], reply
        finally:
            server.stop()


def case_one_disk_has_one_server():
    with tempfile.TemporaryDirectory(prefix="swpath-serve-") as directory, serving() as first:
        first.export(7)
        second = Server(directory)
        try:
            reply = second.call("Export", wwid="naa.1", client="alpha", epoch=8, device=first.disk, clients=["any"])
            assert "another server process has it" in reply["message"], reply
        finally:
            second.stop()


def case_a_block_device_is_served_with_its_own_block_size():
    """On a loop device; skipped where there is none to be had."""
    if os.geteuid() != 0 or not shutil.which("losetup"):
        sys.exit(77)
    with serving() as server:
        backing = os.path.join(server.directory, "backing")
        with open(backing, "wb") as file:
            file.truncate(DISK_BYTES)
        made = subprocess.run(["losetup", "--direct-io=on", "--find", "--show", backing],
                              capture_output=True, text=True, check=False)
        if made.returncode != 0:
            print("no loop device:", made.stderr)
            sys.exit(77)
        loop = made.stdout.strip()
        try:
            exported = server.export(7, device=loop)
            with open(f"/sys/block/{os.path.basename(loop)}/queue/logical_block_size") as file:
                assert exported["logical_block_bytes"] == int(file.read())
            client = server.connect(7)
            client.pwrite(b"b" * (3 << 20), 0, nbd.CMD_FLAG_FUA)
            client.trim(1 << 20, 0)
            client.zero(1 << 20, 1 << 20)
            assert client.pread(1 << 20, 1 << 20) == bytes(1 << 20)
            assert client.pread(1 << 20, 2 << 20) == b"b" * (1 << 20)
            client.flush()
            client.shutdown()
            run("nbdcopy", server.uri(7), "null:")
            assert server.revoke(7)["drained"]
        finally:
            subprocess.run(["losetup", "--detach", loop], check=True)


def case_bad_bytes_on_the_control_socket_end_that_connection_only():
    with serving() as server:
        for junk in (b"\0", b"[]\0", b"x" * 10000, b'{"method":1}\0', b"\xff\xfe\0", b'{"a":' * 50 + b"\0"):
            with socket.socket(socket.AF_UNIX) as client:
                client.settimeout(20)
                client.connect(server.control)
                client.sendall(junk)
                with contextlib.suppress(ConnectionError):
                    assert client.recv(100) == b"", junk
        assert server.call("Status")["exports"] == []


def ended(connection):
    """The server has hung up."""
    connection.settimeout(30)
    with contextlib.suppress(ConnectionError):
        while connection.recv(4096):
            pass
    return True


def case_clients_that_never_ask_for_an_export_are_few_and_not_there_for_long():
    with serving() as server, contextlib.ExitStack() as stack:
        server.export(7)
        client = server.connect(7)
        began = time.monotonic()
        silent = [stack.enter_context(socket.create_connection(("127.0.0.1", server.port))) for _ in range(256)]
        for each in silent:  # each has its thread, and was greeted
            each.settimeout(20)
            assert each.recv(8) == b"NBDMAGIC"
        more = stack.enter_context(socket.create_connection(("127.0.0.1", server.port)))
        assert ended(more)
        assert "256 connections are in their handshake" in server.log(), server.log()
        silent.pop().close()  # nbdkit tells nobody of that
        wait_until(lambda: nbd_error(lambda: server.connect(7).pread(BLOCK, 0)) is None)
        for each in silent:
            assert ended(each)
        assert 5 < time.monotonic() - began < 30
        assert client.pread(BLOCK, 0) == bytes(BLOCK), "who uses an export is left alone"


def case_a_server_that_is_told_to_end_waits_for_no_handshake():
    with serving() as server:
        server.export(7)
        silent = socket.create_connection(("127.0.0.1", server.port))
        silent.recv(8)
        asks = nbd.NBD()  # has looked at the export, and may go on to use it
        asks.set_opt_mode(True)
        asks.connect_uri(server.uri(7))
        asks.opt_info()
        assert server.revoke(7)["drained"], "no connection uses it"
        assert nbd_error(asks.opt_go) is not None
        server.process.terminate()
        server.process.wait(5)
        silent.close()


def case_a_caller_without_a_thread_is_refused_and_the_server_goes_on():
    with serving() as server:
        server.export(7)
        client = server.connect(7)
        # The connection's own threads are there: nbdkit's part.
        wait_until(lambda: len(os.listdir(f"/proc/{server.process.pid}/task")) > 16)
        with open(f"/proc/{server.process.pid}/status") as status:
            used = next(int(line.split()[1]) << 10 for line in status if line.startswith("VmSize:"))
        hard = resource.prlimit(server.process.pid, resource.RLIMIT_AS)[1]
        # No stack of a thread fits any more, but what threads that have ended left.
        resource.prlimit(server.process.pid, resource.RLIMIT_AS, (used + (4 << 20), hard))
        refused = 0
        with contextlib.ExitStack() as stack:
            for _ in range(16):  # each keeps its thread
                caller = stack.enter_context(socket.socket(socket.AF_UNIX))
                caller.settimeout(20)
                caller.connect(server.control)
                with contextlib.suppress(BrokenPipeError):  # refused already
                    caller.sendall(b'{"method":"io.swpath.Serve.Status","parameters":{}}\0')
                reply = json.loads(caller.recv(65536).rstrip(b"\0"))
                if "error" in reply:
                    assert "no thread for a caller" in reply["parameters"]["message"], reply
                    refused += 1
        assert refused > 0, "there were threads for all"
        assert client.pread(BLOCK, 0) == bytes(BLOCK), "its clients notice nothing"
        assert server.log().count("no thread for a caller") == 1, server.log()
        resource.prlimit(server.process.pid, resource.RLIMIT_AS, (hard, hard))
        wait_until(server.answers)
        client.shutdown()


def main():
    cases = {name[5:]: case for name, case in globals().items() if name.startswith("case_")}
    for name in sys.argv[1:] or cases:
        print("case:", name.replace("_", " "), flush=True)
        cases[name]()


main()
