"""The users that chatd lists."""

import json
from typing import Any

import pytest

from dataflows.events.users import (
    LineState,
    Presence,
    PresencesListed,
    UserStatus,
    UserStatusChanged,
)
from exporter.snapshots.chatd import MODULE, PATH, decode
from exporter.snapshots.source import SnapshotError
from tests import corpus
from tests.pipeline import Pipeline
from tests.snapshots.answering import AT, ORIGIN, body, content, listings

UPDATED = corpus.load("users/wazo-26.04_chatd_presence_updated_available")


def _answer(*users: dict[str, object]) -> bytes:
    return json.dumps({"items": users, "total": len(users), "filtered": len(users)}).encode()


def test_chatd_is_asked_once_for_the_users_of_all_tenants() -> None:
    listed, asked = listings(MODULE, {PATH: body("chatd_users_presences")})
    assert asked == [("GET", "/1.0/users/presences?recurse=true", "chatd.users.presences.read")]
    users = {
        "0f7b1c44-6c2d-4fd1-9c5e-8a3f6d2b1e77": UserStatus(
            Presence.AVAILABLE,
            do_not_disturb=False,
            connected=True,
            line_state=LineState.TALKING,
        ),
        "5b1d0d0c-33f2-4a6e-8f2d-7f9d1a2b3c4d": UserStatus(
            Presence.UNAVAILABLE,
            do_not_disturb=True,
            connected=False,
            line_state=LineState.AVAILABLE,
        ),
    }
    assert listed == (PresencesListed(ORIGIN, AT, 7, users),)


@pytest.mark.parametrize("line_state", ["talking", "unavailable", "new", None])
@pytest.mark.parametrize("is_it", [True, False, None])
@pytest.mark.parametrize("state", ["available", "away", "unavailable", "invisible", "new"])
def test_a_listed_user_has_the_status_that_an_event_would_give(
    state: str, is_it: bool | None, line_state: str | None
) -> None:
    facts: dict[str, Any] = {
        "state": state,
        "do_not_disturb": is_it,
        "connected": is_it,
        "line_state": line_state,
    }
    pipeline = Pipeline()
    pipeline.send(UPDATED.but(**facts))
    [told] = [
        event.status
        for _, (_, _, events) in pipeline.decoded
        for event in events
        if isinstance(event, UserStatusChanged)
    ]
    assert decode(_answer({"uuid": "A", **facts})) == {"a": told}


def test_a_chatd_of_old_lists_only_states() -> None:
    users = decode(_answer({"uuid": "a", "state": "away", "sessions": [], "lines": []}))
    assert users == {"a": UserStatus(Presence.AWAY)}


def test_users_are_known_by_their_uuid_in_lower_case_and_the_last_entry_is_valid() -> None:
    users = decode(_answer({"uuid": "AB", "state": "away"}, {"uuid": "ab", "state": "available"}))
    assert users == {"ab": UserStatus(Presence.AVAILABLE)}


@pytest.mark.parametrize("field", ["total", "filtered"])
@pytest.mark.parametrize("number", [0, 1, 3])
def test_a_list_of_some_users_is_not_used(field: str, number: int) -> None:
    answer = content("chatd_users_presences") | {field: number}
    with pytest.raises(SnapshotError, match=r"^chatd: the list is incomplete$"):
        decode(json.dumps(answer).encode())


@pytest.mark.parametrize(
    "user",
    [
        {"uuid": "a"},
        {"state": "away"},
        {"uuid": "", "state": "away"},
        {"uuid": "a", "state": ""},
        {"uuid": "a", "state": None},
        {"uuid": 5, "state": "away"},
        {"uuid": "a", "state": "away", "do_not_disturb": "yes"},
        {"uuid": "a", "state": "away", "connected": 1},
        {"uuid": "a", "state": "away", "line_state": 5},
    ],
)
def test_one_user_that_cannot_be_read_makes_the_answer_malformed(user: dict[str, object]) -> None:
    with pytest.raises(SnapshotError, match=r"^chatd: the answer is not as expected$"):
        decode(_answer({"uuid": "b", "state": "away"}, user))
