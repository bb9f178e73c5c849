"""The data that the pages show. It contains nothing of the other rooms."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple


@dataclass(frozen=True, slots=True)
class Link:
    """A line in the list of links, for example to the documentation."""

    href: str
    text: str
    note: str = ""


@dataclass(frozen=True, slots=True)
class BusView:
    """What the page shows of one bus.

    Attributes:
        name: Its name in the settings.
        connected: Whether the consumer is connected to it now.
        url: Its address, without user and password.
        exchange: The exchange to which the inbox is bound.
        for_seconds: Time since `connected` last changed; None if it never did.
        last_delivery_age_seconds: Time since the newest delivery; None if there was none.
        problem: Why it is not connected, in one sentence.
        note: A rule of the broker that weakens a guarantee, in one sentence.
        is_standby: Whether another exporter of the same instance reads it.
        is_withheld: Whether no metrics of its servers are shown, because of that.
        api_problems: Why APIs of its server gave no usable answer, each in one line.
        gaps: How often events were missed, or may have been.
        last_gap_at: Unix time at which the last gap was noticed; None if there was none.
    """

    name: str
    connected: bool
    url: str
    exchange: str
    for_seconds: float | None = None
    last_delivery_age_seconds: float | None = None
    problem: str | None = None
    note: str = ""
    is_standby: bool = False
    is_withheld: bool = False
    api_problems: tuple[str, ...] = ()
    gaps: int = 0
    last_gap_at: float | None = None


@dataclass(frozen=True, slots=True)
class KnownView:
    """What the pages show of a subsystem of a server.

    Attributes:
        server: Name of the server.
        subsystem: Name of the subsystem.
        since: Unix time since which its state is complete, in seconds; None if it is not.
        reason: Why it is not, in one line.
        is_normal: Whether nothing is wrong, although it is not complete.
        question: The question that the subsystem answers, in one line.
    """

    server: str
    subsystem: str
    since: float | None
    reason: str = ""
    is_normal: bool = False
    question: str = ""


class Reloaded(NamedTuple):
    """The result of a reload of the settings.

    Attributes:
        is_good: Whether the settings are right; if not, nothing has changed.
        lines: What happened, for the person who asked.
    """

    is_good: bool
    lines: Sequence[str]
