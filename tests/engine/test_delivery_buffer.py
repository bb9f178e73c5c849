"""The delivery buffer between the consumer's thread and the dataflow's."""

import threading
from collections.abc import Iterable

from dataflows.envelope import Delivery
from dataflows.items import Duplicates, Item, ReadingResumed
from exporter.engine.delivery_buffer import DeliveryBuffer


def _delivery(body: bytes | str | None) -> Delivery:
    return Delivery("default", body, 0.0)


def _numbers(batch: Iterable[Item]) -> list[int]:
    return [int(item.body or "") for item in batch if isinstance(item, Delivery)]


def _buffer() -> tuple[DeliveryBuffer, threading.Event]:
    wake = threading.Event()
    return DeliveryBuffer(wake), wake


def test_deliveries_are_taken_in_the_order_they_were_put() -> None:
    buffer, _ = _buffer()
    for number in range(1, 6):
        buffer.put([(number, _delivery(str(number)))])
    assert _numbers(buffer.take(2)) == [1, 2]
    assert buffer.taken == 2
    assert _numbers(buffer.take(10)) == [3, 4, 5]
    assert buffer.taken == 5
    assert buffer.take(10) == []
    assert buffer.taken == 5


def test_other_items_keep_their_place_and_are_no_deliveries() -> None:
    buffer, _ = _buffer()
    resumed = ReadingResumed("default", 0.0, is_complete=False)
    buffer.put([(1, _delivery(b"1")), (1, resumed), (2, _delivery(b"2"))])
    assert buffer.take(2)[1] is resumed
    assert buffer.taken == 1
    assert buffer.waiting_bytes == 1


def test_duplicates_that_wait_are_one_item() -> None:
    buffer, wake = _buffer()
    buffer.put_duplicates(Duplicates("default", 2, 1.0))
    assert wake.is_set()
    buffer.put_duplicates(Duplicates("default", 3, 2.0))
    assert buffer.take(9) == [Duplicates("default", 5, 2.0)]
    buffer.put([(1, _delivery(b"1"))])
    buffer.put_duplicates(Duplicates("default", 1, 3.0))
    assert len(buffer.take(9)) == 2
    buffer.put_duplicates(Duplicates("default", 1, 4.0))
    assert buffer.take(9) == [Duplicates("default", 1, 4.0)]
    assert buffer.taken == 1


def test_a_delivery_wakes_the_dataflow() -> None:
    buffer, wake = _buffer()
    assert not wake.is_set()
    buffer.put([(1, _delivery(b""))])
    assert wake.is_set()
    wake.clear()
    buffer.put([(2, _delivery(b""))])
    assert wake.is_set()


def test_what_waits_is_weighed() -> None:
    buffer, _ = _buffer()
    for number, body in enumerate((b"12345", "123", None, b""), 1):
        buffer.put([(number, _delivery(body))])
    assert buffer.waiting_bytes == 8
    buffer.take(1)
    assert buffer.waiting_bytes == 3
    buffer.take(3)
    assert buffer.waiting_bytes == 0


def test_nothing_is_lost_or_taken_twice_between_threads() -> None:
    buffer, wake = _buffer()
    count = 30_000
    seen: list[int] = []
    finished = threading.Event()

    def put() -> None:
        for number in range(1, count + 1):
            buffer.put([(number, _delivery(str(number)))])
        finished.set()

    def take() -> None:
        while not finished.is_set() or buffer.waiting_bytes:
            seen.extend(_numbers(buffer.take(100)))

    threads = [threading.Thread(target=put), threading.Thread(target=take)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert seen == list(range(1, count + 1))
    assert wake.is_set()
