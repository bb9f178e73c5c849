"""The kinds of values that settings have: what is accepted, and what is said of the rest."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Annotated
from zoneinfo import ZoneInfo

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    PlainValidator,
)

from dataflows.lengths import Length, parse_lengths
from dataflows.subsystems import SUBSYSTEMS
from exporter.settings.address import Address
from exporter.settings.bus_url import BusUrls

PREFIX = "XIVO_EXPORTER_"
"""Of every environment variable."""

DETAILS = tuple(s.name for s in SUBSYSTEMS if any(spec.detail for spec in s.metrics))
"""Subsystems that have detail series."""

_MAX_NAME = 100
"""Bytes: names stand in labels, and together in the inbox's name of at most 255."""


class Checked(BaseModel):
    """Values that are checked once and do not change."""

    model_config = ConfigDict(
        extra="forbid",
        frozen=True,
        # A rejected value may be a secret.
        hide_input_in_errors=True,
        # Some checks are of what is missing.
        validate_default=True,
    )


class ExchangeType(StrEnum):
    """How the exchange routes: XiVO's `xivo` by topic, Wazo's `wazo-headers` by headers."""

    TOPIC = "topic"
    HEADERS = "headers"

    @classmethod
    def of(cls, exchange: str) -> ExchangeType:
        """Guess the type of an exchange by its name."""
        return cls.HEADERS if exchange.endswith(cls.HEADERS) else cls.TOPIC


def _short_and_printable(value: str) -> str:
    if len(value.encode(errors="replace")) > _MAX_NAME or not value.isprintable():
        msg = f"more than {_MAX_NAME} bytes, or not printable"
        raise ValueError(msg)
    return value


def _readable(path: Path) -> Path:
    try:
        with path.open("rb"):
            return path
    except OSError as error:
        msg = f"cannot read {path}: {error.strerror}"
        raise ValueError(msg) from error


def _zone(value: object) -> ZoneInfo | None:
    if value is None or isinstance(value, ZoneInfo):
        return value
    try:
        return ZoneInfo(str(value))
    except (ValueError, OSError, LookupError) as error:
        msg = "there is no such time zone; write one like Europe/Paris"
        raise ValueError(msg) from error


def _bus_urls(value: object) -> BusUrls:
    if isinstance(value, BusUrls):
        return value
    return BusUrls.parse(map(str, value) if isinstance(value, list) else str(value))


def _address(value: object) -> Address:
    return value if isinstance(value, Address) else Address.parse(str(value))


def _lengths(value: object) -> object:
    if isinstance(value, str):
        return parse_lengths(value)
    return parse_lengths(",".join(map(str, value))) if isinstance(value, list) else value


def _words(value: object) -> object:
    if isinstance(value, str):
        return frozenset(word.strip() for word in value.split(",") if word.strip())
    return value


def _known_details(value: frozenset[str]) -> frozenset[str]:
    if unknown := value.difference(DETAILS):
        msg = f"there is no {', '.join(sorted(unknown))}; choose from {', '.join(DETAILS)}"
        raise ValueError(msg)
    return value


def _addresses(value: object) -> object:
    if isinstance(value, str):
        value = [each.strip() for each in value.split(";") if each.strip()]
    if isinstance(value, list | tuple):
        return tuple(str(Address.parse(str(each))) for each in value)
    return value


Name = Annotated[str, Field(min_length=1), AfterValidator(_short_and_printable)]
ReadableFile = Annotated[Path, AfterValidator(_readable)]
Zone = Annotated[ZoneInfo | None, PlainValidator(_zone)]
Urls = Annotated[BusUrls, PlainValidator(_bus_urls)]
Listen = Annotated[Address, PlainValidator(_address)]
Addresses = Annotated[tuple[str, ...], BeforeValidator(_addresses)]
Windows = Annotated[tuple[Length, ...], BeforeValidator(_lengths)]
Details = Annotated[frozenset[str], BeforeValidator(_words), AfterValidator(_known_details)]
