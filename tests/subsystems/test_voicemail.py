import pytest

from dataflows.duplicates import MAX_IDS
from tests.corpus import OTHER_ORIGIN, Message, load
from tests.pipeline import Pipeline, assert_exposition


def message(name: str) -> Message:
    return load(f"voicemail/wazo-26.04_{name}")


def total(action: str, accesstype: str, count: int, origin: str = "ca7f…") -> str:
    return (
        f'xivo_voicemail_messages_total{{accesstype="{accesstype}",action="{action}",'
        f'origin_uuid="{origin}"}} {count}\n'
    )


CREATED = message("user_voicemail_message_created")


@pytest.mark.parametrize("action", ["created", "deleted"])
def test_a_message_in_the_box_of_two_users_counts_once(action: str) -> None:
    pipeline = Pipeline()
    pipeline.send(
        message(f"user_voicemail_message_{action}"),
        message(f"user_voicemail_message_{action}_other-user"),
    )
    assert_exposition(pipeline, total(action, "personal", 1))


@pytest.mark.parametrize("action", ["created", "deleted"])
def test_a_message_in_a_global_box_counts_apart(action: str) -> None:
    pipeline = Pipeline()
    pipeline.send(CREATED, message(f"global_voicemail_message_{action}"))
    assert_exposition(pipeline, total("created", "personal", 1) + total(action, "global", 1))


def test_a_message_that_is_deleted_was_also_left() -> None:
    pipeline = Pipeline()
    pipeline.send(CREATED, message("user_voicemail_message_deleted"))
    pipeline.send(load("voicemail/wazo-23.01_user_voicemail_message_created_nulls"))
    assert_exposition(pipeline, total("created", "personal", 2) + total("deleted", "personal", 1))


def test_messages_of_two_servers_are_counted_apart() -> None:
    pipeline = Pipeline()
    pipeline.send(CREATED, CREATED.but(origin=OTHER_ORIGIN))
    assert_exposition(
        pipeline,
        total("created", "personal", 1) + total("created", "personal", 1, "0d6c…"),
    )


def test_a_bounded_number_of_messages_is_remembered_also_after_a_restart() -> None:
    pipeline = Pipeline()
    pipeline.send(*(CREATED.but(message_id=str(number)) for number in range(MAX_IDS + 1)))
    pipeline.restart()
    pipeline.send(CREATED.but(message_id="1"))
    assert_exposition(pipeline, total("created", "personal", MAX_IDS + 1))
    pipeline.send(CREATED.but(message_id="0"))
    assert_exposition(pipeline, total("created", "personal", MAX_IDS + 2))


def test_nothing_of_a_caller_is_shown() -> None:
    pipeline = Pipeline()
    pipeline.send(CREATED)
    assert "5551234" not in pipeline.text()
    assert "Zoé" not in pipeline.text()
