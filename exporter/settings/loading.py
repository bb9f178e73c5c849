"""Where settings come from, who wins, and how problems are told."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from typing import Any, TypeVar

from pydantic import ValidationError

from exporter.settings.bus import SINGLE_BUS, BusSettings
from exporter.settings.kinds import PREFIX
from exporter.settings.models import Logging, settings_of

S = TypeVar("S", bound=Logging)


class SettingsError(Exception):
    """The settings cannot be used; one line for each thing that is wrong."""

    def __init__(self, problems: list[str]) -> None:
        super().__init__("; ".join(problems))
        self.problems = problems


def load(model: type[S], flags: Mapping[str, Any], file: Mapping[str, Any]) -> S:
    """Gather the settings: flags before environment before file before defaults.

    Raises:
        SettingsError: Names every problem at once, and no value.
    """
    given = {**file, **_environment(settings_of(model)), **flags}
    problems: list[str] = []
    is_single = "buses" not in given
    if "buses" in model.model_fields:
        of_single = {name: given.pop(name) for name in SINGLE_BUS if name in given}
        if is_single:
            given["buses"] = [{SINGLE_BUS[name]: value for name, value in of_single.items()}]
        else:
            problems = [*map(_stray, of_single), *_same_names(given["buses"])]
    try:
        settings = model.model_validate(given)
    except ValidationError as error:
        problems += [_problem(each["loc"], each["msg"], is_single) for each in error.errors()]
    if problems:
        raise SettingsError(problems)
    return settings


def _environment(names: Iterable[str]) -> dict[str, str]:
    variables = {name: os.environ.get(_variable(name)) for name in names}
    return {name: value for name, value in variables.items() if value}


def _stray(name: str) -> str:
    return (
        f"{_spelled(name)}: not together with [[buses]]; "
        f"write it as {SINGLE_BUS[name]} into the table of its bus"
    )


def _same_names(tables: object) -> list[str]:
    """Look for names that stand there twice, whatever else is wrong with the tables."""
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


def _problem(where: tuple[int | str, ...], what: str, is_single: bool) -> str:
    what = what.removeprefix("Value error, ")
    first, *rest = where
    if first == "buses" and is_single:
        place = _spelled(_NAMES[rest[-1]])
    elif first == "buses":
        place = "".join(["buses", *(f"[{p}]" if isinstance(p, int) else f".{p}" for p in rest)])
    else:
        place = str(first) if what == _UNKNOWN else _spelled(str(first))
    return f"{place}: {'there is no such setting' if what == _UNKNOWN else what}"


_UNKNOWN = "Extra inputs are not permitted"
_NAMES: dict[int | str, str] = {field: name for name, field in SINGLE_BUS.items()}


def _spelled(name: str) -> str:
    return f"{flag(name)} ({_variable(name)})"


def _variable(name: str) -> str:
    return PREFIX + name.upper()


def flag(name: str) -> str:
    """Spell a setting as a flag."""
    return "--" + name.replace("_", "-")
