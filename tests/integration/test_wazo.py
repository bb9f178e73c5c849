"""The events of a Wazo of today, in their exact shape, through a real exchange of type headers."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from uuid import UUID, uuid5

from tests.corpus import Message
from tests.integration.bus import Wire, connected, own, processed, publish, rejected
from tests.integration.conftest import RunExporter
from tests.integration.wazo import (
    ARGUMENTS,
    EXCHANGE,
    READ,
    Server,
    not_zero,
    parsed,
    telephony,
    without_tenant,
)
from tests.integration.wazo_day import DAY, MESSAGES, SHOWN, UNREAD, copies, with_nulls
from tests.servers import Broker

Change = Callable[[Server, Sequence[Message]], Iterable[Wire]]
"""Publishes the messages of one moment, as they are or otherwise."""


def _doubled(server: Server, batch: Sequence[Message]) -> Iterator[Wire]:
    for each in server.published(batch):
        yield from (each, each)


def _with_copies(server: Server, batch: Sequence[Message]) -> Iterator[Wire]:
    for each in batch:
        yield from server.published([each, *copies(each)])


VARIANTS: dict[str, Change] = {
    "as it is": Server.published,
    "each twice": _doubled,
    "each batch twice": lambda server, batch: server.published(batch) * 2,
    "each batch reversed": lambda server, batch: server.published(batch, reverse=True),
    "with nulls": lambda server, batch: server.published([*map(with_nulls, batch)]),
    "without a tenant": lambda server, batch: server.published([*map(without_tenant, batch)]),
    "with copies for users": _with_copies,
}


def _day(server: Server, publish_all: Change) -> Iterator[Wire]:
    for batch in DAY:
        if isinstance(batch, float):
            server.at += batch
        else:
            yield from publish_all(server, batch)


def _origin(name: str) -> str:
    return f"{uuid5(UUID(int=0), name)}"


def test_every_event_gives_the_right_numbers(broker: Broker, exporter: RunExporter) -> None:
    broker.declare_exchange(EXCHANGE, "headers")
    programs = [
        exporter(broker.url(), *ARGUMENTS, "--instance", instance, *further)
        for instance, *further in (("bound",), ("all", "--bind-all"))
    ]
    for each in programs:
        connected(each)
    now = time.time() - 300
    wires, unread = list[Wire](), list[Wire]()
    for name, variant in VARIANTS.items():
        server = Server(_origin(name), now)
        wires += _day(server, variant)
        unread += server.published(UNREAD)
    publish(broker, EXCHANGE, [*unread, *wires])
    read = sum((each.headers or {}).get("name") in READ for each in wires)
    assert len(VARIANTS) * len(MESSAGES) < read < len(wires)
    expected = parsed(SHOWN)
    for program, deliveries in zip(programs, (read, len(wires) + len(unread)), strict=True):
        samples = processed(program, deliveries)
        assert not rejected(samples)
        assert own(samples, "used_total") == read
        for name in VARIANTS:
            assert not_zero(telephony(samples, _origin(name))) == expected, name
