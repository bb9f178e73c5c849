"""The calls at switchboards that calld lists."""

from dataflows.events.switchboards import CallState
from exporter.snapshots import calld_switchboards
from tests.snapshots.answering import body


def test_the_calls_at_a_switchboard_are_counted() -> None:
    assert calld_switchboards.decode(body("calld_switchboard_calls_queued")) == 1
    assert calld_switchboards.decode(body("calld_switchboard_calls_held")) == 0


def test_each_list_has_its_path_and_right() -> None:
    assert calld_switchboards.path("b1b2", CallState.HELD) == "/1.0/switchboards/b1b2/calls/held"
    assert calld_switchboards.RIGHTS[CallState.QUEUED] == "calld.switchboards.*.calls.queued.read"
