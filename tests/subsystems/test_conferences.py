from tests.corpus import OTHER_ORIGIN, event, load
from tests.pipeline import Pipeline, assert_exposition

JOINED = load("conferences/wazo-26.04_conference_participant_joined")
LEFT = load("conferences/wazo-26.04_conference_participant_left")


def participants(count: int, origin: str = "ca7f…") -> str:
    return f'xivo_conference_participants{{origin_uuid="{origin}"}} {count}\n'


def test_participants_count_until_they_leave() -> None:
    pipeline = Pipeline()
    pipeline.send(JOINED, JOINED)
    pipeline.send(load("conferences/wazo-26.04_conference_participant_joined_external"))
    pipeline.send(load("conferences/wazo-19.02_conference_participant_joined"))
    assert_exposition(pipeline, participants(3))
    pipeline.send(LEFT, LEFT)
    assert_exposition(pipeline, participants(2))


def test_the_copy_for_a_user_does_not_count() -> None:
    pipeline = Pipeline()
    pipeline.send(load("unused/wazo-26.04_conference_user_participant_joined"))
    assert_exposition(pipeline, "", "xivo_conference_participants")


def test_a_participant_who_hangs_up_is_gone() -> None:
    pipeline = Pipeline()
    pipeline.send(JOINED, event("Hangup", {"Uniqueid": "1764079430.1"}))
    assert_exposition(pipeline, participants(0))


def test_participants_of_two_servers_are_counted_apart() -> None:
    pipeline = Pipeline()
    pipeline.send(JOINED, JOINED.but(origin=OTHER_ORIGIN), LEFT)
    assert_exposition(pipeline, participants(0) + participants(1, "0d6c…"))


def test_it_is_never_said_to_be_complete() -> None:
    pipeline = Pipeline()
    pipeline.send(JOINED)
    assert pipeline.value("xivo_state_known", "conferences") is None
