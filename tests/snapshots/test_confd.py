"""The names that confd lists."""

import json

import pytest

from dataflows.events.queue_names import QueueKind, QueueName, QueuesNamed
from dataflows.events.switchboards import SwitchboardName, SwitchboardsNamed
from dataflows.labels import MAX_LABEL
from dataflows.listings import Listing
from exporter.exposition.snapshot_status import SnapshotOutcome
from exporter.snapshots import confd_switchboards
from exporter.snapshots.confd import MODULE, decode
from exporter.snapshots.confd_pages import MAX_PAGES, PAGE
from exporter.snapshots.source import SnapshotError
from tests.snapshots.answering import AT, ORIGIN, body, listings

TENANT = "2c34c282-433e-4bb8-8d56-fec14ff7e1e9"
FIRST = "?recurse=true&limit=500&offset=0"
QUEUES, GROUPS = f"/1.1/queues{FIRST}", f"/1.1/groups{FIRST}"
SWITCHBOARDS = f"/1.1/switchboards{FIRST}"
NONE = b'{"items": [], "total": 0}'


def _page(first: int, last: int, total: int) -> bytes:
    items = [{"id": number, "name": f"queue{number}"} for number in range(first, last)]
    return json.dumps({"items": items, "total": total}).encode()


def _of_queues(*pages: bytes) -> dict[str, bytes]:
    numbered = enumerate(pages)
    return {GROUPS: NONE, SWITCHBOARDS: NONE} | {
        f"/1.1/queues?recurse=true&limit={PAGE}&offset={PAGE * number}": page
        for number, page in numbered
    }


def test_confd_is_asked_for_the_names_of_all_tenants() -> None:
    answers = {
        QUEUES: body("confd_queues"),
        GROUPS: body("confd_groups_keys_used"),
        SWITCHBOARDS: body("confd_switchboards_keys_used"),
    }
    listed, asked = listings(MODULE, answers)
    assert asked == [
        ("GET", "/1.1/queues?recurse=true&limit=500&offset=0", "confd.queues.read"),
        ("GET", "/1.1/groups?recurse=true&limit=500&offset=0", "confd.groups.read"),
        ("GET", "/1.1/switchboards?recurse=true&limit=500&offset=0", "confd.switchboards.read"),
    ]
    group = "grp-acme-7d9e0f9e-14a1-4b60-a4b8-0a2b3c4d5e6f"
    names = (
        QueueName("support-88511897", "3", QueueKind.QUEUE, "Support", TENANT),
        QueueName(group, "5", QueueKind.GROUP, "Accueil", TENANT),
    )
    switchboard = SwitchboardName("b1b2c3d4-0000-4000-8000-000000000001", "Accueil", TENANT)
    assert listed == (
        QueuesNamed(ORIGIN, AT, 7, names),
        SwitchboardsNamed(ORIGIN, AT, 7, (switchboard,)),
    )


def _fails(status: int) -> SnapshotError:
    return SnapshotError(SnapshotOutcome.REFUSED, f"confd: {status}", "confd", status)


_NAMELESS = b'{"items": [{"name": "x"}], "total": 1}'


@pytest.mark.parametrize(
    ("answer", "problems"),
    [
        (_fails(401), ["confd: 401"]),
        (_fails(500), ["confd: 500"]),
        (_NAMELESS, ["confd: the answer is not as expected"]),
        (b'{"items": [], "total": 1}', ["confd: the list is incomplete"]),
        # An old server, which has none.
        (_fails(404), []),
    ],
)
def test_names_of_queues_are_used_although_switchboards_are_not_listed(
    answer: bytes | SnapshotError, problems: list[str]
) -> None:
    answers = {
        QUEUES: body("confd_queues"),
        GROUPS: body("confd_groups_keys_used"),
        SWITCHBOARDS: answer,
    }
    notes: list[str] = []
    ((listed,), _) = listings(MODULE, answers, notes.append)
    assert isinstance(listed, QueuesNamed)
    assert [each.queue_id for each in listed.queues] == ["3", "5"]
    assert notes == problems


@pytest.mark.parametrize(
    ("kind", "paths"),
    [(QueuesNamed, [QUEUES, GROUPS]), (SwitchboardsNamed, [SWITCHBOARDS])],
)
def test_only_the_names_that_are_wanted_are_asked_for(
    kind: type[Listing], paths: list[str]
) -> None:
    answers = {
        QUEUES: body("confd_queues"),
        GROUPS: body("confd_groups_keys_used"),
        SWITCHBOARDS: body("confd_switchboards_keys_used"),
    }
    listed, asked = listings(MODULE, answers, kinds=frozenset({kind}))
    assert [*map(type, listed)] == [kind]
    assert [path for _, path, _ in asked] == paths


def test_if_only_switchboards_are_wanted_a_problem_leaves_no_answer() -> None:
    wanted = frozenset[type[Listing]]({SwitchboardsNamed})
    with pytest.raises(SnapshotError, match=r"^confd: 401$"):
        listings(MODULE, {SWITCHBOARDS: _fails(401)}, kinds=wanted)
    notes: list[str] = []
    listed, _ = listings(MODULE, {SWITCHBOARDS: _fails(404)}, notes.append, kinds=wanted)
    assert (listed, notes) == ((), [])


def test_switchboards_without_an_id_or_a_name_are_not_as_expected() -> None:
    for item in ({"uuid": "", "name": "x"}, {"uuid": "a", "name": None}, {"uuid": 5, "name": "x"}):
        with pytest.raises(SnapshotError, match=r"^confd: the answer is not as expected$"):
            confd_switchboards.decode(json.dumps({"items": [item], "total": 1}).encode())


@pytest.mark.parametrize("label", [None, ""])
def test_a_queue_without_a_label_is_shown_by_its_name(label: str | None) -> None:
    answer = {"items": [{"id": 3, "name": "support", "label": label}], "total": 1}
    page = decode(json.dumps(answer).encode(), QueueKind.QUEUE)
    assert page.names == (QueueName("support", "3", QueueKind.QUEUE, "support", ""),)


def test_names_are_safe_for_label_values() -> None:
    item = {"id": 3, "name": "x" * 500, "label": "a\nb", "tenant_uuid": "\0"}
    (name,) = decode(json.dumps({"items": [item], "total": 1}).encode(), QueueKind.GROUP).names
    for text in (name.queue, name.display_name, name.tenant_uuid):
        assert text.isprintable()
        assert len(text) <= MAX_LABEL


def test_long_lists_are_read_page_by_page() -> None:
    pages = (_page(0, 500, 1001), _page(500, 1000, 1001), _page(1000, 1001, 1001))
    ((listed, _), asked) = listings(MODULE, _of_queues(*pages))
    assert isinstance(listed, QueuesNamed)
    assert [each.queue_id for each in listed.queues] == [str(number) for number in range(1001)]
    assert [path for _, path, _ in asked][-3:] == [
        "/1.1/queues?recurse=true&limit=500&offset=1000",
        GROUPS,
        SWITCHBOARDS,
    ]


@pytest.mark.parametrize(
    "pages",
    [
        # Fewer than it says.
        (_page(0, 500, 501), _page(500, 500, 501)),
        (_page(0, 0, 5),),
        # One was created, or deleted, between two pages.
        (_page(0, 500, 501), _page(499, 501, 502)),
        (_page(0, 500, 502), _page(501, 502, 501)),
        (_page(0, 500, 501), _page(499, 500, 501)),
        (_page(0, 2, 1),),
        (_page(0, 1, -1),),
    ],
)
def test_a_list_that_is_not_complete_is_not_used(pages: tuple[bytes, ...]) -> None:
    with pytest.raises(SnapshotError, match=r"^confd: the list is incomplete$"):
        listings(MODULE, _of_queues(*pages))


def test_the_number_of_requests_is_bounded() -> None:
    answers = {
        f"/1.1/queues?recurse=true&limit={PAGE}&offset={number}": _page(number, number + 1, 10_000)
        for number in range(10_000)
    }
    with pytest.raises(SnapshotError, match="the list is incomplete"):
        listings(MODULE, answers | {GROUPS: NONE})
    with pytest.raises(SnapshotError, match="the answer is too long"):
        listings(MODULE, _of_queues(_page(0, 500, 500 * MAX_PAGES + 1)))


@pytest.mark.parametrize("missing", [QUEUES, GROUPS])
def test_a_list_that_is_refused_is_told_and_not_taken_for_an_empty_one(missing: str) -> None:
    answers = {QUEUES: body("confd_queues"), GROUPS: body("confd_groups_keys_used")}
    del answers[missing]
    with pytest.raises(SnapshotError) as refused:
        listings(MODULE, answers)
    assert refused.value.outcome is SnapshotOutcome.REFUSED


@pytest.mark.parametrize(
    "item",
    [
        {"id": 1},
        {"name": "x"},
        {"id": 1, "name": ""},
        {"id": "one", "name": "x"},
        {"id": 1, "name": None},
        {"id": 1, "name": "x", "label": 5},
        {"id": 1, "name": "x", "tenant_uuid": []},
    ],
)
def test_one_queue_that_cannot_be_read_makes_the_answer_malformed(item: dict[str, object]) -> None:
    answer = json.dumps({"items": [item], "total": 1}).encode()
    with pytest.raises(SnapshotError, match=r"^confd: the answer is not as expected$"):
        decode(answer, QueueKind.QUEUE)
