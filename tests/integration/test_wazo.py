"""The events of a Wazo of today, in their exact shape, through a real exchange of type headers."""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from uuid import UUID, uuid5

from tests import corpus
from tests.corpus import Message
from tests.integration.bus import INBOX, Wire, connected, own, processed, publish, rejected
from tests.integration.conftest import RunExporter
from tests.integration.wazo import (
    ARGUMENTS,
    EXCHANGE,
    READ,
    Server,
    named,
    not_zero,
    only,
    parsed,
    said,
    telephony,
    wire,
    without,
)
from tests.integration.wazo_cases import CASES
from tests.integration.wazo_day import ALICE, BOB, DAY, MESSAGES, SHOWN, UNREAD, copies, with_nulls
from tests.program import Exporter, Series
from tests.servers import Broker

Change = Callable[[Server, Sequence[Message]], Iterable[Wire]]
"""Publishes the messages of one moment, as they are or otherwise."""


def _doubled(server: Server, batch: Sequence[Message]) -> Iterator[Wire]:
    for each in server.published(batch):
        yield from (each, each)


def _with_copies(server: Server, batch: Sequence[Message]) -> Iterator[Wire]:
    for each in batch:
        yield from server.published([each, *copies(each)])


WITHOUT_ORIGIN = tuple(
    corpus.load(f"unused/wazo-26.04_{name}")
    for name in ("StasisStart", "QueueMemberStatus_of-asterisk")
)

VARIANTS: dict[str, Change] = {
    "as it is": Server.published,
    "each twice": _doubled,
    "each batch twice": lambda server, batch: server.published(batch) * 2,
    "each batch reversed": lambda server, batch: server.published(batch, reverse=True),
    "with nulls": lambda server, batch: server.published([*map(with_nulls, batch)]),
    "without a tenant": lambda server, batch: server.published(
        [without(each, "tenant_uuid") for each in batch]
    ),
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


def _shown(program: Exporter, name: str) -> dict[Series, float]:
    return not_zero(telephony(program.samples(), _origin(name)))


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
    # Without --bind-all, the headers alone decide what is delivered.
    known = [read, read + len(VARIANTS)]
    for program, deliveries, used in zip(
        programs, [read, len(wires) + len(unread)], known, strict=True
    ):
        samples = processed(program, deliveries)
        assert not rejected(samples)
        assert own(samples, "used_total") == used
        for name in VARIANTS:
            deadline = time.monotonic() + 15
            # How a wait ended is clear after some seconds.
            while (shown := _shown(program, name)) != expected and time.monotonic() < deadline:
                time.sleep(0.2)
            assert shown == expected, name


def test_what_once_led_to_wrong_numbers_gives_the_right_ones(
    broker: Broker, exporter: RunExporter
) -> None:
    broker.declare_exchange(EXCHANGE, "headers")
    program = connected(exporter(broker.url(), *ARGUMENTS, "--bind-all"))
    wires = list[Wire]()
    for name, case in CASES.items():
        wires += Server(_origin(name), time.time() - 60).published(case.messages)
    # Asterisk publishes by itself what it tells applications, and what amid publishes too. Both
    # have no server and no time.
    publish(broker, EXCHANGE, [*wires, *map(wire, WITHOUT_ORIGIN)])
    samples = processed(program, len(wires) + len(WITHOUT_ORIGIN))
    assert not rejected(samples)
    assert own(samples, "used_total") == len(wires)
    for name, case in CASES.items():
        shown = telephony(samples, _origin(name))
        assert not_zero(shown) == parsed(case.shown), name
        assert shown.items() >= parsed(case.zeros).items(), name
        assert all(series.startswith(case.about or "none") for series, _ in shown), name


def test_names_of_events_in_headers_decide_what_is_delivered_and_only_once(
    broker: Broker, exporter: RunExporter
) -> None:
    broker.declare_exchange(EXCHANGE, "headers")
    program = connected(exporter(broker.url(), *ARGUMENTS, "--instance", "i"))
    found = re.findall(r'\[({<<"name.*?)\]', broker.bindings())
    match_name = '{{<<"name">>,longstr,<<"{}">>}},{{<<"x-match">>,longstr,<<"all">>}}'
    assert sorted(found) == sorted(match_name.format(name) for name in READ)
    # As a program beside that looks for two users, and wazo-webhookd for wazo-auth.
    wanted = {f"user_uuid:{user}": True for user in (ALICE, BOB)}
    broker.bind(INBOX, EXCHANGE, arguments={"x-match": "any", **wanted})
    broker.declare_exchange("xivo")
    with broker.channel() as channel:
        channel.exchange_bind(EXCHANGE, "xivo", "#")
    server = Server(_origin("server"), time.time() - 60)
    event = said("chat/wazo-26.04_chatd_user_room_message_created")
    session = only(named(event, "auth_session_created", "auth.sessions.created"))
    publish(broker, "xivo", server.published([session]))
    publish(broker, EXCHANGE, server.published([only(event, ALICE, BOB)]))
    samples = processed(program, 1)
    assert not_zero(telephony(samples, server.origin)) == parsed("xivo_chat_messages_total 1")
