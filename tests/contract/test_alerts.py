"""The alert rules are valid, tested and documented."""

from __future__ import annotations

import re
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.contract.test_docs import rows
from tests.promql import SPECS, TARGET, Queries
from tests.support import REPOSITORY, amtool, missing, promtool

ALERTMANAGER = REPOSITORY / "dashboards" / "alertmanager.yml"
PAGE = REPOSITORY / "docs" / "alerts.md"
RUNBOOKS = REPOSITORY / "docs" / "runbooks.md"
RULES = sorted((REPOSITORY / "dashboards" / "alerts").glob("*.yaml"))
TESTS = sorted((REPOSITORY / "tests" / "rules").glob("*.yaml"))

# How an annotation names a server.
SERVER = (
    "{{ with printf `origin_server:xivo_origin_info:last5d{origin_uuid=%q}` $labels.origin_uuid"
    " | query }}{{ first . | label `server` }}{{ else }}{{ $labels.origin_uuid }}{{ end }}"
)

Rule = dict[str, Any]


def load(file: Path) -> Any:  # noqa: ANN401 -- YAML
    return yaml.safe_load(file.read_text(encoding="utf-8"))


def rules_of(file: Path) -> list[Rule]:
    # The file that a site edits has examples in comments: they must be right too.
    text = file.read_text(encoding="utf-8").replace("# or ", "or ")
    return [rule for group in yaml.safe_load(text)["groups"] for rule in group["rules"]]


def by_stem(file: Path) -> str:
    return file.stem


def by_name(rule: Rule) -> str:
    return str(rule.get("alert") or rule["record"])


ALL = [rule for file in RULES for rule in rules_of(file)]
ALERTS = [rule for rule in ALL if "alert" in rule]
RECORDS = [rule for rule in ALL if "record" in rule]
NAMES = [rule["alert"] for rule in ALERTS]

each_alert = pytest.mark.parametrize("alert", ALERTS, ids=by_name)


# Prometheus' own tools


def run(*command: str | Path) -> None:
    # Shorter than the limit of a test: promtool needs half a minute, on a busy machine much more.
    done = subprocess.run(command, capture_output=True, text=True, timeout=240, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.promtool
def test_promtool_accepts_the_rules() -> None:
    tool = promtool() or missing("promtool", "apt-get install prometheus")
    run(tool, "check", "rules", "--lint=all", "--lint-fatal", *RULES)


@pytest.mark.promtool
@pytest.mark.parametrize("file", TESTS, ids=by_stem)
def test_the_tests_of_the_rules_pass(file: Path) -> None:
    tool = promtool() or missing("promtool", "apt-get install prometheus")
    run(tool, "test", "rules", file)


@pytest.mark.alertmanager
def test_amtool_accepts_the_example_for_alertmanager() -> None:
    tool = amtool() or missing("amtool", "apt-get install prometheus-alertmanager")
    run(tool, "check-config", ALERTMANAGER)


# Queries


@pytest.fixture(scope="module")
def queries() -> Queries:
    """A reader that knows all recording rules, independent of the order of their files."""
    reader, waiting = Queries(), list(RECORDS)
    while waiting:
        ready = [each for each in waiting if not uses(each) & {r["record"] for r in waiting}]
        assert ready, "recording rules that depend on each other in a circle"
        for rule in ready:
            reader.record(rule["record"], rule["expr"])
        waiting = [each for each in waiting if each not in ready]
    return reader


def uses(rule: Rule) -> set[str]:
    """Return the names of the recording rules that a rule uses."""
    return set(re.findall(r"\w+:\w+(?::\w+)?", rule["expr"]))


@pytest.mark.parametrize("rule", ALL, ids=by_name)
def test_a_rule_uses_only_declared_metrics_and_labels(rule: Rule, queries: Queries) -> None:
    labels = queries.labels(rule["expr"])
    annotations = " ".join(rule.get("annotations", {}).values())
    assert set(re.findall(r"\$labels\.(\w+)", annotations)) <= labels


@pytest.mark.parametrize("rule", ALL, ids=by_name)
def test_no_rule_needs_a_metric_of_the_process(rule: Rule) -> None:
    # Many sites do not store them, or hide /proc from the exporter.
    assert "process_" not in rule["expr"]


@each_alert
def test_an_alert_has_a_condition_of_its_own(alert: Rule) -> None:
    assert re.search(r"[<>=]", alert["expr"])


@each_alert
def test_an_alert_about_the_telephony_does_not_depend_on_the_number_of_exporters(
    alert: Rule, queries: Queries
) -> None:
    labels = queries.labels(alert["expr"])
    assert labels.isdisjoint(TARGET) or alert["alert"].startswith("XivoExporter")


@pytest.mark.parametrize("rule", RECORDS, ids=by_name)
def test_a_recording_rule_is_used(rule: Rule) -> None:
    notes = {note for alert in ALERTS for note in alert["annotations"].values()}
    assert any(rule["record"] in uses(other) for other in ALL) or any(
        rule["record"] in note for note in notes
    )


def test_the_reader_of_queries_refuses_queries_that_match_nothing() -> None:
    reader = Queries()
    for wrong in (
        "xivo_agent",
        'xivo_agents{state="logged_in"}',
        'xivo_agents{status="logged"}',
        "max by (queue) (xivo_agents)",
        "sum without (queue) (xivo_agents)",
        "xivo_agents and on (queue) xivo_queue_members",
        "xivo_agents > max by (origin_uuid) (xivo_agents)",
        "origin:xivo_agents:unheard_of",
    ):
        with pytest.raises(AssertionError):
            reader.labels(wrong)


# Annotations and documents


@pytest.mark.parametrize("file", RULES, ids=by_stem)
def test_alerts_and_groups_are_named_after_their_file(file: Path) -> None:
    (group,) = load(file)["groups"]
    assert group["name"] == f"xivo_{file.stem}"
    for rule in rules_of(file):
        if "alert" in rule:
            assert rule["alert"].startswith(f"Xivo{file.stem.removesuffix('s').capitalize()}")


@each_alert
def test_an_alert_has_a_severity_a_summary_a_description_and_a_runbook(alert: Rule) -> None:
    assert alert["labels"].keys() == {"severity"}
    assert alert["labels"]["severity"] in {"critical", "warning"}
    notes = alert["annotations"]
    assert notes.keys() == {"summary", "description", "runbook_url"}
    assert notes["description"].endswith(".")
    assert notes["runbook_url"].endswith(f"/docs/runbooks.md#{alert['alert'].lower()}")


@each_alert
def test_an_alert_names_its_server_as_people_do(alert: Rule, queries: Queries) -> None:
    # The name, and the UUID only where no exporter has shown a name.
    notes = [alert["annotations"]["summary"], alert["annotations"]["description"]]
    is_about_server = "origin_uuid" in queries.labels(alert["expr"])
    assert [note.count(SERVER) for note in notes] == [is_about_server, 0]
    assert not any("origin_uuid" in note.replace(SERVER, "") for note in notes)


def test_the_names_of_alerts_are_unique() -> None:
    assert len(set(NAMES)) == len(NAMES)


def test_every_alert_has_a_runbook_and_every_runbook_an_alert() -> None:
    headings = re.findall(r"^### (.+)$", RUNBOOKS.read_text(encoding="utf-8"), re.MULTILINE)
    assert sorted(headings) == sorted(NAMES)


@each_alert
def test_a_runbook_has_its_three_parts(alert: Rule) -> None:
    text = RUNBOOKS.read_text(encoding="utf-8")
    _, _, section = text.partition(f"### {alert['alert']}\n")
    section = re.split(r"^#", section, maxsplit=1, flags=re.MULTILINE)[0]
    assert re.findall(r"^\*\*(.+?)\*\*", section, re.MULTILINE) == [
        "What it means.",
        "What to look at.",
        "What to do.",
    ]


def test_the_page_lists_every_alert_with_its_severity() -> None:
    listed = {
        re.sub(r"\[(\w+)\].*", r"\1", name): severity
        for name, severity, _ in rows(PAGE, "alert", "severity", "fires when")
    }
    assert listed == {alert["alert"]: alert["labels"]["severity"] for alert in ALERTS}


# Tests of the rules


def cases() -> Iterator[Rule]:
    for file in TESTS:
        for test in load(file)["tests"]:
            yield from test.get("alert_rule_test", ())


@each_alert
def test_an_alert_is_tested_to_fire_with_its_annotations_and_not_to_fire(alert: Rule) -> None:
    found = [case["exp_alerts"] for case in cases() if case["alertname"] == alert["alert"]]
    assert any(not fired for fired in found)
    fired = [each for case in found for each in case]
    assert fired
    for each in fired:
        assert each["exp_labels"]["severity"] == alert["labels"]["severity"]
        assert each["exp_annotations"].keys() == alert["annotations"].keys()


@pytest.mark.parametrize("file", TESTS, ids=by_stem)
def test_the_series_of_a_test_are_series_of_the_exporter(file: Path) -> None:
    for test in load(file)["tests"]:
        for each in test.get("input_series", ()):
            name, _, labels = each["series"].partition("{")
            given = set(re.findall(r"(\w+)=", labels))
            declared = set(SPECS[name].labels) if name in SPECS else set()
            assert name in {*SPECS, "up"}
            assert given == declared | TARGET


# Inhibition


def matching(matchers: list[str]) -> set[str]:
    """Return the alerts that match all matchers of `alertname`."""
    matched = set(NAMES)
    for matcher in matchers:
        found = re.fullmatch(r'alertname(=|!=|=~)"(.+)"', matcher)
        assert found is not None, matcher
        operator, pattern = found.groups()
        hits = {name for name in NAMES if re.fullmatch(pattern, name)}
        assert hits, f"no alert is {pattern}"
        matched = matched - hits if operator == "!=" else matched & hits
    return matched


def test_an_alert_inhibits_others_by_labels_that_it_has(
    queries: Queries,
) -> None:
    labels = {alert["alert"]: queries.labels(alert["expr"]) for alert in ALERTS}
    for rule in load(ALERTMANAGER)["inhibit_rules"]:
        (source,) = matching(rule["source_matchers"])
        targets = matching(rule["target_matchers"])
        assert source not in targets
        assert targets
        assert set(rule["equal"]) <= labels[source]


def test_alerts_are_grouped_by_labels_that_they_have(queries: Queries) -> None:
    known = {label for alert in ALERTS for label in queries.labels(alert["expr"])}
    assert set(load(ALERTMANAGER)["route"]["group_by"]) <= known | {"alertname"}
