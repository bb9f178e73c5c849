"""The settings of one bus: the same in a table `[[buses]]` and for a single bus."""

from __future__ import annotations

from pathlib import Path

from pydantic import Field, SecretStr, ValidationInfo, field_validator

from dataflows.service_levels import DEFAULT
from exporter.settings.api import ApiSettings
from exporter.settings.bus_url import BusUrls
from exporter.settings.kinds import (
    PREFIX,
    ExchangeType,
    HostName,
    Name,
    Password,
    Service,
    Urls,
    Zone,
)
from exporter.settings.paths import ReadableFile, SecretFile


class BusSettings(ApiSettings):
    """How to reach a bus, what it is called, what to read there, and the APIs of its server."""

    url: Urls = Field(
        BusUrls.parse("amqp://localhost"),
        description="URL of the broker: amqp://user:password@host:port/vhost, or amqps:// for TLS; "
        "several, separated by ;, are tried in turn",
    )
    password_file: SecretFile | None = Field(
        None,
        description="file with the password, to keep it out of the URL; it is read at every "
        f"connection; or set {PREFIX}BUS_PASSWORD to the password",
    )
    password: Password | None = Field(
        None, description="the password, to keep it out of the URL; not a flag"
    )
    ca_file: ReadableFile | None = Field(
        None, description="file with CA certificates to trust for amqps://; default: the system's"
    )
    cert_file: SecretFile | None = Field(
        None, description="file with the client certificate for amqps://"
    )
    key_file: SecretFile | None = Field(
        None, description="file with the key of the client certificate"
    )
    server_name: HostName | None = Field(
        None, description="name in the broker's certificate, if it differs from the host in the URL"
    )
    name: Name = Field("default", description="name of the bus in the label bus and in the log")
    timezone: Zone = Field(
        None,
        description="time zone of the server, such as Europe/Paris, for its timestamps and the "
        "window today; default: that of this machine, and for timestamps what they show",
    )
    exchange: Name = Field("xivo", description="exchange to which the server publishes events")
    exchange_type: ExchangeType | None = Field(
        None,
        description="type of the exchange; default: headers if its name ends in headers, as Wazo's "
        "wazo-headers does, else topic",
    )
    bind_all: bool = Field(
        False, description="receive every event of the bus, to count all of them by name"
    )
    service_level: Service = Field(
        DEFAULT,
        description="seconds within which a call must be answered to be in time, for all queues; "
        "or by queue, such as support=10,sales=30; or both: 20,support=10",
    )

    @property
    def kind(self) -> ExchangeType:
        """The type of the exchange, as it is set or as its name tells."""
        return self.exchange_type or ExchangeType.of(self.exchange)

    # Each looks at settings declared before its own, so that all problems are reported at once.

    @field_validator("password")
    @classmethod
    def _only_one_password(cls, value: SecretStr | None, info: ValidationInfo) -> SecretStr | None:
        if value is not None and info.data.get("password_file") is not None:
            msg = "set the password or the file with the password, not both"
            raise ValueError(msg)
        return value

    @field_validator("key_file")
    @classmethod
    def _key_and_certificate(cls, value: Path | None, info: ValidationInfo) -> Path | None:
        if "cert_file" in info.data and (info.data["cert_file"] is None) is not (value is None):
            msg = "a client certificate needs two files: set cert_file and key_file"
            raise ValueError(msg)
        return value

    @field_validator("ca_file", "cert_file", "server_name")
    @classmethod
    def _only_with_tls(cls, value: object, info: ValidationInfo) -> object:
        url = info.data.get("url")
        if value is not None and isinstance(url, BusUrls) and not url.tls:
            msg = "needs TLS: write amqps:// in the URL, or remove this setting"
            raise ValueError(msg)
        return value


_OF_ITS_OWN = (
    *("exchange", "exchange_type", "bind_all", "service_level"),
    *ApiSettings.model_fields,
)

# Pydantic lists inherited fields first, but users look for the bus itself.
_FIELDS = sorted(BusSettings.model_fields, key=ApiSettings.model_fields.__contains__)

SINGLE_BUS = {field if field in _OF_ITS_OWN else f"bus_{field}": field for field in _FIELDS}
"""The fields of a bus, by the names that they have as settings of a single bus."""
