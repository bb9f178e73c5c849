"""The command line: flags made from the settings, so that neither can say something else."""

from __future__ import annotations

import argparse
import os
import tomllib
from collections.abc import Mapping, Sequence
from enum import StrEnum
from pathlib import Path
from typing import Any, get_args

from pydantic.fields import FieldInfo

from dataflows.lengths import Length
from exporter import __version__
from exporter.settings import (
    PREFIX,
    SECRETS,
    Demo,
    Logging,
    Settings,
    SettingsError,
    flag,
    load,
    settings_of,
)

_EPILOG = f"""\
Every setting is also an environment variable, {PREFIX} and its name in capitals, and a key
of the file that --config names (TOML). Flags win over the environment, and that over the file.
Ends with status 2 when the settings are wrong, and with 1 when it cannot serve.
"""


class Command(StrEnum):
    """What the program can do."""

    RUN = "run"
    DEMO = "demo"


def parse(arguments: Sequence[str]) -> Logging:
    """Read a command line, the environment and the file.

    Raises:
        SettingsError: Something in them is wrong; it tells of all problems.
        SystemExit: Help was asked for, or there is no such command.
    """
    parsed, unknown = _parser().parse_known_args(arguments)
    command = Command(parsed.command)
    model = _MODELS[command]
    flags = {name: value for name, value in vars(parsed).items() if name in settings_of(model)}
    # Names only: what stands behind a flag, even a wrong one, may be a secret.
    names = [each.partition("=")[0] for each in unknown if each.startswith("-")]
    problems = [f"{name}: there is no such flag" for name in names]
    if unknown and not names:
        problems.append("there is a value without a flag")
    file: Mapping[str, Any] = {}
    try:
        file = _file(parsed.config)
    except SettingsError as error:
        problems += error.problems
    try:
        settings = load(model, flags, file, parsed.config)
    except SettingsError as error:
        problems += error.problems
    if problems:
        raise SettingsError(problems)
    return settings


_MODELS: dict[Command, type[Logging]] = {
    Command.RUN: Settings,
    Command.DEMO: Demo,
}


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        "xivo-exporter",
        description="Real-time metrics of XiVO and Wazo telephony servers, for Prometheus.",
    )
    parser.add_argument("--version", action="version", version=f"xivo-exporter {__version__}")
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    for command, text in (
        (Command.RUN, "read the message bus of a server, and serve its metrics"),
        (Command.DEMO, "the same with a simulated call centre; needs no server"),
    ):
        sub = commands.add_parser(
            command,
            help=text,
            description=text[0].upper() + text[1:] + ".",
            epilog=_EPILOG,
            usage=f"xivo-exporter {command} [--SETTING VALUE ...]",
            formatter_class=argparse.RawDescriptionHelpFormatter,
            argument_default=argparse.SUPPRESS,
            allow_abbrev=False,
        )
        sub.add_argument(
            "--config",
            metavar="FILE",
            default=os.environ.get(f"{PREFIX}CONFIG") or None,
            help="file with settings (TOML)",
        )
        _add_flags(sub, _MODELS[command])
    return parser


def _add_flags(parser: argparse.ArgumentParser, model: type[Logging]) -> None:
    for name, field in settings_of(model).items():
        if name in SECRETS:
            continue
        if field.annotation is bool:
            parser.add_argument(
                flag(name), action=argparse.BooleanOptionalAction, help=_help(field)
            )
        else:
            parser.add_argument(flag(name), metavar=_metavar(name, field), help=_help(field))


def _metavar(name: str, field: FieldInfo) -> str:
    for kind in get_args(field.annotation) or (field.annotation,):
        if isinstance(kind, type) and issubclass(kind, StrEnum):
            return "{" + ",".join(kind) + "}"
        if kind in (int, float):
            return "N"
    return _METAVARS.get(name.rpartition("_")[2], "NAME")


_METAVARS = {
    "addresses": "HOST:PORT;...",
    "details": "NAME,...",
    "dir": "DIRECTORY",
    "file": "FILE",
    "listen": "HOST:PORT",
    "timezone": "ZONE",
    "url": "URL",
    "windows": "LENGTH,...",
}
"""By the last word of the setting."""


def _help(field: FieldInfo) -> str:
    text = field.description or ""
    if field.default_factory is not None:
        text += " (default: the host's name)"
    elif field.default not in (None, False, frozenset(), ()):
        text += f" (default: {_spelled(field.default)})"
    return text.replace("%", "%%")


def _spelled(default: object) -> str:
    if isinstance(default, tuple) and all(isinstance(each, Length) for each in default):
        return ",".join(length.name for length in default)
    return str(default)


def _file(path: str | None) -> Mapping[str, Any]:
    if path is None:
        return {}
    try:
        return tomllib.loads(Path(path).read_text())
    except OSError as error:
        raise SettingsError([f"--config: cannot read {path}: {error.strerror}"]) from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise SettingsError([f"--config: {path} is no TOML: {error}"]) from None
