"""Where settings come from, who wins, and how problems are told."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeVar

from pydantic import ValidationError
from pydantic_settings import BaseSettings, InitSettingsSource, PydanticBaseSettingsSource

from exporter.settings.models import PREFIX, Logging

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

    class Sources(model):  # type: ignore[misc, valid-type]  # a subclass made at run time
        @classmethod
        def settings_customise_sources(
            cls,
            settings_cls: type[BaseSettings],
            init_settings: PydanticBaseSettingsSource,
            env_settings: PydanticBaseSettingsSource,
            dotenv_settings: PydanticBaseSettingsSource,
            file_secret_settings: PydanticBaseSettingsSource,
        ) -> tuple[PydanticBaseSettingsSource, ...]:
            del dotenv_settings, file_secret_settings
            return init_settings, env_settings, InitSettingsSource(settings_cls, dict(file))

    try:
        return Sources(**flags)
    except ValidationError as error:
        raise SettingsError(
            [_problem(each["loc"], each["msg"]) for each in error.errors()]
        ) from None


def _problem(where: tuple[int | str, ...], what: str) -> str:
    what = what.removeprefix("Value error, ")
    if not where:
        return what
    name = str(where[0])
    if what == _UNKNOWN:
        return f"{name}: there is no such setting"
    return f"{flag(name)} ({PREFIX}{name.upper()}): {what}"


_UNKNOWN = "Extra inputs are not permitted"


def flag(name: str) -> str:
    """Spell a setting as a flag."""
    return "--" + name.replace("_", "-")
