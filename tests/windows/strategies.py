"""Random traffic with random times: late, early, simultaneous, on boundaries, hours apart.

Times are whole microseconds, the resolution of time stamps on the bus.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import tzinfo
from typing import Any

from hypothesis import strategies as st

from tests.windows.driver import Driver
from tests.windows.letters import ORIGINS, SECOND, UUID, Letter, Naive, utc


@dataclass(frozen=True)
class Batch:
    """Letters that arrive together."""

    letters: tuple[Letter, ...]

    def do(self, driver: Driver, clock: Clock) -> None:
        posted = [letter.post(clock.now, clock.naive) for letter in self.letters]
        driver.oracle.clamped += sum(is_absurd for _, _, is_absurd in posted)
        driver.take([(delivery, fact) for delivery, fact, _ in posted])
        driver.check_punctual()


@dataclass(frozen=True)
class Move:
    """The clock moves; states that are due meanwhile may be called.

    Attributes:
        by: Microseconds.
        to_boundary: If set, `by` counts from the next start of a window of this length, seconds.
        lag: Delay of calls to states that are due, microseconds; None for no calls.
    """

    by: int
    to_boundary: int | None = None
    lag: int | None = 0

    def do(self, driver: Driver, clock: Clock) -> None:
        to = clock.now + self.by
        if self.to_boundary is not None:
            length = self.to_boundary * SECOND
            to = (clock.now // length + 1) * length + self.by
        to = min(to, clock.last)
        if self.lag is None or to < clock.now:
            driver.now = to / SECOND
        else:
            driver.wait(to / SECOND, self.lag / SECOND)
            if not self.lag:
                driver.check_punctual()
        clock.now = round(driver.now * SECOND)


@dataclass(frozen=True)
class Restart:
    """The exporter restarts from its snapshots.

    Attributes:
        days: A new time zone of the window `today`.
    """

    days: tzinfo | None = None

    def do(self, driver: Driver, _clock: Clock) -> None:
        driver.restart(self.days)


Step = Batch | Move | Restart


@dataclass
class Clock:
    """Time in microseconds.

    Attributes:
        now: The exporter's time.
        last: It stops here, so that no service or queue is forgotten.
        naive: Formats a time as local time of the server.
    """

    now: int
    naive: Naive = utc

    def __post_init__(self) -> None:
        self.last = self.now + 20 * 3600 * SECOND


_IDS = st.integers(1, 3)
_MEMBER = st.fixed_dictionaries(
    {
        "Queue": st.sampled_from(("petak", "support")),
        "Interface": st.sampled_from(("SIP/a", "sip/A", "SIP/b")),
        "Status": st.sampled_from(("1", "1", "2", "5")),
        "Paused": st.sampled_from(("0", "0", "1")),
        "Membership": st.sampled_from(("static", "dynamic")),
    },
    optional={
        "LoginTime": st.sampled_from(("1", "2", "3")),
        "Ringinuse": st.sampled_from(("0", "1")),
    },
)
_OLD_PAUSE = st.fixed_dictionaries(
    {
        "Queue": st.just("petak"),
        "Location": st.sampled_from(("SIP/a", "SIP/b")),
        "Paused": st.sampled_from(("0", "1")),
    }
)
_SERVICE = {
    "service_name": st.sampled_from(("xivo-dird", "xivo-agentd")),
    "service_id": st.sampled_from(("a1", "b2", "c3", "d4")),
}


def _of(name: str, **fields: st.SearchStrategy[Any]) -> st.SearchStrategy[Letter]:
    return st.fixed_dictionaries(fields).map(lambda data: Letter(name, data))


KINDS: dict[str, st.SearchStrategy[Letter]] = {
    "agents": _of(
        "agent_status_update", agent_id=_IDS, status=st.sampled_from(("logged_in", "logged_out"))
    )
    | _of("agent_deleted", id=_IDS),
    "endpoints": _of(
        "endpoint_status_update",
        endpoint_id=st.integers(1, 2),
        status=st.sampled_from((0, 1, 2, 4, 4, 4, 4, 8, 9, 16, 17, 24, 3, 5, 18, -1, -2)),
    ),
    "lines": _of(
        "line_status_updated",
        id=st.integers(1, 3),
        registered=st.sampled_from((True, False, None)),
        current_call_count=st.sampled_from((0, 1, 2, None)),
    ),
    # One endpoint only, because random endpoints are rarely lost three times in a window.
    "flapping": _of(
        "endpoint_status_update", endpoint_id=st.just(1), status=st.sampled_from((4, 0))
    ),
    "queues": st.tuples(
        st.sampled_from(
            (
                "QueueMemberAdded",
                "QueueMemberStatus",
                "QueueMemberStatus",
                "QueueMemberPause",
                "QueueMemberRemoved",
            )
        ),
        _MEMBER,
    ).map(lambda both: Letter(*both))
    | _OLD_PAUSE.map(lambda data: Letter("QueueMemberPaused", data))
    | _of(
        "AgentComplete",
        Queue=st.sampled_from(("petak", "support")),
        Interface=st.sampled_from(("SIP/a", "SIP/b")),
        TalkTime=st.just("0"),
        WrapupTime=st.sampled_from(("0", "5", "5", "70")),
    ),
    "users": _of(
        "user_status_update",
        user_id=_IDS,
        status=st.sampled_from(("available", "available", "away", "en réunion")),
    )
    | _of(
        "chatd_presence_updated",
        uuid=st.just(UUID),
        state=st.sampled_from(("available", "invisible")),
        do_not_disturb=st.booleans(),
        connected=st.booleans(),
        line_state=st.sampled_from(("available", "talking")),
    )
    | _of("user_deleted", id=_IDS, uuid=st.just(UUID)),
    "services": _of(
        "service_registered_event", address=st.just("10.0.0.1"), port=st.just(9495), **_SERVICE
    )
    | _of("service_deregistered_event", **_SERVICE),
    "chat": _of(
        "chat_message_event",
        **{"from": st.tuples(st.sampled_from(ORIGINS), _IDS).map(list)},
        to=st.just([ORIGINS[0], 9]),
        msg=st.just("ok"),
    ),
    # Twelve legs, two in each conversation. A leg that ended never comes again.
    "calls": st.tuples(
        st.sampled_from(("call_updated", "call_updated", "call_ended")), st.integers(1, 12)
    ).map(
        lambda both: Letter(
            both[0],
            {
                "call_id": f"{both[1]}",
                "conversation_id": f"{both[1] // 2}",
                "status": "Up",
                "line_id": 7,
            },
        )
    ),
    "call_forms": _of("call_form_result", user_id=_IDS, variables=st.just({})),
}

_SPANS = st.sampled_from((0, 1, 250_000, SECOND, SECOND + 1, 5 * SECOND, 7 * SECOND, 61 * SECOND))
_AGO = _SPANS | st.integers(-SECOND, 20 * SECOND)
_TOO_EARLY = st.sampled_from((-SECOND - 1, -2 * SECOND, -3600 * SECOND))
_LONG_AGO = st.sampled_from((3600, 86_399, 86_400, 86_401, 50 * 365 * 86_400)).map(
    lambda seconds: seconds * SECOND
) | st.just(-75 * 365 * 86_400 * SECOND)
_SHORT = 300
_MICRO = st.sampled_from((-1, 0, 0, 1))


@st.composite
def _letters(
    draw: st.DrawFn, kind: st.SearchStrategy[Letter], lengths: tuple[int, ...], *, is_wild: bool
) -> Letter:
    ago = _AGO | _AGO | _TOO_EARLY | _LONG_AGO if is_wild else _AGO
    at_boundary = draw(st.none() | st.sampled_from(lengths))
    return replace(
        draw(kind),
        origin=draw(st.sampled_from((*ORIGINS[:1] * 4, ORIGINS[1]))),
        ago=draw(ago if at_boundary is None else _MICRO),
        on_boundary=at_boundary,
        stamp=draw(st.sampled_from(("body", "header", "broker", "nobody"))),
        underway=draw(st.sampled_from((0, 0, 1, 300_000, 6 * SECOND))),
    )


@st.composite
def _moves(draw: st.DrawFn, lengths: tuple[int, ...]) -> Move:
    lag = draw(st.sampled_from((0, 0, 999_999, None)))
    kind = draw(st.integers(0, 9))
    if kind == 0:
        # Hundreds of windows at once, without calls at each end, which would be slow.
        return Move(draw(st.sampled_from((601, 3600, 7200))) * SECOND, None, None)
    if kind <= 4:
        length = draw(st.sampled_from(lengths))
        beyond = draw(st.sampled_from((0, 0, 1, 2))) * length * SECOND
        return Move(beyond + draw(_MICRO), length, lag if length <= _SHORT else None)
    return Move(draw(_SPANS | st.integers(0, 20 * SECOND)), None, lag)


_SET_BACK = st.sampled_from((1, SECOND // 2, SECOND, SECOND + 1, 61 * SECOND, 3600 * SECOND)).map(
    lambda by: Move(-by, None, None)
)


@st.composite
def days(
    draw: st.DrawFn,
    kind: str,
    lengths: tuple[int, ...],
    *,
    is_calm: bool = False,
    zones: Sequence[tzinfo] = (),
) -> list[Step]:
    """Draw a sequence of steps for one subsystem, or for `all`.

    Args:
        draw: From hypothesis.
        kind: A key of `KINDS`, or "all".
        lengths: Of the windows, seconds.
        is_calm: Whether clocks are right and no event is later than some minutes.
        zones: Time zones that a restart may choose.
    """
    kinds = st.one_of(*KINDS.values()) if kind == "all" else KINDS[kind]
    letter = _letters(kinds, lengths, is_wild=not is_calm)
    batch = st.lists(letter, min_size=1, max_size=6).map(lambda some: Batch(tuple(some)))
    move = _moves(lengths)
    step: st.SearchStrategy[Step] = batch | batch | move | move | st.just(Restart())
    if zones:
        step |= st.sampled_from(zones).map(Restart)
    if not is_calm:
        step |= _SET_BACK
    # By default hypothesis draws about six elements, too few to fill windows.
    fewest = draw(st.integers(1, 20))
    return draw(st.lists(step, min_size=fewest, max_size=25))
