"""One of two exporters that share an inbox, and the blows that it is dealt."""

import os
import signal
import time
from http.client import HTTPException
from pathlib import Path

from tests.chaos.truths import Look
from tests.integration.bus import own
from tests.program import Exporter, Series, samples_of
from tests.proxy import Proxy, Way
from tests.support import eventually

INSTANCE = "pair"
INBOX = f"xivo-exporter.{INSTANCE}.default"

_PAUSE_SECONDS = 0.4
"""Between two scrapes of which the second shows whether something still changes."""

_SCRAPE_SECONDS = 10

Samples = dict[Series, float]


class Side:
    """An exporter with a proxy of its own, and perhaps with a state directory.

    Args:
        name: To call it by.
        directory: For its log and its state.
        url: Of the broker.
        proxy: Between it and the broker.
        keeps_state: Whether it has a state directory.

    Attributes:
        name: The same.
        keeps_state: The same.
        exporter: The program.
        proxy: The same.
    """

    def __init__(
        self, name: str, directory: Path, url: str, proxy: Proxy, *, keeps_state: bool
    ) -> None:
        directory.mkdir()
        self.name = name
        self.keeps_state = keeps_state
        self.proxy = proxy
        arguments = ["--bus-url", proxy.url(url), "--instance", INSTANCE]
        arguments += ["--details", "agents,endpoints", "--windows", "5s,1m"]
        if keeps_state:
            arguments += ["--state-dir", str(directory / "state")]
        self.exporter = Exporter(directory, *arguments)
        self._is_there = False
        self._is_cut = False

    def start(self) -> None:
        """Run the program."""
        self.exporter.start()
        self._is_there = True

    def is_there(self) -> bool:
        """Whether it should answer: another thread may just be striking it."""
        return self._is_there

    def look(self) -> Look | None:
        """Scrape it; return None if it is dead, frozen, or becomes so meanwhile.

        Raises:
            OSError: It does not answer, though it should.
        """
        if not self.is_there():
            return None
        was_cut = self._is_cut
        try:
            answer = self.exporter.get("/metrics", timeout=_SCRAPE_SECONDS)
        except (OSError, HTTPException):
            if self.is_there():
                raise
            return None
        assert answer.status == 200, answer
        return Look(samples_of(answer.text), was_cut or self._is_cut)

    def reads(self) -> bool:
        """Whether it is the one that reads the inbox."""
        look = self.look()
        return look is not None and not look.is_excused and own(look.samples, "bus_connected") == 1

    # Blows. Each returns the last samples before the exporter forgets or another one reads on.

    def stop(self) -> Samples:
        """Let it end in order, and see what it acknowledged."""
        # It gets no new deliveries, and waits for the end of its connection: time for a scrape.
        self.proxy.hold(Way.FROM_BROKER)
        self._is_there = False
        last = self.exporter.samples()
        os.kill(self.exporter.pid, signal.SIGTERM)
        last = self._settled(last)
        self.proxy.cure()
        assert self.exporter.wait() == 0, self.exporter.log()[-2000:]
        return last

    def kill(self) -> Samples:
        """Let it die, at a moment whose state is known."""
        last = self._settled({})
        self._is_there = False
        self.exporter.kill()
        # What was under way from it is thrown away: it may belong to a later state.
        self.proxy.reset()
        self.proxy.cure()
        return last

    def hold(self) -> None:
        """Let nothing through to it or from it, without a word."""
        self._is_cut = True
        self.proxy.hold()

    def cut(self) -> Samples:
        """Break the connection that is held."""
        self.proxy.reset()
        return self._settled({})

    def join(self) -> None:
        """Let it reach the broker again."""
        # A connection that was held back while its ends gave it up is no connection any more.
        self.proxy.reset()
        self.proxy.cure()
        self._is_cut = False

    def freeze(self) -> Samples:
        """Stop it in its tracks, at a moment whose state is known."""
        self.proxy.hold(Way.FROM_BROKER)
        last = self._settled({})
        self._is_there = False
        self.exporter.freeze()
        # What comes meanwhile waits in its socket.
        self.proxy.cure()
        return last

    def thaw(self) -> None:
        """Let it go on."""
        self.exporter.thaw()
        self._is_there = True

    def given_up(self) -> Samples:
        """Wait until it knows that its connection is gone, and shows all that it has received."""
        eventually(
            lambda: own(self.exporter.samples(), "bus_connected") == 0,
            timeout=40,
            what="the end of the connection is noticed",
        )
        return self._settled({})

    def _settled(self, last: Samples) -> Samples:
        """Scrape until nothing changes any more, or until it has ended."""

        def is_settled() -> bool:
            nonlocal last
            before = last
            time.sleep(_PAUSE_SECONDS)
            try:
                last = self.exporter.samples()
            except (OSError, HTTPException):
                return True
            return bool(before) and _counted(before) == _counted(last)

        eventually(is_settled, timeout=30, interval=0, what=f"{self.name} has processed all")
        return last


def _counted(samples: Samples) -> float:
    return own(samples, "deliveries_total")


def scrape_all(sides: tuple[Side, ...]) -> dict[str, Look]:
    """Scrape those that are there."""
    return {side.name: look for side in sides if (look := side.look()) is not None}
