"""The step `decode`."""

from collections.abc import Iterable
from dataclasses import replace
from datetime import UTC, timedelta, timezone

import pytest

from dataflows.decode import Decode
from dataflows.envelope import Delivery, Reason, Rejected
from dataflows.events.agents import AgentDeleted, AgentStatus, AgentStatusChanged
from dataflows.fan_out import Keyed
from dataflows.items import (
    ClockSetBack,
    Duplicates,
    GapNoticed,
    Item,
    Opened,
    OriginSilent,
    ReadingContinued,
    ReadingResumed,
    ReadingStopped,
    StandbyBegan,
    Unused,
    UnusedEvent,
)
from dataflows.listings import ALL, Source
from dataflows.notices import (
    ClockChecked,
    EventsMissed,
    Heard,
    OriginForgotten,
    OriginSeen,
    SeriesShown,
    SeriesWithheld,
    UpdatesContinued,
    UpdatesStopped,
)
from dataflows.origins import MAX_ORIGINS, Origins
from dataflows.subsystem import Event, Subsystem, key
from dataflows.subsystems import SUBSYSTEMS, agents
from dataflows.subsystems.bus import EventsPublished, OriginNamed
from dataflows.subsystems.deliveries import DeliveriesProcessed
from tests.corpus import ARRIVED, ORIGIN, event, load, names

AGENT_EVENT = load("agents/xivo-15.20_agent_status_update")
AGENT = AGENT_EVENT.delivery()
BAD = Delivery("default", b"{", ARRIVED)


OF_ORIGINS = [subsystem.name for subsystem in SUBSYSTEMS if not subsystem.is_per_bus]


class Recorder:
    def __init__(self, subsystems: Iterable[Subsystem] = SUBSYSTEMS) -> None:
        self.rejected: list[tuple[Delivery, Rejected]] = []
        self.shared: list[tuple[str, str, str]] = []
        self.origins = Origins(lambda *shared: self.shared.append(shared))
        self.decode = Decode(
            subsystems, lambda _: UTC, lambda *both: self.rejected.append(both), self.origins
        )

    def __call__(self, *batch: Item) -> list[tuple[str, tuple[str, Event]]]:
        return flat(self.decode(batch))


def flat(keyed: list[Keyed]) -> list[tuple[str, tuple[str, Event]]]:
    """Return each event with its key and its subsystem."""
    return [
        (key, (name, event))
        for key, (name, _, events) in keyed
        for event in events
        if not isinstance(event, Heard)
    ]


def test_an_event_comes_out_under_the_key_of_its_subsystem_and_origin() -> None:
    decode = Recorder()
    decode(AGENT)
    changed = AgentStatusChanged(ORIGIN, ARRIVED, "42", AgentStatus.LOGGED_IN)
    assert decode(AGENT)[0] == (f"agents\t{ORIGIN}", ("agents", changed))


def test_a_key_comes_once_in_a_batch_with_its_events_in_their_order() -> None:
    decode = Recorder()
    decode(AGENT)
    deleted = [event("agent_deleted", {"id": number}).delivery() for number in (1, 7, 2)]
    other = load("endpoints/document_endpoint_status_update").delivery()
    keyed = decode.decode([deleted[0], other, deleted[1], BAD, deleted[2]])
    assert len({key for key, _ in keyed}) == len(keyed)
    assert [events for _, (name, _, events) in keyed if name == "agents"] == [
        [
            *(AgentDeleted(ORIGIN, ARRIVED, number) for number in ("1", "7", "2")),
            Heard(ORIGIN, ARRIVED),
        ]
    ]


def test_each_subsystem_hears_when_its_last_event_arrived() -> None:
    decode = Recorder()
    login = AGENT_EVENT.delivery(arrived=ARRIVED + 1)
    call = load("queues/document_QueueMemberStatus").delivery(arrived=ARRIVED + 2)
    unused = event("x", None).delivery(arrived=ARRIVED + 3)
    # An event that the subsystem only needs is no news of its subject.
    reload = load("asterisk/asterisk-22.10_Reload").but(origin=ORIGIN).delivery(arrived=ARRIVED + 4)
    keyed = decode.decode([AGENT, login, call, unused, reload])
    heard = {(of, e.at) for _, (of, _, events) in keyed for e in events if isinstance(e, Heard)}
    assert heard == {("agents", ARRIVED + 1), ("queues", ARRIVED + 2)}


def test_the_queues_and_services_of_an_origin_have_one_key_each() -> None:
    status = load("queues/document_QueueMemberStatus")
    service = load("services/document_service_registered_event")
    keyed = Recorder()(
        *(status.but(Queue=queue).delivery() for queue in ("petak", "support")),
        *(service.but(service_name=name).delivery() for name in ("xivo-ctid", "xivo-agentd")),
    )
    for subsystem in ("queues", "services"):
        keys = [key for key, (name, happened) in keyed if name == subsystem]
        # One event is `OriginSeen`.
        assert keys == [f"{subsystem}\t{ORIGIN}"] * 3


def test_values_carry_the_bus_of_the_delivery() -> None:
    for bus in ("default", "lyon"):
        keyed = Recorder().decode([AGENT_EVENT.delivery(bus=bus)])
        assert {each for _, (_, each, _) in keyed} == {bus}


def test_the_first_event_of_an_origin_begins_its_states_once() -> None:
    decode = Recorder()
    first = decode(load("unused/document_null-data").delivery(), AGENT)
    seen = [key for key, (_, happened) in first if isinstance(happened, OriginSeen)]
    assert sorted(seen) == sorted(key(name, ORIGIN) for name in OF_ORIGINS)
    # It comes before the events of the origin.
    [_, changed] = [happened for _, (name, happened) in first if name == "agents"]
    assert isinstance(changed, AgentStatusChanged)
    assert not any(isinstance(e, OriginSeen) for _, (_, e) in decode(AGENT))


def test_an_origin_on_a_second_bus_is_reported_once_and_decoded_for_both() -> None:
    decode = Recorder()
    decode(AGENT)
    assert decode.shared == []
    lyon = AGENT_EVENT.delivery(bus="lyon")
    for _ in range(2):
        keyed = decode.decode([lyon])
        changes = [(bus, events) for _, (name, bus, events) in keyed if name == "agents"]
        assert [(bus, type(events[-2])) for bus, events in changes] == [
            ("lyon", AgentStatusChanged)
        ]
    assert decode.shared == [(ORIGIN, "lyon", "default")]


AGENTS_TOO = replace(agents.SUBSYSTEM, name="agents_too")


@pytest.mark.parametrize(
    "subsystems", [(agents.SUBSYSTEM, AGENTS_TOO), (AGENTS_TOO, agents.SUBSYSTEM)]
)
def test_each_subsystem_that_subscribes_to_an_event_gets_it_once(
    subsystems: tuple[Subsystem, ...],
) -> None:
    decode = Recorder(subsystems)
    deleted = event("agent_deleted", {"id": 7}).delivery()
    decode(AGENT)
    out = decode(AGENT, deleted, BAD)
    events = [
        AgentStatusChanged(ORIGIN, ARRIVED, "42", AgentStatus.LOGGED_IN),
        AgentDeleted(ORIGIN, ARRIVED, "7"),
    ]
    for name in ("agents", "agents_too"):
        assert [each for each in out if each[1][0] == name] == [
            (key(name, ORIGIN), (name, event)) for event in events
        ]
    [account] = [e for _, (_, e) in out if isinstance(e, DeliveriesProcessed)]
    # A delivery is used once, and rejected once, however many use it.
    assert (account.deliveries, account.used, account.rejected) == (3, 2, {Reason.NOT_JSON: 1})
    [published] = [e for _, (_, e) in out if isinstance(e, EventsPublished)]
    assert published.names == {"agent_status_update": 1, "agent_deleted": 1}


def test_an_event_has_one_decoder() -> None:
    other = replace(agents.SUBSYSTEM.decoders[0], source="another service")
    with pytest.raises(AssertionError, match="agent_status_update has two decoders"):
        Recorder((agents.SUBSYSTEM, replace(AGENTS_TOO, decoders=(other,))))


def test_a_rejected_event_makes_no_origin_known() -> None:
    decode = Recorder()
    decode(event("agent_status_update", {}).delivery())
    assert any(isinstance(e, OriginSeen) for _, (_, e) in decode(AGENT))


def test_every_batch_ends_with_the_counts_of_its_deliveries() -> None:
    late = Delivery("lyon", BAD.body, ARRIVED + 5)
    early = Delivery("lyon", BAD.body, ARRIVED + 2)
    out = Recorder()(AGENT, BAD, Duplicates("default", 3, ARRIVED + 1), late, early)
    events = [happened for _, (_, happened) in out]
    assert events[-4:] == [
        EventsPublished(
            ORIGIN, ARRIVED, is_alone=True, names={"agent_status_update": 1}, clock_offset=0.0
        ),
        DeliveriesProcessed(
            "",
            ARRIVED,
            "default",
            deliveries=2,
            used=1,
            rejected={Reason.NOT_JSON: 1},
        ),
        DeliveriesProcessed("", ARRIVED + 1, "default", deliveries=3, duplicates=3),
        DeliveriesProcessed("", ARRIVED + 5, "lyon", deliveries=2, rejected={Reason.NOT_JSON: 2}),
    ]


def test_the_callback_gets_each_rejection_with_its_delivery() -> None:
    decode = Recorder()
    decode(AGENT, BAD)
    ((delivery, rejected),) = decode.rejected
    assert delivery is BAD
    assert rejected.reason is Reason.NOT_JSON
    assert rejected.detail


def test_the_origins_of_each_bus_are_bounded() -> None:
    decode = Recorder()
    for bus in ("default", "lyon"):
        decode.rejected.clear()
        decode(*(event("x", None, f"o{i}").delivery(bus=bus) for i in range(MAX_ORIGINS)))
        out = decode(
            event("x", None, "one too many").delivery(bus=bus),
            event("x", None, "o0").delivery(bus=bus),
        )
        assert [r.reason for _, r in decode.rejected] == [Reason.OVER_LIMIT]
        assert len(out) == 2


def test_a_forgotten_origin_makes_room_for_another_one() -> None:
    decode = Recorder()
    decode(*(event("x", None, f"o{i}").delivery() for i in range(MAX_ORIGINS)))
    decode(OriginSilent("default", "o7", 0.0), event("x", None, "another").delivery())
    assert decode.rejected == []
    decode(event("x", None, "o7").delivery())
    assert [r.reason for _, r in decode.rejected] == [Reason.OVER_LIMIT]


def test_an_empty_batch_yields_nothing() -> None:
    assert Recorder()() == []


def test_a_bus_that_was_opened_has_counts_of_0() -> None:
    decode = Recorder()
    [(key, (name, account))] = decode(Opened("lyon", ARRIVED))
    assert (name, account) == ("deliveries", DeliveriesProcessed("", 0.0, "lyon"))
    # Its deliveries have the same key.
    assert key in [key for key, _ in decode(Delivery("lyon", b"{", ARRIVED))]


def test_a_bus_may_be_opened_within_a_batch() -> None:
    out = Recorder()(BAD, Opened("default", ARRIVED), Opened("lyon", ARRIVED))
    assert [happened for _, (_, happened) in out] == [
        DeliveriesProcessed("", ARRIVED, "default", deliveries=1, rejected={Reason.NOT_JSON: 1}),
        DeliveriesProcessed("", 0.0, "default"),
        DeliveriesProcessed("", 0.0, "lyon"),
    ]


def known(*origins: str, bus: str = "default") -> Recorder:
    """Return a decoder that knows some origins of a bus, and another one of another bus."""
    decode = Recorder()
    decode(*(event("x", None, origin).delivery(bus=bus) for origin in origins))
    decode(event("x", None, "elsewhere").delivery(bus="elsewhere"))
    return decode


def of_all(kind: type[Event], origin: str, at: float) -> list[Keyed]:
    return [(key(name, origin), (name, "default", [kind(origin, at)])) for name in OF_ORIGINS]


@pytest.mark.parametrize(
    ("item", "notice"),
    [
        (GapNoticed("default", 7.0), EventsMissed),
        (ReadingStopped("default"), UpdatesStopped),
        (ReadingContinued("default"), UpdatesContinued),
    ],
)
def test_every_state_of_a_bus_is_told_what_happens_to_its_reading(
    item: Item, notice: type[Event]
) -> None:
    decode = known("o", "p")
    at = getattr(item, "at", 0.0)
    assert decode.decode([item]) == [*of_all(notice, "o", at), *of_all(notice, "p", at)]


def test_a_message_without_an_origin_is_unused_on_its_bus() -> None:
    unknown = [load("unused/hostile_no-origin"), load("unused/wazo_stasis")]
    decode = Recorder()
    out = decode(*(message.delivery(bus="lyon") for message in unknown))
    assert [account for _, (_, account) in out] == [
        DeliveriesProcessed("", ARRIVED, "lyon", deliveries=2, unused=2)
    ]
    assert decode.rejected == []
    assert decode.origins.of("lyon").last_heard == {}


def test_the_states_of_known_origins_begin_when_their_bus_is_opened() -> None:
    # A restart may have ended between the first event of an origin and the first snapshot.
    decode = known("o", "p")
    opened = decode.decode([Opened("default", ARRIVED + 5)])
    assert opened[:-1] == [
        *of_all(OriginSeen, "o", ARRIVED + 5),
        *of_all(OriginSeen, "p", ARRIVED + 5),
    ]
    assert opened[-1][0] == key("deliveries", "default")


def test_a_clock_that_was_set_back_is_checked_by_the_states_of_its_bus() -> None:
    decode = known("o", "p")
    counts = (key("deliveries", "default"), ("deliveries", "default", [ClockChecked("", 9.0)]))
    assert decode.decode([ClockSetBack("default", 9.0)]) == [
        *of_all(ClockChecked, "o", 9.0),
        *of_all(ClockChecked, "p", 9.0),
        counts,
    ]


def test_a_silent_origin_is_forgotten_by_its_states_and_unknown() -> None:
    decode = known("o", "p")
    silent = [OriginSilent("default", "o", 0.0)]
    *forgotten, named = decode.decode(silent)
    assert forgotten == of_all(OriginForgotten, "o", 0.0)
    assert named == ("bus\tp", ("bus", "default", [OriginNamed("p", 0.0, is_alone=True)]))
    assert decode.decode(silent) == []
    assert decode.decode([OriginSilent("default", "never known", 5.0)]) == []
    assert decode.decode([OriginSilent("default", "elsewhere", 5.0)]) == []
    assert [*decode.origins.of("default").last_heard] == ["p"]
    # Its next event begins its states again.
    again = decode(event("x", None, "o").delivery())
    assert [e for _, (_, e) in again if isinstance(e, OriginSeen)] == [
        OriginSeen("o", ARRIVED, is_carried=True) for _ in OF_ORIGINS
    ]


def test_the_series_of_all_origins_of_a_bus_are_withheld_and_shown_again() -> None:
    decode = known("o", "p")
    assert decode.decode([StandbyBegan("default")]) == [
        *of_all(SeriesWithheld, "o", 0.0),
        *of_all(SeriesWithheld, "p", 0.0),
    ]
    assert decode.decode([ReadingResumed("default", 7.0, is_complete=True)]) == [
        *of_all(SeriesShown, "o", 7.0),
        *of_all(SeriesShown, "p", 7.0),
    ]
    assert [*decode.origins.of("default").last_heard] == ["o", "p"]


def test_an_origin_that_is_first_heard_of_on_a_standby_is_withheld() -> None:
    decode = known()
    decode.decode([StandbyBegan("default")])
    events = [
        values
        for _, values in decode.decode([event("x", None, "o").delivery()])
        if values[0] in OF_ORIGINS
    ]
    for name in OF_ORIGINS:
        kinds = [type(each[0]) for of, _, each in events if of == name]
        assert kinds == [OriginSeen, SeriesWithheld]


def test_all_origins_of_a_bus_are_forgotten_if_it_is_not_known_what_was_missed() -> None:
    decode = known("o", "p")
    decode.decode([StandbyBegan("default")])
    assert decode.decode([ReadingResumed("default", 7.0, is_complete=False)]) == [
        *of_all(OriginForgotten, "o", 7.0),
        *of_all(OriginForgotten, "p", 7.0),
    ]
    assert decode.origins.of("default").last_heard == {}
    assert not decode.origins.of("default").is_withheld


def test_the_states_of_a_shared_origin_begin_on_the_other_bus_when_that_is_read() -> None:
    resumed = ReadingResumed("default", 7.0, is_complete=False)
    decode = known("o")
    decode.origins.of("lyon").add("o")
    starts = [(name, "lyon", [OriginSeen("o", 7.0)]) for name in OF_ORIGINS]
    assert [values for _, values in decode.decode([resumed])] == [
        *(values for _, values in of_all(OriginForgotten, "o", 7.0)),
        *starts,
    ]
    # The exporter is a standby on the other bus.
    decode = known("o")
    decode.origins.of("lyon").add("o")
    decode.decode([StandbyBegan("lyon")])
    assert decode.decode([resumed]) == of_all(OriginForgotten, "o", 7.0)
    begun = decode.decode([ReadingResumed("lyon", 8.0, is_complete=True)])
    assert [values for _, values in begun] == [
        (name, "lyon", [SeriesShown("o", 8.0)]) for name in OF_ORIGINS
    ]


def test_a_free_origin_is_claimed_by_the_first_bus_that_carries_it_for_all_subsystems() -> None:
    for bus in ("default", "other"):
        decode = known("o", "p")
        decode.origins.of("default").free.update("op")
        claimed = decode(event("x", None, "o").delivery(bus=bus))
        assert [e for _, (_, e) in claimed if isinstance(e, OriginSeen)] == [
            OriginSeen("o", ARRIVED, is_carried=True) for _ in OF_ORIGINS
        ]
        assert decode.origins.of("default").free == {"p"}
        again = decode(event("x", None, "o").delivery(bus=bus))
        assert not [e for _, (_, e) in again if isinstance(e, OriginSeen)]


def test_what_happens_to_a_bus_keeps_its_place_among_the_deliveries() -> None:
    decode = known("o")
    items = (
        event("agent_deleted", {"id": 1}, "o").delivery(),
        ClockSetBack("default", 9.0),
        event("agent_deleted", {"id": 2}, "o").delivery(),
        OriginSilent("default", "o", 0.0),
        event("agent_deleted", {"id": 3}, "o").delivery(),
        AGENT_EVENT.delivery(bus="elsewhere"),
        ClockSetBack("elsewhere", 9.0),
    )
    of_o = [e for key, (_, e) in decode(*items) if key == "agents\to"]
    assert of_o == [
        AgentDeleted("o", ARRIVED, "1"),
        ClockChecked("o", 9.0),
        AgentDeleted("o", ARRIVED, "2"),
        OriginForgotten("o", 0.0),
        OriginSeen("o", ARRIVED, is_carried=True),
        AgentDeleted("o", ARRIVED, "3"),
    ]


def test_every_well_formed_event_of_an_origin_breaks_its_silence() -> None:
    decode = known("o", "p", "q", "r")
    known_ = decode.origins.of("default")
    known_.read_seconds = 7.0
    decode(
        event("x", None, "o").delivery(),
        event("agent_deleted", {}, "p").delivery(),
        Duplicates("default", 1, ARRIVED),
        event("x", None, "r").delivery(bus="elsewhere"),
    )
    assert known_.last_heard == {"o": 7.0, "p": 0.0, "q": 0.0, "r": 0.0}


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
    )
    account = out[-1][1][1]
    assert isinstance(account, DeliveriesProcessed)
    assert (account.clamped, account.used, account.unused) == (3, 1, 3)
    # The events have the time of arrival.
    assert all(happened.at == ARRIVED for _, (_, happened) in out)


def test_unused_events_that_were_recognised_early_count_with_the_deliveries_around_them() -> None:
    decode = known(ORIGIN, "q")
    hour_ago = UnusedEvent("y", "p", "2026-03-02T14:00:00")
    unused = [UnusedEvent("x", ORIGIN), hour_ago, UnusedEvent("x", ORIGIN)]
    out = decode(AGENT, Unused("default", ARRIVED + 1, unused), AGENT)
    assert out[-1][1][1] == DeliveriesProcessed(
        "", ARRIVED + 1, "default", deliveries=5, used=2, unused=3
    )
    counts = {e.origin_uuid: e.names for _, (_, e) in out if isinstance(e, EventsPublished)}
    assert counts == {ORIGIN: {"agent_status_update": 2, "x": 2}, "p": {"y": 1}}
    seen = [e for _, (name, e) in out if isinstance(e, OriginSeen) and name == "bus"]
    assert seen == [OriginSeen("p", ARRIVED - 3600, is_carried=True)]


def test_unused_events_of_too_many_origins_are_rejected() -> None:
    decode = known(*(f"o{i}" for i in range(MAX_ORIGINS)))
    out = decode(Unused("default", ARRIVED, [UnusedEvent("x", "o"), UnusedEvent("x", "o1")]))
    account = out[-1][1][1]
    assert isinstance(account, DeliveriesProcessed)
    assert (account.unused, account.rejected) == (1, {Reason.OVER_LIMIT: 1})
    assert [rejected.reason for _, rejected in decode.rejected] == [Reason.OVER_LIMIT]


@pytest.mark.parametrize(
    ("stamps", "clamped"),
    [
        (["2026-03-02T14:00:00", "2026-03-02T15:00:00.000001"], 0),
        (["2026-03-02T14:00:00", "2026-03-02T15:00:02", "2026-03-02T15:00:03", "now"], 2),
        (["2026-03-02T14:00:00", "2026-02-02T14:00:00", "2026-02-03T14:00:00", ""], 2),
        # As text it is between the others, but it is later.
        (["2026-03-02T14:00:00", "2026-03-02T14:30:00-09:00", "2026-03-02T14:59:59"], 1),
    ],
)
def test_time_stamps_of_early_recognised_events_are_checked(
    stamps: list[str], clamped: int
) -> None:
    events = [UnusedEvent("x", ORIGIN, stamp) for stamp in stamps]
    account = Recorder()(Unused("default", ARRIVED, events))[-1][1][1]
    assert isinstance(account, DeliveriesProcessed)
    assert account.clamped == clamped


def test_a_stamp_without_offset_is_in_the_zone_of_the_server() -> None:
    stamped = event("agent_deleted", {"id": 1}, timestamp="2026-03-02T14:00:00").delivery()
    assert AgentDeleted(ORIGIN, ARRIVED - 3600, "1") in [e for _, (_, e) in Recorder()(stamped)]


def test_stamps_without_offset_are_in_the_zone_of_their_bus() -> None:
    zones = {"west": timezone(timedelta(hours=-1)), "east": timezone(timedelta(hours=2))}
    decode = Decode(SUBSYSTEMS, zones.get, lambda *_: None, Origins(print))
    stamped = event("agent_deleted", {"id": 1}, timestamp="2026-03-02T13:30:00")
    for bus, offset in (("west", -1800), ("east", -3 * 3600 - 1800)):
        out = flat(decode([stamped.delivery(bus=bus)]))
        assert AgentDeleted(ORIGIN, ARRIVED + offset, "1") in [e for _, (_, e) in out]


ASKS = {
    "asterisk/wazo-26.04_FullyBooted": ALL,
    "asterisk/asterisk-22.10_Reload": ALL,
    "services/xivo-15.20_service_registered_event": ALL,
    "services/wazo-26.04_service_registered": ALL,
    "services/wazo-26.04_service_deregistered": (),
    "agents/wazo-26.04_agent_deleted": (Source.AGENTD,),
    "agents/wazo-26.04_agent_status_update": (),
    "agents/wazo-26.04_agent_created": (Source.AGENTD,),
    "configuration/xivo-15.20_agent_edited": (Source.AGENTD,),
    "users/wazo-26.04_user_deleted": (Source.CHATD,),
    "configuration/wazo-26.04_user_created": (Source.CHATD,),
    "configuration/wazo-26.04_queue_created": (Source.AMID, Source.CONFD),
    "configuration/wazo-26.04_group_deleted": (Source.AMID, Source.CONFD),
    "configuration/wazo-26.04_switchboard_edited": (Source.CONFD, Source.CALLD),
    "switchboards/wazo-26.04_switchboard_deleted": (Source.CONFD, Source.CALLD),
    "switchboards/wazo-26.04_switchboard_held_calls_updated": (),
    "configuration/xivo-15.20_agent_removed_from_queue": (Source.AMID, Source.CONFD),
    "queues/wazo-26.04_QueueMemberAdded": (),
    "unused/wazo-26.04_CEL": (),
}


@pytest.mark.parametrize("name", ASKS)
def test_an_event_asks_the_apis_whose_answer_it_may_change(name: str) -> None:
    asked: list[tuple[str, tuple[str, ...]]] = []
    decode = Decode(
        SUBSYSTEMS,
        lambda _: UTC,
        lambda *_: None,
        Origins(print),
        on_reason=lambda *both: asked.append(both),
    )
    decode([load(name).delivery(bus="other")])
    assert asked == ([("other", ASKS[name])] if ASKS[name] else [])


def test_a_rejected_event_asks_no_api() -> None:
    asked: list[object] = []
    decode = Decode(
        SUBSYSTEMS,
        lambda _: UTC,
        lambda *_: None,
        Origins(print),
        on_reason=lambda *both: asked.append(both),
    )
    decode([event("queue_created", 5).delivery(), event("agent_deleted", {}).delivery()])
    assert asked == []


NAMING = {
    "configuration/xivo-15.20_queue_deleted": {"queues", "queue_calls"},
    "configuration/wazo-26.04_queue_deleted": {"queues", "queue_calls"},
    "configuration/wazo-26.04_group_deleted": {"queues", "queue_calls"},
    "configuration/wazo-26.04_group_member_users_associated": {"queues"},
}
"""Events that say what is there no more, and the subsystems that follow them."""


@pytest.mark.parametrize("name", NAMING)
def test_what_is_there_no_more_reaches_the_states_that_have_it(name: str) -> None:
    decode = Recorder()
    decode(AGENT)
    keyed = decode(load(name).delivery())
    assert {each[1][0] for each in keyed} == {"bus", "deliveries"} | NAMING[name]


@pytest.mark.parametrize("name", sorted({*names("configuration")} - NAMING.keys()))
def test_a_changed_configuration_is_used_and_reaches_no_state(name: str) -> None:
    decode = Recorder()
    decode(AGENT)
    counted, processed = decode(load(name).delivery())
    assert counted[1][0] == "bus"
    assert isinstance(processed[1][1], DeliveriesProcessed)
    assert processed[1][1].used == 1
