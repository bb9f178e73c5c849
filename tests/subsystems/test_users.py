from uuid import UUID

import pytest

from dataflows.events.users import LineState
from dataflows.recent import MAX_DELETED
from tests.corpus import OTHER_ORIGIN, event, load
from tests.pipeline import Pipeline, assert_exposition

STATUS = load("users/document_user_status_update")
BY_UUID = load("users/xivo-16.09_user_status_update_uuid")
CHATD = load("users/wazo-26.04_chatd_presence_updated_available")


@pytest.mark.parametrize(
    ("status", "presence"),
    [
        *((name, name) for name in ("available", "away", "outtolunch", "donotdisturb")),
        *((name, name) for name in ("berightback", "disconnected", "busy", "other")),
        ("en reunion", "other"),
        ("Available", "other"),
        ('"}\n', "other"),
    ],
)
def test_an_invented_presence_counts_as_other(status: str, presence: str) -> None:
    pipeline = Pipeline()
    pipeline.send(STATUS.but(status=status))
    assert_exposition(
        pipeline,
        f"""
        xivo_users{{origin_uuid="ca7f…",presence="{presence}"}} 1
        xivo_user_presence_changes_total{{origin_uuid="ca7f…",presence="{presence}"}} 1
        """,
    )


@pytest.mark.parametrize("status", ["unavailable", "invisible"])
def test_a_presence_of_xivo_that_is_called_as_a_state_of_wazo_is_other(status: str) -> None:
    pipeline = Pipeline()
    pipeline.send(STATUS.but(status=status))
    assert_exposition(pipeline, 'xivo_users{origin_uuid="ca7f…",presence="other"} 1')


@pytest.mark.parametrize(
    ("name", "presence"),
    [
        ("available", "available"),
        ("away", "away"),
        ("unavailable", "unavailable"),
        ("invisible", "invisible"),
        ("do-not-disturb", "available"),
        ("null-do-not-disturb", "available"),
        ("unavailable-do-not-disturb", "unavailable"),
    ],
)
def test_the_states_of_wazo_are_presences_as_they_are(name: str, presence: str) -> None:
    pipeline = Pipeline()
    pipeline.send(load(f"users/wazo-26.04_chatd_presence_updated_{name}"))
    assert_exposition(pipeline, f'xivo_users{{origin_uuid="ca7f…",presence="{presence}"}} 1')


def test_states_of_wazo_that_are_not_known_are_other() -> None:
    pipeline = Pipeline()
    states = ("new in some version", "busy", "donotdisturb", "Available")
    pipeline.send(*(CHATD.but(state=state, uuid=state) for state in states))
    assert_exposition(pipeline, 'xivo_users{origin_uuid="ca7f…",presence="other"} 4')


def test_users_in_do_not_disturb_count_whatever_their_state() -> None:
    pipeline = Pipeline()
    for state in ("available", "away", "unavailable", "invisible"):
        pipeline.send(CHATD.but(uuid=state, state=state, do_not_disturb=True, connected=False))
    pipeline.send(CHATD)
    assert_exposition(
        pipeline,
        """
        xivo_users{origin_uuid="ca7f…",presence="available"} 2
        xivo_users{origin_uuid="ca7f…",presence="away"} 1
        xivo_users{origin_uuid="ca7f…",presence="unavailable"} 1
        xivo_users{origin_uuid="ca7f…",presence="invisible"} 1
        xivo_users_do_not_disturb{origin_uuid="ca7f…"} 4
        xivo_users_connected{origin_uuid="ca7f…"} 1
        """,
    )


def test_an_invisible_user_can_be_connected_and_talk() -> None:
    pipeline = Pipeline()
    pipeline.send(load("users/wazo-26.04_chatd_presence_updated_invisible-talking"))
    assert_exposition(
        pipeline,
        """
        xivo_users{origin_uuid="ca7f…",presence="invisible"} 1
        xivo_users_do_not_disturb{origin_uuid="ca7f…"} 0
        xivo_users_connected{origin_uuid="ca7f…"} 1
        xivo_users_line_state{line_state="talking",origin_uuid="ca7f…"} 1
        """,
    )


def test_users_count_by_the_state_of_their_lines() -> None:
    pipeline = Pipeline()
    for name in ("ringing", "progressing", "holding", "invisible-talking", "available", "no-lines"):
        message = load(f"users/wazo-26.04_chatd_presence_updated_{name}")
        pipeline.send(message.but(uuid=name))
    # Every state is in the vocabulary, and each has one user.
    assert_exposition(
        pipeline,
        "\n".join(
            f'xivo_users_line_state{{line_state="{state}",origin_uuid="ca7f…"}} 1'
            for state in LineState
        ),
    )


@pytest.mark.parametrize("line_state", ["parked", "", "Talking", None])
def test_a_line_state_that_is_not_known_counts_nowhere(line_state: str | None) -> None:
    pipeline = Pipeline()
    pipeline.send(CHATD.but(line_state="talking"), CHATD.but(line_state=line_state))
    # There are zeros only, and the user still counts.
    assert_exposition(pipeline, "", "xivo_users_line_state")
    assert pipeline.value("xivo_users_line_state", "talking") == 0
    assert pipeline.value("xivo_users", "available") == 1


def test_a_server_that_does_not_tell_of_something_has_no_series_of_it() -> None:
    pipeline = Pipeline()
    names = ("xivo_users_do_not_disturb", "xivo_users_connected", "xivo_users_line_state")
    pipeline.send(STATUS, load("users/wazo-26.04_chatd_presence_updated_nulls"))
    # Of the first version of chatd.
    pipeline.send(load("users/wazo-19.03_chatd_presence_updated"))
    assert pipeline.text(*names) == ""
    pipeline.send(CHATD.but(do_not_disturb=None, line_state="parked"))
    pipeline.send(event("user_deleted", {"id": 1, "uuid": CHATD.content["data"]["uuid"]}))
    # Once it is told of a user, it is 0 after the user is gone.
    assert_exposition(pipeline, 'xivo_users_connected{origin_uuid="ca7f…"} 0', *names)


def test_a_deleted_user_counts_nowhere() -> None:
    pipeline = Pipeline()
    told = CHATD.but(do_not_disturb=True, line_state="ringing")
    pipeline.send(told)
    pipeline.send(event("user_deleted", {"id": 1, "uuid": CHATD.content["data"]["uuid"]}))
    # chatd tells of the lines that are removed with the user.
    pipeline.send(told.but(line_state="unavailable"))
    assert_exposition(
        pipeline,
        """
        xivo_users_do_not_disturb{origin_uuid="ca7f…"} 0
        xivo_users_connected{origin_uuid="ca7f…"} 0
        """,
        "xivo_users",
        "xivo_users_do_not_disturb",
        "xivo_users_connected",
        "xivo_users_line_state",
    )


def test_only_a_change_of_the_presence_is_a_presence_change() -> None:
    pipeline = Pipeline()
    pipeline.send(CHATD)
    pipeline.send(CHATD.but(line_state="ringing"), CHATD.but(do_not_disturb=True))
    pipeline.send(CHATD.but(connected=False, state="away"), CHATD.but(state="away"))
    assert_exposition(
        pipeline,
        """
        xivo_user_presence_changes_total{origin_uuid="ca7f…",presence="available"} 1
        xivo_user_presence_changes_total{origin_uuid="ca7f…",presence="away"} 1
        """,
    )


def test_users_in_do_not_disturb_are_not_available_in_windows() -> None:
    pipeline = Pipeline(windows="1m")

    def tell(user: str, *, do_not_disturb: bool) -> None:
        data = {"uuid": user, "state": "available", "do_not_disturb": do_not_disturb}
        pipeline.send(event("chatd_presence_updated", data))

    tell("a", do_not_disturb=False)
    tell("b", do_not_disturb=False)
    pipeline.wait(60)
    pipeline.wait(15)
    tell("b", do_not_disturb=True)
    tell("c", do_not_disturb=True)
    pipeline.wait(45)
    assert_exposition(
        pipeline,
        """
        xivo_users{origin_uuid="ca7f…",presence="available"} 3
        xivo_users_do_not_disturb{origin_uuid="ca7f…"} 2
        xivo_users_available_min{origin_uuid="ca7f…",window="1m"} 1
        xivo_users_available_max{origin_uuid="ca7f…",window="1m"} 2
        xivo_users_available_avg{origin_uuid="ca7f…",window="1m"} 1.25
        """,
    )


def test_a_restart_keeps_all_facts_about_users() -> None:
    pipeline = Pipeline(windows="1m")
    users = [
        CHATD.but(
            uuid=f"{state}-{is_it}-{line_state}",
            state=state,
            do_not_disturb=is_it,
            connected=not is_it,
            line_state=line_state,
        )
        for state in ("available", "away", "unavailable", "invisible", "new")
        for is_it in (True, False)
        for line_state in (*LineState, "parked")
    ]
    pipeline.send(STATUS, *users)
    before = pipeline.series()
    pipeline.restart()
    after = pipeline.series()
    assert {key: after[key] for key in before if key[0].startswith("xivo_users")} == {
        key: value for key, value in before.items() if key[0].startswith("xivo_users")
    }
    # Nobody changes by a repeated status, and all are removed.
    pipeline.send(*users)
    pipeline.send(
        *(event("user_deleted", {"id": 1, "uuid": each.content["data"]["uuid"]}) for each in users)
    )
    assert_exposition(
        pipeline,
        """
        xivo_users{origin_uuid="ca7f…",presence="busy"} 1
        xivo_users_do_not_disturb{origin_uuid="ca7f…"} 0
        xivo_users_connected{origin_uuid="ca7f…"} 0
        """,
        "xivo_users",
        "xivo_users_do_not_disturb",
        "xivo_users_connected",
        "xivo_users_line_state",
    )
    assert pipeline.value("xivo_user_presence_changes_total", "away") == 14


def test_a_repeated_presence_is_no_change() -> None:
    pipeline = Pipeline()
    pipeline.send(STATUS, STATUS.but(user_id="42"))
    pipeline.send(STATUS)
    pipeline.send(STATUS.but(status="away"), STATUS)
    assert_exposition(
        pipeline,
        """
        xivo_users{origin_uuid="ca7f…",presence="busy"} 1
        xivo_user_presence_changes_total{origin_uuid="ca7f…",presence="busy"} 2
        xivo_user_presence_changes_total{origin_uuid="ca7f…",presence="away"} 1
        """,
    )


def test_a_user_is_known_by_the_uuid_in_any_case_from_any_daemon() -> None:
    pipeline = Pipeline()
    pipeline.send(BY_UUID)
    pipeline.send(load("users/xivo-17.13_user_status_update_uuid-upper-case"))
    pipeline.send(CHATD)
    assert_exposition(
        pipeline,
        """
        xivo_users{origin_uuid="ca7f…",presence="available"} 1
        xivo_user_presence_changes_total{origin_uuid="ca7f…",presence="away"} 1
        xivo_user_presence_changes_total{origin_uuid="ca7f…",presence="outtolunch"} 1
        xivo_user_presence_changes_total{origin_uuid="ca7f…",presence="available"} 1
        """,
    )


def test_the_uuid_names_the_user_where_both_are_given() -> None:
    pipeline = Pipeline()
    pipeline.send(BY_UUID.but(user_id=1), BY_UUID.but(user_id=2))
    assert pipeline.value("xivo_users", "away") == 1


def test_a_deleted_user_is_removed_by_either_id() -> None:
    pipeline = Pipeline()
    pipeline.send(STATUS, BY_UUID, STATUS.but(user_id=43))
    deleted = load("users/wazo-26.04_user_deleted")
    pipeline.send(deleted, deleted)
    assert_exposition(
        pipeline,
        """
        xivo_users{origin_uuid="ca7f…",presence="busy"} 1
        """,
    )


def test_a_user_can_be_deleted_by_the_id_alone() -> None:
    pipeline = Pipeline()
    pipeline.send(STATUS, event("user_deleted", {"id": "42"}))
    assert_exposition(pipeline, "", "xivo_users")


def test_the_same_user_id_on_two_servers_is_two_users() -> None:
    pipeline = Pipeline()
    pipeline.send(STATUS, STATUS.but(origin=OTHER_ORIGIN, status="away"))
    pipeline.send(event("user_deleted", {"id": 42}, OTHER_ORIGIN))
    assert_exposition(
        pipeline,
        """
        xivo_users{origin_uuid="ca7f…",presence="busy"} 1
        xivo_user_presence_changes_total{origin_uuid="ca7f…",presence="busy"} 1
        xivo_user_presence_changes_total{origin_uuid="0d6c…",presence="away"} 1
        """,
    )


CTID = load("services/document_service_registered_event").but(service_name="xivo-ctid")


CTID_ENDED = load("services/document_service_deregistered_event").but(
    service_name="xivo-ctid", service_id="old"
)


def test_a_start_of_ctid_disconnects_all_users_of_whom_it_says_nothing() -> None:
    pipeline = Pipeline()
    pipeline.send(*(STATUS.but(user_id=number, status="available") for number in range(100)))
    pipeline.wait(60)
    pipeline.send(CTID_ENDED)
    # Events of the new process may come before its registration.
    pipeline.send(STATUS.but(user_id=7, status="away"))
    pipeline.wait(5)
    pipeline.send(CTID.but(service_id="new"), STATUS.but(user_id=8, status="available"))
    assert pipeline.value("xivo_state_known", "users") == 0
    pipeline.wait(5)
    assert_exposition(
        pipeline,
        """
        xivo_users{origin_uuid="ca7f…",presence="available"} 1
        xivo_users{origin_uuid="ca7f…",presence="away"} 1
        xivo_users{origin_uuid="ca7f…",presence="disconnected"} 98
        """,
        "xivo_users",
    )
    # A difference is no event: nobody disconnected.
    changes = pipeline.value("xivo_user_presence_changes_total", "disconnected")
    assert changes == 0
    assert pipeline.value("xivo_state_known", "users") == 1


def test_a_repeated_registration_of_ctid_changes_nothing() -> None:
    pipeline = Pipeline()
    pipeline.send(CTID, STATUS.but(user_id=1, status="available"))
    pipeline.wait(60)
    pipeline.send(CTID)
    assert pipeline.value("xivo_users", "available") == 1


def test_as_many_users_can_be_deleted_at_once_as_are_remembered() -> None:
    pipeline = Pipeline()
    uuids = [str(UUID(int=number)) for number in range(MAX_DELETED)]
    for number, uuid in enumerate(uuids):
        pipeline.send(CHATD.but(uuid=uuid), event("user_deleted", {"id": number, "uuid": uuid}))
    pipeline.send(*(CHATD.but(uuid=uuid) for uuid in uuids))
    users = [value for (name, _), value in pipeline.series().items() if name == "xivo_users"]
    assert not any(users)


def test_a_deleted_user_stays_deleted_for_a_minute() -> None:
    pipeline = Pipeline()
    available = event("chatd_presence_updated", CHATD.content["data"])
    deleted = event("user_deleted", {"id": 1, "uuid": available.content["data"]["uuid"]})
    pipeline.send(available, deleted, available)
    pipeline.wait(59)
    pipeline.send(available)
    assert_exposition(pipeline, "", "xivo_users")
    pipeline.wait(1)
    pipeline.send(available)
    assert pipeline.value("xivo_users", "available") == 1
