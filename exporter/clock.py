"""The one place that reads the wall clock."""

from __future__ import annotations

import time

wall_clock = time.time
"""Unix seconds."""
