from typing import Any

import pytest

from tests.corpus import OTHER_ORIGIN, load
from tests.pipeline import Pipeline, assert_exposition

MESSAGE = load("chat/document_chat_message_event_corrected")


@pytest.mark.parametrize(
    "name",
    [
        "document_chat_message_event_corrected",
        "document_chat_message_event_alice",
        "xivo-15.20_chat_message_event",
        "xivo-15.20_chat_message_event_digits-no-alias",
        "xivo-16.04_chat_message_event_uuid",
        "xivo-17.14_chat_message_sent",
    ],
)
def test_a_message_counts_in_the_spelling_of_every_release(name: str) -> None:
    pipeline = Pipeline()
    pipeline.send(load(f"chat/{name}"))
    assert_exposition(pipeline, 'xivo_chat_messages_total{origin_uuid="ca7f…"} 1')


def test_the_invalid_example_of_the_bus_document_is_rejected() -> None:
    pipeline = Pipeline()
    pipeline.send(load("chat/document_chat_message_event_as-printed"))
    assert pipeline.value("xivo_chat_messages_total") is None
    assert pipeline.value("xivo_exporter_rejected_total", "default", "not_json") == 1


def test_the_event_for_the_recipient_is_not_counted_again() -> None:
    pipeline = Pipeline()
    pipeline.send(load("chat/xivo-17.14_chat_message_sent"))
    pipeline.send(load("unused/xivo-17.14_chat_message_received"))
    assert pipeline.value("xivo_chat_messages_total") == 1
    assert pipeline.value("xivo_exporter_unused_total", "default") == 1


def test_messages_of_two_servers_are_counted_apart() -> None:
    pipeline = Pipeline()
    pipeline.send(MESSAGE, MESSAGE, MESSAGE.but(origin=OTHER_ORIGIN))
    assert_exposition(
        pipeline,
        """
        xivo_chat_messages_total{origin_uuid="ca7f…"} 2
        xivo_chat_messages_total{origin_uuid="0d6c…"} 1
        """,
    )


def test_names_and_texts_are_not_exposed() -> None:
    pipeline = Pipeline(details=["chat"])
    data: dict[str, Any] = {"from": ["secrets", "secrecy"]}
    pipeline.send(MESSAGE.but(alias="Secretive", msg="Secretly", **data))
    assert "ecre" not in pipeline.text()


ROOM = load("chat/wazo-26.04_chatd_user_room_message_created")


def test_a_message_of_wazo_counts_once_although_each_user_of_the_room_gets_it() -> None:
    pipeline = Pipeline()
    pipeline.send(ROOM, load("chat/wazo-26.04_chatd_user_room_message_created_recipient"))
    assert_exposition(pipeline, 'xivo_chat_messages_total{origin_uuid="ca7f…"} 1')
    pipeline.send(load("chat/wazo-19.05_chatd_user_room_message_created_nulls"))
    assert_exposition(pipeline, 'xivo_chat_messages_total{origin_uuid="ca7f…"} 2')


def test_senders_of_wazo_are_counted_once() -> None:
    pipeline = Pipeline(windows="1m")
    pipeline.send(*(ROOM.but(uuid=f"message-{number}", timestamp=NOW) for number in range(3)))
    pipeline.send(ROOM.but(uuid="other", user_uuid="someone-else", timestamp=NOW))
    pipeline.wait(60)
    assert pipeline.value("xivo_chat_senders", "1m") == 2


NOW = "2026-03-02T15:00:00"
