"""Two exporters share an inbox, and one after the other is struck, so that they take turns."""

import time
from collections import Counter
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path
from random import Random
from typing import NamedTuple

from tests.chaos.blows import Blow
from tests.chaos.numbered import Numbered
from tests.chaos.outcome import PairOutcome
from tests.chaos.publisher import Publisher
from tests.chaos.side import INBOX, Samples, Side, scrape_all
from tests.chaos.terms import Term, Terms
from tests.chaos.truths import STANDBY_SECONDS, Truths
from tests.integration.bus import connected, meanwhile
from tests.proxy import Proxy
from tests.servers import Broker
from tests.support import eventually

VHOST = "pair"

_RATE = 200
"""Messages a second: enough that every blow meets some under way."""

_SCRAPE_SECONDS = 1.0
_TAKEN_OVER_SECONDS = 60
"""A frozen exporter is given up after 30 s at most, and the other one tries every 5 s."""

_STRUCK_AT_READER = 0.8
"""Of all blows: the others meet the standby, which must not disturb the reader."""


def fail_over(
    broker: Broker, directory: Path, blows: Sequence[Blow], chance: Random
) -> PairOutcome:
    """Let two exporters live through blows.

    Args:
        broker: Has no vhost of this name yet.
        directory: For their states and logs; empty.
        blows: In their order.
        chance: Of all moments.
    """
    traffic = Numbered(seed=chance.getrandbits(32), rate=_RATE, now=time.time())
    with ExitStack() as stack:
        stack.enter_context(broker.vhosts(VHOST))
        sides = []
        for name in ("P", "Q"):
            proxy = stack.enter_context(Proxy(broker.port))
            keeps_state = chance.random() < 0.5
            url = broker.url(vhost=VHOST)
            side = Side(name, directory / name, url, proxy, keeps_state=keeps_state)
            stack.callback(side.exporter.close)
            sides.append(side)
        return _Pair(broker, (sides[0], sides[1]), traffic, chance).suffer(blows)


class _Left(NamedTuple):
    """What an exporter showed when it was struck.

    Attributes:
        samples: Empty if it goes on as before.
        unacknowledged: How many deliveries the broker may send to the next reader too.
        is_kept: Whether the exporter goes on from there if it misses nothing.
    """

    samples: Samples
    unacknowledged: int
    is_kept: bool = True


class _Pair:
    def __init__(
        self, broker: Broker, sides: tuple[Side, Side], traffic: Numbered, chance: Random
    ) -> None:
        self._broker = broker
        self._sides = sides
        self._other = dict(zip(sides, reversed(sides), strict=True))
        self._traffic = traffic
        self._chance = chance
        self._truths = Truths()
        self._terms = Terms()

    def suffer(self, blows: Sequence[Blow]) -> PairOutcome:
        reader, standby = self._sides
        reader.start()
        # The inbox is there from now on.
        connected(reader.exporter)
        standby.start()
        with meanwhile(self._judge, pause=_SCRAPE_SECONDS):
            with Publisher(self._broker, self._traffic, _RATE, vhost=VHOST):
                for blow in blows:
                    self._await_reader()
                    time.sleep(self._chance.uniform(0.5, 2))
                    self._strike(blow)
                self._await_reader()
            reader = self._await_reader()
            eventually(
                lambda: self._last_heard(reader.exporter.samples()) + 1 == self._published,
                timeout=60,
                what=lambda: f"{reader.name} hears of all: {reader.exporter.log()[-2000:]}",
            )
            samples = reader.exporter.samples()
            heard = self._traffic.heard(samples)
            assert heard is not None
            self._terms.note(Term(reader.name, heard, samples, 0, is_kept=True))
        account = self._terms.account(self._traffic.history, time.time())
        return PairOutcome(
            blows=dict(Counter(blows)),
            account=account,
            compared=self._truths.compared,
            silenced=self._truths.silenced,
            faults=self._truths.faults + account.faults,
        )

    @property
    def _published(self) -> int:
        return len(self._traffic.history)

    def _judge(self) -> None:
        looks = scrape_all(self._sides)
        self._truths.look(time.monotonic(), looks)

    def _await_reader(self) -> Side:
        """Wait until one of them reads, and has heard of what is published now."""
        newest = max(0, self._published - 1)

        def reader() -> Side | None:
            for side in self._sides:
                if side.reads() and self._last_heard(side.exporter.samples()) >= newest:
                    return side
            return None

        found = eventually(
            reader,
            timeout=_TAKEN_OVER_SECONDS,
            interval=0.5,
            what=lambda: (
                "one of the two reads: "
                + " ".join(side.exporter.log()[-1500:] for side in self._sides)
            ),
        )
        assert found is not None
        return found

    def _strike(self, blow: Blow) -> None:
        reader = self._await_reader()
        is_reader = self._chance.random() < _STRUCK_AT_READER
        side = reader if is_reader else self._other[reader]
        strikes = {
            Blow.STOP: self._stop,
            Blow.KILL: self._kill,
            Blow.CUT: self._cut,
            Blow.HOLE: self._hole,
            Blow.NAP: self._nap,
            Blow.FREEZE: self._freeze,
            Blow.REST: self._rest,
        }
        left = strikes[blow](side, self._chance.uniform(0, 10))
        heard = self._traffic.heard(left.samples)
        if is_reader and heard is not None:
            term = Term(side.name, heard, left.samples, left.unacknowledged, left.is_kept)
            self._terms.note(term)

    def _stop(self, side: Side, pause: float) -> _Left:
        samples = side.stop()
        time.sleep(pause)
        side.start()
        # Without a state nobody would recognise the bookmark: it is acknowledged too.
        return _Left(samples, int(side.keeps_state), side.keeps_state)

    def _kill(self, side: Side, pause: float) -> _Left:
        side.hold()
        unacknowledged = self._unacknowledged()
        samples = side.kill()
        time.sleep(pause)
        side.join()
        side.start()
        return _Left(samples, unacknowledged, side.keeps_state)

    def _cut(self, side: Side, pause: float) -> _Left:
        side.hold()
        unacknowledged = self._unacknowledged()
        samples = side.cut()
        time.sleep(pause)
        side.join()
        return _Left(samples, unacknowledged)

    def _hole(self, side: Side, _: float) -> _Left:
        side.hold()
        unacknowledged = self._unacknowledged()
        samples = side.given_up()
        side.join()
        return _Left(samples, unacknowledged)

    def _nap(self, side: Side, pause: float) -> _Left:
        side.freeze()
        time.sleep(pause)
        side.thaw()
        return _Left({}, 0)

    def _freeze(self, side: Side, pause: float) -> _Left:
        is_reader = side.reads()
        before = side.freeze()
        unacknowledged = self._await_takeover(side) if is_reader else 0
        time.sleep(pause)
        side.thaw()
        after = side.given_up() if is_reader else before
        # It may be a standby already, and silent.
        is_shown = self._traffic.heard(after) is not None
        return _Left(after if is_shown else before, unacknowledged)

    def _rest(self, _: Side, pause: float) -> _Left:
        time.sleep(STANDBY_SECONDS + pause)
        return _Left({}, 0)

    def _await_takeover(self, side: Side) -> int:
        """Wait until the other one reads; return how many deliveries the broker took back."""
        other = self._other[side]
        left = 0

        def is_taken_over() -> bool:
            nonlocal left
            published = self._published
            left, before = self._broker.queues(VHOST)[INBOX]["messages"], left
            if not other.reads():
                return False
            left = before + self._published - published
            return True

        eventually(is_taken_over, timeout=_TAKEN_OVER_SECONDS, interval=0.5, what="a takeover")
        return left

    def _unacknowledged(self) -> int:
        count: int = self._broker.queues(VHOST)[INBOX]["messages_unacknowledged"]
        return count

    def _last_heard(self, samples: Samples) -> int:
        heard = self._traffic.heard(samples)
        return -1 if heard is None else heard.last
