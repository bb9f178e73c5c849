"""The benchmark's own parts that need no server: groups of rows, and shares in a profile."""

import argparse

import pytest

from tests.bench.__main__ import peer
from tests.bench.figures import FIGURES, GROUPS, PEER, chosen
from tests.bench.shares import Samples, table


def test_each_row_has_a_key_of_its_own_and_is_in_one_group_of_its_kind() -> None:
    keys = [each.key for each in FIGURES]
    assert len({*keys, *GROUPS}) == len(keys) + len(GROUPS)
    kinds = [rows for name, rows in GROUPS.items() if name != "targets"]
    assert [each for rows in kinds for each in rows] == [*FIGURES]


def test_every_row_of_the_targets_has_a_target() -> None:
    assert PEER in GROUPS["targets"]
    assert all(each.target for each in GROUPS["targets"])


@pytest.mark.parametrize(
    ("names", "keys"),
    [((), [each.key for each in FIGURES]), (("p99", "pages", "cpu", "scrape"), None)],
    ids=["none", "a group and rows"],
)
def test_rows_are_chosen_by_their_keys_and_groups_once_and_in_order(
    names: tuple[str, ...], keys: list[str] | None
) -> None:
    expected = keys or ["cpu", *(each.key for each in GROUPS["pages"]), "p99"]
    assert [each.key for each in chosen(names)] == expected


def test_a_peer_is_measured_only_if_it_is_named() -> None:
    assert PEER in chosen(())
    assert PEER not in chosen((), with_peer=False)
    assert chosen(["peer"], with_peer=False) == []


@pytest.mark.parametrize("text", ["telegraf", "telegraf=", "telegraf=/", "other=/bin/true"])
def test_a_peer_is_a_program_of_a_known_name(text: str) -> None:
    assert peer("telegraf=/bin/true").samefile("/bin/true")
    with pytest.raises(argparse.ArgumentTypeError, match=r"not telegraf=PATH of a program"):
        peer(text)


MAIN = "thread (7): MainThread;run (exporter/engine/runtime.py:40)"
STACKS = f"""\
{MAIN} 10
{MAIN};Decode.__call__ (dataflows/decode.py:9);open (dataflows/envelope.py:3);loads (json.py:1) 30
{MAIN};Logic.on_batch (dataflows/stage.py:66);apply (dataflows/queues.py:8) 20
{MAIN};Logic.on_batch (dataflows/stage.py:66);gc_collect_main (libpython.so) 20
{MAIN};BusSource._wait (exporter/engine/source.py:117);Event.wait (threading.py:629) 500
thread (8): consumer-default;decode (exporter/consumer/deliver.py:83) 15
thread (9): web;render (exporter/exposition/lines.py:2) 5
"""


SECONDS = {7: 1.6, 8: 0.3, 9: 0.1, 10: 5.0}
"""The main thread has 80 samples; nothing was seen of the last one."""


def test_a_thread_counts_as_its_cpu_and_a_step_with_all_that_it_calls_while_it_does_not_wait() -> (
    None
):
    samples = Samples()
    samples.add(STACKS, SECONDS)
    assert samples.total == pytest.approx(2)
    assert table(samples).splitlines() == [
        "| share | step | of which |",
        "|---|---|---|",
        "| 40 % | states | 20 % `queues.py`, 20 % `stage.py` |",
        "| 30 % | decode | 30 % `envelope.py` |",
        "| 15 % | the consumer's thread | 15 % `deliver.py` |",
        "| 10 % | bytewax itself, and the loop | 10 % `runtime.py` |",
        "| 5 % | other threads | 5 % `lines.py` |",
        "",
        "In C and Rust: 20 % garbage collection.",
    ]
