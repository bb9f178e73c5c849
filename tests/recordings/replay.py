"""Replays recordings, and computes what Asterisk says about its queues."""

from __future__ import annotations

import gzip
import json
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

from msgspec import Raw
from msgspec.structs import replace

from exporter.recording.format import Message, read
from tests.queue_oracle import DEVICE_STATES

FOLDER = Path(__file__).parent
WRAP_UPS = {"ventes": 5}
"""Seconds, by queue, of the recorded server. Other queues have none."""

GAUGES = frozenset(
    {
        "xivo_queue_members",
        "xivo_queue_member_states",
        "xivo_queue_members_paused",
        "xivo_queue_members_wrap_up",
        "xivo_queue_members_available",
    }
)
Gauges = Mapping[tuple[str, ...], float]
"""By metric, queue and last label; values of 0 are left out."""


@dataclass(frozen=True)
class Snapshot:
    """An answer of Asterisk to QueueStatus.

    Attributes:
        time: Unix seconds.
        members: The fields of its members.
    """

    time: float
    label: str
    members: list[dict[str, str]]


class Recorded(NamedTuple):
    """A message of a recording, with the name and the data of its event."""

    message: Message
    name: str
    data: dict[str, Any]


def messages(name: str) -> Iterator[Recorded]:
    """Yield the messages of a recording; ends of calls have the field of Wazo's Asterisk."""
    for message in read(FOLDER / f"{name}.jsonl.gz"):
        body = json.loads(message.content())
        if body["name"] == "AgentComplete":
            body["data"]["WrapupTime"] = str(WRAP_UPS.get(body["data"]["Queue"], 0))
            message = replace(message, body=Raw(json.dumps(body)))  # noqa: PLW2901 -- the same message
        yield Recorded(message, body["name"], body["data"])


def answers(action: str) -> list[tuple[float, str, list[dict[str, str]]]]:
    """Return the recorded answers to an action: time, label, and parts."""
    with gzip.open(FOLDER / "call_centre.snapshots.jsonl.gz", "rt") as lines:
        asked = [json.loads(line) for line in lines]
    return [
        (each["time"], each["label"], each["answer"]) for each in asked if each["action"] == action
    ]


def snapshots() -> list[Snapshot]:
    """Return the recorded answers to QueueStatus."""
    return [
        Snapshot(time, label, [part for part in answer if part.get("Event") == "QueueMember"])
        for time, label, answer in answers("QueueStatus")
    ]


def ends() -> dict[str, Snapshot]:
    """Return how each scenario ended."""
    found = json.loads(gzip.decompress((FOLDER / "scenarios.ends.json.gz").read_bytes()))
    return {name: Snapshot(end["time"], name, end["members"]) for name, end in found.items()}


class Settings:
    """What a QueueStatus does not contain: whether a queue rings busy members."""

    def __init__(self) -> None:
        self._rings: dict[tuple[str, str], bool] = {}

    def follow(self, recorded: Recorded) -> None:
        """Remember the setting of a member event."""
        data = recorded.data
        if recorded.name.startswith("QueueMember"):
            self._rings[data["Queue"], data["Interface"].lower()] = data["Ringinuse"] == "1"

    def is_in_wrap_up(self, member: dict[str, str], now: float) -> bool:
        """Return whether Asterisk gives a member no call, because one has just ended."""
        seconds = int(member["Wrapuptime"]) or WRAP_UPS.get(member["Queue"], 0)
        last_call = int(member["LastCall"])
        return bool(last_call and seconds and int(now) - seconds < last_call)

    def is_available(self, member: dict[str, str], now: float) -> bool:
        """Return what Asterisk's `is_member_available` returns for a member."""
        queue, status = member["Queue"], int(member["Status"])
        rings = self._rings.get((queue, member["Location"].lower()), False)
        can_ring = status in (0, 1) or (rings and status in (2, 3, 6, 7, 8))
        return can_ring and member["Paused"] == "0" and not self.is_in_wrap_up(member, now)


def gauges_of(members: list[dict[str, str]], settings: Settings, now: float) -> Gauges:
    """Return the gauges that show some members at a time."""
    found: Counter[tuple[str, ...]] = Counter()
    for member in members:
        queue = member["Queue"]
        found["xivo_queue_members", queue, member["Membership"]] += 1
        found["xivo_queue_member_states", queue, DEVICE_STATES[int(member["Status"])]] += 1
        found["xivo_queue_members_paused", queue] += int(member["Paused"])
        found["xivo_queue_members_wrap_up", queue] += settings.is_in_wrap_up(member, now)
        found["xivo_queue_members_available", queue] += settings.is_available(member, now)
    return dict(+found)
