"""The source: the items it returns, and when a delivery is done."""

import itertools
import random
import threading
from collections.abc import Callable, Mapping, Sequence
from datetime import timedelta
from typing import Self

import bytewax.operators as op
import pytest
from bytewax.dataflow import Dataflow
from bytewax.operators import StatefulBatchLogic
from bytewax.outputs import DynamicSink, StatelessSinkPartition
from bytewax.run import cli_main
from msgspec import structs

from dataflows.envelope import Delivery
from dataflows.items import (
    ClockSetBack,
    Duplicates,
    GapNoticed,
    Item,
    Opened,
    OriginSilent,
    ReadingResumed,
    StandbyBegan,
    Unused,
)
from dataflows.origins import BusOrigins
from dataflows.snapshot import seal, unseal
from dataflows.zone_offsets import ZoneOffset
from exporter.engine.delivery_buffer import DeliveryBuffer
from exporter.engine.loop import IDLE_SECONDS, LoopContext, Progress
from exporter.engine.partition import AHEAD_SECONDS, BATCH, Feed
from exporter.engine.resumed import Resumed
from exporter.engine.silent_origins import CHECK_SILENCE_SECONDS, STRANGER_SECONDS
from exporter.engine.source import GATHER_SECONDS, BusSource
from exporter.engine.standby import STANDBY_GRACE_SECONDS
from exporter.exposition.telemetry import BusStatus

_FORGET_SECONDS = 3600.0


class _Waits(threading.Event):
    """Records the timeouts of waits, and returns at once."""

    def __init__(self) -> None:
        super().__init__()
        self.seconds: list[float | None] = []

    def wait(self, timeout: float | None = None) -> bool:
        self.seconds.append(timeout)
        return self.is_set()


class _Meanwhile(threading.Event):
    """Lets something happen while it is waited for."""

    def __init__(self, act: Callable[[float | None], object]) -> None:
        super().__init__()
        self._act = act

    def wait(self, timeout: float | None = None) -> bool:
        self._act(timeout)
        return self.is_set()


class _Rig:
    """One partition and everything that it touches."""

    def __init__(  # noqa: PLR0913 -- each part that a test may replace
        self,
        resumed: bytes | None = None,
        *,
        exchange: str = "xivo",
        urls: tuple[str, ...] = ("amqp://h",),
        wake: threading.Event | None = None,
        stop: threading.Event | None = None,
        idle_seconds: float = IDLE_SECONDS,
        is_read: bool = False,
    ) -> None:
        self.now = self.elapsed = 100.0
        self.wake, self.stop = wake or threading.Event(), stop or _Waits()
        self.buffer = DeliveryBuffer(self.wake)
        self.progress = Progress(lambda: self.now)
        self.status = BusStatus("default", "amqp://h", exchange)
        self.origins = BusOrigins()
        self.urls = urls
        self.opened_times = 0
        context = LoopContext(
            self.wake,
            self.stop,
            self.progress,
            lambda: self.now,
            lambda: self.elapsed,
            _FORGET_SECONDS,
            idle_seconds,
        )
        feed = Feed(self.buffer, self.status, self.urls, self.origins, self._open, is_read)
        source = BusSource({"default": feed}, context)
        self.part = source.build_part("bus", "default", resumed)
        self._numbers = itertools.count(1)

    def _open(self, earlier_exchange: str) -> None:
        # What was read before must be known before the next read.
        self.opened_times += 1
        self.earlier_exchange = earlier_exchange
        self.known_at_opening = self.buffer.memory.recall().prints.tolist()

    def opened(self) -> Self:
        """Take the first item, which is no delivery."""
        assert self.part.next_batch() == [Opened("default", self.now)]
        return self

    def kept(self) -> Resumed:
        """Return what a snapshot keeps."""
        return unseal(self.part.snapshot(), Resumed)

    def wait(self, seconds: float) -> list[Item]:
        """Let time pass; return all items."""
        items: list[Item] = []
        while seconds > 0:
            step = min(seconds, CHECK_SILENCE_SECONDS)
            self.elapsed += step
            items += self.part.next_batch()
            seconds -= step
        return items

    def put(self, count: int = 1) -> None:
        for number in itertools.islice(self._numbers, count):
            self.buffer.memory.remember([number])
            self.buffer.put([(number, Delivery("default", str(number), 0.0))])


def feeds_of(buffers: Mapping[str, DeliveryBuffer]) -> dict[str, Feed]:
    """Make feeds of buses without a consumer."""
    return {
        name: Feed(buffer, BusStatus(name, "amqp://h", "xivo"), (), BusOrigins(), lambda _: None)
        for name, buffer in buffers.items()
    }


def context_of(wake: threading.Event, stop: threading.Event | None = None) -> LoopContext:
    """Make a context in which time stands still."""
    return LoopContext(
        wake, stop or threading.Event(), Progress(lambda: 0.0), lambda: 0.0, lambda: 0.0, 1.0
    )


def bodies(batch: Sequence[Item]) -> list[str]:
    """Give the bodies of the deliveries; there must be nothing else."""
    deliveries = [each for each in batch if isinstance(each, Delivery)]
    assert len(deliveries) == len(batch)
    return [str(each.body) for each in deliveries]


def test_it_reports_once_that_the_bus_is_open_before_anything_was_delivered() -> None:
    rig = _Rig()
    rig.put()
    assert rig.part.next_batch() == [Opened("default", 100.0)]
    assert rig.buffer.taken == 0
    rig.part.snapshot()
    assert bodies(rig.part.next_batch()) == ["1"]
    assert rig.buffer.done == 0
    assert rig.part.next_batch() == []


def test_it_gives_what_waits_up_to_a_batch() -> None:
    rig = _Rig().opened()
    rig.put(BATCH + 1)
    assert len(rig.part.next_batch()) == BATCH
    assert len(rig.part.next_batch()) == 1


def test_it_reports_once_that_the_clock_was_set_back() -> None:
    rig = _Rig().opened()
    rig.now -= 0.5  # as ordinary corrections do
    assert rig.part.next_batch() == []
    rig.now -= 3600
    assert rig.part.next_batch() == [ClockSetBack("default", rig.now)]
    rig.now += 7200
    rig.put()
    assert bodies(rig.part.next_batch()) == ["1"]


def test_nothing_arrived_after_the_clock_that_was_set_back() -> None:
    rig = _Rig().opened()
    rig.now = 50.0
    rig.part.next_batch()

    def arrivals() -> list[float]:
        rig.buffer.put([(1, Delivery("default", "x", at)) for at in (40.0, 60.0)])
        rig.buffer.put_duplicates(Duplicates("default", 1, 70.0))
        batch = rig.part.next_batch()
        return [each.arrived for each in batch if isinstance(each, Delivery | Duplicates)]

    assert arrivals() == [40.0, 50.0, 50.0]
    rig.elapsed += AHEAD_SECONDS
    assert arrivals() == [40.0, 60.0, 70.0]


def test_nothing_arrived_after_the_clock_that_was_set_back_between_two_runs() -> None:
    rig = _Rig(is_read=True).opened()
    rig.buffer.put([(1, Duplicates("default", 1, rig.now + 10.0))])
    assert rig.part.next_batch() == [Duplicates("default", 1, rig.now)]
    rig.buffer.put([(2, Unused("default", rig.now + 10.0, []))])
    assert rig.part.next_batch() == [Unused("default", rig.now, [])]


def test_the_time_of_the_last_gap_comes_back_with_the_clock() -> None:
    rig = _Rig().opened()
    rig.status.last_gap_at = 99.0
    rig.now = 50.0
    rig.part.next_batch()
    assert rig.status.last_gap_at == 50.0
    kept = seal(structs.replace(rig.kept(), last_gap_at=200.0))
    assert _Rig(kept).status.last_gap_at == 100.0


def test_the_offsets_of_time_stamps_are_kept() -> None:
    rig = _Rig().opened()
    rig.origins.offsets["o"] = ZoneOffset(1.0, -3600.0, -3600.0)
    assert _Rig(rig.part.snapshot()).origins.offsets == rig.origins.offsets


def test_an_idle_source_waits_once_and_gives_nothing() -> None:
    wake = _Waits()
    rig = _Rig(wake=wake).opened()
    assert rig.part.next_batch() == []
    assert wake.seconds == [IDLE_SECONDS]


def test_a_source_with_deliveries_or_a_stop_does_not_wait() -> None:
    wake = _Waits()
    rig = _Rig(wake=wake).opened()
    rig.put()
    assert bodies(rig.part.next_batch()) == ["1"]
    rig.stop.set()
    with pytest.raises(StopIteration):
        rig.part.next_batch()
    assert wake.seconds == []


def test_a_delivery_that_comes_while_it_waits_is_given_at_once() -> None:
    rig = _Rig(idle_seconds=30).opened()
    late = threading.Timer(0.05, rig.put)
    late.start()
    assert bodies(rig.part.next_batch()) == ["1"]
    late.join()


def test_what_comes_soon_after_deliveries_is_given_together_and_a_moment_after_them() -> None:
    def come(timeout: float | None) -> None:
        waits.append(timeout)
        rig.put(2)

    waits: list[float | None] = []
    rig = _Rig(stop=_Meanwhile(come)).opened()
    rig.put()
    assert bodies(rig.part.next_batch()) == ["1"]
    rig.elapsed += GATHER_SECONDS / 2
    rig.put()
    assert bodies(rig.part.next_batch()) == ["2", "3", "4"]
    assert waits == [pytest.approx(GATHER_SECONDS / 2)]
    rig.elapsed += GATHER_SECONDS * 1.01
    rig.put()
    assert bodies(rig.part.next_batch()) == ["5"]
    assert len(waits) == 1


def test_a_full_batch_waits_for_nothing() -> None:
    stop = _Waits()
    rig = _Rig(stop=stop).opened()
    rig.put(2 * BATCH)
    for _ in range(2):
        assert len(rig.part.next_batch()) == BATCH
    assert stop.seconds == []


def test_only_what_was_taken_before_the_end_of_an_epoch_is_done_after_it() -> None:
    rig = _Rig().opened()
    rig.put(2)
    rig.part.next_batch()
    rig.part.snapshot()
    assert rig.buffer.done == 0
    rig.put()
    assert len(rig.part.next_batch()) == 1
    assert rig.buffer.done == 2
    rig.part.next_batch()
    assert rig.buffer.done == 2
    rig.part.snapshot()
    rig.part.next_batch()
    assert rig.buffer.done == 3


def test_a_partition_that_is_resumed_knows_what_was_taken_and_missed_before_it_reads_on() -> None:
    before = _Rig().opened()
    before.put(3)
    before.status.gaps, before.status.last_gap_at = 2, 50.0
    before.part.next_batch()
    after = _Rig(before.part.snapshot())
    assert after.opened_times == 1
    assert after.known_at_opening == [1, 2, 3]
    assert (after.status.gaps, after.status.last_gap_at) == (2, 50.0)


def test_the_exchange_is_kept_when_it_was_connected() -> None:
    before = _Rig()
    assert (before.earlier_exchange, before.kept().exchange) == ("", "")
    before.status.since = 1.0
    changed = _Rig(before.part.snapshot(), exchange="wazo-headers")
    assert changed.earlier_exchange == "xivo"
    # It was killed before it reached the broker.
    again = _Rig(changed.part.snapshot(), exchange="wazo-headers")
    assert again.earlier_exchange == "xivo"
    again.status.since = 1.0
    assert again.kept().exchange == "wazo-headers"


def test_an_origin_is_silent_only_while_the_bus_is_read() -> None:
    rig = _Rig(wake=_Waits()).opened()
    rig.origins.add("o")
    assert rig.wait(10 * _FORGET_SECONDS) == []
    rig.status.connected = True
    assert rig.wait(_FORGET_SECONDS) == []
    assert rig.wait(CHECK_SILENCE_SECONDS) == [OriginSilent("default", "o", 100.0)]


def test_the_server_of_an_api_is_accepted_while_the_bus_has_carried_no_other() -> None:
    rig = _Rig(wake=_Waits()).opened()
    rig.status.connected = True
    assert rig.origins.admit("api")
    for _ in range(5):
        assert rig.wait(STRANGER_SECONDS) == []
        rig.origins.answer("api")
    assert rig.status.strangers == ()


@pytest.mark.parametrize("restarts", [False, True])
def test_the_server_of_an_api_is_withdrawn_after_ten_minutes_of_events_of_others(
    *, restarts: bool
) -> None:
    rig = _Rig(wake=_Waits()).opened()
    rig.status.connected = True
    rig.origins.admit("api")
    assert rig.wait(STRANGER_SECONDS) == []
    rig.origins.add("other")
    # While the bus is not read, nothing is learnt.
    rig.status.connected = False
    assert rig.wait(10 * STRANGER_SECONDS) == []
    rig.status.connected = True
    assert rig.wait(STRANGER_SECONDS - 2 * CHECK_SILENCE_SECONDS) == []
    if restarts:
        rig = _Rig(rig.part.snapshot(), wake=_Waits()).opened()
        rig.status.connected = True
    rig.origins.answer("api")
    assert rig.wait(2 * CHECK_SILENCE_SECONDS) == [OriginSilent("default", "api", 100.0)]
    assert "api" in rig.status.strangers
    # The dataflow forgets it; it is not accepted again, until it publishes.
    rig.origins.forget("api")
    assert not rig.origins.admit("api")
    rig.origins.add("api")
    rig.wait(CHECK_SILENCE_SECONDS)
    assert not rig.status.strangers


def test_the_server_of_an_api_that_publishes_is_no_stranger() -> None:
    rig = _Rig(wake=_Waits()).opened()
    rig.status.connected = True
    rig.origins.admit("api")
    rig.origins.add("other")
    assert rig.wait(STRANGER_SECONDS - CHECK_SILENCE_SECONDS) == []
    rig.origins.hear("api")
    assert rig.wait(3 * STRANGER_SECONDS) == []


def test_a_process_that_was_frozen_has_not_listened() -> None:
    rig = _Rig(wake=_Waits()).opened()
    rig.origins.add("o")
    rig.status.connected = True
    rig.elapsed += 10 * _FORGET_SECONDS
    assert rig.part.next_batch() == []


def test_a_standby_that_has_never_read_the_bus_withholds_what_was_kept_at_once() -> None:
    rig = _Rig(wake=_Waits()).opened()
    rig.elapsed = 5.0  # less than the grace since the machine started
    rig.status.is_standby = True
    assert rig.part.next_batch() == [StandbyBegan("default")]
    assert rig.status.is_withheld
    assert rig.wait(10 * STANDBY_GRACE_SECONDS) == []


def test_a_standby_that_has_read_the_bus_shows_what_it_knew_for_less_than_a_minute() -> None:
    rig = _Rig(wake=_Waits()).opened()
    rig.status.is_standby, rig.status.last_read_at = True, rig.elapsed
    rig.elapsed += STANDBY_GRACE_SECONDS - 0.1
    assert rig.part.next_batch() == []
    assert not rig.status.is_withheld
    rig.elapsed += 0.2
    assert rig.part.next_batch() == [StandbyBegan("default")]
    assert 30 < STANDBY_GRACE_SECONDS < 60


def test_an_exporter_that_is_cut_off_is_no_standby_and_withholds_nothing() -> None:
    rig = _Rig(wake=_Waits()).opened()
    rig.status.last_read_at = rig.elapsed
    assert rig.wait(10 * STANDBY_GRACE_SECONDS) == []


def test_a_standby_withholds_the_series_after_a_restart_too() -> None:
    before = _Rig(wake=_Waits()).opened()
    before.status.is_standby = before.status.has_read = True
    before.part.next_batch()
    after = _Rig(before.part.snapshot(), wake=_Waits()).opened()
    assert after.status.has_read
    assert after.part.next_batch() == [StandbyBegan("default")]
    assert after.status.is_withheld
    assert after.part.next_batch() == []


@pytest.mark.parametrize("is_complete", [False, True])
def test_series_are_withheld_until_the_bus_is_read_again(*, is_complete: bool) -> None:
    rig = _Rig(wake=_Waits()).opened()
    rig.status.is_standby = True
    assert rig.part.next_batch() == [StandbyBegan("default")]
    # It was cut off meanwhile: that changes nothing.
    rig.status.is_standby = False
    assert rig.part.next_batch() == []
    withheld = [rig.status.is_withheld]
    rig.status.last_read_at = rig.elapsed
    resumed = ReadingResumed("default", 7.0, is_complete)
    rig.buffer.put([(0, resumed)])
    rig.put()
    first, delivery = rig.part.next_batch()
    assert first == resumed
    assert isinstance(delivery, Delivery)
    assert [*withheld, rig.status.is_withheld] == [True, False]
    rig.status.is_standby = True
    rig.elapsed += STANDBY_GRACE_SECONDS
    assert rig.part.next_batch() == [StandbyBegan("default")]


def test_origins_are_free_after_a_restart_if_the_bus_has_none_of_its_addresses() -> None:
    before = _Rig(urls=("amqp://a", "amqp://b")).opened()
    before.origins.add("o")
    same = _Rig(before.part.snapshot(), urls=("amqp://c", "amqp://b"))
    assert same.origins.free == set()
    moved = _Rig(same.part.snapshot(), urls=("amqp://a",))
    assert moved.origins.free == {"o"}
    # They stay free until a bus carries them.
    assert _Rig(moved.part.snapshot(), urls=("amqp://a",)).origins.free == {"o"}


def test_silence_is_counted_over_restarts_without_the_time_between() -> None:
    rig = _Rig(wake=_Waits()).opened()
    rig.origins.add("o")
    rig.status.connected = True
    rig.wait(_FORGET_SECONDS - 1)
    rig.origins.add("p")
    after = _Rig(rig.part.snapshot(), wake=_Waits()).opened()
    after.status.connected = True
    assert [*after.origins.last_heard] == ["o", "p"]
    after.elapsed += 0.5
    assert after.wait(0.5) == []
    assert after.wait(CHECK_SILENCE_SECONDS) == [OriginSilent("default", "o", 100.0)]


def test_silence_is_looked_for_once_in_a_while() -> None:
    rig = _Rig(wake=_Waits()).opened()
    rig.status.connected = True
    rig.wait(_FORGET_SECONDS)
    rig.origins.last_heard["o"] = 0.0
    for _ in range(3):
        assert rig.wait(CHECK_SILENCE_SECONDS / 4) == []
    assert rig.wait(CHECK_SILENCE_SECONDS / 4) == [OriginSilent("default", "o", 100.0)]


def test_every_iteration_marks_progress() -> None:
    rig = _Rig()
    assert rig.progress.at == 0
    rig.part.next_batch()
    assert rig.progress.at == 100
    rig.now = 107.0
    rig.part.next_batch()
    assert rig.progress.at == 107


def test_it_ends_at_a_stop_and_leaves_the_rest_to_the_broker() -> None:
    rig = _Rig()
    rig.put(3)
    rig.stop.set()
    with pytest.raises(StopIteration):
        rig.part.next_batch()
    assert rig.buffer.taken == 0


def test_there_is_a_partition_for_each_bus() -> None:
    wake = threading.Event()
    buffers = {"one": DeliveryBuffer(wake), "two": DeliveryBuffer(wake)}
    source = BusSource(feeds_of(buffers), context_of(wake))
    assert source.list_parts() == ["one", "two"]
    buffers["two"].put([(1, Delivery("two", "x", 0.0))])
    part = source.build_part("bus", "two", None)
    assert part.next_batch() == [Opened("two", 0.0)]
    assert bodies(part.next_batch()) == ["x"]


def test_an_idle_bus_does_not_wait_while_another_has_deliveries() -> None:
    wake = _Waits()
    buffers = {"busy": DeliveryBuffer(wake), "idle": DeliveryBuffer(wake)}
    for waiter in buffers:
        source = BusSource(feeds_of(buffers), context_of(wake))
        names = sorted(buffers, key=lambda name: name != waiter)
        parts = {name: source.build_part("bus", name, None) for name in names}
        for part in parts.values():
            part.next_batch()
        for number in range(1, 4):
            buffers["busy"].put([(number, Delivery("busy", str(number), 0.0))])
            # Again, for the first turn takes the wake-up of what still waits.
            assert parts["idle"].next_batch() == parts["idle"].next_batch() == []
            assert bodies(parts["busy"].next_batch()) == [str(number)]
    assert wake.seconds == []


def test_of_many_idle_buses_only_one_waits_in_each_turn() -> None:
    wake = _Waits()
    buffers = {name: DeliveryBuffer(wake) for name in "abc"}
    source = BusSource(feeds_of(buffers), context_of(wake))
    # Another process of the cluster reads the first.
    parts = [source.build_part("bus", name, None) for name in "bc"]
    for turn in range(3):
        assert len(wake.seconds) == max(0, turn - 1)
        for part in parts:
            part.next_batch()
    assert wake.seconds == [IDLE_SECONDS] * 2


# With bytewax itself, because acknowledgement rests on the order in which it calls


class _Seen(DynamicSink[tuple[str, list[int]]]):
    def __init__(self) -> None:
        self.numbers: set[int] = set()

    def build(
        self, step_id: str, worker_index: int, worker_count: int
    ) -> StatelessSinkPartition[tuple[str, list[int]]]:
        del step_id, worker_index, worker_count
        return _SeenPartition(self.numbers)


class _SeenPartition(StatelessSinkPartition[tuple[str, list[int]]]):
    def __init__(self, numbers: set[int]) -> None:
        self._numbers = numbers

    def write_batch(self, items: list[tuple[str, list[int]]]) -> None:
        for _, numbers in items:
            self._numbers.update(numbers)


class _PassOn(StatefulBatchLogic[int, list[int], None]):
    def on_batch(self, values: list[int]) -> tuple[list[list[int]], bool]:
        return [values], StatefulBatchLogic.RETAIN

    def snapshot(self) -> None:
        return None


class _Watched(DeliveryBuffer):
    """Notes what was called done before all its effects could be seen."""

    def __init__(self, wake: threading.Event, seen: set[int]) -> None:
        self.too_early: list[tuple[int, int]] = []
        self._seen = seen
        self._done = 0
        super().__init__(wake)

    @property
    def done(self) -> int:
        return self._done

    @done.setter
    def done(self, number: int) -> None:
        self._done = number
        if len(self._seen) < number:
            self.too_early.append((number, len(self._seen)))


@pytest.mark.parametrize("epoch_ms", [0, 10])
def test_in_bytewax_a_delivery_is_done_only_when_its_effects_have_been_written(
    epoch_ms: int,
) -> None:
    count, keys = 20_000, 7
    wake, stop, sink = threading.Event(), threading.Event(), _Seen()
    buffer = _Watched(wake, sink.numbers)
    flow = Dataflow("test")
    deliveries = op.input(
        "bus",
        flow,
        BusSource(feeds_of({"x": buffer}), context_of(wake, stop)),
    )

    def decode(batch: list[Item]) -> list[tuple[str, int]]:
        numbers = [int(each.body or "") for each in batch if isinstance(each, Delivery)]
        return [(str(number % keys), number) for number in numbers]

    decoded = op.flat_map_batch("decode", deliveries, decode)
    op.output("sink", op.stateful_batch("state", decoded, lambda _: _PassOn()), sink)

    def feed() -> None:
        chance, number = random.Random(1), 0  # noqa: S311 -- any spread will do
        while number < count:
            for _ in range(min(chance.randrange(1, 400), count - number)):
                number += 1
                buffer.put([(number, Delivery("x", str(number), 0.0))])
            stop.wait(0.0005)
        # The end comes on its own, as a running exporter's would not.
        while buffer.done < count and not stop.wait(0.005):
            pass
        stop.set()
        wake.set()

    feeder = threading.Thread(target=feed)
    feeder.start()
    timer = threading.Timer(60, stop.set)
    timer.start()
    cli_main(flow, epoch_interval=timedelta(milliseconds=epoch_ms))
    timer.cancel()
    feeder.join()
    assert buffer.done == count
    assert buffer.too_early == []
    assert sink.numbers == set(range(1, count + 1))


def test_after_a_stall_the_states_are_told_that_events_may_be_missing() -> None:
    rig = _Rig().opened()
    rig.part._context.progress.stalls += 1  # noqa: SLF001 -- as the watchdog does
    # Also if somebody reloads the settings because of it.
    rig.stop.set()
    assert rig.part.next_batch() == [GapNoticed("default", rig.now)]
    with pytest.raises(StopIteration):
        rig.part.next_batch()
