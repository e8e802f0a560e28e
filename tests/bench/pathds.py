#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""
pathds.py DIR COUNT - two real pathds come, go, die and lose each other, on the hosts that pathds.sh has made in DIR.

Prints, for each of several times,
  pathds COUNT CHANGE WHOLE_MS ROUND_MS
  WHOLE_MS      from the change until the last pathd has written into its log that all members have activated all services
  ROUND_MS      of that what the pathds themselves count, and write: from when one heard of it. The longer of the two, if both are left
  CHANGE        join    beta's pathd has started, which its log says: it knows no disk yet
                leave   it gets SIGTERM
                crash   it gets SIGKILL
                silent  the cable is cut: nothing comes through, nothing ends
                rejoin  the cable is mended, and each tells the other of COUNT disks
After each, every pathd has to know the other's disks, or none if it is alone; else there are no figures.
"""

import contextlib
import json
import os
import re
import selectors
import signal
import subprocess
import sys
import time

# Far beyond what anything takes; the clock counts instructions.
LIMIT_S = 600
ROUNDS = {1: 5, 100: 5}

RECOVERED = re.compile(r"cluster: (.*) recovered together, epoch \d+, after ([0-9.]+) ms")
STARTED = re.compile(r"pathd \S+ started$")
ABOUT_MEMBERS = re.compile(r"peer|cluster|started|serving|lost")
SERVING = re.compile(r"serving at \S+ \(process (\d+)\)")


class Log:
    """Of one pathd, and of the servers that it has started."""

    def __init__(self, host, pipe):
        self.host = host
        self.pipe = pipe
        self.file = open(f"{host.directory}/log", "ab")
        self.rest = b""

    def read(self, selector):
        at = now_ms()
        said = self.pipe.read()
        if not said:
            selector.unregister(self.pipe)
            return
        *lines, self.rest = (self.rest + said).split(b"\n")
        for line in lines:
            self.host.said(line.decode(), at)
            self.file.write(f"{at:.1f} ".encode() + line + b"\n")
        self.file.flush()


class Host:
    def __init__(self, name, directory, namespace):
        self.name = name
        self.directory = f"{directory}/host.{name}"
        self.namespace = namespace
        self.process = None
        self.started = None  # when it had read its configuration
        self.recovered = None  # members, as text, ms by its own word, and when that was read
        self.servers = set()  # its processes that serve disks, which outlive it

    def start(self, selector):
        script = (
            'mount --bind "$1/run" /run/swpath && mount --bind "$1/etc" /etc/swpath &&'
            ' mount --bind "$1/machine-id" /etc/machine-id && exec pathd'
        )
        self.started = self.recovered = None
        self.process = subprocess.Popen(
            [*self.namespace, "unshare", "--mount", "--propagation", "private", "sh", "-c", script, "sh", self.directory],
            stdin=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
        )
        os.set_blocking(self.process.stderr.fileno(), False)
        selector.register(self.process.stderr, selectors.EVENT_READ, Log(self, self.process.stderr))

    def said(self, line, at):
        if match := RECOVERED.search(line):
            self.recovered = match[1], float(match[2]), at
        elif STARTED.search(line):
            self.started = at
        elif match := SERVING.search(line):
            self.servers.add(int(match[1]))

    def end(self, how):
        began = now_ms()
        self.process.send_signal(how)
        return began

    def clean(self):
        if self.process and self.process.poll() is None:
            self.process.kill()
            self.process.wait()
        for server in self.servers:
            with contextlib.suppress(ProcessLookupError):
                os.kill(server, signal.SIGKILL)
        print(f"--- the end of {self.name}'s log", file=sys.stderr)
        with contextlib.suppress(OSError), open(f"{self.directory}/log", encoding="utf-8") as log:
            sys.stderr.writelines([line for line in log if ABOUT_MEMBERS.search(line)][-40:])

    def ask(self, *arguments):
        """What its administrator would see; None: it does not answer yet."""
        asked = subprocess.run(
            ["nsenter", "--target", str(self.process.pid), "--mount", "--net", "pathctl", *arguments, "--json"],
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
        )
        return json.loads(asked.stdout) if asked.returncode == 0 else None

    def knows(self, others, count):
        status = self.ask("status")
        return status is not None and count == sum(
            [server["host"] for server in unit["servers"]] == others for unit in status["units"]
        )


def now_ms():
    return time.clock_gettime_ns(time.CLOCK_MONOTONIC) / 1e6


class Bench:
    def __init__(self, directory, count):
        self.count = count
        self.selector = selectors.DefaultSelector()
        self.alpha = Host("alpha", directory, [])
        self.beta = Host("beta", directory, ["nsenter", "--net=/run/netns/beta"])

    def until(self, condition, what, pause_s=None):
        """Reads what the pathds say until it holds. Without a pause it is about what they say, and is asked after each line."""
        end = now_ms() + LIMIT_S * 1000
        while not condition():
            if now_ms() > end:
                sys.exit(f"not within {LIMIT_S} s: {what}")
            until = min(end, now_ms() + pause_s * 1000) if pause_s else end
            while (left_ms := until - now_ms()) > 0:
                ready = self.selector.select(left_ms / 1000)
                for key, _ in ready:
                    key.data.read(self.selector)
                if ready and not pause_s:
                    break

    def change(self, name, act, members):
        """`act` returns when the change was; `members`: by host, as it shall write them."""
        for host in members:
            host.recovered = None
        began = act()
        self.until(
            lambda: all(host.recovered and host.recovered[0] == text for host, text in members.items()),
            f"{name}: together again",
        )
        whole = max(host.recovered[2] for host in members) - began
        print(f"pathds {self.count} {name} {whole:.2f} {max(host.recovered[1] for host in members):.1f}", flush=True)

    def all_know(self):
        for host, others in (self.alpha, ["beta"]), (self.beta, ["alpha"]):
            self.until(lambda: host.knows(others, self.count), f"{host.name} knows all disks of {others}", pause_s=5)

    def nobody_serves(self, host):
        if not host.knows([], self.count):
            sys.exit(f"{host.name} is alone and knows servers")

    def cable(self, *rule):
        began = now_ms()
        for chain in "INPUT", "OUTPUT":
            subprocess.run(["ip", "netns", "exec", "beta", "iptables", *rule, chain, "-j", "DROP"], check=True)
        return began

    def start_beta(self):
        self.beta.start(self.selector)
        self.until(lambda: self.beta.started, "beta's pathd has started")
        return self.beta.started

    def end_beta(self, name, how):
        self.change(name, lambda: self.beta.end(how), {self.alpha: "alpha"})
        self.beta.process.wait()
        self.nobody_serves(self.alpha)

    def run(self, rounds):
        together = {host: "alpha, beta" for host in (self.alpha, self.beta)}
        apart = {host: host.name for host in (self.alpha, self.beta)}
        self.alpha.start(self.selector)
        self.until(lambda: self.alpha.recovered, "alpha is there")
        self.until(lambda: self.alpha.knows([], self.count), "alpha answers", pause_s=5)
        for _ in range(rounds):
            self.change("join", self.start_beta, together)
            self.all_know()
            self.change("silent", lambda: self.cable("-I"), apart)
            for host in apart:
                self.nobody_serves(host)
            self.change("rejoin", lambda: self.cable("-D"), together)
            self.all_know()
            self.end_beta("leave", signal.SIGTERM)
            self.change("join", self.start_beta, together)
            self.all_know()
            self.end_beta("crash", signal.SIGKILL)
        self.alpha.end(signal.SIGTERM)
        self.alpha.process.wait()


def main():
    directory, count = sys.argv[1], int(sys.argv[2])
    bench = Bench(directory, count)
    try:
        bench.run(ROUNDS.get(count, 1))
    finally:
        for host in bench.alpha, bench.beta:
            host.clean()


main()
