"""The arguments after the command: flags with their values, and messages about all others.

No value of a wrong flag is shown, because it may be a secret. What follows an unknown flag may be
its value. argparse would stop at the first problem, and quotes values.
"""

from __future__ import annotations

import re
from collections import deque
from collections.abc import Mapping, Sequence
from typing import NamedTuple

from exporter.settings import SECRETS, command_of, flag, variable
from exporter.settings.messages import did_you_mean, nearest


class Flag(NamedTuple):
    """A flag of the command.

    Attributes:
        setting: The setting that it is for.
        switch: What the flag alone means, None if a value must follow.
    """

    setting: str
    switch: bool | None = None


class Read(NamedTuple):
    """Values of flags by the names of settings, and a line for each problem."""

    values: dict[str, str | bool]
    problems: list[str]


def read(arguments: Sequence[str], flags: Mapping[str, Flag], operand: str | None = None) -> Read:
    """Read `--flag value`, `--flag=value`, `--flag` and `--no-flag`; the last of a flag wins.

    Args:
        arguments: The words after the command.
        flags: The flags that the command has.
        operand: The setting whose value may stand without its flag, if there is one.
    """
    result = Read({}, [])
    words = deque(arguments)
    # What follows an unknown flag, or one without its value, may be a secret.
    is_after_problem = False
    while words:
        word = words.popleft()
        name, equals, value = word.partition("=")
        if name in flags:
            problem = _take(flags[name], name, value if equals else None, words, result.values)
            is_after_problem = problem is not None
        elif not (is_after_problem or operand in (None, *result.values) or _is_flag(word)):
            assert operand is not None
            result.values[operand] = word
            problem = None
        else:
            is_value = is_after_problem and nearest(name, _names(flags)) is None
            problem = None if is_value else _unknown(name, flags)
            is_after_problem = is_value or (word.startswith("-") and not equals)
        if problem is not None and problem not in result.problems:
            result.problems.append(problem)
    return result


def _take(
    known: Flag,
    name: str,
    value: str | None,
    words: deque[str],
    values: dict[str, str | bool],
) -> str | None:
    """Store the value of a flag; return what is wrong, if anything."""
    if known.switch is not None:
        if value is not None:
            on = flag(known.setting)
            return f"{name}: takes no value; write {on} or --no-{on[2:]}"
        values[known.setting] = known.switch
        return None
    if value is None:
        if not words or _is_flag(words[0]):
            return f"{name}: needs a value"
        value = words.popleft()
    values[known.setting] = value
    return None


def _is_flag(word: str) -> bool:
    return re.match("-[^0-9.]", word) is not None


def _names(flags: Mapping[str, Flag]) -> list[str]:
    return [*flags, *map(flag, SECRETS)]


def _unknown(name: str, flags: Mapping[str, Flag]) -> str:
    if not name.startswith("-"):
        return "there is a value without a flag; flags begin with --"
    if not name.startswith("--"):
        return f"flags begin with two dashes{did_you_mean(name, flags)}"
    if not re.fullmatch(r"--[A-Za-z0-9][A-Za-z0-9_.-]{0,60}", name):
        return "there is a flag that cannot be read"
    setting = name[2:].replace("-", "_")
    ours = {*SECRETS, *(known.setting for known in flags.values())}
    if setting not in ours and (command := command_of(setting)):
        return f"{name}: this is a flag of the command {command}"
    similar = nearest(name, _names(flags))
    for secret in SECRETS:
        # The password may follow without a space.
        is_joined = similar in {None, flag(secret)} and name.startswith(flag(secret))
        if is_joined or similar == flag(secret):
            shown = flag(secret) if is_joined else name
            return (
                f"{shown}: there is no such flag: every user of this machine can read the command "
                f"lines of its processes; use {flag(secret)}-file or {variable(secret)}"
            )
    return f"{name}: there is no such flag{did_you_mean(name, flags)}"
