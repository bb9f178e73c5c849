"""Checks whether events come: how many, from which servers, and whether they are understood."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from datetime import tzinfo
from math import ceil

from dataflows.envelope import Rejected, open_envelope
from dataflows.subscriptions import subscriptions
from dataflows.subsystem import Subsystem
from exporter.checks.clock_offset import Offset, offset_of
from exporter.checks.report import Findings, Result
from exporter.consumer.temporary_inbox import Arrival

ENOUGH = 5
"""Events that are understood, with time stamps: then everything is known."""

ENOUGH_SECONDS = 5.0
"""Time after which one of them is enough."""

_MAX_SHOWN = 3
"""Servers, names of events and reasons that are shown."""

_MAX_KEPT = 100
"""Names and servers that are counted; events of others count too, but are not named."""


class Arrivals:
    """Counts the events that come; the first ones show what there is to know.

    Args:
        exchange: That the exporter reads; events of others are only counted.
        subsystems: Those that are kept.
        zone: Of time stamps without one; None for that of this machine.

    Attributes:
        understood: Events of the exchange that a subsystem uses.
        unused: Events and messages of the exchange that none uses.
        rejected: Those that cannot be used, by reason.
        elsewhere: Events of the other exchanges that would be used, by exchange.
        names: How often each event came, of those that are understood.
        offsets: By server, its time stamps minus their arrivals.
    """

    def __init__(self, exchange: str, subsystems: Iterable[Subsystem], zone: tzinfo | None) -> None:
        self._exchange = exchange
        self._decoders = subscriptions(tuple(subsystems))
        self._zone = zone
        self.understood = self.unused = 0
        self.rejected: Counter[str] = Counter()
        self.elsewhere: Counter[str] = Counter()
        self.names: Counter[str] = Counter()
        self.offsets: dict[str, Offset] = {}
        self._origins: set[str] = set()
        self._stamped = 0

    def add(self, arrival: Arrival) -> None:
        """Count a message."""
        is_ours = arrival.exchange == self._exchange
        try:
            envelope = open_envelope(arrival.delivery, self._zone)
            found = self._decoders.get(envelope.name) if envelope.origin_uuid else None
            is_used = found is not None and found[0].decode(envelope) is not None
        except Rejected as rejected:
            self.rejected[rejected.reason] += is_ours
            return
        if not is_ours:
            self.elsewhere[arrival.exchange] += is_used
            return
        if len(self._origins) < _MAX_KEPT and envelope.origin_uuid:
            self._origins.add(envelope.origin_uuid)
        if not is_used:
            self.unused += 1
            return
        self.understood += 1
        if len(self.names) < _MAX_KEPT:
            self.names[envelope.name] += 1
        offset = offset_of(envelope, arrival.delivery, self._zone)
        if offset is not None and envelope.origin_uuid in self._origins:
            self._stamped += 1
            # A delay makes a time stamp older, so the newest one shows the clock.
            known = self.offsets.get(envelope.origin_uuid, offset)
            self.offsets[envelope.origin_uuid] = max(known, offset)

    @property
    def origins(self) -> frozenset[str]:
        """The servers whose events came, by `origin_uuid`."""
        return frozenset(self._origins)

    @property
    def count(self) -> int:
        """All messages of the exchange."""
        return self.understood + self.unused + self.rejected.total()

    def is_enough(self, seconds: float) -> bool:
        """Return whether more events would tell nothing new, so many seconds after the begin."""
        if self._stamped >= ENOUGH:
            return True
        # A server may send no time stamps at all.
        return seconds >= ENOUGH_SECONDS and (self._stamped > 0 or self.understood >= ENOUGH)


def tell_events(
    arrivals: Arrivals, seconds: float, findings: Findings, check: str, exchange: str
) -> None:
    """Say what came.

    Args:
        arrivals: What came.
        seconds: How long it was waited.
        findings: Get what was found.
        check: The check of the events.
        exchange: The check of the exchange.
    """
    time = f"{max(1, ceil(seconds - 0.5))} s"
    if arrivals.understood:
        _tell_understood(arrivals, time, findings, check)
        if findings.result_of(exchange) is Result.WARNING:
            findings.good(exchange, "events that the exporter uses come on it")
    elif arrivals.elsewhere.total():
        [(other, count)] = arrivals.elsewhere.most_common(1)
        findings.fail(
            exchange,
            f"within {time}, {count} events came on {other}, and none that the exporter uses on "
            "the exchange that it reads",
            f"set --exchange {other}",
        )
    elif arrivals.rejected.total():
        findings.fail(
            check,
            f"{arrivals.count} messages came within {time}, and none can be used: "
            f"{_most(arrivals.rejected)}",
            "check which program publishes on the exchange; with docs/trouble.md, the reason says "
            "what is wrong with its messages",
        )
    elif arrivals.count:
        findings.warn(
            check,
            f"{arrivals.count} messages came within {time}, but none that the exporter uses",
            "wait longer with --wait 5m, and log an agent in or make a call meanwhile",
        )
    else:
        findings.fail(
            check,
            f"nothing came within {time}",
            "wait longer with --wait 5m, and log an agent in or make a call meanwhile; if still "
            "nothing comes, check that the server's daemons run, such as wazo-amid, and that they "
            "publish to this broker, vhost and exchange",
        )


def _tell_understood(arrivals: Arrivals, time: str, findings: Findings, check: str) -> None:
    said = (
        f"{arrivals.count} came within {time}, {arrivals.understood} of them understood "
        f"({_most(arrivals.names)}), from {_some(sorted(arrivals.origins))}"
    )
    if arrivals.rejected.total():
        said += f"; {arrivals.rejected.total()} rejected ({_most(arrivals.rejected)})"
        advice = "see the reasons of rejections in docs/trouble.md"
        findings.warn(check, said, advice)
    else:
        findings.good(check, said)


def _most(counter: Counter[str]) -> str:
    return _some([name for name, _ in counter.most_common()])


def _some(words: list[str]) -> str:
    shown = ", ".join(words[:_MAX_SHOWN])
    more = len(words) - _MAX_SHOWN
    return f"{shown} and {more} more" if more > 0 else shown
