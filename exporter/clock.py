"""The wall clock. No other module reads it directly."""

from __future__ import annotations

import time

wall_clock = time.time
"""Returns Unix time in seconds."""
