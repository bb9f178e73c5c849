"""What the reader of a world shows of the telephony servers."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial

from tests.rules.world import ORIGINS, SERVICES, At, World

_Shown = Callable[[World, str, int], float | None]
"""The value for a server at a minute."""


def server_series(world: World) -> Iterator[tuple[str, At]]:
    """Yield the series of all servers, by name and labels."""
    for instance in {world.shower(0), world.shower(world.minutes)}:
        for origin in ORIGINS:
            for (name, labels), (everything, part) in _SERIES.items():
                series = (
                    f'{name}{{origin_uuid="{origin}"{labels},job="xivo",instance="{instance}"}}'
                )
                by = {"all": everything, "part": part, "nothing": _none}
                yield series, partial(_read, world, instance, origin, by)


def _read(world: World, instance: str, origin: str, by: dict[str, _Shown], t: int) -> float | None:
    return by[world.knows(t)](world, origin, t) if world.shower(t) == instance else None


def _none(_: World, __: str, ___: int) -> None:
    return None


def _zero(_: World, __: str, ___: int) -> float:
    return 0


def _one(_: World, __: str, ___: int) -> float:
    return 1


def _two(_: World, __: str, ___: int) -> float:
    return 2


def _logged_in(world: World, origin: str, t: int) -> float:
    is_troubled = world.is_troubled_at(origin, t, "XivoAgentsNoneLoggedIn")
    return 4 if world.works(t) and not is_troubled else 0


def _logged_out(world: World, origin: str, t: int) -> float:
    return 4 - _logged_in(world, origin, t)


def _members(world: World, origin: str, t: int) -> float:
    # Members are dynamic: they leave the queue when they log out.
    alerts = ("XivoQueueNoneAvailable", "XivoCallsUnattended")
    is_troubled = any(world.is_troubled_at(origin, t, alert) for alert in alerts)
    return 4 if world.works(t) and not is_troubled else 0


def _available(world: World, origin: str, t: int) -> float:
    return _members(world, origin, t) / 2


def _oldest_wait(world: World, origin: str, t: int) -> float:
    # The queues are open at night too, so callers wait there for nobody. In the day, somebody
    # always has just joined.
    has_callers = not world.is_troubled_at(origin, t, "XivoQueueNoneAvailable")
    return t * 60 - 30 if has_callers and t else 0


def _new_members(world: World, _: str, t: int) -> float | None:
    return None if world.new_queue is None or t < world.new_queue else 1


def _new_available(world: World, origin: str, t: int) -> float | None:
    if not _new_members(world, origin, t):
        return None
    is_ready = world.trouble_at is not None and t >= world.trouble_at - 30
    return is_ready and _members(world, origin, t) > 0


def _unavailable(world: World, origin: str, t: int) -> float:
    is_troubled = world.is_troubled_at(origin, t, "XivoEndpointsUnavailable")
    return 12 if is_troubled or not world.works(t) else 2


def _idle(world: World, origin: str, t: int) -> float:
    return 20 - _unavailable(world, origin, t)


def _up(world: World, origin: str, t: int) -> float:
    is_troubled = world.is_troubled_at(origin, t, "XivoServicesStopped")
    return not (is_troubled or world.stopped(t))


def _first_up(world: World, origin: str, t: int) -> float:
    is_troubled = world.is_troubled_at(origin, t, "XivoServiceDown")
    return not is_troubled and _up(world, origin, t)


def _last_event(world: World, origin: str, t: int) -> float:
    while (t and not world.works(t)) or world.is_troubled_at(origin, t, "XivoBusSilent"):
        t -= 1
    return t * 60


def _state_known(world: World, _: str, t: int) -> float:
    return world.has_api and not world.is_cut_off(t)


# By name and further labels: what a reader shows that knows everything, and one that knows a part.
_SERIES: dict[tuple[str, str], tuple[_Shown, _Shown]] = {
    ("xivo_agents", ',status="logged_in"'): (_logged_in, _zero),
    ("xivo_agents", ',status="logged_out"'): (_logged_out, _one),
    ("xivo_queue_members", ',queue="support",membership="dynamic"'): (_members, _one),
    ("xivo_queue_members_available", ',queue="support"'): (_available, _zero),
    ("xivo_queue_member_states", ',queue="support",status="in_use"'): (_available, _zero),
    ("xivo_queue_member_states", ',queue="support",status="not_in_use"'): (_available, _one),
    ("xivo_queue_members_paused", ',queue="support"'): (_zero, _one),
    ("xivo_queue_members_in_call", ',queue="support"'): (_available, _zero),
    ("xivo_queue_oldest_wait_timestamp_seconds", ',queue="support"'): (_oldest_wait, _oldest_wait),
    ("xivo_queue_members", ',queue="new",membership="static"'): (_new_members, _none),
    ("xivo_queue_members_available", ',queue="new"'): (_new_available, _none),
    ("xivo_endpoints", ',state="unavailable"'): (_unavailable, _two),
    ("xivo_endpoints", ',state="idle"'): (_idle, _zero),
    ("xivo_bus_last_event_timestamp_seconds", ""): (_last_event, _last_event),
    ("xivo_origin_info", ',bus="servers",server="servers"'): (_one, _one),
    **{
        ("xivo_service_up", f',service_name="{name}"'): (_up if number else _first_up, _none)
        for number, name in enumerate(SERVICES)
    },
    **{
        ("xivo_state_known", f',subsystem="{subsystem}"'): (_state_known, _zero)
        for subsystem in ("agents", "endpoints", "queues")
    },
}
