"""The settings: each is declared once, with its check; flag and variable follow from its name."""

from __future__ import annotations

from exporter.settings.bus import SINGLE_BUS, BusSettings
from exporter.settings.buses import Logging, OneBus
from exporter.settings.copies import Record, Tap
from exporter.settings.kinds import DETAILS, PREFIX, ExchangeType, Generation, SeriesFormat
from exporter.settings.loading import SettingsError, load
from exporter.settings.models import (
    COMMANDS,
    Check,
    Demo,
    Replay,
    Serving,
    Settings,
    settings_of,
)
from exporter.settings.names import SECRETS, command_of, flag, spelled, variable
from exporter.settings.page import Page

__all__ = [
    "COMMANDS",
    "DETAILS",
    "PREFIX",
    "SECRETS",
    "SINGLE_BUS",
    "BusSettings",
    "Check",
    "Demo",
    "ExchangeType",
    "Generation",
    "Logging",
    "OneBus",
    "Page",
    "Record",
    "Replay",
    "SeriesFormat",
    "Serving",
    "Settings",
    "SettingsError",
    "Tap",
    "command_of",
    "flag",
    "load",
    "settings_of",
    "spelled",
    "variable",
]
