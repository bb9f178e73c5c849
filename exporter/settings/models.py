"""The settings of each command: names, limits and defaults."""

from __future__ import annotations

import socket

from pydantic import Field, ValidationInfo, field_validator
from pydantic.fields import FieldInfo

from dataflows.lengths import TODAY, Length
from dataflows.service_levels import DEFAULT
from dataflows.subsystem import Subsystem
from dataflows.subsystems import OPTIONAL, SUBSYSTEMS, kept
from exporter.settings.address import Address
from exporter.settings.bus import SINGLE_BUS, BusSettings
from exporter.settings.buses import Buses, Logging
from exporter.settings.copies import Record, Tap
from exporter.settings.kinds import (
    DETAILS,
    Addresses,
    Details,
    Generation,
    Listen,
    Name,
    PauseReasons,
    SeriesFormat,
    Service,
    Subsystems,
    Zone,
)
from exporter.settings.lengths import Interval, Silence, Wait, Windows
from exporter.settings.page import OnOff, Page
from exporter.settings.paths import AnyPath, Recording, RuleFiles


class Serving(Logging):
    """Settings of every command that serves metrics."""

    listen: Listen = Field(
        Address.parse("0.0.0.0:10495"), description="address and port to serve /metrics on"
    )
    web_config_file: AnyPath | None = Field(
        None,
        description="file with TLS, users, headers and the rate limit of the web server, in the "
        "format of Prometheus' exporter-toolkit",
    )
    web_open_health: bool = Field(
        False, description="serve /-/healthy and /-/ready to everybody, without details"
    )
    web_allow_reload: bool = Field(
        False, description="read the settings again at POST /-/reload, as at SIGHUP"
    )
    page: OnOff = Field(
        Page.ON, description="show the servers on the page at /; without it, / is a list of links"
    )
    windows: Windows = Field(
        (Length("1m", 60), Length("5m", 300), TODAY),
        description="lengths of the time windows, from 5s to 1d, and today: since midnight",
    )
    subsystems: Subsystems = Field(
        None,
        description=f"subsystems to keep, of {', '.join(OPTIONAL)}; the events, series and APIs of "
        "the others are left out; default: all",
    )
    details: Details = Field(
        frozenset(),
        description=f"subsystems that get a series for each entity: {', '.join(DETAILS)}",
    )
    pause_reasons: PauseReasons = Field(
        (),
        description="reasons of agents' pauses that are shown by name, written as the agents' "
        "program sends them; all others are shown as `other`",
    )
    max_series: int = Field(
        10_000,
        ge=1,
        description="maximum number of agents, phones, queues, services or event names of a server "
        "that have series of their own",
    )
    forget_origin: Silence = Field(
        Length("30d", 30 * 86_400),
        description="silence after which a server is forgotten and its series end, from 1h to "
        "3650d",
    )
    stall_after: float = Field(
        30, ge=1, le=86_400, description="seconds without progress until the exporter is not ready"
    )
    exit_on_stall: bool = Field(
        False, description="exit with status 1 after a stall, so that a supervisor restarts it"
    )

    @property
    def kept_subsystems(self) -> tuple[Subsystem, ...]:
        """The subsystems that are kept, in the order of all."""
        return SUBSYSTEMS if self.subsystems is None else kept(self.subsystems)

    # It looks at a setting declared before its own, so that all problems are reported at once.

    @field_validator("details")
    @classmethod
    def _only_of_kept(cls, value: frozenset[str], info: ValidationInfo) -> frozenset[str]:
        named: frozenset[str] | None = info.data.get("subsystems")
        if named is not None and (left_out := value - named):
            msg = f"{min(left_out)} is not among the subsystems that are kept: add it to "
            msg += "subsystems, or remove it here"
            raise ValueError(msg)
        return value


class Settings(Serving):
    """Settings of `run`.

    The settings of a single bus stand beside the others, by the names in `SINGLE_BUS`.
    """

    buses: Buses = Field(
        (BusSettings(),), description="the buses to read, a table for each; only in the file"
    )
    instance: Name = Field(
        default_factory=socket.gethostname,
        description="name of this exporter; part of the name of the inbox, its queue on the broker",
    )
    inbox_expires: float = Field(
        1800,
        ge=1,
        le=86_400,
        description="seconds until the broker deletes an inbox without a consumer",
    )
    inbox_max_length: int = Field(
        100_000, ge=1000, le=10**9, description="maximum number of messages in the inbox"
    )
    inbox_max_bytes: int = Field(
        64 * 1024 * 1024,
        ge=1024 * 1024,
        le=2**40,
        description="maximum bytes of messages in the inbox",
    )
    state_dir: AnyPath | None = Field(
        None, description="directory where state is kept over restarts; without it, state is lost"
    )
    discard_state: bool = Field(
        False,
        description="move the kept state aside and start without it; use it for one start only",
    )
    process_id: int | None = Field(
        None,
        ge=0,
        description="in a cluster: position of this process in --addresses, from 0; default: the "
        "number at the end of the host's name",
    )
    addresses: Addresses = Field(
        (), description="in a cluster: addresses where the processes listen for each other"
    )


class Demo(Serving):
    """Settings of `demo`."""

    listen: Listen = Field(
        Address.parse("127.0.0.1:10495"), description="address and port to serve /metrics on"
    )
    pause_reasons: PauseReasons = Field(
        ("coffee", "lunch", "back-office"),
        description="reasons of the simulated pauses that are shown by name; others are `other`",
    )
    generation: Generation = Field(Generation.XIVO, description="which server to simulate")
    agents: int = Field(40, ge=1, le=5000, description="number of simulated agents")
    speed: float = Field(1, gt=0, le=1000, description="simulated seconds in each second")
    seed: int = Field(1, ge=0, description="number that selects the simulated day")


class Replay(Serving):
    """Settings of `replay`."""

    recording: Recording = Field(description="file with the recording, or - for the standard input")
    listen: Listen = Field(
        Address.parse("127.0.0.1:10495"),
        description="address and port to serve /metrics on; with --serve or --speed",
    )
    bus_timezone: Zone = Field(
        None,
        description="time zone of the server's timestamps, such as Europe/Paris; default: the "
        "offset that the first one shows",
    )
    service_level: Service = Field(
        DEFAULT, description=BusSettings.model_fields["service_level"].description
    )
    speed: float | None = Field(
        None,
        gt=0,
        le=100,
        description="recorded seconds in each second: serve /metrics while the recording is played "
        "as if it were now; default: play it at once, and print the series at its end",
    )
    serve: bool = Field(
        False, description="play the recording at once, and serve the series at its end on /metrics"
    )
    format: SeriesFormat = Field(
        SeriesFormat.TEXT,
        description="how series are printed: as text, as OpenMetrics, or as input of promtool to "
        "test alerting rules",
    )
    every: Interval = Field(
        Length("15s", 15),
        description="time between two samples of a series, from 1s to 1h; with --format promtool",
    )
    rules: RuleFiles = Field(
        (),
        description="files of the alerting rules to be tested, which may contain *: only metrics "
        "that they name are printed; with --format promtool",
    )


class Check(Settings):
    """Settings of `check`: all of `run`, and its own."""

    wait: Wait = Field(
        Length("30s", 30),
        description="longest time to wait for events, up to 1h; 0s: do not wait",
    )
    # Pydantic has a method of this name.
    as_json: bool = Field(
        False, alias="json", description="print what was found as a JSON document"
    )


COMMANDS: dict[str, type[Logging]] = {
    "run": Settings,
    "check": Check,
    "demo": Demo,
    "record": Record,
    "replay": Replay,
    "tap": Tap,
}
"""The settings of each command."""


def settings_of(model: type[Logging]) -> dict[str, FieldInfo]:
    """Return what a flag, a variable or a key of the file can set, the command's own first."""
    fields = dict(model.model_fields)
    if fields.pop("buses", None):
        of_bus = model.single_bus.items()
        fields |= {name: BusSettings.model_fields[field] for name, field in of_bus}
    # Pydantic lists inherited settings first, but users look for those of the command.
    bases = (vars(base).get("__annotations__", {}) for base in model.__mro__)
    own = [name for names in bases for name in names if name in model.model_fields]
    fields = {field.alias or name: field for name, field in fields.items()}
    names = dict.fromkeys([*SINGLE_BUS, *(model.model_fields[name].alias or name for name in own)])
    return {name: fields[name] for name in names if name in fields}
