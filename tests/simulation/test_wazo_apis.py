"""The APIs of the simulated Wazo: they tell what its messages have told, and what none tells."""

from __future__ import annotations

from random import Random

import pytest

from dataflows.knowledge import KNOWN
from exporter.simulation.world import TENANT_UUID
from tests.simulation.wazo_asking import ASKED, OF_STATUS, Asking
from tests.simulation.wazo_exporter import START, opened, state
from tests.simulation.wazo_truth import shown, true_series

HOUR = 3600.0

NOT_LISTED = {
    *("xivo_conference_participants", "xivo_chat_messages_total", "xivo_faxes_total"),
    *("xivo_voicemail_messages_total", "xivo_call_legs_ended_total", "xivo_missed_calls_total"),
    *("xivo_conversations_total", "xivo_trunk_registration_losses_total"),
    *("xivo_conversation_duration_seconds_count", "xivo_conversation_duration_seconds_sum"),
}
UNKNOWN = {"services"}
"""Subsystems that no API which is asked makes complete."""


@pytest.mark.parametrize("seed", [1, 2])
def test_who_heard_everything_learns_nothing_from_the_apis(seed: int) -> None:
    exporter = Asking(opened(seed=seed))
    rng = Random(seed)  # noqa: S311 -- for times
    exporter.listen(1)
    exporter.ask()
    at = 1.0
    for _ in range(60):
        at += rng.expovariate(1 / 40)
        exporter.listen(at)
        before = exporter.pipeline.series()
        exporter.ask(*ASKED)
        assert exporter.pipeline.series() == before
        truth = true_series(exporter.centre, has_apis=True)
        if at > HOUR / 10:
            assert shown(before, exporter.centre.origin_uuid, {name for name, _ in truth}) == truth
    assert not exporter.drift()
    known = {labels[1]: value for (name, labels), value in before.items() if name == KNOWN.name}
    assert known["users"] == known["queues"] == known["agents"] == known["calls"] == 1
    assert {name for name, value in known.items() if not value} <= UNKNOWN


def test_who_heard_nothing_learns_the_truth_from_the_apis() -> None:
    exporter = Asking(opened())
    # Nobody hears them.
    list(exporter.centre.until(START + HOUR))
    exporter.listen(HOUR)
    exporter.ask()
    truth = {
        each: value
        for each, value in true_series(exporter.centre, has_apis=True).items()
        # Of a server that has never told of parked calls, an empty list shows nothing.
        if each[0] not in NOT_LISTED and (value or each[0] != "xivo_parked_calls")
    }
    names = {name for name, _ in truth}
    assert shown(exporter.pipeline.series(), exporter.centre.origin_uuid, names) == truth
    assert not exporter.pipeline.rejected


def test_confd_lists_how_switchboards_are_called() -> None:
    exporter = Asking(opened())
    exporter.listen(60)
    exporter.ask()
    board = state(exporter.centre).switchboard
    name, origin = "xivo_switchboard_info", exporter.centre.origin_uuid
    assert shown(exporter.pipeline.series(), origin, [name]) == {
        (name, (board.uuid, "Standard", TENANT_UUID)): 1
    }


def test_the_daemons_tell_which_components_fail() -> None:
    exporter = Asking(opened())
    failed = 0
    for minute in range(1, 60):
        exporter.listen(60 * minute)
        exporter.ask(OF_STATUS)
        components = state(exporter.centre).daemons.components
        expected = {
            ("xivo_service_component_up", (daemon, name)): float(works)
            for daemon, found in components.items()
            for name, works in ({"api": True} | found).items()
        }
        series = exporter.pipeline.series()
        name = "xivo_service_component_up"
        assert shown(series, exporter.centre.origin_uuid, [name]) == expected
        failed += sum(not works for works in expected.values())
    assert failed > 2
