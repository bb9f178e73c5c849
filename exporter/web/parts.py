"""The page as parts with ids: what each of them shows, in no language."""

from __future__ import annotations

import math
import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import NamedTuple

from exporter.web.board import ServerBoard
from exporter.web.known import MAX_SERVERS
from exporter.web.troubles import MAX_NAMES, digest_id, find_troubles, is_stuck, server_id
from exporter.web.views import BusView, KnownView

MAX_ROWS = 5_000
"""Rows of queues on the page, and as many of agents: a browser still shows them quickly."""


class Part(NamedTuple):
    """An element of the page.

    Attributes:
        macro: The macro of `parts.html` that renders it.
        data: The arguments of the macro, after the id.
    """

    macro: str
    data: tuple[object, ...]


@dataclass(frozen=True, slots=True)
class Parts:
    """All that the page shows at one moment.

    Attributes:
        parts: By the id of the element.
        order: By the id of an element, the ids of its children. Outer elements come first.
    """

    parts: Mapping[str, Part]
    order: Mapping[str, Sequence[str]]


def page_parts(
    not_ready: str | None,
    buses: Sequence[BusView],
    boards: Sequence[ServerBoard],
    rates: Mapping[str, float | None],
    now: float,
) -> Parts:
    """Return the parts of the page.

    Args:
        not_ready: Why the metrics cannot be trusted; None if they can.
        buses: The buses that this process reads.
        boards: The servers; of many, only the first ones are shown.
        rates: Events per second, by origin.
        now: Unix time in seconds, to which the ages of `buses` count.
    """
    shown = boards[:MAX_SERVERS]
    troubles = find_troubles(buses, shown)
    ids = {bus.name: digest_id("b", bus.name) for bus in buses}
    parts = {
        "ready": Part("ready", (not_ready,)),
        "trouble-count": Part("trouble_count", (len(troubles), bool(shown), not_ready)),
        "troubles": Part("troubles", (tuple(troubles[:MAX_NAMES]),)),
        "none": Part("no_server", (bool(shown),)),
        "more": Part("more_servers", (len(boards) - len(shown),)),
        "no-bus": Part("no_bus", (bool(buses),)),
        **{ids[bus.name]: Part("bus", _bus(bus, now)) for bus in buses},
    }
    order: dict[str, Sequence[str]] = {
        "servers": [server_id(board) for board in shown],
        "buses": [*ids.values()],
    }
    rows = agents = MAX_ROWS
    for board in shown:
        one = server_parts(board, rates.get(board.origin), rows, agents)
        parts |= one.parts
        order |= one.order
        rows, agents = (max(0, rows - len(board.queues)), max(0, agents - len(board.agents)))
    return Parts(parts, order)


def server_parts(board: ServerBoard, rate: float | None, max_rows: int, max_agents: int) -> Parts:
    """Return the parts of one server.

    Args:
        board: The server.
        rate: Events per second; None if it is unknown.
        max_rows: Queues of which rows are shown.
        max_agents: Agents that are shown one by one.
    """
    key, origin = server_id(board), board.origin
    doubts = {each.subsystem: each.reason or "?" for each in board.known if each.since is None}
    callers, members = (doubts.get(each, "") for each in ("queue_calls", "queues"))
    rows = {digest_id("q", origin, row.queue): row for row in board.queues[:max_rows]}
    agents = {digest_id("a", origin, each.agent_id): each for each in board.agents[:max_agents]}
    waiting = [row.waiting for row in board.queues if row.waiting is not None]
    total = sum(waiting) if waiting else None
    left_out = len(board.queues) - len(rows)
    activities = None if board.activities is None else tuple(board.activities.items())
    parts = {
        key: Part("server", ()),
        f"{key}-name": Part("server_name", (board.name, origin)),
        f"{key}-count": Part("known_count", _known_count(board.known)),
        f"{key}-facts": Part("facts", (rate, board.last_event_at, board.bus)),
        f"{key}-sum": Part("queue_sum", (len(board.queues), total, left_out, bool(callers))),
        f"{key}-doubt": Part("queue_doubt", (callers, members) if rows else ("", "")),
        f"{key}-today": Part("today", (board.today_from,)),
        f"{key}-agents": Part("agents", (activities, doubts.get("agents", ""))),
        f"{key}-services": _list("services", board.services_down, board, "services"),
        f"{key}-trunks": _list("trunks", board.trunks_lost, board, "trunks"),
        f"{key}-known": Part("known", (tuple(board.known),)),
    }
    flags = (bool(callers), bool(members))
    parts |= {each: Part("queue", (row, is_stuck(row), *flags)) for each, row in rows.items()}
    parts |= {
        each: Part("agent", (one, bool(doubts.get("agents")))) for each, one in agents.items()
    }
    return Parts(parts, {f"{key}-queues": [*rows], f"{key}-single": [*agents]})


def folded(text: str) -> str:
    """Return a text without accents and in lower case, as the search of the page compares it."""
    if text.isascii():
        return text.lower()
    letters = unicodedata.normalize("NFKD", text)
    return "".join(each for each in letters if unicodedata.category(each)[0] != "M").lower()


def _known_count(known: Sequence[KnownView]) -> tuple[int, int, bool]:
    """Return how many subsystems are known, how many there are, and whether something is wrong."""
    lacking = [each for each in known if each.since is None]
    is_wrong = any(not each.is_normal for each in lacking)
    return len(known) - len(lacking), len(known), is_wrong


def _list(macro: str, names: Sequence[str], board: ServerBoard, subsystem: str) -> Part:
    """Return a part that lists names, or says that there is none, or that nobody knows.

    Its reason is None if nothing has told of the subsystem, as of the trunks of a XiVO.
    """
    state = next((each for each in board.known if each.subsystem == subsystem), None)
    is_known, reason = (
        state is not None and state.since is not None,
        state.reason if state else None,
    )
    return Part(macro, (tuple(names[:MAX_NAMES]), len(names[MAX_NAMES:]), is_known, reason))


def _bus(bus: BusView, now: float) -> tuple[object, ...]:
    """Return a bus with times in place of ages, because ages change all the time."""
    since, last = (
        None if age is None else math.floor(now - age)
        for age in (bus.for_seconds, bus.last_delivery_age_seconds)
    )
    return replace(bus, for_seconds=None, last_delivery_age_seconds=None), since, last
