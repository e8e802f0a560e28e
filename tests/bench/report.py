#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Tables and verdicts from what the scripts of this directory printed; see run.sh."""

import statistics
import sys
from collections import defaultdict
from pathlib import Path

LAYERS = {
    "raw": "null_blk alone",
    "linear": "dm-linear",
    "sw": "sw",
    "mpath-bio": "dm-multipath, bio mode",
    "mpath-rq": "dm-multipath, request mode",
}
# ... and this one where instructions are counted.
WITNESS = {"sw-witness": "sw, 16 witness records"}
DIRECTIONS = ("read", "write")
WAYS = ("libaio1", "libaio2", "psync")
STALL_MS = 5000
HANG_GRACE_MS = 1500


class Report:
    """Lines for the reader, and verdicts; prints the first at once."""

    def __init__(self):
        self.lines = []
        self.verdicts = []

    def say(self, line=""):
        self.lines.append(line)
        print(line)

    def table(self, head, rows):
        """Numbers to the right, the first column to the left."""
        cells = [head, *rows]
        widths = [max(len(row[i]) for row in cells) for i in range(len(head))]

        def line(row):
            first, *others = (cell.rjust(width) for cell, width in zip(row, widths))
            return "| " + " | ".join([row[0].ljust(len(first)), *others]) + " |"

        self.say(line(head))
        self.say("|" + "|".join("-" * (w + 1) + (":" if i else "-") for i, w in enumerate(widths)) + "|")
        for row in rows:
            self.say(line(row))
        self.say()

    def verdict(self, name, value, at_most=None, below=None, at_least=None, digits=0):
        ok = (
            (at_most is None or value <= at_most)
            and (below is None or value < below)
            and (at_least is None or value >= at_least)
        )
        sign, goal = next((s, g) for s, g in (("<=", at_most), ("<", below), (">=", at_least)) if g is not None)
        self.verdicts.append(
            (f"bench: {name} {value:.{digits}f} goal {sign}{goal:.{digits}f} {'ok' if ok else 'short'}", ok)
        )


def records(path, word):
    """The split lines of a script's output that begin with `word`."""
    return [line.split()[1:] for line in path.read_text().splitlines() if line.startswith(word + " ")]


def instructions(report, directory):
    cost = {}
    runtime_ms = {}
    for way, layer, direction, per_io, ms in records(directory / "instructions.txt", "instructions"):
        cost[way, layer, direction] = float(per_io)
        runtime_ms[way, layer, direction] = int(ms)

    def adds(way, layer, direction):
        return cost[way, layer, direction] - cost[way, "raw", direction]

    def mean_adds(layer, direction):
        return statistics.mean(adds(way, layer, direction) for way in WAYS[:2])

    report.say("### Instructions per random 4 KiB I/O, depth 1")
    report.say()
    report.table(
        ["", "read", "adds", "× linear", "write", "adds", "× linear"],
        [
            [text]
            + [
                cell
                for direction in DIRECTIONS
                for cell in (
                    f"{statistics.mean(cost[way, layer, direction] for way in WAYS[:2]):.0f}",
                    f"{mean_adds(layer, direction):.0f}" if layer != "raw" else "",
                    f"{mean_adds(layer, direction) / mean_adds('linear', direction):.3f}"
                    if layer != "raw"
                    else "",
                )
            ]
            for layer, text in (LAYERS | WITNESS).items()
        ],
    )
    for direction in DIRECTIONS:
        name = f"instructions.{direction}"
        sw = mean_adds("sw", direction)
        report.verdict(f"{name}.sw_over_linear", sw / mean_adds("linear", direction), at_most=1.10, digits=3)
        report.verdict(
            f"{name}.sw_over_linear_psync",
            adds("psync", "sw", direction) / adds("psync", "linear", direction),
            at_most=1.10,
            digits=3,
        )
        for other in ("mpath-bio", "mpath-rq"):
            report.verdict(f"{name}.sw_over_{other}", sw / mean_adds(other, direction), below=1, digits=3)
    witnessed, plain = (
        statistics.mean(cost[way, layer, "write"] for way in WAYS[:2]) for layer in ("sw-witness", "sw")
    )
    report.verdict("instructions.write.witness_over_sw", witnessed / plain, below=1.02, digits=4)
    report.verdict(
        "instructions.repeat_differs_ms",
        max(
            abs(runtime_ms["libaio1", layer, direction] - runtime_ms["libaio2", layer, direction])
            for layer in LAYERS | WITNESS
            for direction in DIRECTIONS
        ),
        at_most=1,
    )


def iops(report, directory):
    rounds = defaultdict(dict)
    for number, layer, direction, value in records(directory / "iops.txt", "iops"):
        rounds[int(number)][layer, direction] = float(value)

    def ratio(layer, other, direction):
        """Median of the rounds: the machine's other work changes from one to the next."""
        return statistics.median(r[layer, direction] / r[other, direction] for r in rounds.values())

    report.say(f"### I/Os per second at depth 32, two jobs, two CPUs: medians of {len(rounds)} rounds")
    report.say()
    report.table(
        ["", "read, × null_blk", "read, × linear", "write, × null_blk", "write, × linear"],
        [
            [text]
            + [
                f"{ratio(layer, other, direction):.2f}"
                for direction in DIRECTIONS
                for other in ("raw", "linear")
            ]
            for layer, text in LAYERS.items()
        ],
    )
    for direction in DIRECTIONS:
        name = f"iops.{direction}"
        report.verdict(
            f"{name}.sw_over_raw",
            ratio("sw", "raw", direction),
            at_least=0.95 * ratio("linear", "raw", direction),
            digits=2,
        )
        report.verdict(f"{name}.sw_over_linear", ratio("sw", "linear", direction), at_least=0.95, digits=2)
        for other in ("mpath-bio", "mpath-rq"):
            report.verdict(f"{name}.sw_over_{other}", ratio("sw", other, direction), at_least=1, digits=2)


PRODUCTS = {
    "mpath": "dm-multipath, multipathd, two SCSI paths",
    "sw": "sw, pathd, two SCSI paths",
    "mpath-served": "dm-multipath map, a SCSI path and a served one",
    "sw-served": "sw, pathd, a SCSI path and a served one",
}


def faults(report, directory):
    longest_ms = {}
    errors = defaultdict(int)
    for product, fault, ms, _, failed in records(directory / "faults.txt", "fault"):
        longest_ms[product, fault] = float(ms)
        errors[product] += int(failed)

    report.say("### Longest I/O when the active path fails, ms")
    report.say()
    report.table(
        ["", "it answers with errors", "it hangs"],
        [
            [
                text,
                f"{longest_ms[product, 'error']:.1f}",
                f"{longest_ms[product, 'hang']:.0f}" if (product, "hang") in longest_ms else "",
            ]
            for product, text in PRODUCTS.items()
        ],
    )
    for sw, mpath in (("sw", "mpath"), ("sw-served", "mpath-served")):
        report.verdict(f"longest_ms.error.{sw}", longest_ms[sw, "error"], at_most=longest_ms[mpath, "error"], digits=1)
        report.verdict(f"longest_ms.hang.{sw}", longest_ms[sw, "hang"], at_most=STALL_MS + HANG_GRACE_MS)
        report.verdict(f"errors.{sw}", errors[sw], at_most=0)


SERVERS = {
    "swpath": "nbdkit, swpath plugin (direct)",
    "qemu-uring": "qemu-nbd --cache=none --aio=io_uring",
    "qemu-native": "qemu-nbd --cache=none --aio=native",
    "qemu-threads": "qemu-nbd --cache=none --aio=threads",
    "nbdkit-file": "nbdkit file cache=none (page cache)",
    "nbd-server": "nbd-server (page cache)",
}
PEERS = ("qemu-uring", "qemu-native", "qemu-threads")


def serve(report, directory):
    rounds = defaultdict(dict)
    for number, server, pattern, direction, mib_per_s, p99_us in records(directory / "serve.txt", "serve"):
        rounds[int(number)][server, pattern, direction] = (float(mib_per_s), float(p99_us))
    loads = [(pattern, direction) for pattern in ("rand4k", "seq1m") for direction in DIRECTIONS]

    report.say(f"### NBD servers, MiB/s at depth 32 through one connection: medians of {len(rounds)} rounds")
    report.say()
    report.table(
        ["", *(f"{pattern} {direction}" for pattern, direction in loads)],
        [
            [text, *(f"{statistics.median(r[server, *load][0] for r in rounds.values()):.0f}" for load in loads)]
            for server, text in SERVERS.items()
        ],
    )
    for load in loads:
        # The best of those that read and write the disk itself, as ours does, in the same round.
        ratio = statistics.median(
            r["swpath", *load][0] / max(r[peer, *load][0] for peer in PEERS) for r in rounds.values()
        )
        report.verdict(f"serve.{load[0]}.{load[1]}.over_best_direct", ratio, at_least=1, digits=2)


FENCES = {
    "prove": "sw, fence by reservations: the phase \"prove\"",
    "drain": "sw, no fence: the phase \"prove\"",
    "raw": "PREEMPT AND ABORT and READ KEYS alone",
}


def fence(report, directory):
    taken_us = defaultdict(list)
    for _, manner, us in records(directory / "fence.txt", "fence"):
        taken_us[manner].append(float(us))
    median = {manner: statistics.median(taken_us[manner]) for manner in FENCES}

    report.say(f"### A fence inside the pause of a switch, ms: medians of {len(taken_us['prove'])}")
    report.say()
    report.table(["", "ms"], [[text, f"{median[manner] / 1000:.2f}"] for manner, text in FENCES.items()])
    report.verdict("fence.over_raw", (median["prove"] - median["drain"]) / median["raw"], at_most=6, digits=2)


DAEMONS = {"sw": "pathd", "mpath": "multipathd"}


def units(report, directory):
    of = {}
    for count, product, *figures in records(directory / "units.txt", "units"):
        of[int(count), product] = [float(figure) for figure in figures]
    counts = sorted({count for count, _ in of})

    report.say("### Units with two direct paths: CPU and times in ms of instructions, memory in MiB")
    report.say()
    report.table(
        [
            "units",
            "all online",
            "CPU",
            "PSS",
            "threads",
            "idle minute: CPU",
            "VM",
            "all switch: longest read",
            "CPU",
            "VM",
            "peak RSS",
        ],
        [
            [
                f"{text}, {count}",
                f"{online:.0f}",
                f"{start_cpu:.0f}",
                f"{pss / 1024:.1f}",
                f"{threads:.0f}",
                f"{idle_cpu:.0f}",
                f"{idle_all:.0f}",
                f"{switch:.0f}",
                f"{switch_cpu:.0f}",
                f"{switch_all:.0f}",
                f"{peak / 1024:.1f}",
            ]
            for count in counts
            for product, text in DAEMONS.items()
            for (
                online, start_cpu, _, pss, threads, idle_cpu, idle_all, switch, switch_cpu, switch_all, peak,
            ) in [of[count, product]]
        ],
    )


def pathds(report, directory):
    of = {}
    for count, change, *ms in records(directory / "pathds.txt", "pathds"):
        of.setdefault((int(count), change), []).append([float(each) for each in ms])
    counts = sorted({count for count, _ in of})
    # Who is left alone waits for nobody: its own part is nothing.
    columns = [("join", 0), ("join", 1), ("rejoin", 0), ("rejoin", 1), ("leave", 0), ("crash", 0), ("silent", 0)]

    def median_ms(count, change, which):
        return statistics.median(ms[which] for ms in of[count, change])

    report.say("### Two real pathds, from a change until all of their services are active: medians, ms")
    report.say()
    report.table(
        ["units", *("of that the round" if which else change for change, which in columns)],
        [[f"{count}", *(f"{median_ms(count, *column):.1f}" for column in columns)] for count in counts],
    )
    for change, which, name in ("join", 1, "join.round"), ("leave", 0, "leave"), ("crash", 0, "crash"):
        report.verdict(f"pathds.{name}.ms", median_ms(1000, change, which), at_most=PATHDS_MS, digits=1)


# What two pathds may take with a thousand units: a twentieth of the stall budget.
PATHDS_MS = 250

CHANGES = ("join", "leave", "crash")
# The largest cluster that is measured, and the most disks.
RECOVERY_WORST = (16, 1000)


def recovery(report, directory):
    of = {}
    for hosts, units, change, ms, noticed_ms, kib, cpu_us in records(directory / "recovery.txt", "recovery"):
        of[int(hosts), int(units), change] = (float(ms), float(noticed_ms), float(kib), float(cpu_us) / 1000)
    sizes = sorted({(hosts, units) for hosts, units, _ in of})

    def after_notice_ms(size, change):
        ms, noticed_ms, _, _ = of[*size, change]
        return ms - noticed_ms

    report.say("### From a change until all services are active: ms of virtual time, + CPU ms of a host, KiB of all hosts")
    report.say()
    report.table(
        ["hosts × units", *(head for change in CHANGES for head in (f"{change}, ms", "CPU ms", "KiB"))],
        [
            [
                f"{size[0]} × {size[1]}",
                *(
                    cell
                    for change in CHANGES
                    for cell in (
                        f"{after_notice_ms(size, change):.2f}",
                        f"{of[*size, change][3]:.2f}",
                        f"{of[*size, change][2]:.0f}",
                    )
                ),
            ]
            for size in sizes
        ],
    )
    noticed_ms = [of[*size, "crash"][1] for size in sizes]
    report.say(f"A silent host is noticed by the last of the others after {min(noticed_ms):.0f} to {max(noticed_ms):.0f} ms.")
    report.say()
    for change in CHANGES:
        report.verdict(
            f"recovery.{change}.ms",
            after_notice_ms(RECOVERY_WORST, change) + of[*RECOVERY_WORST, change][3],
            at_most=100,
            digits=1,
        )
    pathds(report, directory)


PARTS = {"units": units, "recovery": recovery, "fence": fence, "serve": serve, "instructions": instructions, "iops": iops, "faults": faults}


def main():
    directory = Path(sys.argv[1])
    report = Report()
    for name in sys.argv[2:]:
        try:
            PARTS[name](report, directory)
        except (KeyError, OSError, ValueError, statistics.StatisticsError) as problem:
            print(f"report: {name}: not all that was to be measured is there: {problem!r}", file=sys.stderr)
            sys.exit(2)
    (directory / "results.md").write_text("\n".join([*report.lines, *(line for line, _ in report.verdicts), ""]))
    for line, _ in report.verdicts:
        print(line)
    sys.exit(0 if all(ok for _, ok in report.verdicts) else 1)


main()
