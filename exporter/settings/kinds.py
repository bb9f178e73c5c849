"""The types of settings: which values are accepted, and the messages about all others."""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from typing import Annotated, Literal
from zoneinfo import ZoneInfo, available_timezones

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    PlainValidator,
    SecretStr,
)

from dataflows.labels import MAX_LABEL
from dataflows.service_levels import ServiceLevels
from dataflows.subsystems import OPTIONAL, SUBSYSTEMS
from exporter.settings import notation
from exporter.settings.address import Address, is_name
from exporter.settings.api_url import parse_api_services, parse_api_url
from exporter.settings.bus_url import BusUrls
from exporter.settings.messages import did_you_mean, one_of
from exporter.settings.password import fault_of, fault_of_user

PREFIX = "XIVO_EXPORTER_"
"""How the name of every environment variable begins."""

DETAILS = tuple(s.name for s in SUBSYSTEMS if any(spec.detail for spec in s.metrics))
"""Subsystems that have detail series."""

_ALWAYS = {subsystem.name for subsystem in SUBSYSTEMS}.difference(OPTIONAL)

_MAX_REASONS = 50
"""Each has two metrics, one of them a histogram. Call centres have about ten."""

_MAX_NAME = 100
"""Bytes: names stand in labels, and together in the inbox's name of at most 255."""


class Checked(BaseModel):
    """Settings that are checked when they are made and never change."""

    model_config = ConfigDict(
        extra="forbid",
        frozen=True,
        # A rejected value may be a secret.
        hide_input_in_errors=True,
        # Some checks look for settings that are missing.
        validate_default=True,
    )


class Generation(StrEnum):
    """The generations of servers."""

    XIVO = "xivo"
    WAZO = "wazo"


class SeriesFormat(StrEnum):
    """How series are printed."""

    TEXT = "text"
    OPENMETRICS = "openmetrics"
    PROMTOOL = "promtool"


class ExchangeType(StrEnum):
    """How the exchange routes: XiVO's `xivo` by topic, Wazo's `wazo-headers` by headers."""

    TOPIC = "topic"
    HEADERS = "headers"

    @classmethod
    def of(cls, exchange: str) -> ExchangeType:
        """Guess the type of an exchange by its name."""
        return cls.HEADERS if exchange.endswith(cls.HEADERS) else cls.TOPIC


def _short_and_printable(value: str) -> str:
    if len(value.encode(errors="replace")) > _MAX_NAME:
        msg = f"must be at most {_MAX_NAME} bytes long"
        raise ValueError(msg)
    if not value.isprintable():
        msg = "must not contain characters that cannot be printed"
        raise ValueError(msg)
    return value


def _host(name: str) -> str:
    if not name or not is_name(name):
        msg = "it is not a host name"
        raise ValueError(msg)
    return name


def _password(value: SecretStr) -> SecretStr:
    if fault := fault_of(value.get_secret_value()):
        msg = f"the password {fault}"
        raise ValueError(msg)
    return value


def _user_name(value: str) -> str:
    if fault := fault_of_user(value):
        msg = f"the user {fault}"
        raise ValueError(msg)
    return value


def _zone(value: object) -> ZoneInfo | None:
    if value is None or isinstance(value, ZoneInfo):
        return value
    try:
        return ZoneInfo(str(value))
    except (ValueError, OSError, LookupError) as error:
        hint = did_you_mean(str(value), available_timezones())
        msg = f"there is no such time zone{hint or '; write one such as Europe/Paris'}"
        raise ValueError(msg) from error


def _bus_urls(value: object) -> BusUrls:
    if isinstance(value, BusUrls):
        return value
    return BusUrls.parse(map(str, value) if isinstance(value, list) else str(value))


def _api_url(value: object) -> str | None:
    return None if value is None else parse_api_url(str(value))


def _api_services(value: object) -> Mapping[str, str]:
    if isinstance(value, str | list | dict):
        return parse_api_services(value)
    msg = "must be text, a list or a table"
    raise ValueError(msg)


def _address(value: object) -> Address:
    return value if isinstance(value, Address) else Address.parse(str(value))


def _service_levels(value: object) -> ServiceLevels:
    if isinstance(value, ServiceLevels):
        return value
    return ServiceLevels.parse(",".join(map(str, value)) if isinstance(value, list) else str(value))


def _words(value: object) -> object:
    if isinstance(value, str):
        return frozenset(word.strip() for word in value.split(",") if word.strip())
    return value


def _known_details(value: frozenset[str]) -> frozenset[str]:
    if unknown := value.difference(DETAILS):
        raise ValueError(one_of(DETAILS, min(unknown)))
    return value


def _known_subsystems(value: frozenset[str] | None) -> frozenset[str] | None:
    if value is None:
        return None
    if not value:
        msg = "must not be empty: name at least one subsystem, or remove this setting"
        raise ValueError(msg)
    if unknown := value.difference(OPTIONAL):
        name = min(unknown)
        if name in _ALWAYS:
            msg = f"{name} is always kept: remove it here"
            raise ValueError(msg)
        raise ValueError(one_of(OPTIONAL, name))
    return value


def _pause_reasons(value: tuple[str, ...]) -> tuple[str, ...]:
    for reason in value:
        if len(reason) > MAX_LABEL or not reason.isprintable():
            msg = f"a reason must be printable, and at most {MAX_LABEL} characters long"
            raise ValueError(msg)
    if len(value) > _MAX_REASONS:
        msg = f"at most {_MAX_REASONS} reasons can be shown by name"
        raise ValueError(msg)
    return value


def _printable_words(value: tuple[str, ...]) -> tuple[str, ...]:
    for word in value:
        _short_and_printable(word)
    return value


def comma_separated(value: object) -> object:
    """Return a tuple of the words of a list, or of text with commas; each only once."""
    if isinstance(value, str):
        value = value.split(",")
    if isinstance(value, list | tuple) and all(isinstance(each, str) for each in value):
        return tuple(dict.fromkeys(each.strip() for each in value if each.strip()))
    return value


def _addresses(value: object) -> object:
    if isinstance(value, str):
        value = [each.strip() for each in value.split(";") if each.strip()]
    if isinstance(value, list | tuple):
        return tuple(str(Address.parse(str(each))) for each in value)
    return value


Name = Annotated[
    str,
    Field(min_length=1, json_schema_extra={"maxLength": _MAX_NAME}),
    AfterValidator(_short_and_printable),
]
HostName = Annotated[str, AfterValidator(_host)]
Password = Annotated[SecretStr, AfterValidator(_password)]
Zone = Annotated[ZoneInfo | None, PlainValidator(_zone, str)]
UserName = Annotated[str, Field(min_length=1), AfterValidator(_user_name)]
Urls = Annotated[BusUrls, PlainValidator(_bus_urls, notation.WrittenBusUrls)]
ApiUrl = Annotated[str | None, PlainValidator(_api_url, notation.WrittenApiUrl)]
ApiServices = Annotated[
    Mapping[str, str], PlainValidator(_api_services, notation.WrittenApiServices)
]
Listen = Annotated[Address, PlainValidator(_address, notation.WrittenAddress)]
Addresses = Annotated[tuple[str, ...], BeforeValidator(_addresses, notation.WrittenAddresses)]
Words = Annotated[
    tuple[str, ...], BeforeValidator(comma_separated), AfterValidator(_printable_words)
]
Service = Annotated[ServiceLevels, PlainValidator(_service_levels, notation.WrittenServiceLevels)]
PauseReasons = Annotated[
    tuple[str, ...],
    BeforeValidator(comma_separated, str | list[str]),
    AfterValidator(_pause_reasons),
]
Subsystems = Annotated[
    frozenset[str] | None,
    BeforeValidator(_words, notation.WrittenSubsystems),
    AfterValidator(_known_subsystems),
]
Details = Annotated[
    frozenset[str],
    BeforeValidator(_words, str | list[Literal[DETAILS]]),  # type: ignore[valid-type]  # names at run time
    AfterValidator(_known_details),
]
