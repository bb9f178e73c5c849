"""What the settings of several commands have in common: the log, and the buses."""

from __future__ import annotations

import socket
from collections.abc import Mapping
from typing import Annotated, ClassVar

from pydantic import BeforeValidator, Field, ValidationInfo, field_validator

from exporter.logs import LogFormat, LogLevel
from exporter.settings.bus import SINGLE_BUS, BusSettings
from exporter.settings.kinds import Checked, Name, PauseReasons
from exporter.settings.messages import choices, did_you_mean


class Logging(Checked):
    """Settings that every command has.

    Attributes:
        single_bus: The fields of a bus that can be set as those of a single bus, by their names; if
            the command reads buses.
        shares_file: Whether the file may contain settings of other commands. They have no effect.
    """

    single_bus: ClassVar[Mapping[str, str]] = SINGLE_BUS
    shares_file: ClassVar[bool] = False

    log_level: LogLevel = Field(LogLevel.INFO, description="lowest level of messages to log")
    log_format: LogFormat = Field(LogFormat.LOGFMT, description="format of the log")


def _tables(value: object) -> object:
    if (
        isinstance(value, list | tuple)
        and value
        and all(isinstance(each, dict | BusSettings) for each in value)
    ):
        return value
    msg = "must be tables: write [[buses]] above the settings of each bus"
    raise ValueError(msg)


Buses = Annotated[tuple[BusSettings, ...], BeforeValidator(_tables)]

_CONNECTION = frozenset(
    (
        *("url", "password_file", "password", "ca_file", "cert_file", "key_file", "server_name"),
        *("name", "exchange", "exchange_type"),
    )
)


class OneBus(Logging):
    """Settings of every command that reads one bus of `run`, with the file of `run`."""

    single_bus: ClassVar[Mapping[str, str]] = {
        name: field for name, field in SINGLE_BUS.items() if field in _CONNECTION
    }
    shares_file: ClassVar[bool] = True

    buses: Buses = Field(
        (BusSettings(),), description="the buses, a table for each; only in the file"
    )
    from_bus: Name | None = Field(
        None, description="name of the bus to read, if the file has tables of several"
    )
    instance: Name = Field(
        default_factory=socket.gethostname,
        description="name of the exporter; part of the name of the queue on the broker",
    )
    pause_reasons: PauseReasons = Field(
        (), description="reasons of agents' pauses that are no personal data, as for run"
    )
    with_personal_data: bool = Field(
        False,
        description="keep telephone numbers, names and texts; default: all of them are replaced by "
        "a hash",
    )

    @property
    def bus(self) -> BusSettings:
        """The bus to read."""
        return next(each for each in self.buses if self.from_bus in (None, each.name))

    @field_validator("from_bus")
    @classmethod
    def _one_of_the_buses(cls, value: str | None, info: ValidationInfo) -> str | None:
        names = [bus.name for bus in info.data.get("buses", ())]
        if value is None and len(names) > 1:
            msg = f"there are several buses: write {choices(names)}"
            raise ValueError(msg)
        if value is not None and names and value not in names:
            msg = f"there is no bus of this name; it must be {choices(names)}"
            raise ValueError(msg + did_you_mean(value, names))
        return value
