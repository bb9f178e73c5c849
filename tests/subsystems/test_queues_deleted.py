"""Queues and members that events of the configuration say are there no more."""

import pytest

from dataflows.events.queue_names import QueueKind, QueueName, QueuesNamed
from dataflows.items import Opened, ReadingContinued, SnapshotBegun, SnapshotTaken
from dataflows.listings import Source
from tests.corpus import ORIGIN, Message, event, load
from tests.pipeline import Pipeline

GROUP_UUID = "7d9e0f9e-14a1-4b60-a4b8-0a2b3c4d5e6f"
GROUP = f"grp-acme-{GROUP_UUID}"
USERS = ("0f7b1c44-6c2d-4fd1-9c5e-8a3f6d2b1e77", "cc8de31a-2fb3-4b07-9a0f-5ae7d9c7ac5c")
NOW = "2026-03-02T15:00:00"
GROUP_DELETED = load("configuration/wazo-26.04_group_deleted").but(timestamp=NOW)
QUEUE_DELETED = load("configuration/xivo-15.20_queue_deleted").but(id=3)
USERS_SET = load("configuration/wazo-26.04_group_member_users_associated")
STATUS = load("queues/xivo-15.20_QueueMemberStatus")


def member(queue: str, interface: str) -> Message:
    return STATUS.but(Queue=queue, Interface=interface, Location=interface, Membership="static")


def user(number: int) -> Message:
    return member(GROUP, f"Local/{USERS[number]}@usersharedlines")


def call(name: str, queue: str, channel: str = "1.1") -> Message:
    data = {"Queue": queue, "Uniqueid": channel, "Interface": "SIP/a", "HoldTime": "3"}
    return event(name, data | {"TalkTime": "5"})


def queues_with(pipeline: Pipeline, metric: str) -> set[str]:
    return {labels[1] for name, labels in pipeline.series() if name == metric}


def members(pipeline: Pipeline) -> dict[str, float]:
    return {
        labels[1]: value
        for (name, labels), value in pipeline.series().items()
        if name == "xivo_queue_members"
        if labels[2] == "static"
        if isinstance(value, float | int)
    }


def waiting(pipeline: Pipeline) -> set[str]:
    return queues_with(pipeline, "xivo_queue_callers_waiting")


def learn_names(pipeline: Pipeline) -> None:
    pipeline.take([Opened("default", pipeline.now), ReadingContinued("default")])
    pipeline.take([SnapshotBegun("default", pipeline.now, ORIGIN, Source.CONFD, 1)])
    names = (
        QueueName("support", "3", QueueKind.QUEUE, "Support", "t"),
        QueueName("old-group", "3", QueueKind.GROUP, "Old", "t"),
        QueueName(GROUP, "5", QueueKind.GROUP, "Accueil", "t"),
    )
    listing = QueuesNamed(ORIGIN, pipeline.now, 1, names)
    pipeline.take([SnapshotTaken("default", pipeline.now, ORIGIN, Source.CONFD, 1, (listing,))])


def test_a_deleted_group_leaves_no_series() -> None:
    pipeline = Pipeline()
    pipeline.send(user(0), member("support", "SIP/a"))
    pipeline.send(call("QueueCallerJoin", GROUP), call("QueueCallerJoin", "support", "1.2"))
    assert members(pipeline) == {GROUP: 1, "support": 1}
    assert waiting(pipeline) == {GROUP, "support"}
    pipeline.send(GROUP_DELETED)
    assert members(pipeline) == {"support": 1}
    assert waiting(pipeline) == {"support"}
    assert not [labels for name, labels in pipeline.series() if GROUP in labels]


@pytest.mark.parametrize("is_known", [True, False])
def test_what_asterisk_says_of_a_deleted_group_until_its_reload_changes_nothing(
    is_known: bool,
) -> None:
    pipeline = Pipeline()
    pipeline.send(member("support", "SIP/a"), call("QueueCallerJoin", "support", "1.2"))
    if is_known:
        pipeline.send(user(0))
    pipeline.send(GROUP_DELETED, user(0), call("QueueCallerJoin", GROUP))
    pipeline.restart()
    pipeline.send(user(1), call("QueueCallerLeave", GROUP))
    pipeline.wait(10)
    assert members(pipeline) == {"support": 1}
    assert waiting(pipeline) == {"support"}


def test_a_call_that_goes_on_in_a_deleted_group_does_not_bring_it_back() -> None:
    pipeline = Pipeline()
    pipeline.send(call("QueueCallerJoin", GROUP), call("QueueCallerJoin", "support", "1.2"))
    pipeline.send(call("QueueCallerLeave", GROUP), call("AgentConnect", GROUP))
    pipeline.send(GROUP_DELETED)
    pipeline.wait(600)
    pipeline.send(call("AgentComplete", GROUP).but(timestamp="2026-03-02T15:10:00"))
    assert waiting(pipeline) == {"support"}
    # It was created again, under the same name.
    pipeline.send(call("QueueCallerJoin", GROUP, "1.3").but(timestamp="2026-03-02T15:10:00"))
    assert waiting(pipeline) == {"support", GROUP}


def test_a_deleted_queue_ends_if_its_name_is_known() -> None:
    pipeline = Pipeline()
    learn_names(pipeline)
    pipeline.send(*(member(queue, "SIP/a") for queue in ("support", "old-group", "other")))
    pipeline.send(call("QueueCallerJoin", "support"), call("QueueCallerJoin", "other", "1.2"))
    pipeline.send(QUEUE_DELETED)
    assert members(pipeline) == {"old-group": 1, "other": 1}
    assert waiting(pipeline) == {"other"}
    assert queues_with(pipeline, "xivo_queue_info") == {"old-group", GROUP}
    # The id of a group may be that of a queue; older servers do not say the UUID.
    pipeline.send(GROUP_DELETED.but(id=3, uuid=None))
    assert members(pipeline) == {"other": 1}
    assert queues_with(pipeline, "xivo_queue_info") == {GROUP}


def test_a_deleted_queue_without_a_known_name_stays_until_an_api_lists_the_queues() -> None:
    pipeline = Pipeline()
    pipeline.send(member("support", "SIP/a"), QUEUE_DELETED)
    assert members(pipeline) == {"support": 1}


def test_the_names_that_confd_lists_do_not_bring_a_deleted_queue_back() -> None:
    pipeline = Pipeline()
    learn_names(pipeline)
    pipeline.send(member("support", "SIP/a").but(timestamp=NOW))
    pipeline.send(QUEUE_DELETED.but(timestamp=NOW))
    learn_names(pipeline)
    assert queues_with(pipeline, "xivo_queue_info") == {"old-group", GROUP}


def test_users_who_are_no_longer_members_of_a_group_are_removed() -> None:
    pipeline = Pipeline()
    other = member(GROUP, "Local/100@default")
    pipeline.send(user(0), user(1), other, member("support", f"Local/{USERS[0]}@usersharedlines"))
    assert members(pipeline) == {GROUP: 3, "support": 1}
    pipeline.send(USERS_SET.but(user_uuids=[USERS[1].upper()]))
    assert members(pipeline) == {GROUP: 2, "support": 1}
    pipeline.send(USERS_SET.but(user_uuids=[]))
    assert members(pipeline) == {GROUP: 1, "support": 1}
    assert pipeline.value("xivo_queue_member_changes_total", GROUP, "removed") == 2


@pytest.mark.parametrize("uuid", ["", "6f", "x" * 65, 5])
def test_a_text_that_is_no_uuid_ends_no_queue(uuid: object) -> None:
    pipeline = Pipeline()
    pipeline.send(user(0), GROUP_DELETED.but(uuid=uuid), USERS_SET.but(group_uuid=uuid))
    assert [each.reason for each in pipeline.rejected] == ["bad_field"] * 2
    assert members(pipeline) == {GROUP: 1}


def test_places_of_deleted_queues_are_free_again() -> None:
    pipeline = Pipeline(max_entities=2, max_series=1)
    pipeline.send(user(0), user(1), member("support", "SIP/a"))
    assert members(pipeline) == {GROUP: 2}
    pipeline.send(GROUP_DELETED, member("support", "SIP/a"), member("support", "SIP/b"))
    assert members(pipeline) == {"support": 2}
