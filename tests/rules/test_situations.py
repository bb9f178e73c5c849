"""Each critical alert, in each situation: it is silent without a reason, and fires with one."""

from __future__ import annotations

import re
import subprocess
from collections.abc import Callable, Mapping
from dataclasses import replace
from itertools import groupby, pairwise
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.rules.exporters import exporter_series
from tests.rules.servers import server_series
from tests.rules.situations import SITUATIONS
from tests.rules.world import CONSEQUENCES, EXPORTERS, TROUBLES, At, World
from tests.support import REPOSITORY, missing, promtool

RULES = sorted((REPOSITORY / "dashboards" / "alerts").glob("*.yaml"))
FIRING = 'ALERTS{alertstate="firing",severity="critical"}'
EVER = f"group by (alertname) (count_over_time({FIRING}[1w]))"

# A change of the rules that makes an alert fire in this situation without a reason.
UNGUARDED: Mapping[str, tuple[str, str, str]] = {
    "usual": ("agents", "certain[2h]) == 0", "certain[2h]) > 0"),
    "restart": ("queues", "0.7 *", "0.1 *"),
    "failover": ("agents", "0.7 *", "0.1 *"),
    "planned_stop": ("agents", "unless on (origin_uuid) origin:xivo_server_stopped:bool == 1", ""),
    "cluster": (
        "exporter",
        "(xivo_origin_info unless on (job, instance, bus) xivo_exporter_bus_connected)",
        "(xivo_origin_info and on (job, instance, bus) xivo_exporter_bus_connected)",
    ),
    "new_queue": ("queues", "max5d > 0", "max5d >= 0"),
    "night": ("site", ">= 8", ">= 5"),
    "holiday": ("site", "unless xivo:holiday:today", ""),
    "clock_change": ("site", "< bool 25", "< bool 99"),
}

_RULE = re.compile(r"^      - (?:record|alert): (\S+)$", re.MULTILINE)


def chunks(text: str) -> list[tuple[str | None, str]]:
    """Split the text of rules: the beginning without a name, then each rule with its name."""
    begins = [0, *(found.start() for found in _RULE.finditer(text)), len(text)]
    names = [None, *_RULE.findall(text)]
    return [(name, text[i:j]) for name, (i, j) in zip(names, pairwise(begins), strict=True)]


def needed() -> frozenset[str | None]:
    """Return the critical alerts, and the rules that they use. The others would only take time."""
    texts = dict(each for file in RULES for each in chunks(file.read_text(encoding="utf-8")))
    found, waiting = set[str | None]({None}), list(TROUBLES)
    while waiting:
        found.add(name := waiting.pop())
        used = {other for other in re.findall(r"[\w:]+:\w+", texts[name]) if other in texts}
        waiting += used - found
    return frozenset(found)


NEEDED = needed()

each_situation = pytest.mark.parametrize("situation", SITUATIONS)
# An API makes no difference where nothing is unknown.
each_cell = pytest.mark.parametrize(
    ("situation", "has_api"),
    [
        *((name, False) for name in SITUATIONS),
        *((name, True) for name in SITUATIONS if name not in {"night", "holiday", "clock_change"}),
    ],
)


def rules(world: World) -> dict[str, str]:
    """Return all rules by stem. Their calendar is shifted, because promtool begins in 1970."""
    found = {file.stem: file.read_text(encoding="utf-8") for file in RULES}
    site = re.sub(
        r"\b(month|day_of_month|day_of_week)\(\)", r"\1(vector(time()))", found["site"]
    ).replace("time()", f"(time() + {world.start.timestamp():.0f})")
    assert site.count("expr: vector(1)\n") == 1
    return found | {"site": site.replace("expr: vector(1)", f"expr: vector({len(EXPORTERS)})")}


def values(world: World, value: At) -> str:
    """Return a series in the notation of promtool."""
    shown = [value(minute) for minute in range(0, world.minutes + 1, world.step)]
    runs = [(each, len(list(run))) for each, run in groupby(shown)]
    return " ".join(
        f"_x{length}" if each is None else f"{each:g}x{length - 1}" for each, length in runs
    )


def differences(
    world: World,
    directory: Path,
    query: str,
    expected: list[dict[str, str]],
    change: Callable[[dict[str, str]], dict[str, str]] = lambda texts: texts,
) -> str:
    """Ask a question at the end of a world, and return how the answer differs."""
    for stem, text in change(rules(world)).items():
        kept = "".join(rule for name, rule in chunks(text) if name in NEEDED)
        empty = kept.rstrip().endswith("rules:")
        (directory / f"{stem}.yaml").write_text("" if empty else kept, encoding="utf-8")
    series = [*exporter_series(world), *server_series(world)]
    check = {
        "expr": query,
        "eval_time": f"{world.minutes}m",
        "exp_samples": [{"labels": labelled(each), "value": 1} for each in expected],
    }
    test = {
        "interval": f"{world.step}m",
        "input_series": [
            {"series": name, "values": values(world, value)} for name, value in series
        ],
        "promql_expr_test": [check],
    }
    file = directory / "test"
    content = {
        "rule_files": [rule.name for rule in RULES],
        # In a server, groups are evaluated at the same time. Here the order is kept, so that a test
        # that fails does so again.
        "group_eval_order": [f"xivo_{stem}" for stem in sorted(rules(world), key=_order)],
        "evaluation_interval": test["interval"],
        "tests": [test],
    }
    file.write_text(yaml.safe_dump(content), encoding="utf-8")
    tool = promtool() or missing("promtool", "apt-get install prometheus")
    done = subprocess.run(
        [tool, "test", "rules", file], capture_output=True, text=True, timeout=120, check=False
    )
    assert (done.returncode == 0) == ("FAILED" not in done.stdout + done.stderr)
    return "" if done.returncode == 0 else done.stdout + done.stderr


def _order(stem: str) -> tuple[bool, str]:
    return stem not in {"exporter", "site", "services"}, stem


def labelled(labels: Mapping[str, str]) -> str:
    return "{" + ",".join(f'{name}="{value}"' for name, value in labels.items()) + "}"


def calm(situation: str) -> list[dict[str, str]]:
    """Return the alerts that belong to a situation itself."""
    # A server that is stopped or cut off raises one alert, and none that follows from it.
    own = {"planned_stop": "XivoServicesStopped", "cluster": "XivoExporterDisconnected"}
    return [{"alertname": own[situation]}] if situation in own else []


def test_there_is_a_trouble_for_every_critical_alert() -> None:
    groups = [yaml.safe_load(file.read_text(encoding="utf-8"))["groups"] for file in RULES]
    every: list[Any] = [rule for each in groups for group in each for rule in group["rules"]]
    assert TROUBLES.keys() == {
        rule["alert"]
        for rule in every
        if "alert" in rule and rule["labels"]["severity"] == "critical"
    }


def test_there_is_an_unguarded_rule_for_every_situation() -> None:
    assert UNGUARDED.keys() == SITUATIONS.keys()


@pytest.mark.promtool
@each_cell
def test_no_critical_alert_fires_without_a_reason(
    situation: str, has_api: bool, tmp_path: Path
) -> None:
    world = replace(SITUATIONS[situation](true=False), has_api=has_api)
    assert differences(world, tmp_path, EVER, calm(situation)) == ""


@pytest.mark.promtool
@each_cell
def test_every_critical_alert_fires_with_a_reason_and_no_other_one(
    situation: str, has_api: bool, tmp_path: Path
) -> None:
    expected = [{"alertname": name, **labels} for name, labels in TROUBLES.items()]
    expected += map(dict, CONSEQUENCES)
    if situation == "new_queue":
        # Its member is the one of the queue `support`.
        unstaffed = [each for each in expected if each["alertname"] == "XivoQueueNoneAvailable"]
        expected += [{**each, "queue": "new"} for each in unstaffed]
    world = replace(SITUATIONS[situation](true=True), has_api=has_api)
    query = f"group without (alertstate, severity) ({FIRING})"
    assert differences(world, tmp_path, query, expected) == ""


@pytest.mark.promtool
@each_situation
def test_each_situation_notices_a_rule_without_its_guard(situation: str, tmp_path: Path) -> None:
    stem, old, new = UNGUARDED[situation]

    def change(texts: dict[str, str]) -> dict[str, str]:
        assert old in texts[stem]
        return texts | {stem: texts[stem].replace(old, new)}

    world = SITUATIONS[situation](true=False)
    assert "got:" in differences(world, tmp_path, EVER, calm(situation), change)
