"""The setting of the page at `/`."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated

from pydantic import BeforeValidator


class Page(StrEnum):
    """Whether the page at `/` shows the servers."""

    ON = "on"
    OFF = "off"


def _on_or_off(value: object) -> object:
    # YAML reads these words as booleans, and TOML has only booleans without quotes.
    return (Page.ON if value else Page.OFF) if isinstance(value, bool) else value


OnOff = Annotated[Page, BeforeValidator(_on_or_off, Page | bool)]
