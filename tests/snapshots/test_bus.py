"""Which sources of a bus are asked."""

import threading

import pytest

from dataflows.events.calls import CallsListed
from dataflows.events.users import PresencesListed
from dataflows.listings import Listing, Source
from dataflows.origins import BusOrigins
from dataflows.subsystems import SUBSYSTEMS, kept
from exporter.clock import wall_clock
from exporter.engine.delivery_buffer import DeliveryBuffer
from exporter.exposition.snapshot_status import asked
from exporter.exposition.telemetry import BusStatus
from exporter.settings import Settings, load
from exporter.snapshots.bus import snapshot_bus

USER = {"api_username": "exporter", "api_password": "p"}
BELOW = {Source.AMID, Source.AGENTD, Source.CHATD, Source.CALLD, Source.CONFD, Source.STATUS}


@pytest.mark.parametrize(
    ("settings", "sources"),
    [
        ({"api_url": "https://h/api"}, BELOW),
        ({"api_url": "https://h/api", "api_services": "consul=https://h"}, {*Source}),
        ({"api_services": "auth=https://h,call-logd=https://h"}, {Source.STATUS}),
        ({"api_services": "auth=https://h,consul=https://h"}, {Source.CONSUL}),
    ],
    ids=["a base", "a base and consul", "a daemon without a source", "consul"],
)
def test_the_sources_that_have_a_url_are_asked(
    settings: dict[str, str], sources: set[Source]
) -> None:
    (api,) = load(Settings, {}, {**settings, **USER}).buses
    bus = snapshot_bus(
        api,
        BusStatus("bus", "amqp://h", "xivo", sources=asked(api.api_sources, SUBSYSTEMS)),
        DeliveryBuffer(threading.Event()),
        BusOrigins(),
        wall_clock,
    )
    assert {module.source for module in bus.modules} == sources
    followed = kept(("calls", "users", "chat"))
    few = snapshot_bus(
        api,
        BusStatus("bus", "amqp://h", "xivo", sources=asked(api.api_sources, followed)),
        DeliveryBuffer(threading.Event()),
        BusOrigins(),
        wall_clock,
        subsystems=followed,
    )
    assert {module.source for module in few.modules} == sources & {Source.CALLD, Source.CHATD}
    assert few.kinds == frozenset[type[Listing]]({CallsListed, PresencesListed})
