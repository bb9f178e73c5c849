"""Checks the clock of a server: its time stamps minus their arrivals by this machine's clock."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, tzinfo
from typing import NamedTuple

from dataflows.clock import AHEAD_SECONDS, stamped_at
from dataflows.envelope import Delivery, Envelope
from dataflows.zone_offsets import QUARTER_SECONDS, TOLERANCE_SECONDS
from exporter.checks.report import Findings

BEHIND_SECONDS = 2.0
"""How far time stamps may be behind: some have no fraction of a second, and events need a moment.
The exporter itself allows more, but then windows get late events."""


class Offset(NamedTuple):
    """The offset of a time stamp; larger ones are those of shorter delays.

    Attributes:
        seconds: Time stamp minus arrival.
        has_zone: Whether the stamp says its own offset from UTC.
    """

    seconds: float
    has_zone: bool


def offset_of(envelope: Envelope, delivery: Delivery, zone: tzinfo | None) -> Offset | None:
    """Return the offset of an event; None if it has no time stamp that can be read."""
    if envelope.stamp:
        at = stamped_at(envelope.stamp, delivery.arrived, zone)
        if at is not None:
            moment = datetime.fromisoformat(envelope.stamp)
            return Offset(at - delivery.arrived, moment.tzinfo is not None)
    if delivery.stamp_ms is not None:
        return Offset(delivery.stamp_ms / 1000 - delivery.arrived, True)
    return None


def tell_clock(
    offsets: Mapping[str, Offset], findings: Findings, check: str, *, is_zone_set: bool
) -> None:
    """Say whether the clocks agree.

    Args:
        offsets: Of each server.
        findings: Get what was found.
        check: The check of the clock.
        is_zone_set: Whether the settings say the time zone of stamps without one.
    """
    if not offsets:
        findings.skip(check, "no event came with a time stamp")
        return
    origin, worst = max(offsets.items(), key=lambda item: _badness(item[1]))
    quarters = round(worst.seconds / QUARTER_SECONDS) * QUARTER_SECONDS
    is_zone = quarters != 0 and abs(worst.seconds - quarters) <= TOLERANCE_SECONDS
    if is_zone and not worst.has_zone:
        _tell_zone(origin, quarters, findings, check, is_zone_set=is_zone_set)
        return
    said = f"the time stamps of {origin} are {_distance(worst.seconds)} this machine's clock"
    if abs(worst.seconds) > TOLERANCE_SECONDS:
        findings.fail(check, said, f"{_SYNCHRONISE}; until then, times and windows are wrong")
    elif not -BEHIND_SECONDS <= worst.seconds <= AHEAD_SECONDS:
        findings.warn(check, said, _SYNCHRONISE)
    else:
        findings.good(check, f"the clocks agree, within {BEHIND_SECONDS:.0f} s")


_SYNCHRONISE = (
    "synchronise the clocks of the server and of this machine with NTP: timedatectl shows whether "
    "they are"
)


def _tell_zone(
    origin: str, seconds: float, findings: Findings, check: str, *, is_zone_set: bool
) -> None:
    hours = f"{abs(seconds) / 3600:g} h {'ahead of' if seconds > 0 else 'behind'}"
    if is_zone_set:
        findings.fail(
            check,
            f"the time stamps of {origin} are {hours} those of --bus-timezone",
            "set --bus-timezone to the time zone of the server: timedatectl shows it there",
        )
        return
    findings.warn(
        check,
        f"the time stamps of {origin} are in another time zone, {hours} this machine's",
        "set --bus-timezone to the time zone of the server; without it, the exporter finds the "
        "difference within a minute of traffic",
    )


def _badness(offset: Offset) -> float:
    return abs(offset.seconds)


def _distance(seconds: float) -> str:
    amount = abs(seconds)
    words = f"{amount:.0f} s" if amount < _LONG else f"{amount / 3600:.1f} h"
    return f"{words} {'ahead of' if seconds > 0 else 'behind'}"


_LONG = 2 * 3600
