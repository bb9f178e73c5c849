"""The types of settings that are lengths of time."""

from __future__ import annotations

from typing import Annotated

from pydantic import BeforeValidator, PlainValidator

from dataflows.lengths import Length, parse_lengths, seconds_of
from exporter.settings import notation


def _between(shortest: str, longest: str, example: str) -> PlainValidator:
    problem = f"must be a length of time from {shortest} to {longest}, such as {example}"

    def length(value: object) -> Length | None:
        if value is None or isinstance(value, Length):
            return value
        text = str(value).strip()
        return Length.parse_between(text, seconds_of(shortest), seconds_of(longest), problem)

    return PlainValidator(length, notation.WrittenLength)


def _windows(value: object) -> object:
    if isinstance(value, str):
        return parse_lengths(value)
    return parse_lengths(",".join(map(str, value))) if isinstance(value, list) else value


Duration = Annotated[Length | None, _between("1s", "30d", "30m")]
Interval = Annotated[Length, _between("1s", "1h", "15s")]
Silence = Annotated[Length, _between("1h", "3650d", "30d")]
Wait = Annotated[Length, _between("0s", "1h", "30s")]
Windows = Annotated[tuple[Length, ...], BeforeValidator(_windows, notation.WrittenWindows)]
