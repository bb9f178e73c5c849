"""One trial: traffic, kills and cuts, and the verdict."""

import random
import time
from dataclasses import dataclass
from pathlib import Path

from tests.chaos import verdict
from tests.chaos.publisher import Publisher
from tests.chaos.traffic import BUS, Traffic
from tests.integration.bus import assert_account_balances, connected, own
from tests.program import Exporter
from tests.proxy import Proxy
from tests.servers import Broker
from tests.support import eventually

INSTANCE = "chaos"
INBOX = f"xivo-exporter.{INSTANCE}.{BUS}"

RATE = 2000
"""Messages a second, unless told otherwise."""

_UNTIL_STRUCK_SECONDS = 1.0
"""At most, since the strike before or since a connection was there."""

_KILLED_ANYWHERE = 0.3
"""Of all kills: they may come while the exporter starts, so that it gets nowhere."""

_CAUGHT_UP_SECONDS = 600
"""At most, until what piled up while the exporter was away has been worked off."""


@dataclass(frozen=True)
class Blows:
    """What the exporter must stand.

    Attributes:
        kills: SIGKILLs.
        cuts: Resets of its connection.
        seed: Of their moments and of the traffic.
    """

    kills: int
    cuts: int
    seed: int


@dataclass(frozen=True)
class Outcome:
    """How a trial ended.

    Attributes:
        published: Messages.
        seconds: While they were published, and the exporter was struck.
        lost: Messages that were not counted; negative for those counted twice.
        gaps: That the exporter noticed, though there were none.
        duplicates: Deliveries that came again, and were known.
        series: That were compared.
        differences: Series that are not what they should be.
    """

    published: int
    seconds: float
    lost: int
    gaps: int
    duplicates: int
    series: int
    differences: list[str]


def run(broker: Broker, directory: Path, blows: Blows, *, agents: int, rate: int = RATE) -> Outcome:
    """Let the exporter live through it.

    Args:
        broker: For this trial alone.
        directory: For state and logs; empty.
        blows: To strike.
        agents: Of each simulated server.
        rate: Messages a second.
    """
    broker.declare_exchange("xivo")
    began = time.time()
    traffic = Traffic(seed=blows.seed, agents=agents, now=began)
    with Proxy(broker.port) as proxy, _exporter(proxy.url(broker.url()), directory) as exporter:
        # The inbox is there from now on.
        connected(exporter)
        with Publisher(broker, traffic, rate):
            _strike(exporter, proxy, blows)
        seconds = time.time() - began
        eventually(
            # But for the bookmark, which stays unacknowledged.
            lambda: broker.queues()[INBOX]["messages"] == 1,
            timeout=_CAUGHT_UP_SECONDS,
            interval=1,
            what=lambda: f"all but one is acknowledged: {exporter.log()[-2000:]}",
        )
        samples = exporter.samples()
    assert_account_balances(samples, BUS)
    wanted = verdict.expected(traffic.history, time.time())
    return Outcome(
        published=len(traffic.history),
        seconds=seconds,
        lost=verdict.lost(samples, traffic.history),
        gaps=int(own(samples, "bus_gaps_total", BUS)),
        duplicates=int(own(samples, "duplicates_total", BUS)),
        series=len(wanted),
        differences=verdict.differences(wanted, verdict.shown(samples)),
    )


def _exporter(url: str, directory: Path) -> Exporter:
    return Exporter(
        directory,
        *("--bus-url", url),
        *("--bus-timezone", "UTC", "--bind-all", "--details", "agents,endpoints"),
        *("--instance", INSTANCE, "--state-dir", str(directory / "state")),
        # What is bounded on purpose must not look like a loss.
        *("--inbox-max-length", "10000000", "--inbox-max-bytes", str(2**34)),
        *("--max-series", "1000000"),
    )


def _strike(exporter: Exporter, proxy: Proxy, blows: Blows) -> None:
    chance = random.Random(blows.seed)  # noqa: S311 -- no secret
    plan = [True] * blows.kills + [False] * blows.cuts
    chance.shuffle(plan)
    for is_kill in plan:
        if not is_kill or chance.random() > _KILLED_ANYWHERE:
            _await_connection(exporter, proxy)
        time.sleep(chance.uniform(0, _UNTIL_STRUCK_SECONDS))
        if is_kill:
            exporter.kill()
            exporter.start(wait=False)
        else:
            while not proxy.reset():
                _await_connection(exporter, proxy)


def _await_connection(exporter: Exporter, proxy: Proxy) -> None:
    eventually(
        lambda: proxy.is_used,
        timeout=60,
        interval=0.01,
        what=lambda: f"it connects: {exporter.log()[-2000:]}",
    )
