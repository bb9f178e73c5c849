from dataclasses import replace

import pytest

from dataflows.events.queue_names import QueuesNamed
from dataflows.events.switchboards import (
    CallState,
    SwitchboardCallsListed,
    SwitchboardName,
    SwitchboardsNamed,
)
from dataflows.items import Opened, ReadingContinued, SnapshotBegun, SnapshotTaken
from dataflows.listings import Listing, Source
from dataflows.subsystems import switchboards
from tests.corpus import ORIGIN, OTHER_ORIGIN, load
from tests.pipeline import Pipeline, assert_exposition

QUEUED = load("switchboards/wazo-26.04_switchboard_queued_calls_updated")
HELD = load("switchboards/wazo-26.04_switchboard_held_calls_updated")
EMPTY = load("switchboards/wazo-26.04_switchboard_queued_calls_updated_empty")
UUID = "1f3ea2d1-4a4b-4b1b-9f47-1f6a5a7b8c9d"
DELETED = load("switchboards/wazo-26.04_switchboard_deleted").but(uuid=UUID)
OTHER = "b1b2c3d4-0000-4000-8000-000000000001"
NAMES = (SwitchboardName(UUID, "Accueil", "t1"), SwitchboardName(OTHER, "Standard", "t2"))


def calls(queued: int, held: int, uuid: str = UUID, origin: str = "ca7f…") -> str:
    return "".join(
        f'xivo_switchboard_calls{{origin_uuid="{origin}",state="{state}",switchboard="{uuid}"}} '
        f"{count}\n"
        for state, count in (("queued", queued), ("held", held))
    )


def test_each_list_tells_the_number_of_calls() -> None:
    pipeline = Pipeline()
    pipeline.send(QUEUED)
    assert_exposition(pipeline, calls(1, 0))
    pipeline.send(HELD, HELD)
    assert_exposition(pipeline, calls(1, 2))
    pipeline.send(EMPTY)
    assert_exposition(pipeline, calls(0, 2))


def test_nothing_of_a_caller_is_read() -> None:
    pipeline = Pipeline()
    pipeline.send(load("switchboards/hostile_switchboard_held_calls_updated_nulls"))
    assert_exposition(pipeline, calls(0, 2))
    pipeline.send(QUEUED)
    assert "ACME" not in pipeline.text()
    assert "5555678" not in pipeline.text()


def test_switchboards_of_two_servers_are_counted_apart() -> None:
    pipeline = Pipeline()
    pipeline.send(QUEUED, HELD.but(origin=OTHER_ORIGIN), QUEUED.but(switchboard_uuid=OTHER))
    assert_exposition(pipeline, calls(1, 0) + calls(1, 0, OTHER) + calls(0, 2, origin="0d6c…"))


def test_a_deleted_switchboard_leaves_no_series_and_stays_deleted() -> None:
    pipeline = Pipeline()
    pipeline.send(QUEUED, QUEUED.but(switchboard_uuid=OTHER), DELETED, HELD)
    assert_exposition(pipeline, calls(1, 0, OTHER))
    pipeline.wait(3600)
    pipeline.send(replace(HELD, headers={}).but(timestamp="2026-03-02T15:59:59"))
    assert_exposition(pipeline, calls(0, 2) + calls(1, 0, OTHER))


def test_the_number_of_switchboards_is_limited() -> None:
    pipeline = Pipeline(max_series=2)
    pipeline.send(*(QUEUED.but(switchboard_uuid=f"s{number}") for number in range(4)))
    assert_exposition(pipeline, calls(1, 0, "s0") + calls(1, 0, "s1"))
    assert pipeline.refused["switchboards"] == 2
    pipeline.send(DELETED.but(uuid="s0"), QUEUED.but(switchboard_uuid="s3"))
    assert_exposition(pipeline, calls(1, 0, "s1") + calls(1, 0, "s3"))
    pipeline.restart(max_shown=1)
    assert_exposition(pipeline, calls(1, 0, "s1"))
    pipeline.send(QUEUED.but(switchboard_uuid="s3"), DELETED.but(uuid="s1"))
    pipeline.send(QUEUED.but(switchboard_uuid="s4"))
    assert_exposition(pipeline, calls(1, 0, "s4"))


# --- What APIs list -----------------------------------------------------------------------------


def ask(pipeline: Pipeline, source: Source, number: int) -> None:
    pipeline.take([SnapshotBegun("default", pipeline.now, ORIGIN, source, number)])


def answer(pipeline: Pipeline, *listings: Listing) -> None:
    (source,) = {each.source for each in listings}
    (number,) = {each.number for each in listings}
    pipeline.take([SnapshotTaken("default", pipeline.now, ORIGIN, source, number, listings)])


def named(pipeline: Pipeline, number: int, *names: SwitchboardName) -> SwitchboardsNamed:
    return SwitchboardsNamed(ORIGIN, pipeline.now, number, names)


def listed(
    pipeline: Pipeline, number: int, **switchboards: tuple[int, int]
) -> SwitchboardCallsListed:
    return SwitchboardCallsListed(
        ORIGIN,
        pipeline.now,
        number,
        {
            name: {CallState.QUEUED: queued, CallState.HELD: held}
            for name, (queued, held) in switchboards.items()
        },
    )


def info(uuid: str, name: str, tenant: str) -> str:
    return (
        f'xivo_switchboard_info{{display_name="{name}",origin_uuid="ca7f…",switchboard="{uuid}",'
        f'tenant_uuid="{tenant}"}} 1\n'
    )


@pytest.fixture
def pipeline() -> Pipeline:
    pipeline = Pipeline()
    pipeline.take([Opened("default", pipeline.now), ReadingContinued("default")])
    return pipeline


def test_names_are_shown_and_follow_what_confd_lists(pipeline: Pipeline) -> None:
    ask(pipeline, Source.CONFD, 1)
    answer(pipeline, named(pipeline, 1, *NAMES))
    assert_exposition(pipeline, info(UUID, "Accueil", "t1") + info(OTHER, "Standard", "t2"))
    # No number of calls is known.
    assert_exposition(pipeline, "", "xivo_switchboard_calls")
    ask(pipeline, Source.CONFD, 2)
    answer(pipeline, named(pipeline, 2, SwitchboardName(UUID, "Réception", "t1")))
    assert_exposition(pipeline, info(UUID, "Réception", "t1"))
    pipeline.send(DELETED)
    assert_exposition(pipeline, "", "xivo_switchboard_info")


def test_a_server_without_switchboards_has_no_series(pipeline: Pipeline) -> None:
    ask(pipeline, Source.CONFD, 1)
    answer(pipeline, named(pipeline, 1))
    assert not [name for name, labels in pipeline.series() if "switchboards" in labels]


def test_switchboards_are_not_known_if_confd_lists_only_the_queues(pipeline: Pipeline) -> None:
    pipeline.send(QUEUED)
    for number in (1, 2):
        ask(pipeline, Source.CALLD, number)
        answer(pipeline, SwitchboardCallsListed(ORIGIN, pipeline.now, number, {UUID: {}}))
        ask(pipeline, Source.CONFD, number)
        # What the source has noted says why.
        answer(pipeline, QueuesNamed(ORIGIN, pipeline.now, number, ()))
        assert pipeline.value("xivo_state_known", "switchboards") == 0
    assert_exposition(pipeline, calls(1, 0))


def test_no_more_names_than_switchboards_are_shown(
    pipeline: Pipeline, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(switchboards, "MAX_SWITCHBOARDS", 1)
    ask(pipeline, Source.CONFD, 1)
    answer(pipeline, named(pipeline, 1, *NAMES))
    assert_exposition(pipeline, info(UUID, "Accueil", "t1"))


def test_a_switchboard_that_is_no_longer_listed_ends(pipeline: Pipeline) -> None:
    pipeline.send(QUEUED, QUEUED.but(switchboard_uuid=OTHER))
    ask(pipeline, Source.CONFD, 1)
    # This one changed after the request, so the answer may be older.
    pipeline.send(HELD.but(switchboard_uuid=OTHER))
    answer(pipeline, named(pipeline, 1, NAMES[1]))
    assert_exposition(pipeline, calls(1, 2, OTHER))
    ask(pipeline, Source.CONFD, 2)
    pipeline.send(HELD.but(switchboard_uuid=OTHER))
    answer(pipeline, named(pipeline, 2))
    assert_exposition(pipeline, calls(1, 2, OTHER))


def test_an_answer_that_lacks_most_switchboards_is_not_believed_at_once(
    pipeline: Pipeline,
) -> None:
    pipeline.send(*(QUEUED.but(switchboard_uuid=f"s{number}") for number in range(3)))
    for number in (1, 2):
        assert_exposition(pipeline, "".join(calls(1, 0, f"s{each}") for each in range(3)))
        ask(pipeline, Source.CALLD, number)
        answer(pipeline, listed(pipeline, number))
    assert_exposition(pipeline, "", "xivo_switchboard_calls")


def test_the_numbers_become_those_that_calld_lists(pipeline: Pipeline) -> None:
    pipeline.send(QUEUED.but(switchboard_uuid="s0"), HELD.but(switchboard_uuid="s1"))
    ask(pipeline, Source.CALLD, 1)
    pipeline.send(QUEUED.but(switchboard_uuid="s1"))
    answer(pipeline, listed(pipeline, 1, s0=(5, 1), s1=(7, 3), s2=(0, 0)))
    assert_exposition(pipeline, calls(5, 1, "s0") + calls(1, 3, "s1") + calls(0, 0, "s2"))
    assert pipeline.value("xivo_state_known", "switchboards") == 0
    ask(pipeline, Source.CONFD, 1)
    names = (SwitchboardName(each, each, "") for each in ("s0", "s1", "s2"))
    answer(pipeline, named(pipeline, 1, *names))
    assert pipeline.value("xivo_state_known", "switchboards") == 1
    assert pipeline.value("xivo_state_drift_total", "switchboards", "changed") == 0
    ask(pipeline, Source.CALLD, 2)
    answer(pipeline, listed(pipeline, 2, s0=(5, 1), s1=(1, 0), s3=(0, 0)))
    assert_exposition(pipeline, calls(5, 1, "s0") + calls(1, 0, "s1") + calls(0, 0, "s3"))
    drift = [
        pipeline.value("xivo_state_drift_total", "switchboards", kind)
        for kind in ("added", "changed", "removed")
    ]
    assert drift == [1, 1, 1]
