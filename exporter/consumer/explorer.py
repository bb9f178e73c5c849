"""Finds out which exchanges of XiVO and Wazo a broker has, and says if the wrong one is read.

It does not choose between them. A server may have both, and another choice needs other permissions
of the broker and other bindings of the inbox.
"""

from __future__ import annotations

import logging

from kombu.connection import Connection

from exporter.consumer.outages import Outages
from exporter.consumer.session import find_exchanges, is_amqp
from exporter.exposition.exchanges import WELL_KNOWN_EXCHANGES, is_doubtful, meaning
from exporter.exposition.telemetry import BusStatus


class Explorer:
    """Keeps `other_exchanges` of a status. Use it from the consumer's thread only.

    Args:
        status: Its `url` is the address of the connection.
        outages: Where lines are logged.
    """

    def __init__(self, status: BusStatus, outages: Outages) -> None:
        self._status = status
        self._outages = outages
        # Addresses about which the log tells.
        self._told: set[str] = set()

    def on_exchange(self, connection: Connection) -> None:
        """Log which exchanges there are, once for each address: the one that is read exists."""
        status = self._status
        # Kombu's own brokers have only what the exporter made.
        if status.url in self._told or not is_amqp(connection):
            return
        self._look(connection)
        self._told.add(status.url)
        is_wrong = is_doubtful(status.exchange, status.other_exchanges)
        self._outages.note(
            logging.WARNING if is_wrong else logging.INFO,
            status.url,
            "this is probably the wrong exchange" if is_wrong else "the exchange exists",
            broker=status.url,
            exchange=status.exchange,
            others=" ".join(status.other_exchanges.existing),
            meaning=meaning(status.exchange, status.other_exchanges),
        )

    def on_missing(self, connection: Connection) -> None:
        """Find out what there is instead of the exchange; log it again if it comes back."""
        self._told.discard(self._status.url)
        self._look(connection)

    def _look(self, connection: Connection) -> None:
        others = (each for each in WELL_KNOWN_EXCHANGES if each != self._status.exchange)
        self._status.other_exchanges = find_exchanges(connection, others)
