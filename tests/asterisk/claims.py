"""Compares the two truths: what the callers did, and what Asterisk logged about them."""

from __future__ import annotations

from collections import defaultdict

from tests.asterisk.deeds import Deeds, Done
from tests.asterisk.truth import Truth, Visit

_SLACK_SECONDS = 2.5
"""The log has whole seconds, and the driver sees the end of a program a moment later."""


def contradictions(truth: Truth, deeds: Deeds) -> list[str]:
    """Return a line for each visit that does not fit to what its caller did."""
    lines = []
    visits: defaultdict[str, list[Visit]] = defaultdict(list)
    for visit in truth.visits:
        visits[visit.number].append(visit)
    lines += [
        f"nobody called: {visit}"
        for number in visits.keys() - deeds.calls.keys()
        for visit in visits[number]
    ]
    for number, its in visits.items():
        done = deeds.calls.get(number)
        if done is not None:
            lines += [f"{done}: {visit}" for visit in its if not _fits(visit, done, deeds)]
    return lines


def _fits(visit: Visit, done: Done, deeds: Deeds) -> bool:
    call = done.call
    if visit.joined < int(done.began) - 1:
        return False
    match visit.outcome:
        case "abandoned":
            # Who vanished is hung up some seconds after his last word.
            late = 8 if call.ends == "vanish" else _SLACK_SECONDS
            is_near = visit.left is not None and -_SLACK_SECONDS <= visit.left - done.ended <= late
            return call.ends in {"bye", "cancel", "vanish"} and is_near
        case "left":
            return call.ends == "key"
        case "lost":
            kills = [at for how, at, _ in deeds.deaths if how == "kill"]
            return any(visit.joined <= at for at in kills)
        case "answered":
            return "after" in f"{call.plan} {call.then}"
    return True
