"""The settings: each declared once, with its flag, its environment variable and its check."""

from __future__ import annotations

from exporter.settings.kinds import DETAILS, ExchangeType, LogFormat, LogLevel
from exporter.settings.loading import SettingsError, flag, load
from exporter.settings.models import PREFIX, Demo, Logging, Serving, Settings

__all__ = [
    "DETAILS",
    "PREFIX",
    "Demo",
    "ExchangeType",
    "LogFormat",
    "LogLevel",
    "Logging",
    "Serving",
    "Settings",
    "SettingsError",
    "flag",
    "load",
]
