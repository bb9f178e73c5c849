"""A trial in which the exporter also asks for the state, by the stand-in of `rest.py`."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import ExitStack, closing
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from tests.asterisk.bridge import EXCHANGE, Bridge
from tests.asterisk.comparison import (
    GAUGES,
    IN_CALL,
    MEMBERS,
    Quiet,
    Scrape,
    Status,
    disagreements,
    moments,
    quiet,
)
from tests.asterisk.deeds import Deeds
from tests.asterisk.driver import Driver
from tests.asterisk.observer import Observer
from tests.asterisk.phones import Phones
from tests.asterisk.plan import AGENTS, Planner
from tests.asterisk.recorder import Recorder
from tests.asterisk.rest import answering
from tests.asterisk.server import Asterisk
from tests.asterisk.steps import Deed, Step
from tests.asterisk.trial import CALLS_A_MINUTE
from tests.program import Exporter, Series
from tests.servers import Broker

GROUP = "grp-acme-1"
COMPLETE = frozenset({"agents", "queue_calls", "queues"})
"""The subsystems whose state the stand-in tells."""

MERGED_SECONDS = 3.5
"""After an answer, the exporter has merged it: it waits two seconds for older events."""

_ALL = (*GAUGES, *MEMBERS, IN_CALL)
_RECONFIGURED = (
    (0.2, "PJSIP/phone7 PJSIP/phone8 PJSIP/spare"),
    (0.9, "PJSIP/phone7 PJSIP/phone8"),
)
"""Parts of the time after which the group gets other members, without an event.

Nobody has the phone `spare`, so no event tells of it. The state is complete then."""

_RELOAD = Deed("reload")
_RELOADED = 0.6
"""Part of the time after which app_queue is reloaded. It is some time after the restart, because an
answer from before a reload does not make the state complete."""


@dataclass
class Outcome:
    """What a trial has found.

    Attributes:
        first: When the exporter first knew all, Unix seconds.
        statuses: The answers that the exporter got.
        scrapes: What it showed.
        samples: At the end.
        messages: What was on the bus.
    """

    deeds: Deeds
    first: Scrape
    statuses: list[Status]
    scrapes: list[Scrape]
    samples: dict[Series, float]
    messages: list[dict[str, Any]]

    def judged(self) -> list[Quiet]:
        """Return the answers, each with a scrape after it was merged, and the quiet queues."""
        later = [
            replace(each, time=each.time + MERGED_SECONDS)
            for each in self.statuses
            if not self._is_dead(each.asked - 1, each.time + 2 * MERGED_SECONDS)
        ]
        return quiet(later, self.scrapes, moments(self.messages))

    def differing(self) -> list[str]:
        """Return a line for each quiet queue whose gauges are not those of an answer."""
        return disagreements(self.judged(), _ALL)

    def repaired(self) -> Iterator[tuple[int, float]]:
        """Yield the static members of the group, wanted and shown, after each change of them."""
        for at, static in self.deeds.reconfigured:
            merged = min(each.time for each in self.statuses if each.asked > at) + MERGED_SECONDS
            shown = next(each for each in self.scrapes if each.time > merged)
            yield len(static[GROUP]), shown.gauges.get((GROUP, "xivo_queue_members", "static"), 0)

    def unknown_seconds(self) -> Iterator[float]:
        """Yield for each death how long after its end the state was not complete."""
        for _, began, up in self.deeds.deaths:
            after = [each for each in self.scrapes if each.time > began]
            lost = next(each.time for each in after if each.known < COMPLETE)
            known = next(each.time for each in after if each.time > lost and each.known >= COMPLETE)
            yield known - up

    def drift(self) -> dict[tuple[str, str], float]:
        """Return how often a complete state was wrong, by subsystem and kind."""
        return {
            (given["subsystem"], given["kind"]): value
            for (name, labels), value in self.samples.items()
            if name == "xivo_state_drift_total" and value
            for given in [dict(labels)]
        }

    def __str__(self) -> str:
        compared = sum(len(each.queues) for each in self.judged())
        seconds = ", ".join(f"{each:.1f}" for each in self.unknown_seconds())
        return (
            f"{len(self.statuses)} answers, {compared} queues compared, not complete until "
            f"{seconds} s after the deaths, drift {self.drift()}, reloads {[*self.repaired()]}"
        )

    def _is_dead(self, begin: float, end: float) -> bool:
        return any(began - 1 <= end and begin <= up + 2 for _, began, up in self.deeds.deaths)


def steps(seed: int, minutes: float) -> list[Step]:
    """Return the plan of a seed, with changes of the group."""
    changes: list[Step] = [
        (part * minutes * 60, Deed("reconfigure", queue=GROUP, value=static))
        for part, static in _RECONFIGURED
    ]
    changes.append((_RELOADED * minutes * 60, _RELOAD))
    usual = [each for each in Planner(seed, minutes, CALLS_A_MINUTE).steps() if each[1] != _RELOAD]
    plan = [*usual, *changes]
    return sorted(plan, key=lambda step: step[0])


def run(folder: Path, minutes: float, seed: int) -> Outcome:
    """Carry out the plan of a seed, and return what came of it.

    Agents log in before anybody listens, so only an answer tells of them.

    Args:
        folder: For the output of the exporter.
        minutes: How long calls come.
        seed: Of the plan.
    """
    with ExitStack() as stack:
        broker = stack.enter_context(Broker())
        server = stack.enter_context(Asterisk())
        rest = stack.enter_context(answering(server))
        phones = stack.enter_context(closing(Phones(server)))
        phones.start()
        bridge: Bridge | None = None

        def wait_for_bus() -> None:
            assert bridge is not None
            bridge.wait_until_connected()

        driver = stack.enter_context(closing(Driver(server, phones, wait_for_bus, is_listed=True)))
        plan = steps(seed, minutes)
        driver.run([(0.0, Deed("login", agent)) for agent in AGENTS])
        recorder = stack.enter_context(closing(Recorder(broker.port)))
        settings = ("--bus-url", broker.url(), "--exchange", EXCHANGE, "--instance", "trial")
        exporter = stack.enter_context(Exporter(folder, *settings, *rest.settings, env=rest.env))
        observer = stack.enter_context(closing(Observer(server, exporter)))
        first = observer.wait_until(lambda scrape: scrape.known >= COMPLETE)
        bridge = stack.enter_context(closing(Bridge(server.ami_port, server.secret, broker.port)))
        bridge.wait_until_connected()
        driver.run(plan)
        # An answer to the last calls.
        time.sleep(35 + 2 * MERGED_SECONDS)
        samples = exporter.samples()
        return Outcome(
            driver.deeds, first, rest.statuses, observer.scrapes, samples, recorder.messages
        )
