"""The settings of one bus, the same in a table `[[buses]]` and on the command line."""

from __future__ import annotations

from pathlib import Path

from pydantic import Field, SecretStr, ValidationInfo, field_validator

from exporter.settings.bus_url import BusUrls
from exporter.settings.kinds import (
    PREFIX,
    Checked,
    ExchangeType,
    Name,
    ReadableFile,
    SecretFile,
    Urls,
    Zone,
)


class BusSettings(Checked):
    """How to reach a bus, what it is called, and what to read there."""

    url: Urls = Field(
        BusUrls.parse("amqp://localhost"),
        description="the broker: amqp://user:password@host:port/vhost, or amqps:// for TLS; "
        "several with ; between are tried in turn",
    )
    password_file: SecretFile | None = Field(
        None,
        description="file with the password, instead of in the URL; read at every connection, "
        f"and {PREFIX}BUS_PASSWORD does the same",
    )
    password: SecretStr | None = Field(
        None, description="the password, instead of in the URL; environment or file only"
    )
    ca_file: ReadableFile | None = Field(
        None, description="certificates to trust for amqps://, instead of the system's"
    )
    cert_file: ReadableFile | None = Field(None, description="client certificate for amqps://")
    key_file: ReadableFile | None = Field(None, description="key of the client certificate")
    server_name: str | None = Field(
        None, description="name in the broker's certificate, if it is not the host of the URL"
    )
    name: Name = Field("default", description="name of the bus in labels")
    timezone: Zone = Field(
        None, description="time zone of the server's time stamps; this machine's by default"
    )
    exchange: Name = Field("xivo", description="exchange that carries the events")
    exchange_type: ExchangeType | None = Field(
        None,
        description="how the exchange routes, topic or headers; headers by default "
        "if its name ends so, as Wazo's wazo-headers",
    )
    bind_all: bool = Field(False, description="receive every event of the bus, to count them all")

    # Each looks at settings declared before its own, so that all problems are told at once.

    @field_validator("password")
    @classmethod
    def _only_one_password(cls, value: SecretStr | None, info: ValidationInfo) -> SecretStr | None:
        if value is not None and info.data.get("password_file") is not None:
            msg = "the password comes from here or from the password file, not from both"
            raise ValueError(msg)
        return value

    @field_validator("key_file")
    @classmethod
    def _key_and_certificate(cls, value: Path | None, info: ValidationInfo) -> Path | None:
        if "cert_file" in info.data and (info.data["cert_file"] is None) is not (value is None):
            msg = "a client certificate needs both its cert_file and its key_file"
            raise ValueError(msg)
        return value

    @field_validator("ca_file", "cert_file", "server_name")
    @classmethod
    def _only_with_tls(cls, value: object, info: ValidationInfo) -> object:
        url = info.data.get("url")
        if value is not None and isinstance(url, BusUrls) and not url.tls:
            msg = "has no effect on amqp://; write amqps://"
            raise ValueError(msg)
        return value


_OF_ITS_OWN = ("exchange", "exchange_type", "bind_all")

SINGLE_BUS = {
    field if field in _OF_ITS_OWN else f"bus_{field}": field for field in BusSettings.model_fields
}
"""The fields of a bus, by their names as settings of the only bus."""
