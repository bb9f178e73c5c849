"""The delivery buffer between the consumer's thread and the dataflow's."""

import threading

from dataflows.envelope import Delivery
from exporter.engine.delivery_buffer import REMEMBERED, DeliveryBuffer


def _delivery(body: bytes | str | None) -> Delivery:
    return Delivery("default", body, 0.0)


def _numbers(batch: list[Delivery]) -> list[int]:
    return [int(delivery.body or "") for delivery in batch]


def _buffer() -> tuple[DeliveryBuffer, threading.Event]:
    wake = threading.Event()
    return DeliveryBuffer(wake), wake


def test_deliveries_are_taken_in_the_order_they_were_put() -> None:
    buffer, _ = _buffer()
    for number in range(1, 6):
        buffer.put([(number, _delivery(str(number)), number)])
    assert _numbers(buffer.take(2)) == [1, 2]
    assert buffer.taken == 2
    assert _numbers(buffer.take(10)) == [3, 4, 5]
    assert buffer.taken == 5
    assert buffer.take(10) == []
    assert buffer.taken == 5


def test_a_delivery_wakes_the_dataflow() -> None:
    buffer, wake = _buffer()
    assert not wake.is_set()
    buffer.put([(1, _delivery(b""), 1)])
    assert wake.is_set()
    wake.clear()
    buffer.put([(2, _delivery(b""), 2)])
    assert wake.is_set()


def test_what_waits_is_weighed() -> None:
    buffer, _ = _buffer()
    for number, body in enumerate((b"12345", "123", None, b""), 1):
        buffer.put([(number, _delivery(body), number)])
    assert buffer.waiting_bytes == 8
    buffer.take(1)
    assert buffer.waiting_bytes == 3
    buffer.take(3)
    assert buffer.waiting_bytes == 0


def test_what_is_withdrawn_is_never_taken() -> None:
    buffer, _ = _buffer()
    for number in range(1, 6):
        buffer.put([(number, _delivery(b"12345"), number)])
    buffer.take(2)
    assert buffer.withdraw() == 3
    assert buffer.memory() == [1, 2]
    assert buffer.waiting_bytes == 0
    assert buffer.take(10) == []
    buffer.put([(6, _delivery(b"6"), 6)])
    assert _numbers(buffer.take(10)) == [6]
    assert buffer.withdraw() == 0
    assert buffer.memory() == [1, 2, 6]


def test_nothing_is_lost_or_taken_twice_between_threads() -> None:
    buffer, wake = _buffer()
    count, withdrawn = 30_000, []
    seen: list[int] = []
    finished = threading.Event()

    def put() -> None:
        number = 1
        while number <= count:
            buffer.put([(number, _delivery(str(number)), number)])
            if number % 997 == 0:
                # As when the connection breaks: deliveries that were not taken are redelivered.
                buffer.withdraw()
                number = buffer.taken
                withdrawn.append(number)
            number += 1
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
    assert withdrawn == sorted(withdrawn)
    assert wake.is_set()


def test_what_was_taken_is_remembered_until_it_cannot_be_redelivered() -> None:
    buffer, _ = _buffer()
    for number in range(1, 6):
        buffer.put([(number, _delivery(b""), 10 * number)])
    buffer.take(4)
    buffer.forget(2)
    assert buffer.memory() == [30, 40]


def test_a_redelivery_is_remembered_once_and_by_its_new_number() -> None:
    buffer, _ = _buffer()
    for number in range(1, 6):
        buffer.put([(number, _delivery(b""), 10 * number)])
    buffer.take(5)
    buffer.renumber(6, 2)
    for number, fingerprint in ((6, 40), (7, 50)):
        buffer.put([(number, Delivery("default", b"", 0.0, duplicate=True), fingerprint)])
    buffer.put([(8, _delivery(b""), 80)])
    buffer.take(3)
    assert buffer.memory() == [40, 50, 80]
    buffer.forget(6)
    assert buffer.memory() == [50, 80]


def test_another_process_remembers_the_same() -> None:
    buffer, _ = _buffer()
    prints = [0, 2**64 - 1, 7]
    for number, fingerprint in enumerate(prints, 1):
        buffer.put([(number, _delivery(b""), fingerprint)])
    buffer.take(3)
    other, _ = _buffer()
    other.load(buffer.dump())
    # Nothing is acknowledged yet: also if this process ends now, they come again.
    other.forget(0)
    assert other.memory() == prints
    assert other.dump() == buffer.dump(), "a process that ends at once leaves what it found"
    # They come again before anything new, or never.
    other.put([(1, _delivery(b""), 8)])
    other.take(1)
    other.forget(1)
    assert other.memory() == []


def test_redelivery_can_begin_at_the_end_of_an_epoch() -> None:
    buffer, _ = _buffer()
    for number in range(1, 11):
        buffer.put([(number, _delivery(b""), number)])
    for count in (4, 0, 3, 2):
        buffer.take(count)
        dumped = buffer.dump()
    # The bookmark of the newest epoch, or of one before it.
    assert dumped[1] == (1, 3, 6)
    other, _ = _buffer()
    other.load(dumped)
    assert list(other.lengths) == [1, 3, 6]
    # Now it is clear: the last three came again.
    other.renumber(1, 3)
    assert not other.lengths
    assert other.dump()[1] == (3,)


def test_the_memory_is_bounded() -> None:
    buffer, _ = _buffer()
    for number in range(REMEMBERED + 2):
        buffer.put([(number, _delivery(b""), number)])
    buffer.take(REMEMBERED + 2)
    assert buffer.memory() == list(range(2, REMEMBERED + 2))
