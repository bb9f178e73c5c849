"""The problem of a peer in one line, for a metric's page and for the log."""

from __future__ import annotations

import re
import ssl

from dataflows.unprintable import replace_unprintable

_MAX_TEXT = 300
"""Characters of a text from a peer or a library. RabbitMQ's have at most 255 bytes."""


def one_line(text: object) -> str:
    """Return text on one line, printable, and not too long."""
    words = replace_unprintable(" ".join(str(text).split()))
    return words if len(words) <= _MAX_TEXT else f"{words[:_MAX_TEXT]}…"


def tls_reason(error: ssl.SSLError) -> str:
    """Return OpenSSL's words, without the place in Python's source."""
    return one_line(re.sub(r" \(_ssl\.c:\d+\)$", "", error.strerror or str(error)))
