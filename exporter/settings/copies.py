"""The settings of `record` and `tap`, which read copies of the messages of a bus."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field, PlainValidator, ValidationInfo, field_validator

from dataflows.subsystem import Subsystem
from dataflows.subsystems import SUBSYSTEMS, kept
from exporter.settings.buses import OneBus
from exporter.settings.kinds import Subsystems, Words
from exporter.settings.lengths import Duration
from exporter.settings.paths import STDIN, AnyPath, Recording
from exporter.settings.sizes import Size

MIN_FILE_BYTES = 4 * 1024 * 1024
"""Of each file: more than the longest line."""


def _size(value: object) -> Size:
    return value if isinstance(value, Size) else Size.parse(str(value))


class Record(OneBus):
    """Settings of `record`."""

    recording: AnyPath = Field(
        description="file to write, compressed if its name ends in .gz; - is the standard output"
    )
    duration: Duration = Field(
        None, description="time after which it ends, from 1s to 30d; default: never"
    )
    max_size: Annotated[Size, PlainValidator(_size)] = Field(
        Size.parse("1GB"), description="size on disk at which it ends, of all files together"
    )
    keep_files: int = Field(
        1,
        ge=1,
        le=1000,
        description="number of files; with more than one it does not end at the size: each file "
        "gets a part of it, and the oldest one is removed",
    )

    @field_validator("keep_files")
    @classmethod
    def _large_enough(cls, value: int, info: ValidationInfo) -> int:
        if value > 1 and info.data.get("recording") == STDIN:
            msg = "the standard output is only one file: remove this setting"
            raise ValueError(msg)
        size: Size | None = info.data.get("max_size")
        if size is not None and size.bytes < value * MIN_FILE_BYTES:
            msg = f"each file needs 4MB: set max_size to {value * 4}MB or more, or keep fewer files"
            raise ValueError(msg)
        return value


class Tap(OneBus):
    """Settings of `tap`."""

    recording: Recording | None = Field(
        None, description="recording to read instead of a bus, or - for the standard input"
    )
    subsystems: Subsystems = Field(
        None, description="subsystems whose events are shown; default: all"
    )
    names: Words = Field(
        (), description="names of events to show; * stands for any text, such as Queue*"
    )
    origins: Words = Field((), description="beginnings of the UUIDs of the servers to show")
    all_events: bool = Field(
        False, description="also show events that the exporter does not use, only with their names"
    )

    @property
    def kept_subsystems(self) -> tuple[Subsystem, ...]:
        """The subsystems whose events are shown."""
        return SUBSYSTEMS if self.subsystems is None else kept(self.subsystems)
