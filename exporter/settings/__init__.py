"""The settings: each declared once, with its flag, its environment variable and its check."""

from __future__ import annotations

from exporter.settings.bus import SINGLE_BUS, BusSettings
from exporter.settings.kinds import DETAILS, PREFIX, ExchangeType
from exporter.settings.loading import SettingsError, flag, load
from exporter.settings.models import Demo, Logging, Serving, Settings, settings_of

__all__ = [
    "DETAILS",
    "PREFIX",
    "SINGLE_BUS",
    "BusSettings",
    "Demo",
    "ExchangeType",
    "Logging",
    "Serving",
    "Settings",
    "SettingsError",
    "flag",
    "load",
    "settings_of",
]
