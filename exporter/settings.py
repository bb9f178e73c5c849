"""The settings: each declared once, with its flag, its environment variable and its check."""

from __future__ import annotations

import socket
from collections.abc import Mapping
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any, TypeVar
from zoneinfo import ZoneInfo

from pydantic import (
    AfterValidator,
    BeforeValidator,
    Field,
    PlainValidator,
    SecretStr,
    ValidationError,
    ValidationInfo,
    field_validator,
)
from pydantic_settings import (
    BaseSettings,
    InitSettingsSource,
    NoDecode,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
)

from dataflows.lengths import Length, parse_lengths
from dataflows.subsystems import SUBSYSTEMS
from exporter.bus_url import BusUrl

PREFIX = "XIVO_EXPORTER_"

DETAILS = tuple(s.name for s in SUBSYSTEMS if any(spec.detail for spec in s.metrics))
"""Subsystems that have detail series."""


class ExchangeType(StrEnum):
    """How the exchange routes: XiVO's `xivo` by topic, Wazo's `wazo-headers` by headers."""

    TOPIC = "topic"
    HEADERS = "headers"

    @classmethod
    def of(cls, exchange: str) -> ExchangeType:
        """Guess the type of an exchange by its name."""
        return cls.HEADERS if exchange.endswith(cls.HEADERS) else cls.TOPIC


class LogLevel(StrEnum):
    """The least serious message that is written."""

    DEBUG = "debug"
    INFO = "info"
    WARNING = "warning"
    ERROR = "error"


class LogFormat(StrEnum):
    """How messages are written."""

    LOGFMT = "logfmt"
    JSON = "json"


def _words(value: object) -> object:
    if isinstance(value, str):
        return frozenset(word.strip() for word in value.split(",") if word.strip())
    return value


def _known_details(value: frozenset[str]) -> frozenset[str]:
    if unknown := value.difference(DETAILS):
        msg = f"there is no {', '.join(sorted(unknown))}; choose from {', '.join(DETAILS)}"
        raise ValueError(msg)
    return value


def _zone(value: object) -> ZoneInfo | None:
    if value is None or isinstance(value, ZoneInfo):
        return value
    try:
        return ZoneInfo(str(value))
    except (ValueError, OSError, LookupError) as error:
        msg = "there is no such time zone; write one like Europe/Paris"
        raise ValueError(msg) from error


def _bus_url(value: object) -> BusUrl:
    return value if isinstance(value, BusUrl) else BusUrl.parse(str(value))


def _readable(path: Path) -> Path:
    try:
        with path.open("rb"):
            return path
    except OSError as error:
        msg = f"cannot read {path}: {error.strerror}"
        raise ValueError(msg) from error


class Address(tuple[str, int]):
    """Host and port to listen on."""

    __slots__ = ()

    @classmethod
    def parse(cls, value: object) -> Address:
        """Read `host:port`, `[::1]:port` or `:port`.

        Raises:
            ValueError: It is none of these.
        """
        if isinstance(value, cls):
            return value
        host, colon, port = str(value).rpartition(":")
        if not colon or not port.isdecimal() or not 0 <= int(port) <= _MAX_PORT:
            msg = "expected host:port"
            raise ValueError(msg)
        return cls((host.removeprefix("[").removesuffix("]") or "0.0.0.0", int(port)))  # noqa: S104 -- the documented default

    def __str__(self) -> str:
        host, port = self
        return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


_MAX_PORT = 65535
_MAX_NAME = 100
ReadableFile = Annotated[Path, AfterValidator(_readable)]
Listen = Annotated[Address, NoDecode, PlainValidator(Address.parse)]


def _windows(value: object) -> object:
    if isinstance(value, str):
        return parse_lengths(value)
    return parse_lengths(",".join(map(str, value))) if isinstance(value, list) else value


class Logging(BaseSettings):
    """Settings that every command has."""

    model_config = SettingsConfigDict(
        env_prefix=PREFIX,
        env_ignore_empty=True,
        extra="forbid",
        frozen=True,
        # A rejected value may be a secret.
        hide_input_in_errors=True,
        # Some checks are of what is missing.
        validate_default=True,
    )

    log_level: LogLevel = Field(LogLevel.INFO, description="least serious message to write")
    log_format: LogFormat = Field(LogFormat.LOGFMT, description="how to write messages")


class Serving(Logging):
    """Settings of everything that serves metrics."""

    listen: Listen = Field(
        Address.parse("0.0.0.0:10495"), description="address to serve /metrics on"
    )
    windows: Annotated[tuple[Length, ...], NoDecode, BeforeValidator(_windows)] = Field(
        (Length("1m", 60), Length("5m", 300)),
        description="lengths of the windows, from 5s to 1d",
    )
    details: Annotated[
        frozenset[str], NoDecode, BeforeValidator(_words), AfterValidator(_known_details)
    ] = Field(
        frozenset(),
        description=f"subsystems to show with a series for each entity: {', '.join(DETAILS)}",
    )
    max_series: int = Field(
        10_000,
        ge=1,
        description="series to show per metric, at the most, and queues or services to keep",
    )


class Settings(Serving):
    """Settings of `run`."""

    bus_url: Annotated[BusUrl, NoDecode, PlainValidator(_bus_url)] = Field(
        BusUrl.parse("amqp://localhost"),
        description="the broker: amqp://user:password@host:port/vhost, or amqps:// for TLS",
    )
    bus_password_file: ReadableFile | None = Field(
        None,
        description="file with the password, instead of in the URL; read at every connection, "
        f"and {PREFIX}BUS_PASSWORD does the same",
    )
    bus_password: SecretStr | None = Field(
        None, description="the password, instead of in the URL; environment or file only"
    )
    bus_ca_file: ReadableFile | None = Field(
        None, description="certificates to trust for amqps://, instead of the system's"
    )
    bus_cert_file: ReadableFile | None = Field(None, description="client certificate for amqps://")
    bus_key_file: ReadableFile | None = Field(None, description="key of the client certificate")
    bus_server_name: str | None = Field(
        None, description="name in the broker's certificate, if it is not the host of the URL"
    )
    bus_name: str = Field("default", min_length=1, description="name of the bus in labels")
    bus_timezone: Annotated[ZoneInfo | None, NoDecode, PlainValidator(_zone)] = Field(
        None, description="time zone of the server's time stamps; this machine's by default"
    )
    exchange: str = Field("xivo", min_length=1, description="exchange that carries the events")
    exchange_type: ExchangeType | None = Field(
        None,
        description="how the exchange routes, topic or headers; headers by default "
        "if its name ends so, as Wazo's wazo-headers",
    )
    bind_all: bool = Field(False, description="receive every event of the bus, to count them all")
    instance: str = Field(
        default_factory=socket.gethostname,
        min_length=1,
        description="name of this exporter; it names the inbox on the broker",
    )
    inbox_expires: float = Field(
        1800, ge=1, le=86_400, description="seconds until the broker deletes an abandoned inbox"
    )
    inbox_max_length: int = Field(
        100_000, ge=1000, le=10**9, description="deliveries that may wait in the inbox"
    )
    inbox_max_bytes: int = Field(
        64 * 1024 * 1024,
        ge=1024 * 1024,
        le=2**40,
        description="bytes that may wait in the inbox",
    )

    @field_validator("bus_name", "instance", "exchange")
    @classmethod
    def _short_and_printable(cls, value: str) -> str:
        # They stand in labels, and together in the inbox's name of at most 255 bytes.
        if len(value.encode(errors="replace")) > _MAX_NAME or not value.isprintable():
            msg = f"more than {_MAX_NAME} bytes, or not printable"
            raise ValueError(msg)
        return value

    # Each looks at settings declared before its own, so that all problems are told at once.

    @field_validator("bus_password")
    @classmethod
    def _only_one_password(cls, value: SecretStr | None, info: ValidationInfo) -> SecretStr | None:
        if value is not None and info.data.get("bus_password_file") is not None:
            msg = "the password comes from bus_password or bus_password_file, not from both"
            raise ValueError(msg)
        return value

    @field_validator("bus_key_file")
    @classmethod
    def _key_and_certificate(cls, value: Path | None, info: ValidationInfo) -> Path | None:
        if "bus_cert_file" in info.data and (info.data["bus_cert_file"] is None) is not (
            value is None
        ):
            msg = "a client certificate needs both bus_cert_file and bus_key_file"
            raise ValueError(msg)
        return value

    @field_validator("bus_ca_file", "bus_cert_file", "bus_server_name")
    @classmethod
    def _only_with_tls(cls, value: object, info: ValidationInfo) -> object:
        url = info.data.get("bus_url")
        if value is not None and isinstance(url, BusUrl) and not url.tls:
            msg = "has no effect on amqp://; write amqps://"
            raise ValueError(msg)
        return value


class Demo(Serving):
    """Settings of `demo`."""

    listen: Listen = Field(
        Address.parse("127.0.0.1:10495"), description="address to serve /metrics on"
    )
    agents: int = Field(40, ge=1, le=5000, description="agents of the simulated call centre")
    speed: float = Field(1, gt=0, le=1000, description="simulated seconds per second")
    seed: int = Field(1, ge=0, description="another seed, another day")


class SettingsError(Exception):
    """The settings cannot be used; one line for each thing that is wrong."""

    def __init__(self, problems: list[str]) -> None:
        super().__init__("; ".join(problems))
        self.problems = problems


S = TypeVar("S", bound=Logging)


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
