#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""judge.py LOG...: judges what the members of a cluster did (lines of swmembers), all together.

The hosts have no clock in common: what came before what is known by the vector clocks of the lines.
The last line is a summary; the status is 1 if a rule was broken:

  B1  no service processes before all members have activated the one before it
  B2  no service is activated before all members are done with it, nor twice in a round
  B3  what is activated is what the members said, and the same on all
  B4  who works in a round is in its list of members, and a member has one list with a tag
  B5  after an abort nothing of its round is done, and what is said next was activated before
"""
import json
import sys
from collections import Counter, defaultdict

problems = []


def expect(holds, rule, line, text):
    if not holds:
        problems.append(f"{rule}: {text}: {line['who']} n={line['n']} {line['event']} {line.get('service', '')} {line.get('tag', '')}")


def read(paths):
    """The lines of each life of a member; the last one of a host whose power was lost may be torn."""
    lives = defaultdict(list)
    for path in paths:
        with open(path, errors="replace") as file:
            for text in file:
                try:
                    line = json.loads(text)
                    lives[line["who"]].append(line)
                except (ValueError, KeyError, TypeError):
                    continue
                # Hosts that do not know of each other may count the same.
                if "tag" in line:
                    line["tag"] += " of " + " ".join(line["members"])
    return lives


def merge(states):
    result = {}
    for state in states:
        for host, value in state.items():
            result[host] = max(result.get(host, 0), value)
    return result


def judge(lives):
    members, services = {}, []
    said, activated = {}, {}
    number = {}  # (event, tag, service, who): its number in that life
    lines = [line for life in lives.values() for line in life]
    for line in lines:
        if "service" not in line:
            continue
        key = (line["tag"], line["service"], line["who"])
        if line["service"] not in services:
            services.append(line["service"])
        if line["event"] == "process":
            said[key] = line["state"]
        if line["event"] == "activate":
            expect(key not in activated, "B2", line, "activated twice")
            activated[key] = line["state"]
        number[(line["event"], *key)] = line["n"]
        members.setdefault(line["tag"], line["members"])
        expect(line["who"] in line["members"], "B4", line, "not a member")

    for line in lines:
        if line["event"] not in ("process", "activate"):
            continue
        tag, service = line["tag"], line["service"]
        at = services.index(service)
        if line["event"] == "activate":
            rule, needed = "B2", ("done", tag, service)
        elif at > 0:
            rule, needed = "B1", ("activate", tag, services[at - 1])
        else:
            continue
        for who in line["members"]:
            # What its host had no time to write down is judged by the others alone.
            n = number.get((*needed, who))
            if n is None and lives.get(who) and lives[who][-1]["n"] < line["known"].get(who, 0):
                continue
            expect(n is not None and line["known"].get(who, 0) >= n, rule, line, f"before {who} was {needed[0]} with {needed[2]}")

    for (tag, service, who), state in activated.items():
        line = {"who": who, "n": number[("activate", tag, service, who)], "event": "activate", "service": service, "tag": tag}
        told = [said.get((tag, service, each)) for each in members[tag]]
        if None not in told:
            expect(state == merge(told), "B3", line, f"{state}, and {merge(told)} was said")
        for each in members[tag]:
            other = activated.get((tag, service, each))
            expect(other is None or other == state, "B3", line, f"{state}, and {other} on {each}")

    for who, life in lives.items():
        aborted, last, counted, tags = set(), {}, 0, {}
        for line in life:
            if "tag" in line:
                tag = line["tag"].split(" of ")[0]
                expect(tags.setdefault(tag, line["members"]) == line["members"], "B4", line, f"other members than {tags[tag]}")
            if line["event"] == "complete":
                counted += 1
            if "service" not in line:
                continue
            service = line["service"]
            expect(line["tag"] not in aborted or line["event"] == "abort", "B5", line, "the round was aborted")
            if line["event"] == "abort":
                aborted.add(line["tag"])
            if line["event"] == "init":
                expect(not line["state"], "B5", line, f"something is left: {line['state']}")
            if line["event"] == "activate":
                last[service] = (line["state"], counted)
            if line["event"] == "process" and service in last:
                state, before = last[service]
                host = who.split("/")[0]
                expected = dict(state)
                if counted > before:
                    expected[host] = expected.get(host, 0) + counted - before
                expect(line["state"] == expected, "B5", line, f"{line['state']} is said, and {expected} was activated")


def main():
    lives = read(sys.argv[1:])
    judge(lives)
    for problem in problems[:50]:
        print(problem)
    events = Counter(line["event"] for life in lives.values() for line in life)
    rounds = {line["tag"] for life in lives.values() for line in life if line["event"] == "complete"}
    print(f"{len(lives)} lives, {len(rounds)} rounds completed, {events['activate']} activations, "
          f"{events['abort']} aborts, {events['left-out']} left out: {len(problems)} violations")
    sys.exit(1 if problems or not rounds else 0)


main()
