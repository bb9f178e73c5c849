"""What the exporter says about its own knowledge, and what ends it."""

import pytest

from dataflows.ctid_start import BURST_SECONDS
from dataflows.items import BusItem, ClockSetBack, GapNoticed, ReadingContinued, ReadingStopped
from dataflows.subsystems import SUBSYSTEMS
from tests.corpus import event, load
from tests.pipeline import Pipeline

KNOWN = "xivo_state_known"
SINCE = "xivo_state_known_since_timestamp_seconds"
LAST_EVENT = "xivo_state_last_event_timestamp_seconds"
AVAILABLE = event("user_status_update", {"user_id": 1, "status": "available"})
CTID = event(
    "service_registered_event",
    {"service_name": "xivo-ctid", "service_id": "a", "address": "", "port": 9495},
)
STOPPED, CONTINUED = ReadingStopped("default"), ReadingContinued("default")
FIRST_EVENTS = {
    "agents": load("agents/xivo-15.20_agent_status_update"),
    "endpoints": load("endpoints/document_endpoint_status_update"),
    "lines": load("lines/wazo-26.08_line_status_updated_registered"),
    "trunks": load("trunks/wazo-26.08_trunk_status_updated_registered"),
    "queues": load("queues/document_QueueMemberStatus"),
    "queue_calls": load("queue_calls/xivo-15.20_QueueCallerJoin"),
    "calls": load("calls/wazo-26.04_call_created"),
    "users": AVAILABLE,
    "services": CTID.but(service_name="xivo-agentd"),
    "chat": load("chat/xivo-15.20_chat_message_event"),
    "call_forms": load("call_forms/xivo-15.20_call_form_result"),
    "switchboards": load("switchboards/wazo-26.04_switchboard_queued_calls_updated"),
    "voicemail": load("voicemail/wazo-26.04_user_voicemail_message_created"),
    "parking": load("parking/wazo-26.04_call_parked"),
    "conferences": load("conferences/wazo-26.04_conference_participant_joined"),
    "faxes": load("faxes/wazo-26.04_fax_outbound_succeeded"),
}


def complete() -> Pipeline:
    """Return a pipeline for which the state of the users is complete."""
    pipeline = Pipeline()
    pipeline.send(CTID, AVAILABLE)
    pipeline.wait(BURST_SECONDS)
    assert pipeline.value(KNOWN, "users") == 1
    return pipeline


def test_every_subsystem_with_events_is_in_this_test() -> None:
    assert FIRST_EVENTS.keys() == {each.name for each in SUBSYSTEMS if each.decoders}


@pytest.mark.parametrize("name", FIRST_EVENTS)
def test_a_subsystem_has_series_when_the_server_has_told_of_it(name: str) -> None:
    pipeline = Pipeline()
    others = [message for other, message in FIRST_EVENTS.items() if other != name]
    pipeline.send(*others, load("asterisk/xivo-15.20_FullyBooted"), load("unused/document_no-data"))
    metrics = {spec.name for each in SUBSYSTEMS if each.name == name for spec in each.metrics}
    of_it = [key for key in pipeline.series() if key[0] in metrics or name in key[1]]
    assert [key for key in of_it if key[0] != "xivo_bus_events_total"] == []
    pipeline.wait(1)
    pipeline.send(FIRST_EVENTS[name])
    assert metrics & {metric for metric, _ in pipeline.series()}
    assert pipeline.value(LAST_EVENT, name) == pipeline.now
    # Counters are never complete or partial, and no API lists participants.
    has_state = name not in {"chat", "call_forms", "voicemail", "conferences", "faxes"}
    assert pipeline.value(KNOWN, name) == (0 if has_state else None)
    assert pipeline.value(SINCE, name) == (0 if has_state else None)


def test_the_last_event_is_told_by_its_arrival() -> None:
    pipeline = Pipeline()
    pipeline.send(AVAILABLE.but(timestamp="2026-03-02T08:00:00"))
    first = pipeline.now
    assert pipeline.value(LAST_EVENT, "users") == first
    pipeline.wait(60)
    pipeline.send(CTID, load("asterisk/asterisk-22.10_Reload"))
    assert pipeline.value(LAST_EVENT, "users") == first


@pytest.mark.parametrize(
    "name", ["asterisk/xivo-15.20_FullyBooted", "asterisk/asterisk-22.10_Reload"]
)
def test_a_state_is_not_known_after_a_start_or_a_reload_of_asterisk(name: str) -> None:
    pipeline = complete()
    since = pipeline.now
    pipeline.send(load(name).but(origin="0d6c1e5b-7d0f-4f2e-9f0a-5b1c2d3e4f50"))
    assert pipeline.value(SINCE, "users") == since
    pipeline.send(load(name).but(origin=AVAILABLE.content["origin_uuid"]))
    assert (pipeline.value(KNOWN, "users"), pipeline.value(SINCE, "users")) == (0, 0)
    assert pipeline.value("xivo_users", "available") == 1


def test_a_state_is_not_known_after_a_gap() -> None:
    pipeline = complete()
    pipeline.take([GapNoticed("another", 5.0)])
    assert pipeline.value(KNOWN, "users") == 1
    pipeline.take([STOPPED, GapNoticed("default", 5.0), CONTINUED])
    assert (pipeline.value(KNOWN, "users"), pipeline.value(SINCE, "users")) == (0, 0)


def test_a_state_is_not_known_while_its_bus_is_not_read() -> None:
    pipeline = complete()
    since = pipeline.now
    pipeline.wait(60)
    pipeline.take([STOPPED])
    assert (pipeline.value(KNOWN, "users"), pipeline.value(SINCE, "users")) == (0, 0)
    pipeline.take([CONTINUED])
    assert (pipeline.value(KNOWN, "users"), pipeline.value(SINCE, "users")) == (1, since)


@pytest.mark.parametrize("items", [[], [GapNoticed("default", 5.0)]])
def test_a_kept_state_is_known_when_it_is_clear_that_nothing_was_missed(
    items: list[BusItem],
) -> None:
    pipeline = complete()
    pipeline.restart()
    assert pipeline.value(KNOWN, "users") == 0
    pipeline.take([*items, CONTINUED])
    assert pipeline.value(KNOWN, "users") == (0 if items else 1)


def test_no_time_of_knowledge_is_in_the_future_when_the_clock_was_set_back() -> None:
    pipeline = Pipeline()
    pipeline.wait(365 * 86_400)
    pipeline.send(CTID, AVAILABLE, FIRST_EVENTS["queues"])
    pipeline.wait(BURST_SECONDS)
    pipeline.now -= 365 * 86_400
    pipeline.take([ClockSetBack("default", pipeline.now)])
    for name in ("users", "queues"):
        assert pipeline.value(LAST_EVENT, name) == pipeline.now
    assert pipeline.value(SINCE, "users") == pipeline.now
    pipeline.take([STOPPED, CONTINUED])
    assert pipeline.value(SINCE, "users") == pipeline.now
