"""Compares the two truths: what the callers did, and what Asterisk logged about them."""

from __future__ import annotations

from tests.asterisk.deeds import Deeds, Done
from tests.asterisk.queues import queue_of
from tests.asterisk.truth import Truth, Visit

_SLACK_SECONDS = 2.5
"""The log has whole seconds, and the driver sees the end of a program a moment later."""


def contradictions(truth: Truth, deeds: Deeds) -> list[str]:
    """Return a line for each visit that does not fit to what its caller did."""
    lines = []
    by_uniqueid = {done.uniqueid: done for done in deeds.calls.values()}
    for visit in truth.visits:
        done = deeds.calls.get(visit.number)
        if visit.uniqueid in deeds.transfers:
            # The caller took the place of an agent who consulted a queue.
            done = by_uniqueid.get(deeds.transfers[visit.uniqueid], done)
        if done is None:
            lines.append(f"nobody called: {visit}")
        elif not _fits(visit, done, deeds):
            lines.append(f"{done}: {visit}")
    came = {visit.number for visit in truth.visits}
    lines += [
        f"never came to a queue: {done}"
        for number, done in deeds.calls.items()
        if number not in came and not _may_stay_out(done, deeds)
    ]
    return lines


def _may_stay_out(done: Done, deeds: Deeds) -> bool:
    """Whether a caller may not come to a queue: it is full or empty, or Asterisk is dead."""
    queue = queue_of(done.call.exten)
    return queue is None or queue.may_refuse or deeds.was_dead(done.began)


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
            return any(word in f"{call.plan} {call.then}" for word in ("after", "moved"))
    return True
