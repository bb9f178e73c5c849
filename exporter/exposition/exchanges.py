"""The exchanges of XiVO and Wazo, and what it means for one of them which others there are."""

from __future__ import annotations

from typing import NamedTuple

XIVO = "xivo"
WAZO = "wazo-headers"
WELL_KNOWN_EXCHANGES = (XIVO, WAZO)
"""Settings of an earlier process may have named either."""


class Exchanges(NamedTuple):
    """Which exchanges a broker has.

    Attributes:
        existing: Those that it has.
        untold: Those of which it does not tell whether it has them.
    """

    existing: tuple[str, ...] = ()
    untold: tuple[str, ...] = ()


def is_doubtful(exchange: str, others: Exchanges) -> bool:
    """Return whether the events of telephony are probably on another exchange.

    Args:
        exchange: The exchange that is read.
        others: The other well-known exchanges.
    """
    return exchange == XIVO and WAZO in others.existing


def meaning(exchange: str, others: Exchanges) -> str:
    """Return in plain words what server it is, and on which exchange it publishes.

    Args:
        exchange: The exchange that is read.
        others: The other well-known exchanges.
    """
    if exchange == XIVO:
        return _meaning_of_xivo(others)
    if exchange == WAZO:
        also = f" Since 23.01 only wazo-auth still publishes on {XIVO}."
        text = f"The server is a Wazo, which publishes the events of telephony on {WAZO}."
        return text + also if XIVO in others.existing else text
    also = f" The broker also has {' and '.join(others.existing)}." if others.existing else ""
    return f"The exchange is neither that of XiVO nor that of Wazo.{also}"


def _meaning_of_xivo(others: Exchanges) -> str:
    advice = (
        f"Since 23.01 Wazo publishes the events of telephony only there, and on {XIVO} only those "
        f"of wazo-auth: set --exchange {WAZO}."
    )
    if WAZO in others.existing:
        return f"The broker also has {WAZO}, so the server is probably a Wazo. {advice}"
    if WAZO in others.untold:
        return (
            f"The broker does not say whether it also has {WAZO}, because the user has no "
            f"permission on it. If it has: {advice}"
        )
    return (
        f"The broker has no exchange {WAZO}, so the server is a XiVO or an old Wazo, which "
        f"publishes on {XIVO}."
    )
