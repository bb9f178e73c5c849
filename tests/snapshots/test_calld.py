"""The lines and trunks that calld lists."""

import asyncio
import json
from collections.abc import Callable

import pytest

from dataflows.events.lines import Line, LinesListed
from dataflows.events.registration import Registered
from dataflows.events.trunks import Trunk, TrunksListed
from dataflows.listings import Listing
from exporter.exposition.snapshot_status import SnapshotOutcome
from exporter.snapshots.calld import (
    LINES,
    LINES_RIGHT,
    MAX_TENANTS,
    MODULE,
    PARALLEL,
    TRUNKS,
    TRUNKS_RIGHT,
    decode_lines,
    decode_trunks,
)
from exporter.snapshots.source import IncompleteError, SnapshotError
from tests import corpus
from tests.pipeline import Pipeline
from tests.snapshots.answering import AT, ORIGIN, REQUEST, body, listings

NONE = b'{"items": [], "total": 0, "filtered": 0}'
ANSWERS = {"a/1.0/lines": body("calld_lines"), "a/1.0/trunks": body("calld_trunks")}
EMPTY = {"b/1.0/lines": NONE, "b/1.0/trunks": NONE}


def answer(*items: dict[str, object]) -> bytes:
    return json.dumps({"items": items, "total": len(items), "filtered": len(items)}).encode()


def line(line_id: int, **more: object) -> dict[str, object]:
    return {"id": line_id, "registered": True, "current_call_count": 0} | more


def trunk(trunk_id: int, **more: object) -> dict[str, object]:
    return line(trunk_id, name="voipms", technology="sip") | more


class Asking:
    """An API that answers with what a test says.

    Args:
        answers: Gets path and tenant.
        tenants: All tenants.

    Attributes:
        most: Requests at once.
    """

    def __init__(
        self, answers: Callable[[str, str], bytes], tenants: tuple[str, ...] = ("a",)
    ) -> None:
        self._answers = answers
        self._tenants = tenants
        self._open = self.most = self.count = 0

    async def __call__(self, method: str, path: str, *, right: str, tenant: str = "") -> bytes:
        assert method == "GET"
        assert right in (LINES_RIGHT, TRUNKS_RIGHT)
        self._open += 1
        self.count += 1
        self.most = max(self.most, self._open)
        await asyncio.sleep(0)
        self._open -= 1
        return self._answers(path, tenant)

    async def tenants(self) -> tuple[str, ...]:
        return self._tenants


def take(asking: Asking) -> tuple[Listing, ...]:
    async def main() -> tuple[Listing, ...]:
        return await MODULE.listings(asking, REQUEST)

    return asyncio.run(main())


def refusing(path: str, error: SnapshotError) -> Callable[[str, str], bytes]:
    """Return answers in which a path is refused."""

    def answers(asked: str, _tenant: str) -> bytes:
        if asked == path:
            raise error
        return body("calld_lines" if asked == LINES else "calld_trunks")

    return answers


def test_calld_is_asked_for_the_lines_and_trunks_of_each_tenant() -> None:
    listed, asked = listings(MODULE, ANSWERS | EMPTY, ("a", "b"))
    assert asked == [
        ("GET", "a/1.0/lines", "calld.lines.read"),
        ("GET", "b/1.0/lines", "calld.lines.read"),
        ("GET", "a/1.0/trunks", "calld.trunks.read"),
        ("GET", "b/1.0/trunks", "calld.trunks.read"),
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
    )


def test_each_trunk_has_its_tenant() -> None:
    answers = {
        "a/1.0/lines": answer(line(1)),
        "b/1.0/lines": answer(line(2)),
        "a/1.0/trunks": answer(trunk(1)),
        "b/1.0/trunks": answer(trunk(2)),
    }
    (lines, trunks), _ = listings(MODULE, answers, ("a", "b"))
    assert isinstance(lines, LinesListed)
    assert isinstance(trunks, TrunksListed)
    assert lines.lines.keys() == {"1", "2"}
    assert trunks.tenants == {"1": "a", "2": "b"}


def test_a_server_without_lines_and_trunks_has_empty_lists() -> None:
    (lines, trunks), _ = listings(MODULE, EMPTY, ("b",))
    assert (lines.is_empty, trunks.is_empty) == (True, True)


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
@pytest.mark.parametrize(("path", "kind"), [(LINES, TrunksListed), (TRUNKS, LinesListed)])
def test_a_list_that_is_refused_leaves_the_other_alone(
    outcome: SnapshotOutcome, path: str, kind: type[Listing]
) -> None:
    error = SnapshotError(outcome, "calld refused")
    with pytest.raises(IncompleteError, match=r"^calld refused$") as caught:
        take(Asking(refusing(path, error)))
    assert caught.value.outcome is outcome
    [listed] = caught.value.listings
    assert isinstance(listed, kind)


def test_the_problems_of_all_lists_are_told() -> None:
    with pytest.raises(SnapshotError) as caught:
        listings(MODULE, {}, ("a", "b"))
    assert not isinstance(caught.value, IncompleteError)
    assert caught.value.problem == f"the user lacks {LINES_RIGHT}; the user lacks {TRUNKS_RIGHT}"
    assert caught.value.outcome is SnapshotOutcome.REFUSED


@pytest.mark.parametrize("outcome", [SnapshotOutcome.UNREACHABLE, SnapshotOutcome.NOT_READY])
def test_if_calld_itself_has_a_problem_nothing_more_is_asked(outcome: SnapshotOutcome) -> None:
    asking = Asking(refusing(LINES, SnapshotError(outcome, "calld failed")))
    with pytest.raises(SnapshotError, match=r"^calld failed$") as caught:
        take(asking)
    assert not isinstance(caught.value, IncompleteError)
    assert asking.count == 1


def test_a_list_that_an_old_calld_does_not_have_is_no_problem() -> None:
    absent = SnapshotError(SnapshotOutcome.REFUSED, "calld does not exist there", is_absent=True)
    [listed] = take(Asking(refusing(LINES, absent)))
    assert isinstance(listed, TrunksListed)


def test_if_no_list_exists_the_url_is_wrong() -> None:
    def answers(_path: str, _tenant: str) -> bytes:
        text = "calld does not exist there (404)"
        raise SnapshotError(SnapshotOutcome.REFUSED, text, is_absent=True)

    with pytest.raises(SnapshotError, match=r"^calld does not exist there \(404\)$"):
        take(Asking(answers))


def test_few_requests_are_sent_at_once() -> None:
    asking = Asking(lambda _path, _tenant: NONE, tuple(map(str, range(MAX_TENANTS))))
    assert len(take(asking)) == 2
    assert (asking.most, asking.count) == (PARALLEL, 2 * MAX_TENANTS)


def test_more_tenants_than_the_limit_are_not_asked_for() -> None:
    asking = Asking(lambda _path, _tenant: NONE, tuple(map(str, range(MAX_TENANTS + 1))))
    with pytest.raises(SnapshotError, match=r"^calld: auth lists more than 500 tenants$"):
        take(asking)
    assert asking.count == 0


def test_all_tenants_together_have_a_limited_number_of_lines(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("exporter.snapshots.bounded_json.MAX_ENTITIES", 3)
    asking = Asking(lambda _path, _tenant: answer(trunk(1), trunk(2)), ("a", "b"))
    with pytest.raises(SnapshotError, match=r"^calld: the answer is too long$"):
        take(asking)
