"""The composition root: connects all parts, runs them, and follows changed settings."""

from __future__ import annotations

from exporter.app.program import App
from exporter.app.reloading import SettingsSource

__all__ = ["App", "SettingsSource"]
