"""The settings of each command: names, bounds, defaults, and what contradicts what."""

from __future__ import annotations

import socket
from pathlib import Path

from pydantic import Field, SecretStr, ValidationInfo, field_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

from dataflows.lengths import Length
from exporter.address import Address
from exporter.bus_url import BusUrl
from exporter.settings.kinds import (
    DETAILS,
    Details,
    ExchangeType,
    Listen,
    LogFormat,
    LogLevel,
    Name,
    ReadableFile,
    Url,
    Windows,
    Zone,
)

PREFIX = "XIVO_EXPORTER_"


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
    windows: Windows = Field(
        (Length("1m", 60), Length("5m", 300)),
        description="lengths of the windows, from 5s to 1d",
    )
    details: Details = Field(
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

    bus_url: Url = Field(
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
    bus_name: Name = Field("default", description="name of the bus in labels")
    bus_timezone: Zone = Field(
        None, description="time zone of the server's time stamps; this machine's by default"
    )
    exchange: Name = Field("xivo", description="exchange that carries the events")
    exchange_type: ExchangeType | None = Field(
        None,
        description="how the exchange routes, topic or headers; headers by default "
        "if its name ends so, as Wazo's wazo-headers",
    )
    bind_all: bool = Field(False, description="receive every event of the bus, to count them all")
    instance: Name = Field(
        default_factory=socket.gethostname,
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
