"""What changed in the settings, and where it takes effect."""

from __future__ import annotations

from typing import NamedTuple

from exporter.settings.models import Settings

_AT_START = frozenset({"listen", "state_dir", "process_id", "addresses"})
"""Settings that a running process cannot change."""

_ONCE = frozenset({"discard_state"})
"""Settings that mean something only at a start."""

_OF_PROCESS = frozenset(
    {"log_level", "log_format", "web_config_file", "web_open_health", "web_allow_reload", "page"}
)
"""Settings that are followed at once. All others need another run of the dataflow."""


class Change(NamedTuple):
    """The difference of two settings.

    Attributes:
        settings: The settings to use from now on.
        followed: Names of the settings that changed, and are followed.
        needs_run: Whether another run of the dataflow must follow them.
        held: Names of the settings that changed, but need a restart of the process.
    """

    settings: Settings
    followed: tuple[str, ...]
    needs_run: bool
    held: tuple[str, ...]


def change(before: Settings, after: Settings, *, is_cluster: bool) -> Change:
    """Return what changed between two settings.

    Args:
        before: Those in use.
        after: Those that were read now.
        is_cluster: Whether the process is one of a cluster. Then it cannot end the dataflow, which
            it shares with the others.
    """
    changed = [
        name
        for name in Settings.model_fields
        if name not in _ONCE and getattr(before, name) != getattr(after, name)
    ]
    held = [name for name in changed if name in _AT_START or (is_cluster and _is_of_run(name))]
    followed = [name for name in changed if name not in held]
    settings = after.model_copy(update={name: getattr(before, name) for name in held})
    return Change(settings, tuple(followed), any(map(_is_of_run, followed)), tuple(held))


def _is_of_run(name: str) -> bool:
    return name not in _OF_PROCESS
