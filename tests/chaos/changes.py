"""Settings that change at each start, without an effect on what the first bus must show."""

import json
from pathlib import Path
from random import Random

from tests.chaos.traffic import BUS

INSTANCE = "chaos"

OTHER_BUS = "visitor"
"""Comes and goes; its state goes with it."""

DETAILS = ("agents", "endpoints")

_WINDOWS = ("1m,5m", "30s", "5s,1m,1h", "5m,1d")
_LIMITS = (500_000, 1_000_000, 2_000_000)


class Settings:
    """The settings file of a trial.

    Args:
        directory: For the file and the state.
        url: Of the bus that stays.
        other_url: Of the bus that comes and goes.
        chance: Of what changes.

    Attributes:
        path: The file.
        has_other: Whether the other bus is in it.
        changes: How often it was written with other settings than before.
    """

    def __init__(self, directory: Path, url: str, other_url: str, chance: Random) -> None:
        self.path = directory / "config.toml"
        self.has_other = False
        self.changes = 0
        self._state = directory / "state"
        self._urls = {BUS: url, OTHER_BUS: other_url}
        self._chance = chance

    def change(self) -> None:
        """Write other settings."""
        details = [each for each in DETAILS if self._chance.random() < 0.5]
        names = self._chance.choice(([BUS], [BUS, OTHER_BUS], [OTHER_BUS, BUS]))
        self._write(details, self._chance.choice(_WINDOWS), self._chance.choice(_LIMITS), names)

    def show_all(self) -> None:
        """Write the settings with which all that the oracle computes is shown."""
        self._write([*DETAILS], "1m,5m", max(_LIMITS), [BUS, OTHER_BUS])

    def _write(self, details: list[str], windows: str, limit: int, names: list[str]) -> None:
        self.has_other = OTHER_BUS in names
        settings = {
            "instance": INSTANCE,
            "state_dir": f"{self._state}",
            "details": details,
            "windows": windows,
            # What is bounded on purpose must not look like a loss.
            "max_series": limit,
            "inbox_max_length": 10_000_000,
            "inbox_max_bytes": 2**34,
        }
        lines = [f"{name} = {json.dumps(value)}" for name, value in settings.items()]
        for name in names:
            lines += ["[[buses]]", f'name = "{name}"', f'url = "{self._urls[name]}"']
            lines += ['timezone = "UTC"', "bind_all = true"]
        text = "\n".join(lines)
        self.changes += self.path.exists() and text != self.path.read_text()
        self.path.write_text(text)
