import pytest

from dataflows.events.registration import Registered
from dataflows.events.trunks import Trunk, TrunksListed
from dataflows.items import SnapshotBegun, SnapshotFailed, SnapshotTaken
from dataflows.listings import Source
from dataflows.subsystems.trunks import TrunksState
from tests.corpus import ORIGIN, OTHER_ORIGIN, Message, event, load
from tests.pipeline import Pipeline, assert_exposition

METRICS = (
    "xivo_trunk_registered",
    "xivo_trunk_calls",
    "xivo_trunk_registration_losses_total",
    "xivo_trunk_info",
)
TENANT = "47bfdafc-2897-4369-8fb3-153d41fb835d"


def trunk(trunk_id: int, name: str = "voipms", *, is_up: bool | None, calls: int = 0) -> Message:
    data: dict[str, object] = {"id": trunk_id, "name": name, "technology": "sip"}
    data |= {"registered": is_up, "current_call_count": calls}
    return event("trunk_status_updated", data)


REGISTERED = trunk(1, is_up=True, calls=2)
LOST = trunk(1, is_up=False)


def deleted(trunk_id: int) -> Message:
    return event("trunk_deleted", {"id": trunk_id})


def losses(pipeline: Pipeline, name: str = "voipms") -> object:
    return pipeline.value("xivo_trunk_registration_losses_total", name)


def listed(
    pipeline: Pipeline, trunks: dict[str, Trunk], number: int = 1, *meanwhile: Message
) -> None:
    """Let an API list trunks, all of one tenant."""
    now = pipeline.now
    pipeline.take([SnapshotBegun("default", now, ORIGIN, Source.CALLD, number)])
    pipeline.send(*meanwhile)
    listing = TrunksListed(ORIGIN, now, number, trunks, dict.fromkeys(trunks, TENANT))
    pipeline.take([SnapshotTaken("default", now, ORIGIN, Source.CALLD, number, (listing,))])


def test_a_trunk_is_shown_by_its_name() -> None:
    pipeline = Pipeline()
    pipeline.send(REGISTERED, load("trunks/wazo-26.08_trunk_status_updated_iax"))
    assert_exposition(
        pipeline,
        """
        xivo_trunk_registered{origin_uuid="ca7f…",trunk="voipms"} 1
        xivo_trunk_registered{origin_uuid="ca7f…",trunk="legacy-iax"} 0
        xivo_trunk_calls{origin_uuid="ca7f…",trunk="voipms"} 2
        xivo_trunk_calls{origin_uuid="ca7f…",trunk="legacy-iax"} 0
        xivo_trunk_registration_losses_total{origin_uuid="ca7f…",trunk="voipms"} 0
        xivo_trunk_registration_losses_total{origin_uuid="ca7f…",trunk="legacy-iax"} 0
        """,
        *METRICS,
    )


def test_what_is_not_known_has_no_series() -> None:
    pipeline = Pipeline()
    pipeline.send(load("trunks/wazo-26.08_trunk_status_updated_nulls"))
    pipeline.send(load("trunks/wazo-26.08_trunk_status_updated_missing"))
    assert_exposition(
        pipeline,
        """
        xivo_trunk_calls{origin_uuid="ca7f…",trunk="by-address"} 1
        xivo_trunk_registration_losses_total{origin_uuid="ca7f…",trunk="by-address"} 0
        xivo_trunk_registration_losses_total{origin_uuid="ca7f…",trunk="dahdi-g1"} 0
        """,
        *METRICS,
    )


def test_only_a_change_from_registered_to_lost_is_a_loss() -> None:
    pipeline = Pipeline()
    # That it was lost before is not known.
    pipeline.send(trunk(1, is_up=False))
    assert losses(pipeline) == 0
    pipeline.send(trunk(1, is_up=True), LOST, LOST, trunk(1, is_up=False, calls=1))
    assert losses(pipeline) == 1
    pipeline.send(trunk(1, is_up=None), trunk(1, is_up=False))
    assert losses(pipeline) == 1
    pipeline.send(REGISTERED, LOST)
    assert losses(pipeline) == 2


def test_a_deleted_trunk_is_removed_and_stays_deleted_for_a_minute() -> None:
    pipeline = Pipeline()
    pipeline.send(REGISTERED, LOST, deleted(1), LOST, REGISTERED, deleted(1))
    assert_exposition(pipeline, "", *METRICS)
    pipeline.wait(60)
    pipeline.send(REGISTERED)
    assert losses(pipeline) == 0


def test_a_trunk_that_was_never_known_can_be_deleted() -> None:
    pipeline = Pipeline()
    pipeline.send(load("trunks/wazo-26.08_trunk_deleted"))
    assert_exposition(pipeline, "", *METRICS)
    assert pipeline.value("xivo_state_known", "trunks") is None


def test_a_renamed_trunk_leaves_no_series_of_its_old_name() -> None:
    pipeline = Pipeline()
    pipeline.send(REGISTERED, LOST, trunk(1, "sipgate", is_up=True))
    assert_exposition(
        pipeline,
        """
        xivo_trunk_registered{origin_uuid="ca7f…",trunk="sipgate"} 1
        xivo_trunk_calls{origin_uuid="ca7f…",trunk="sipgate"} 0
        xivo_trunk_registration_losses_total{origin_uuid="ca7f…",trunk="sipgate"} 0
        """,
        *METRICS,
    )


def test_a_series_stands_for_all_trunks_of_its_name() -> None:
    messages = [
        trunk(1, is_up=True, calls=1),
        trunk(2, is_up=False, calls=2).but(technology="iax"),
        trunk(3, is_up=None, calls=4).but(technology="custom"),
    ]
    for order in (messages, messages[::-1]):
        pipeline = Pipeline()
        pipeline.send(*order)
        assert pipeline.value("xivo_trunk_registered", "voipms") == 0
        assert pipeline.value("xivo_trunk_calls", "voipms") == 7
        pipeline.send(deleted(2))
        assert pipeline.value("xivo_trunk_registered", "voipms") == 1
        assert pipeline.value("xivo_trunk_calls", "voipms") == 5
        pipeline.send(LOST)
        assert losses(pipeline) == 1
        pipeline.send(deleted(1), deleted(3))
        assert_exposition(pipeline, "", *METRICS)


def test_the_same_trunk_on_two_servers_is_two_trunks() -> None:
    pipeline = Pipeline()
    pipeline.send(REGISTERED, LOST.but(origin=OTHER_ORIGIN), deleted(1))
    assert_exposition(
        pipeline,
        """
        xivo_trunk_registered{origin_uuid="0d6c…",trunk="voipms"} 0
        xivo_trunk_calls{origin_uuid="0d6c…",trunk="voipms"} 0
        xivo_trunk_registration_losses_total{origin_uuid="0d6c…",trunk="voipms"} 0
        """,
        *METRICS,
    )


def test_a_hostile_name_is_made_safe() -> None:
    pipeline = Pipeline()
    pipeline.send(trunk(1, "x" * 500 + "\n", is_up=True))
    [name] = {labels[1] for metric, labels in pipeline.series() if metric in METRICS}
    assert len(name) == 128


def test_trunks_beyond_the_limit_are_counted_as_refused() -> None:
    pipeline = Pipeline(max_series=3)
    pipeline.send(*(trunk(number, f"trunk-{number}", is_up=True) for number in range(5)))
    assert pipeline.refused == {"trunks": 2}
    pipeline.send(deleted(0), trunk(4, "trunk-4", is_up=True))
    assert pipeline.value("xivo_trunk_registered", "trunk-4") == 1


def test_after_a_restart_with_a_lower_limit_those_known_longest_stay() -> None:
    pipeline = Pipeline()
    pipeline.send(*(trunk(number, f"trunk-{number}", is_up=True) for number in range(5)))
    pipeline.restart(max_shown=2)
    shown = {labels[1] for metric, labels in pipeline.series() if metric in METRICS}
    assert shown == {"trunk-0", "trunk-1"}
    assert pipeline.refused == {"trunks": 3}


def test_an_answer_tells_the_tenants() -> None:
    pipeline = Pipeline()
    pipeline.send(REGISTERED, trunk(9, "gone", is_up=True))
    voipms = Trunk("voipms", "sip", Registered.NO, 0)
    listed(pipeline, {"1": voipms, "3": Trunk("dahdi-g1", "custom", Registered.UNKNOWN, None)})
    tenant = f'tenant_uuid="{TENANT}"'
    expected = f"""
        xivo_trunk_registered{{origin_uuid="ca7f…",trunk="voipms"}} 0
        xivo_trunk_calls{{origin_uuid="ca7f…",trunk="voipms"}} 0
        xivo_trunk_registration_losses_total{{origin_uuid="ca7f…",trunk="voipms"}} 0
        xivo_trunk_registration_losses_total{{origin_uuid="ca7f…",trunk="dahdi-g1"}} 0
        xivo_trunk_info{{origin_uuid="ca7f…",technology="sip",{tenant},trunk="voipms"}} 1
        xivo_trunk_info{{origin_uuid="ca7f…",technology="custom",{tenant},trunk="dahdi-g1"}} 1
        """
    assert_exposition(pipeline, expected, *METRICS)
    assert pipeline.value("xivo_state_known", "trunks") == 1
    pipeline.restart()
    assert_exposition(pipeline, expected, *METRICS)
    pipeline.send(deleted(1), deleted(3))
    assert_exposition(pipeline, "", *METRICS)


def test_a_tenant_alone_is_no_drift() -> None:
    pipeline = Pipeline()
    listed(pipeline, {})
    pipeline.send(trunk(1, is_up=True))
    listed(pipeline, {"1": Trunk("voipms", "sip", Registered.YES, 0)}, 2)
    listed(pipeline, {"1": Trunk("voipms", "sip", Registered.YES, 0)}, 3)
    for kind in ("added", "removed", "changed"):
        assert pipeline.value("xivo_state_drift_total", "trunks", kind) == 0
    listed(pipeline, {"1": Trunk("voipms", "sip", Registered.NO, 0)}, 4)
    assert pipeline.value("xivo_state_drift_total", "trunks", "changed") == 1
    # What only an answer tells is no event.
    assert losses(pipeline) == 0


def test_what_events_change_during_the_request_is_newer() -> None:
    pipeline = Pipeline()
    pipeline.send(REGISTERED)
    answer = {"1": Trunk("voipms", "sip", Registered.YES, 2)}
    listed(pipeline, answer, 1, LOST)
    assert pipeline.value("xivo_trunk_registered", "voipms") == 0
    listed(pipeline, answer, 2, deleted(1))
    assert_exposition(pipeline, "", *METRICS)


@pytest.mark.parametrize("is_listed", [True, False])
def test_a_list_that_is_missing_in_an_answer_changes_nothing(is_listed: bool) -> None:
    pipeline = Pipeline()
    pipeline.send(REGISTERED)
    now = pipeline.now
    pipeline.take([SnapshotBegun("default", now, ORIGIN, Source.CALLD, 1)])
    answered = SnapshotTaken("default", now, ORIGIN, Source.CALLD, 1, ())
    failed = SnapshotFailed("default", now, ORIGIN, Source.CALLD, 1)
    pipeline.take([answered if is_listed else failed])
    assert pipeline.value("xivo_trunk_registered", "voipms") == 1
    assert pipeline.value("xivo_state_known", "trunks") == 0
    [state] = [each for each in pipeline.states() if isinstance(each, TrunksState)]
    # It no longer notes what events change.
    assert not state.asked
