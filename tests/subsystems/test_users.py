import pytest

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


@pytest.mark.parametrize(
    ("name", "presence"),
    [
        ("available", "available"),
        ("away", "away"),
        ("unavailable", "disconnected"),
        ("invisible", "disconnected"),
        ("do-not-disturb", "donotdisturb"),
        ("null-do-not-disturb", "available"),
    ],
)
def test_the_states_of_wazo_are_presences(name: str, presence: str) -> None:
    pipeline = Pipeline()
    pipeline.send(load(f"users/wazo-26.04_chatd_presence_updated_{name}"))
    assert_exposition(pipeline, f'xivo_users{{origin_uuid="ca7f…",presence="{presence}"}} 1')


def test_do_not_disturb_changes_only_the_presence_available() -> None:
    pipeline = Pipeline()
    pipeline.send(CHATD.but(state="away", do_not_disturb=True))
    pipeline.send(CHATD.but(state="new in some version", uuid="f" * 36))
    assert_exposition(
        pipeline,
        """
        xivo_users{origin_uuid="ca7f…",presence="away"} 1
        xivo_users{origin_uuid="ca7f…",presence="other"} 1
        """,
    )


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
