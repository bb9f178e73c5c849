"""How flags, environment and file become settings, and one message for each problem."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from typing import Any, TypeVar

from pydantic import ValidationError

from exporter.settings.bus import SINGLE_BUS, BusSettings
from exporter.settings.buses import Logging
from exporter.settings.messages import did_you_mean, nearest, place, printable, sentence, shown
from exporter.settings.models import settings_of
from exporter.settings.names import command_of, spelled, variable

S = TypeVar("S", bound=Logging)


class SettingsError(Exception):
    """The settings cannot be used; `problems` has one line for each thing that is wrong."""

    def __init__(self, problems: list[str]) -> None:
        super().__init__("; ".join(problems))
        self.problems = problems


def load(
    model: type[S], flags: Mapping[str, Any], file: Mapping[str, Any], path: str | None = None
) -> S:
    """Merge and check the settings: flags win over environment, file and defaults, in this order.

    Args:
        model: The settings of the command.
        flags: Values by the names of settings.
        file: The content of the file.
        path: Where the file is, for messages.

    Raises:
        SettingsError: Names every problem at once, and no value that may be a secret.
    """
    if model.shares_file:
        file = {name: value for name, value in file.items() if not _is_of_others(name, model)}
    given = {**file, **_environment(settings_of(model)), **flags}
    problems: list[str] = []
    is_single = "buses" not in given
    if "buses" in model.model_fields:
        of_single = {name: given.pop(name) for name in model.single_bus if name in given}
        if is_single:
            given["buses"] = [{SINGLE_BUS[name]: value for name, value in of_single.items()}]
        else:
            problems = [*map(_stray, of_single), *_same_names(given["buses"])]
    try:
        settings = model.model_validate(given)
    except ValidationError as error:
        where = f" in {printable(path)}" if path else ""
        for each in error.errors():
            if each["type"] == "extra_forbidden":
                problems.append(_unknown(each["loc"], model, where))
            else:
                what = sentence(each["type"], each["input"], each.get("ctx", {}))
                problems.append(f"{_place(each['loc'], is_single=is_single)}: {what}")
    if problems:
        raise SettingsError(problems)
    return settings


def _is_of_others(name: str, model: type[Logging]) -> bool:
    own = {*settings_of(model), "buses"}
    return name not in own and command_of(name) is not None


def _environment(names: Iterable[str]) -> dict[str, str]:
    variables = {name: os.environ.get(variable(name)) for name in names}
    return {name: value for name, value in variables.items() if value}


def _stray(name: str) -> str:
    return (
        f"{spelled(name)}: cannot be used together with [[buses]]; "
        f"write it as {SINGLE_BUS[name]} into the table of its bus"
    )


def _same_names(tables: object) -> list[str]:
    """Find names that two buses have, even if the tables have other problems."""
    default = BusSettings.model_fields["name"].default
    names = [
        each.get("name", default) if isinstance(each, dict) else None
        for each in (tables if isinstance(tables, list) else ())
    ]
    return [
        f"buses[{i}].name: another bus has this name"
        for i, name in enumerate(names)
        if name is not None and name in names[:i]
    ]


def _place(where: tuple[int | str, ...], *, is_single: bool) -> str:
    first, *rest = where
    if first == "buses" and is_single:
        return spelled(_NAMES[rest[-1]])
    if first == "buses":
        return place(where)
    return spelled(str(first))


_NAMES: dict[int | str, str] = {field: name for name, field in SINGLE_BUS.items()}


def _unknown(where: tuple[int | str, ...], model: type[Logging], file: str) -> str:
    key = str(where[-1])
    if len(where) == 1:
        return f"{shown(key)}{file}: {_no_setting(key, model)}"
    if key in settings_of(model).keys() - SINGLE_BUS.keys():
        what = "this is not a setting of a bus: write it above the first [[buses]]"
    else:
        similar = nearest(key, [*SINGLE_BUS.values(), *SINGLE_BUS])
        hint = f"; did you mean {SINGLE_BUS.get(similar, similar)}?" if similar else ""
        what = f"there is no such setting of a bus{hint}"
    return f"buses[{where[1]}].{shown(key)}{file}: {what}"


def _no_setting(key: str, model: type[Logging]) -> str:
    if command := command_of("bus_url" if key == "buses" else key):
        return f"this is a setting of the command {command}"
    tables = ["buses"] if "buses" in model.model_fields else []
    return f"there is no such setting{did_you_mean(key, [*settings_of(model), *tables])}"
