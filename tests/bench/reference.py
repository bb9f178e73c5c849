"""The consumer that the bus document shows, as a program: the reference of the benchmark.

It is what people would write: kombu's ConsumerMixin, each message acknowledged
by itself, the body parsed as JSON. It keeps no state and serves nothing.
"""

from __future__ import annotations

import json
import resource
import sys
import time

from kombu.connection import Connection
from kombu.entity import Queue
from kombu.message import Message
from kombu.messaging import Consumer as Base
from kombu.mixins import ConsumerMixin


class _Reference(ConsumerMixin):
    def __init__(self, connection: Connection, queue: str, wanted: int) -> None:
        self.connection = connection
        self._queue = Queue(queue, no_declare=True)
        self._wanted = wanted
        self._seen = 0
        self._began: tuple[float, float] | None = None

    def get_consumers(self, Consumer: type[Base], channel: object) -> list[Base]:  # noqa: N803 -- kombu's name
        del channel
        return [Consumer(self._queue, callbacks=[self._on_message])]

    def _on_message(self, body: object, message: Message) -> None:
        if self._began is None:
            self._began = time.perf_counter(), _cpu()
        if isinstance(body, bytes):  # Else kombu has parsed it, as the content type says.
            json.loads(body)
        message.ack()
        self._seen += 1
        if self._seen == self._wanted:
            wall, cpu = self._began
            print(json.dumps([time.perf_counter() - wall, _cpu() - cpu]))
            self.should_stop = True


def _cpu() -> float:
    usage = resource.getrusage(resource.RUSAGE_SELF)
    return usage.ru_utime + usage.ru_stime


if __name__ == "__main__":
    url, queue, wanted = sys.argv[1:]
    with Connection(url) as connection:
        _Reference(connection, queue, int(wanted)).run()  # type: ignore[no-untyped-call]  # kombu's
