"""The step `decode`."""

from datetime import UTC, timedelta, timezone

from dataflows.decode import MAX_ORIGINS, Decode, Keyed
from dataflows.envelope import Delivery, Item, Opened, Reason, Rejected
from dataflows.subsystem import Event, OriginSeen
from dataflows.subsystems import SUBSYSTEMS, agents
from dataflows.subsystems.agents import AgentDeleted, AgentStatus, AgentStatusChanged
from dataflows.subsystems.bus import EventsPublished
from dataflows.subsystems.deliveries import DeliveriesProcessed
from tests.corpus import ARRIVED, ORIGIN, event, load

AGENT = load("agents/xivo-15.20_agent_status_update").delivery()
BAD = Delivery("default", b"{", ARRIVED)


class Recorder:
    def __init__(self) -> None:
        self.rejected: list[tuple[Delivery, Rejected]] = []
        self.decode = Decode(
            SUBSYSTEMS, lambda _: UTC, lambda *both: self.rejected.append(both), tuple
        )

    def __call__(self, *batch: Item) -> list[tuple[str, tuple[str, Event]]]:
        return flat(self.decode(batch))


def flat(keyed: list[Keyed]) -> list[tuple[str, tuple[str, Event]]]:
    """Return each event with its key and its subsystem."""
    return [(key, (name, event)) for key, (name, events) in keyed for event in events]


def test_an_event_comes_out_under_the_key_of_its_subsystem_and_origin() -> None:
    decode = Recorder()
    decode(AGENT)
    changed = AgentStatusChanged(ORIGIN, ARRIVED, "42", AgentStatus.LOGGED_IN)
    assert decode(AGENT)[0] == (agents.SUBSYSTEM.key(changed), ("agents", changed))
    assert ORIGIN in agents.SUBSYSTEM.key(changed)


def test_a_key_comes_once_in_a_batch_with_its_events_in_their_order() -> None:
    decode = Recorder()
    decode(AGENT)
    deleted = [event("agent_deleted", {"id": number}).delivery() for number in (1, 7, 2)]
    call = load("queues/document_QueueMemberStatus").delivery()
    keyed = decode.decode([deleted[0], call, deleted[1], BAD, deleted[2]])
    assert len({key for key, _ in keyed}) == len(keyed)
    assert [events for _, (name, events) in keyed if name == "agents"] == [
        [AgentDeleted(ORIGIN, ARRIVED, number) for number in ("1", "7", "2")]
    ]


def test_parts_of_a_subsystem_have_keys_of_their_own() -> None:
    keyed = Recorder()(
        load("queues/document_QueueMemberStatus").delivery(),
        load("services/document_service_registered_event").delivery(),
    )
    keys = {value[0]: key for key, value in keyed if not isinstance(value[1], OriginSeen)}
    assert keys["queues"] != keys["services"]
    assert "petak" in keys["queues"]
    assert "xivo-ctid" in keys["services"]


def test_the_first_event_of_an_origin_begins_its_series_once() -> None:
    decode = Recorder()
    first = decode(load("unused/document_null-data").delivery(), AGENT)
    seen = {name for _, (name, happened) in first if isinstance(happened, OriginSeen)}
    assert seen == {"agents", "endpoints", "users", "chat", "call_forms"}
    assert len([1 for _, (_, e) in first if isinstance(e, OriginSeen)]) == len(seen)
    names = [value[0] for _, value in first]
    assert names.index("agents") < len(seen)
    assert not any(isinstance(e, OriginSeen) for _, (_, e) in decode(AGENT))


def test_a_rejected_event_makes_no_origin_known() -> None:
    decode = Recorder()
    decode(event("agent_status_update", {}).delivery())
    assert any(isinstance(e, OriginSeen) for _, (_, e) in decode(AGENT))


def test_every_batch_ends_with_the_counts_of_its_deliveries() -> None:
    duplicate = load("agents/document_agent_status_update").delivery(duplicate=True)
    late = Delivery("lyon", BAD.body, ARRIVED + 5)
    early = Delivery("lyon", BAD.body, ARRIVED + 2)
    out = Recorder()(AGENT, BAD, duplicate, late, early)
    events = [happened for _, (_, happened) in out]
    assert events[-3:] == [
        EventsPublished(ORIGIN, ARRIVED, "default", {"agent_status_update": 1}),
        DeliveriesProcessed(
            "",
            ARRIVED,
            "default",
            deliveries=3,
            used=1,
            duplicates=1,
            rejected={Reason.NOT_JSON: 1},
        ),
        DeliveriesProcessed("", ARRIVED + 5, "lyon", deliveries=2, rejected={Reason.NOT_JSON: 2}),
    ]


def test_the_callback_gets_each_rejection_with_its_delivery() -> None:
    decode = Recorder()
    decode(AGENT, BAD)
    ((delivery, rejected),) = decode.rejected
    assert delivery is BAD
    assert rejected.reason is Reason.NOT_JSON
    assert rejected.detail


def test_a_duplicate_is_not_parsed() -> None:
    decode = Recorder()
    decode(Delivery("default", b"{", ARRIVED, duplicate=True))
    assert decode.rejected == []


def test_origins_are_bounded() -> None:
    decode = Recorder()
    decode(*(event("x", None, f"o{i}").delivery() for i in range(MAX_ORIGINS)))
    out = decode(event("x", None, "one too many").delivery(), event("x", None, "o0").delivery())
    assert [r.reason for _, r in decode.rejected] == [Reason.OVER_LIMIT]
    assert len(out) == 2


def test_an_empty_batch_yields_nothing() -> None:
    assert Recorder()() == []


def test_a_bus_that_was_opened_has_counts_of_0() -> None:
    decode = Recorder()
    [(key, (name, account))] = decode(Opened("lyon"))
    assert (name, account) == ("deliveries", DeliveriesProcessed("", 0.0, "lyon"))
    # Its deliveries have the same key.
    assert key in [key for key, _ in decode(Delivery("lyon", b"{", ARRIVED))]


def test_a_bus_may_be_opened_within_a_batch() -> None:
    out = Recorder()(BAD, Opened("default"), Opened("lyon"))
    assert [happened for _, (_, happened) in out] == [
        DeliveriesProcessed("", ARRIVED, "default", deliveries=1, rejected={Reason.NOT_JSON: 1}),
        DeliveriesProcessed("", 0.0, "lyon"),
    ]


def test_impossible_times_are_counted_also_for_unused_and_rejected_deliveries() -> None:
    ahead = "2026-03-02T15:00:02"
    wrong = [
        event("agent_deleted", {"id": 1}, timestamp=ahead),
        event("x", None, timestamp="2025-03-02T15:00:00"),
        event("agent_deleted", {}, timestamp=ahead),
    ]
    right = event("x", None, timestamp="2026-03-02T15:00:01")
    unread = event("x", None, timestamp="now")
    out = Recorder()(
        *(message.delivery() for message in (*wrong, right, unread)),
        wrong[0].delivery(duplicate=True),
    )
    account = out[-1][1][1]
    assert isinstance(account, DeliveriesProcessed)
    assert (account.clamped, account.used, account.unused) == (3, 1, 3)
    # The events have the time of arrival.
    assert all(happened.at == ARRIVED for _, (_, happened) in out)


def test_a_stamp_without_offset_is_in_the_zone_of_the_server() -> None:
    stamped = event("x", None, timestamp="2026-03-02T14:00:00").delivery()
    out = Recorder()(stamped)
    assert out[-2][1][1].at == ARRIVED - 3600


def test_stamps_without_offset_are_in_the_zone_of_their_bus() -> None:
    zones = {"west": timezone(timedelta(hours=-1)), "east": timezone(timedelta(hours=2))}
    decode = Decode(SUBSYSTEMS, zones.get, lambda *_: None, tuple)
    stamped = event("x", None, timestamp="2026-03-02T13:30:00")
    for bus, offset in (("west", -1800), ("east", -3 * 3600 - 1800)):
        out = flat(decode([stamped.delivery(bus=bus)]))
        assert out[-2][1][1].at == ARRIVED + offset
