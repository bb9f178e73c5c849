"""One trial: traffic, kills, changes of settings, cuts, bad links and failovers; the outcome."""

import time
from concurrent.futures import ThreadPoolExecutor
from enum import Enum, auto
from pathlib import Path
from random import Random
from typing import NamedTuple

from dataflows.logouts import COUNT_SECONDS
from tests.chaos import failover, verdict
from tests.chaos.bad_link import BadLink, Phase, suffer
from tests.chaos.blows import Blows
from tests.chaos.changes import INSTANCE, OTHER_BUS, Settings
from tests.chaos.outcome import Outcome
from tests.chaos.publisher import Publisher
from tests.chaos.traffic import BUS, Traffic, Visitor
from tests.integration.bus import assert_account_balances, connected, own
from tests.program import Exporter
from tests.proxy import Proxy
from tests.servers import Broker
from tests.support import eventually

INBOX = f"xivo-exporter.{INSTANCE}.{BUS}"
_OTHER_INBOX = f"xivo-exporter.{INSTANCE}.{OTHER_BUS}"

RATE = 2000
"""Messages a second, unless told otherwise."""

_VISITOR_RATE = 20
"""Messages a second on the bus that comes and goes."""

_UNTIL_STRUCK_SECONDS = 1.0
"""At most, since the strike before or since a connection was there."""

_KILLED_ANYWHERE = 0.3
"""Of all kills: they may come while the exporter starts, so that it gets nowhere."""

_CAUGHT_UP_SECONDS = 600
"""At most, until what piled up while the exporter was away has been worked off."""


class _Strike(Enum):
    KILL = auto()
    CUT = auto()


def run(broker: Broker, directory: Path, blows: Blows, *, agents: int, rate: int = RATE) -> Outcome:
    """Let the exporters live through it.

    Args:
        broker: For this trial alone.
        directory: For states and logs; empty.
        blows: To strike.
        agents: Of each simulated server.
        rate: Messages a second.
    """
    broker.declare_exchange("xivo")
    began = time.time()
    traffic = Traffic(seed=blows.seed, agents=agents, now=began)
    with ThreadPoolExecutor(1) as pool, broker.vhosts(OTHER_BUS), Proxy(broker.port) as proxy:
        pair = pool.submit(
            failover.fail_over,
            broker,
            directory,
            blows.failovers,
            Random(blows.seed),  # noqa: S311 -- no secret
        )
        other_url = broker.url(vhost=OTHER_BUS)
        chance = Random(blows.seed)  # noqa: S311 -- no secret
        settings = Settings(directory, proxy.url(broker.url()), other_url, chance)
        settings.change()
        with Exporter(directory, "--config", str(settings.path)) as exporter:
            # The inbox is there from now on.
            connected(exporter)
            with (
                Publisher(broker, Visitor(), _VISITOR_RATE, vhost=OTHER_BUS),
                Publisher(broker, traffic, rate),
            ):
                phases = _strike(_Struck(exporter, proxy, settings, traffic), blows, chance)
                settings.show_all()
                exporter.kill()
                exporter.start()
                eventually(
                    lambda: own(exporter.samples(), "deliveries_total", OTHER_BUS) > 0,
                    timeout=60,
                    what=lambda: f"the other bus is read: {exporter.log()[-2000:]}",
                    # The series begin with the dataflow.
                    ignoring=(KeyError,),
                )
            seconds = time.time() - began
            for inbox, vhost in (INBOX, "/"), (_OTHER_INBOX, OTHER_BUS):
                _await_end(broker, exporter, inbox, vhost)
            # A logout counts some seconds later.
            time.sleep(COUNT_SECONDS + 1)
            samples = exporter.samples()
    for bus in (BUS, OTHER_BUS):
        assert_account_balances(samples, bus)
    wanted = verdict.expected(traffic.history, time.time())
    return Outcome(
        published=len(traffic.history),
        seconds=seconds,
        lost=verdict.lost(samples, traffic.history),
        gaps=int(own(samples, "bus_gaps_total", BUS)),
        held=int(own(samples, "deliveries_held", BUS)),
        duplicates=int(own(samples, "duplicates_total", BUS)),
        changes=settings.changes,
        series=len(wanted),
        differences=verdict.differences(wanted, verdict.shown(samples)),
        phases=phases,
        pair=pair.result(),
    )


def _await_end(broker: Broker, exporter: Exporter, inbox: str, vhost: str) -> None:
    eventually(
        # But for the bookmark, which stays unacknowledged.
        lambda: broker.queues(vhost)[inbox]["messages"] == 1,
        timeout=_CAUGHT_UP_SECONDS,
        interval=1,
        what=lambda: f"all but one is acknowledged: {exporter.log()[-2000:]}",
    )


class _Struck(NamedTuple):
    """The exporter that reads alone, and what it depends on."""

    exporter: Exporter
    proxy: Proxy
    settings: Settings
    traffic: Traffic


def _strike(struck: _Struck, blows: Blows, chance: Random) -> list[Phase]:
    exporter, proxy, settings, traffic = struck
    plan: list[_Strike | BadLink] = [*blows.links]
    plan += [_Strike.KILL] * blows.kills
    plan += [_Strike.CUT] * blows.cuts
    chance.shuffle(plan)
    phases = []
    for strike in plan:
        if strike is not _Strike.KILL or chance.random() > _KILLED_ANYWHERE:
            _await_connection(exporter, proxy)
        time.sleep(chance.uniform(0, _UNTIL_STRUCK_SECONDS))
        match strike:
            case _Strike.KILL:
                exporter.kill()
                settings.change()
                exporter.start(wait=False)
            case _Strike.CUT:
                while not proxy.reset():
                    _await_connection(exporter, proxy)
            case BadLink():
                phases.append(suffer(strike, proxy, exporter, traffic))
    return phases


def _await_connection(exporter: Exporter, proxy: Proxy) -> None:
    eventually(
        lambda: proxy.is_used,
        timeout=60,
        interval=0.01,
        what=lambda: f"it connects: {exporter.log()[-2000:]}",
    )
