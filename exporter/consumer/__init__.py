"""The consumer: reads the deliveries of a bus. Only this package uses kombu."""

from __future__ import annotations

from exporter.consumer.bus import Bus, configured_buses
from exporter.consumer.connection import Broker
from exporter.consumer.inbox import Inbox, bindings
from exporter.consumer.reader import Consumer, stop_all

__all__ = ["Broker", "Bus", "Consumer", "Inbox", "bindings", "configured_buses", "stop_all"]
