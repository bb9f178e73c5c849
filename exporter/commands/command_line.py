"""The command line: its flags and its help are made from the settings."""

from __future__ import annotations

import argparse
import os
import re
import stat
import tomllib
from collections.abc import Mapping, Sequence
from enum import StrEnum
from itertools import islice
from pathlib import Path
from typing import Any, TypeGuard, get_args

import structlog
from pydantic.fields import FieldInfo

from exporter import __version__
from exporter.commands.arguments import Flag, read
from exporter.settings import (
    COMMANDS,
    PREFIX,
    SECRETS,
    Logging,
    SettingsError,
    flag,
    load,
    settings_of,
    spelled,
    variable,
)
from exporter.settings.messages import choices, did_you_mean, printable, shown
from exporter.settings.variables import unknown_variables

log = structlog.get_logger(__name__)

_HELP = ("-h", "--help")

_EPILOG = f"""\
Every setting can also be an environment variable, such as {PREFIX}LOG_LEVEL, or a key
of the file that --config names, such as log_level = "debug". Flags win over variables,
variables win over the file.

Exit status: 2 if a setting is wrong, 1 if the exporter cannot serve or has failed.
"""

_RUN = (
    "xivo-exporter run --bus-url amqp://xivo-exporter@pbx.example.com "
    "--bus-password-file /etc/xivo-exporter/bus-password"
)

_DESCRIPTIONS = {
    "run": ("read events from the message bus of a telephony server, and serve metrics", _RUN),
    "check": (
        "try everything that run needs, and say what is wrong; it leaves nothing behind",
        _RUN.replace(" run ", " check "),
    ),
    "demo": (
        "serve metrics of a simulated call centre; needs no telephony server",
        "xivo-exporter demo --agents 100 --speed 10",
    ),
    "replay": (
        "show the metrics of a recorded message bus; needs no telephony server",
        "xivo-exporter replay recording.jsonl.gz --windows 1m",
    ),
    "record": (
        "write what a message bus carries to a file, for replay",
        "xivo-exporter record --config /etc/xivo-exporter/config.toml monday.jsonl.gz",
    ),
    "tap": (
        "show the events of a message bus as they come",
        "xivo-exporter tap --config /etc/xivo-exporter/config.toml --subsystems queues",
    ),
}
"""Of each command: what it does, and an example."""

_OPERANDS = {"replay": "recording", "record": "recording"}
"""Of a command: the setting whose value may be written without its flag."""


def parse(arguments: Sequence[str], *, is_reload: bool = False) -> Logging:
    """Read a command line, the environment and the file.

    Args:
        arguments: Of the program.
        is_reload: Whether they were read before. Then the file must not be a pipe, which had its
            content only once, and could wait for ever for another.

    Raises:
        SettingsError: Something in them is wrong; it names all problems.
        SystemExit: Help or the version was asked for, and printed.
    """
    command, *rest = arguments or [""]
    if command not in COMMANDS:
        if command in {*_HELP, "--version"}:
            make_parser().parse_args([command])
        raise SettingsError([_no_command(command)])
    if not {*_HELP}.isdisjoint(rest):
        make_parser().parse_args([command, "--help"])
    model = COMMANDS[command]
    operand = _OPERANDS.get(command)
    flags, problems = read(rest, _flags(model), operand)
    given = flags.pop("config", os.environ.get(variable("config")) or None)
    path = None if given is None else str(given)
    file: Mapping[str, Any] = {}
    try:
        file = _file(path, is_reload=is_reload)
    except SettingsError as error:
        problems += error.problems
    try:
        settings = load(model, flags, file, path)
    except SettingsError as error:
        lack = f"{spelled(operand)}: is missing" if operand else None
        hint = f"write a file: xivo-exporter {command} FILE"
        problems += [f"{each}; {hint}" if each == lack else each for each in error.problems]
    if problems:
        raise SettingsError(problems)
    return settings


def warn_of_unknown_variables() -> None:
    """Log each environment variable that looks like a setting but is none; never its value."""
    unknown = unknown_variables(os.environ)
    for name, similar in islice(unknown.items(), _WARNINGS):
        hint = {"did_you_mean": similar} if similar else {}
        log.warning("unknown environment variable", variable=shown(name), **hint)
    if len(unknown) > _WARNINGS:
        log.warning("there are more unknown variables", more=len(unknown) - _WARNINGS)


_WARNINGS = 20
"""Lines; more would hide the other lines of the start."""


def _no_command(word: str) -> str:
    # The word is not shown: it may be a URL with a password.
    if not word:
        problem = "the command is missing"
    elif word.startswith("-"):
        problem = "the command must come first"
    else:
        problem = "there is no such command"
    hint = did_you_mean(word, COMMANDS) or "; xivo-exporter --help explains them"
    return f"{problem}: write {choices([*COMMANDS])}{hint}"


def _flags(model: type[Logging]) -> dict[str, Flag]:
    flags = {flag("config"): Flag("config")}
    for name, field in _settings_with_flags(model):
        if field.annotation is bool:
            flags[flag(name)] = Flag(name, switch=True)
            flags[flag(f"no_{name}")] = Flag(name, switch=False)
        else:
            flags[flag(name)] = Flag(name)
    return flags


def _settings_with_flags(model: type[Logging]) -> list[tuple[str, FieldInfo]]:
    return [(name, field) for name, field in settings_of(model).items() if name not in SECRETS]


def make_parser() -> argparse.ArgumentParser:
    """Make the parser that prints the help; it reads no settings."""
    parser = argparse.ArgumentParser(
        "xivo-exporter",
        description="Real-time metrics of XiVO and Wazo telephony servers, for Prometheus.",
        epilog="\n  ".join(["examples:", *(example for _, example in _DESCRIPTIONS.values())]),
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--version", action="version", version=f"xivo-exporter {__version__}")
    commands = parser.add_subparsers(title="commands", metavar="COMMAND")
    for command, (text, example) in _DESCRIPTIONS.items():
        operand = " FILE" if command in _OPERANDS else ""
        sub = commands.add_parser(
            command,
            help=text,
            description=text[0].upper() + text[1:] + ".",
            epilog=f"{_EPILOG}\nexample:\n  {example}",
            usage=f"xivo-exporter {command}{operand} [--FLAG VALUE ...]",
            formatter_class=argparse.RawDescriptionHelpFormatter,
        )
        if operand:
            setting = flag(_OPERANDS[command])
            sub.add_argument("operand", nargs="?", metavar="FILE", help=f"the same as {setting}")
        sub.add_argument("--config", metavar="FILE", help="TOML file with settings")
        for name, field in _settings_with_flags(COMMANDS[command]):
            if field.annotation is bool:
                sub.add_argument(
                    flag(name),
                    action=argparse.BooleanOptionalAction,
                    default=argparse.SUPPRESS,
                    help=_help(field),
                )
            else:
                kinds = get_args(field.annotation) or (field.annotation,)
                words = [each for kind in kinds if _is_choice(kind) for each in kind]
                metavar = None if words else _metavar(name, kinds)
                sub.add_argument(
                    flag(name), metavar=metavar, choices=words or None, help=_help(field)
                )
    return parser


def _is_choice(kind: object) -> TypeGuard[type[StrEnum]]:
    return isinstance(kind, type) and issubclass(kind, StrEnum)


def _metavar(name: str, kinds: Sequence[object]) -> str:
    if not {int, float}.isdisjoint(kinds):
        return "N"
    return _METAVARS.get(name.rpartition("_")[2], "NAME")


_METAVARS = {
    "addresses": "HOST:PORT;...",
    "details": "NAME,...",
    "every": "LENGTH",
    "dir": "DIRECTORY",
    "duration": "LENGTH",
    "file": "FILE",
    "level": "SECONDS,...",
    "listen": "HOST:PORT",
    "names": "NAME,...",
    "origin": "LENGTH",
    "origins": "UUID,...",
    "reasons": "REASON,...",
    "recording": "FILE",
    "rules": "FILE,...",
    "services": "NAME=URL,...",
    "size": "SIZE",
    "subsystems": "NAME,...",
    "timezone": "ZONE",
    "url": "URL",
    "wait": "LENGTH",
    "windows": "LENGTH,...",
}
"""By the last word of the setting."""


def _help(field: FieldInfo) -> str:
    text = field.description or ""
    if field.default_factory is not None:
        text += " (default: the host name)"
    elif not field.is_required() and field.default not in (None, False, frozenset(), (), {}):
        text += f" (default: {_spelled(field.default)})"
    return text.replace("%", "%%")


def _spelled(default: object) -> str:
    # A length and an address are tuples, too, but not lists.
    if type(default) is tuple:
        return ",".join(map(str, default))
    return str(default)


def _file(path: str | None, *, is_reload: bool) -> Mapping[str, Any]:
    if path is None:
        return {}
    place = printable(path)
    try:
        if not is_reload or stat.S_ISREG(Path(path).stat().st_mode):
            return tomllib.loads(Path(path).read_text(encoding="utf-8"))
        problem = f"cannot read {place} again: it is no regular file"
    except OSError as error:
        problem = f"cannot read {place}: {error.strerror}"
    except UnicodeDecodeError:
        problem = f"{place} is not UTF-8 text"
    except tomllib.TOMLDecodeError as error:
        problem = f"{place} is not valid TOML{_where(error)}"
    except RecursionError:
        problem = f"{place} is nested too deeply"
    except ValueError:
        # What Python says of a number with thousands of digits.
        problem = f"{place} contains a number that is too long"
    raise SettingsError([f"{spelled('config')}: {problem}"])


def _where(error: tomllib.TOMLDecodeError) -> str:
    """Return the line of an error, and what is wrong if this quotes nothing of the file."""
    # The file may contain a password. A column would be a position in it.
    what, _, place = str(error).rpartition(" (at ")
    line = re.match(r"line \d+", place)
    end = f" (at {line[0] if line else 'the end of the file'})"
    return f": {what}{end}" if re.fullmatch("[A-Za-z ]+", what) else end
