"""What to do when nobody reads the standard output any more, as after `| head`."""

from __future__ import annotations

import os
import sys


def discard_output() -> None:
    """Discard what is still written. Python would complain when it closes the standard output."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
