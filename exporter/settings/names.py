"""The names of a setting: its flag, its variable, and the command that has it."""

from __future__ import annotations

from exporter.settings.kinds import PREFIX
from exporter.settings.models import COMMANDS, settings_of

SECRETS = ("bus_password", "api_password")
"""Settings without a flag: every user of a machine can read the command lines of its processes."""


def flag(name: str) -> str:
    """Return the flag of a setting."""
    return "--" + name.replace("_", "-")


def variable(name: str) -> str:
    """Return the environment variable of a setting."""
    return PREFIX + name.upper()


def spelled(name: str) -> str:
    """Return how messages name a setting: by its flag and its variable."""
    return f"{name if name in SECRETS else flag(name)} ({variable(name)})"


def command_of(name: str) -> str | None:
    """Return the first command that has a setting of this name, None if none has."""
    return next((each for each, model in COMMANDS.items() if name in settings_of(model)), None)
