#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""units.py KNOB VALUE DEVICE... - writes VALUE into the file KNOB, and at once reads one block of each DEVICE past
the page cache, each in a thread of its own; prints how long the longest read took from then, in ms, and how many
ended in an error."""

import mmap
import os
import sys
import threading
import time


def main():
    knob, value, *devices = sys.argv[1:]
    threading.stack_size(64 * 1024)
    start = threading.Barrier(len(devices) + 1)
    taken_ms = [0.0] * len(devices)
    errors = [0] * len(devices)
    began = 0.0

    def read(number, fd):
        block = mmap.mmap(-1, 4096)
        start.wait()
        try:
            os.preadv(fd, [block], 0)
        except OSError:
            errors[number] = 1
        taken_ms[number] = (time.monotonic() - began) * 1000

    threads = []
    for number, device in enumerate(devices):
        fd = os.open(device, os.O_RDONLY | os.O_DIRECT)
        threads.append(threading.Thread(target=read, args=(number, fd)))
        threads[-1].start()
    while start.n_waiting < len(devices):
        time.sleep(0.1)
    began = time.monotonic()
    with open(knob, "w") as file:
        file.write(value)
    start.wait()
    for thread in threads:
        thread.join()
    print(f"{max(taken_ms):.1f} {sum(errors)}")


main()
