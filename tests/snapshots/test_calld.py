"""The lists of calld."""

import json

import pytest

from dataflows.events.calls import CallsListed
from dataflows.events.lines import Line, LinesListed
from dataflows.events.parking import ParkedCallsListed
from dataflows.events.registration import Registered
from dataflows.events.switchboards import CallState, SwitchboardCallsListed
from dataflows.events.trunks import Trunk, TrunksListed
from dataflows.listings import Listing
from exporter.exposition.snapshot_status import SnapshotOutcome
from exporter.snapshots import calld_calls, calld_parking, confd_switchboards
from exporter.snapshots.calld import LISTS, MAX_SWITCHBOARDS, MAX_TENANTS, MODULE
from exporter.snapshots.calld_endpoints import (
    LINES_RIGHT,
    TRUNKS_RIGHT,
    decode_lines,
    decode_trunks,
)
from exporter.snapshots.source import SnapshotError
from tests import corpus
from tests.pipeline import Pipeline
from tests.snapshots.answering import AT, ORIGIN, body, listings

NONE = b'{"items": [], "total": 0, "filtered": 0}'
Answers = dict[str, bytes | SnapshotError]

SWITCHBOARDS = "confd/1.1/switchboards?recurse=true&limit=500&offset=0"
WHOLE = {calld_calls.PATH: NONE, SWITCHBOARDS: NONE}
ANSWERS = WHOLE | {
    "a/1.0/lines": body("calld_lines"),
    "a/1.0/trunks": body("calld_trunks"),
    "a/1.0/parkinglots": body("calld_parkinglots"),
}
EMPTY = WHOLE | {"b/1.0/lines": NONE, "b/1.0/trunks": NONE, "b/1.0/parkinglots": NONE}
KINDS = {
    "a/1.0/lines": LinesListed,
    "a/1.0/trunks": TrunksListed,
    calld_calls.PATH: CallsListed,
    "a/1.0/parkinglots": ParkedCallsListed,
    SWITCHBOARDS: SwitchboardCallsListed,
}
ABSENT = SnapshotError(
    SnapshotOutcome.REFUSED, "calld does not exist there (404)", daemon="calld", status=404
)


def answer(*items: dict[str, object]) -> bytes:
    return json.dumps({"items": items, "total": len(items), "filtered": len(items)}).encode()


def line(line_id: int, **more: object) -> dict[str, object]:
    return {"id": line_id, "registered": True, "current_call_count": 0} | more


def trunk(trunk_id: int, **more: object) -> dict[str, object]:
    return line(trunk_id, name="voipms", technology="sip") | more


def test_calld_is_asked_for_the_lists_of_each_tenant_and_of_all() -> None:
    listed, asked = listings(MODULE, ANSWERS | EMPTY, tenants=("a", "b"))
    assert asked == [
        ("GET", "a/1.0/lines", "calld.lines.read"),
        ("GET", "b/1.0/lines", "calld.lines.read"),
        ("GET", "a/1.0/trunks", "calld.trunks.read"),
        ("GET", "b/1.0/trunks", "calld.trunks.read"),
        ("GET", "/1.0/calls?recurse=true", "calld.calls.read"),
        ("GET", "a/1.0/parkinglots", "calld.parkings.read"),
        ("GET", "b/1.0/parkinglots", "calld.parkings.read"),
        ("GET", SWITCHBOARDS, "confd.switchboards.read"),
    ]
    lines = {
        "7": Line(Registered.YES, 1),
        "8": Line(Registered.NO, 0),
        "9": Line(Registered.UNKNOWN, None),
    }
    trunks = {
        "1": Trunk("voipms", "sip", Registered.YES, 2),
        "2": Trunk("legacy-iax", "iax", Registered.NO, 0),
        "3": Trunk("dahdi-g1", "custom", Registered.UNKNOWN, None),
    }
    assert listed == (
        LinesListed(ORIGIN, AT, 7, lines),
        TrunksListed(ORIGIN, AT, 7, trunks, dict.fromkeys(trunks, "a")),
        CallsListed(ORIGIN, AT, 7, ()),
        ParkedCallsListed(ORIGIN, AT, 7, frozenset({"1764079410.5"})),
        SwitchboardCallsListed(ORIGIN, AT, 7, {}),
    )


def test_each_trunk_has_its_tenant() -> None:
    answers = WHOLE | {
        "a/1.0/lines": answer(line(1)),
        "b/1.0/lines": answer(line(2)),
        "a/1.0/trunks": answer(trunk(1)),
        "b/1.0/trunks": answer(trunk(2)),
        "a/1.0/parkinglots": NONE,
        "b/1.0/parkinglots": NONE,
    }
    (lines, trunks, *_), _ = listings(MODULE, answers, tenants=("a", "b"))
    assert isinstance(lines, LinesListed)
    assert isinstance(trunks, TrunksListed)
    assert lines.lines.keys() == {"1", "2"}
    assert trunks.tenants == {"1": "a", "2": "b"}


def test_a_server_without_anything_has_empty_lists() -> None:
    listed, _ = listings(MODULE, EMPTY, tenants=("b",))
    assert [each.is_empty for each in listed] == [True] * len(LISTS)


@pytest.mark.parametrize("registered", [True, False, None])
def test_what_is_listed_is_what_an_event_would_tell(registered: bool | None) -> None:
    pipeline = Pipeline()
    event = corpus.load("lines/wazo-26.08_line_status_updated_registered")
    pipeline.send(event.but(registered=registered))
    [listed] = decode_lines(answer(line(1, registered=registered))).values()
    assert pipeline.value("xivo_lines", listed.registered) == 1


def test_what_calld_does_not_track_may_be_missing() -> None:
    assert decode_lines(answer({"id": 1, "name": None})) == {"1": Line(Registered.UNKNOWN, None)}
    untracked = {"id": 1, "name": "x", "technology": "custom"}
    assert decode_trunks(answer(untracked)) == {"1": Trunk("x", "custom", Registered.UNKNOWN, None)}


@pytest.mark.parametrize("field", ["total", "filtered"])
@pytest.mark.parametrize("number", [0, 2])
def test_a_list_of_some_is_not_used(field: str, number: int) -> None:
    for decode, item in ((decode_lines, line(1)), (decode_trunks, trunk(1))):
        content = json.loads(answer(item)) | {field: number}
        with pytest.raises(SnapshotError, match=r"^calld: the list is incomplete$"):
            decode(json.dumps(content).encode())


@pytest.mark.parametrize(
    "item",
    [
        {},
        {"id": -1},
        {"id": "x"},
        trunk(1, registered="yes"),
        trunk(1, current_call_count=-1),
        trunk(1, current_call_count=1.5),
        trunk(1, current_call_count=100_001),
    ],
)
def test_one_item_that_cannot_be_read_makes_the_list_malformed(item: dict[str, object]) -> None:
    with pytest.raises(SnapshotError, match=r"^calld: the answer is not as expected$"):
        decode_lines(answer(line(1), item))
    with pytest.raises(SnapshotError, match=r"^calld: the answer is not as expected$"):
        decode_trunks(answer(trunk(1), item))


@pytest.mark.parametrize("more", [{"name": None}, {"name": ""}, {"technology": None}])
def test_a_trunk_needs_a_name_and_a_technology(more: dict[str, object]) -> None:
    with pytest.raises(SnapshotError, match=r"^calld: the answer is not as expected$"):
        decode_trunks(answer(trunk(1, **more)))


def test_a_name_is_made_safe() -> None:
    [listed] = decode_trunks(answer(trunk(1, name="x" * 500, technology="a\nb"))).values()
    assert len(listed.name) == 128
    assert listed.technology.isprintable()


@pytest.mark.parametrize("outcome", [SnapshotOutcome.REFUSED, SnapshotOutcome.MALFORMED])
@pytest.mark.parametrize("path", ANSWERS)
def test_a_list_that_is_refused_leaves_the_others_alone(
    outcome: SnapshotOutcome, path: str
) -> None:
    notes: list[str] = []
    answers: Answers = {**ANSWERS, path: SnapshotError(outcome, "refused")}
    listed, _ = listings(MODULE, answers, notes.append, ("a",))
    assert notes == ["refused"]
    assert [*map(type, listed)] == [kind for each, kind in KINDS.items() if each != path]


@pytest.mark.parametrize(("path", "kind"), KINDS.items())
def test_only_the_lists_that_are_wanted_are_asked_for(path: str, kind: type[Listing]) -> None:
    wanted = frozenset({kind})
    listed, asked = listings(MODULE, ANSWERS, tenants=("a",), kinds=wanted)
    assert [*map(type, listed)] == [kind]
    [first, *others] = [each for _, each, _ in asked]
    assert first == path
    assert all("/switchboards/" in each for each in others)


def test_confd_that_does_not_answer_leaves_the_other_lists_alone() -> None:
    notes: list[str] = []
    down = SnapshotError(SnapshotOutcome.UNREACHABLE, "confd failed", daemon="confd")
    listed, _ = listings(MODULE, {**ANSWERS, SWITCHBOARDS: down}, notes.append, ("a",))
    assert (len(listed), notes) == (len(LISTS) - 1, ["confd failed"])


def test_the_problems_of_all_lists_are_told() -> None:
    with pytest.raises(SnapshotError) as caught:
        listings(MODULE, {}, tenants=("a", "b"))
    rights = (
        LINES_RIGHT,
        TRUNKS_RIGHT,
        calld_calls.RIGHT,
        calld_parking.RIGHT,
        confd_switchboards.RIGHT,
    )
    assert caught.value.problem == "; ".join(f"the user lacks {right}" for right in rights)
    assert caught.value.outcome is SnapshotOutcome.REFUSED


@pytest.mark.parametrize("outcome", [SnapshotOutcome.UNREACHABLE, SnapshotOutcome.NOT_READY])
def test_if_calld_itself_has_a_problem_there_is_no_answer(outcome: SnapshotOutcome) -> None:
    answers: Answers = {**ANSWERS, "a/1.0/trunks": SnapshotError(outcome, "calld failed")}
    with pytest.raises(SnapshotError, match=r"^calld failed$") as caught:
        listings(MODULE, answers, tenants=("a",))
    assert caught.value.outcome is outcome


def test_a_list_that_an_old_calld_does_not_have_is_no_problem() -> None:
    notes: list[str] = []
    listed, _ = listings(MODULE, {**ANSWERS, "a/1.0/lines": ABSENT}, notes.append, ("a",))
    assert (len(listed), notes) == (len(LISTS) - 1, [])


def test_if_no_list_exists_the_url_is_wrong() -> None:
    with pytest.raises(SnapshotError, match=r"^calld does not exist there \(404\)$"):
        listings(MODULE, dict.fromkeys(ANSWERS, ABSENT), tenants=("a",))


def test_more_tenants_than_the_limit_are_not_asked_for() -> None:
    tenants = tuple(map(str, range(MAX_TENANTS + 1)))
    with pytest.raises(SnapshotError, match=r"^calld: auth lists more than 500 tenants$"):
        listings(MODULE, {}, tenants=tenants)


def test_all_tenants_together_have_a_limited_number_of_lines(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("exporter.snapshots.bounded_json.MAX_ENTITIES", 3)
    answers = dict.fromkeys(("a/1.0/lines", "b/1.0/lines"), answer(line(1), line(2)))
    notes: list[str] = []
    listed, _ = listings(MODULE, EMPTY | ANSWERS | answers, notes.append, ("a", "b"))
    assert not any(isinstance(each, LinesListed) for each in listed)
    assert notes == ["calld: the answer is too long"]


def switchboards(*uuids: str, tenant: str | None = "a") -> bytes:
    items = [{"uuid": uuid, "name": uuid, "tenant_uuid": tenant} for uuid in uuids]
    return json.dumps({"items": items, "total": len(items)}).encode()


QUEUED, HELD = body("calld_switchboard_calls_queued"), body("calld_switchboard_calls_held")


def test_each_switchboard_is_asked_for_in_its_tenant() -> None:
    answers = ANSWERS | {
        SWITCHBOARDS: switchboards("s1"),
        "a/1.0/switchboards/s1/calls/queued": QUEUED,
        "a/1.0/switchboards/s1/calls/held": HELD,
    }
    listed, asked = listings(MODULE, answers, tenants=("a",))
    calls = {"s1": {CallState.QUEUED: 1, CallState.HELD: 0}}
    assert listed[-1] == SwitchboardCallsListed(ORIGIN, AT, 7, calls)
    assert [right for _, _, right in asked][-2:] == [
        "calld.switchboards.*.calls.queued.read",
        "calld.switchboards.*.calls.held.read",
    ]


def test_a_switchboard_that_was_deleted_meanwhile_is_left_out() -> None:
    answers: Answers = {
        **ANSWERS,
        SWITCHBOARDS: switchboards("s1", "s2"),
        "a/1.0/switchboards/s1/calls/queued": ABSENT,
        "a/1.0/switchboards/s2/calls/queued": QUEUED,
        "a/1.0/switchboards/s2/calls/held": ABSENT,
    }
    notes: list[str] = []
    listed, _ = listings(MODULE, answers, notes.append, ("a",))
    assert (listed[-1], notes) == (SwitchboardCallsListed(ORIGIN, AT, 7, {}), [])


@pytest.mark.parametrize("uuid", ["../users", "a/b", "a?b", "a b", "é", "a" * 65])
@pytest.mark.parametrize("is_tenant", [True, False])
def test_what_is_no_uuid_never_gets_into_a_request(uuid: str, is_tenant: bool) -> None:
    listed = switchboards("s1", tenant=uuid) if is_tenant else switchboards(uuid)
    notes: list[str] = []
    _, asked = listings(MODULE, ANSWERS | {SWITCHBOARDS: listed}, notes.append, ("a",))
    assert notes == ["confd: the answer is not as expected"]
    assert not any("/switchboards/" in path for _, path, _ in asked)


@pytest.mark.parametrize("more", [0, 1])
def test_more_switchboards_than_the_limit_are_not_asked_for(more: int) -> None:
    items = [{"uuid": f"s{number}", "name": "x"} for number in range(MAX_SWITCHBOARDS + more)]
    pages = {
        SWITCHBOARDS.replace("=0", f"={first}"): json.dumps(
            {"items": items[first : first + 500], "total": len(items)}
        ).encode()
        for first in (0, 500)
    }
    notes: list[str] = []
    _, asked = listings(MODULE, ANSWERS | pages, notes.append, ("a",))
    assert any("/switchboards/" in path for _, path, _ in asked) is (not more)
    assert ("confd: it lists more than 500 switchboards" in notes) is bool(more)
