"""What the exporters of a world show about themselves."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial

from tests.rules.world import EXPORTERS, READERS, At, World

_Shown = Callable[[World, str, int], float]


def exporter_series(world: World) -> Iterator[tuple[str, At]]:
    """Yield the series of all exporters, by name and labels."""
    for instance in EXPORTERS:
        target = f'job="xivo",instance="{instance}"'
        bus = "servers" if instance in READERS else instance
        yield f"up{{{target}}}", partial(_up, world, instance)
        for name, value in _OF_EXPORTER.items():
            yield f"{name}{target}}}", partial(_scraped, world, instance, value)
        if world.cluster and instance == world.shower(0):
            continue
        for name, value in _OF_BUS.items():
            yield (
                f'{name}{{bus="{bus}",{target}}}',
                partial(_scraped, world, instance, value),
            )


def _up(world: World, instance: str, t: int) -> float | None:
    if instance == "missing" and world.is_troubled(t, "XivoExporterMissing"):
        return None
    return not (instance == "absent" and world.is_troubled(t, "XivoExporterAbsent"))


def _scraped(world: World, instance: str, value: _Shown, t: int) -> float | None:
    return value(world, instance, t) if _up(world, instance, t) else None


def _one(_: World, __: str, ___: int) -> float:
    return 1


def _zero(_: World, __: str, ___: int) -> float:
    return 0


def _start(world: World, instance: str, t: int) -> float:
    start = world.starts.get(instance, 0)
    return start * 60 if t >= start else 0


def _stalled(world: World, instance: str, t: int) -> float:
    return instance == "stalled" and world.is_troubled(t, "XivoExporterStalled")


def _connected(world: World, instance: str, t: int) -> float:
    if instance in READERS:
        return world.reader(t) == instance and not world.is_cut_off(t)
    return not (instance == "cut-off" and world.is_troubled(t, "XivoExporterDisconnected"))


def _standby(world: World, instance: str, t: int) -> float:
    return instance in READERS and world.reader(t) != instance and not world.is_cut_off(t)


def _delivered(world: World, instance: str, t: int) -> float:
    return not (instance == "deaf" and world.is_troubled(t, "XivoExporterNoDeliveries"))


_OF_EXPORTER = {
    'xivo_exporter_build_info{version="1",python_version="3",bytewax_version="0",': _one,
    "xivo_exporter_start_timestamp_seconds{": _start,
    "xivo_exporter_stalled{": _stalled,
}
_OF_BUS = {
    "xivo_exporter_bus_connected": _connected,
    "xivo_exporter_bus_standby": _standby,
    "xivo_exporter_bus_last_gap_timestamp_seconds": _zero,
    "xivo_exporter_last_delivery_timestamp_seconds": _delivered,
}
