"""The series of a recording, as promtool reads them."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pytest
import yaml
from msgspec import Raw

from dataflows.lengths import Length
from dataflows.options import Options
from exporter.recording.format import Message, RecordingError
from exporter.recording.promtool import LEAD_SECONDS, Sampler
from tests.corpus import ORIGIN
from tests.support import missing, promtool

BUS = "default"
QUARTER = Length("15s", 15)
BEGIN = 1_795_621_326.5
MEMBERS = "xivo_queue_members"


def member(after: float, name: str, queue: str, *, event: str = "QueueMemberAdded") -> Message:
    data = {
        "Queue": queue,
        "Interface": f"SIP/{name}",
        "Paused": "0",
        "Status": "1",
        "Membership": "static",
    }
    body = {"name": event, "origin_uuid": ORIGIN, "data": data}
    return Message(BEGIN + after, Raw(json.dumps(body).encode()))


def sampled(messages: Iterable[Message], **more: Any) -> Sampler:  # noqa: ANN401 -- of a sampler
    sampler = Sampler(Options(), QUARTER, BUS, **more)
    sampler.play(messages, BUS)
    return sampler


def series_of(sampler: Sampler) -> dict[str, str]:
    [test] = yaml.safe_load("\n".join(sampler.test(())))["tests"]
    lead = f"_x{LEAD_SECONDS // QUARTER.seconds} "
    return {
        each["series"]: each["values"].removeprefix(lead) for each in test["input_series"] or ()
    }


def line(queue: str, metric: str = MEMBERS) -> str:
    labels = f'instance="replay",job="xivo",membership="static",origin_uuid="{ORIGIN}"'
    return f'{metric}{{{labels},queue="{queue}"}}'


def test_a_sample_is_what_a_scrape_at_that_moment_would_show() -> None:
    messages = [
        member(0, "a", "q"),
        member(14, "b", "q"),
        member(15, "c", "q"),
        member(40, "a", "q", event="QueueMemberRemoved"),
        member(60, "x", "other"),
    ]
    # At 0, 15, 30, 45 and 60 s.
    assert series_of(sampled(messages))[line("q")] == "1 3x1 2x1"
    assert series_of(sampled(messages))[line("other")] == "_x484 1"


def test_times_are_counted_from_the_begin_and_an_exporter_is_well() -> None:
    series = series_of(sampled([member(0, "a", "q"), member(20, "b", "q"), member(31, "c", "q")]))
    target = 'instance="replay",job="xivo"'
    assert series[f"up{{{target}}}"] == "1x482"
    assert series[f'xivo_exporter_bus_connected{{{target},bus="{BUS}"}}'] == "1x482"
    assert (
        series[f'xivo_exporter_bus_last_gap_timestamp_seconds{{{target},bus="{BUS}"}}'] == "0x482"
    )
    assert series[f"xivo_exporter_start_timestamp_seconds{{{target}}}"] == "0x482"
    last = f'xivo_exporter_last_delivery_timestamp_seconds{{{target},bus="{BUS}"}}'
    assert series[last] == "7200x1 7220"
    assert not any(name.startswith(("process_", "python_")) for name in series)


def test_only_metrics_that_the_rules_name_are_written() -> None:
    messages = [member(0, "a", "q"), member(20, "b", "q")]
    rules = "expr: sum by (queue) (xivo_queue_members) / up > 1 # not xivo_queue_members_paused_"
    series = series_of(sampled(messages, rules=rules))
    assert {name.partition("{")[0] for name in series} == {MEMBERS, "up"}
    buckets = series_of(sampled(messages, rules="rate(xivo_queue_wait_seconds_bucket[5m])"))
    assert buckets == {}


def test_a_recording_without_messages_gives_no_series() -> None:
    assert yaml.safe_load("\n".join(sampled([]).test(["a.yaml"])))["rule_files"] == ["a.yaml"]


def test_the_number_of_samples_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("exporter.recording.promtool.MAX_SAMPLES", 100)
    last = member(100 * QUARTER.seconds + 1, "b", "q")
    with pytest.raises(RecordingError, match="longer than 100 times 15s: write a longer time"):
        sampled([member(0, "a", "q"), last], rules="")


@pytest.mark.promtool
def test_promtool_reads_any_name_and_value(tmp_path: Path) -> None:
    names = [
        "it's",
        'a "quote"',
        "back\\slash",
        "Après-vente 中文 😀",
        "a: {b} # c",
        "%s _x3 1+1x2",
    ]
    messages = [member(0, "a", name) for name in names]
    messages += [member(20, "b", name) for name in names]
    messages += [member(35, "a", name, event="QueueMemberRemoved") for name in names]
    messages += [member(36, "b", name, event="QueueMemberRemoved") for name in names]
    # In labels, these characters are replaced by one that promtool reads only if it is escaped.
    messages += [member(37, "c", name) for name in ("tab\t", "line\u2028", "\x01")]
    sampler = sampled([*messages, member(61, "z", "last")])
    checks = [
        {
            "expr": f"sum by (queue) ({MEMBERS}{{queue={json.dumps(name, ensure_ascii=False)}}})",
            "eval_time": f"{LEAD_SECONDS + at}s",
            "exp_samples": [
                {"labels": f"{{queue={json.dumps(name, ensure_ascii=False)}}}", "value": value}
            ],
        }
        for name in names
        for at, value in ((0, 1), (15, 1), (30, 2), (45, 0))
    ]
    written = yaml.safe_load("\n".join(sampler.test(())))
    written["tests"][0]["promql_expr_test"] = checks
    text = yaml.safe_dump(written, allow_unicode=True)
    run_promtool(tmp_path, text)
    # As it is written, too.
    run_promtool(tmp_path, "\n".join(sampler.test(())))


def run_promtool(folder: Path, text: str) -> None:
    tool = promtool() or missing("promtool", "apt-get install prometheus")
    file = folder / "test.yaml"
    file.write_text(text, encoding="utf-8")
    done = subprocess.run(
        [tool, "test", "rules", file], capture_output=True, text=True, timeout=60, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
