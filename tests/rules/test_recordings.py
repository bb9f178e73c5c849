"""Alerting rules, tested by recordings: what must fire does so in time, and nothing else fires."""

from __future__ import annotations

import gzip
import json
import subprocess
from collections.abc import Iterable, Iterator
from math import inf
from pathlib import Path
from typing import Any, NamedTuple

import msgspec
import pytest

from exporter.__main__ import main
from exporter.recording.format import Message
from exporter.recording.promtool import LEAD_SECONDS
from exporter.simulation.simulator import CallCentre, Era
from tests.support import REPOSITORY, missing, promtool

pytestmark = [
    pytest.mark.promtool,
    pytest.mark.usefixtures("no_settings_of_the_developer"),
]

RULES = sorted((REPOSITORY / "dashboards" / "alerts").glob("*.yaml"))
SIP_CALL_CENTRE = REPOSITORY / "tests" / "recordings" / "sip_call_centre.jsonl.gz"
START = 1_772_418_000.0
TROUBLE = 2400.0
"""Seconds after the start."""

OPEN = REPOSITORY / "tests" / "rules" / "open" / "site.yaml"
SITE = OPEN.read_text(encoding="utf-8").replace("vector(2)", "vector(1)")
"""Always open, because promtool begins at midnight. There is one exporter."""

SHARES = ("XivoCallsServiceLevelLow", "XivoCallsAbandoned")
"""Alerts about a share of the calls of an hour. A simulated call centre may have too few agents."""
FIRING = f'ALERTS{{alertstate="firing",alertname!~"{"|".join(SHARES)}"}}'
NOW = f"group by (alertname) ({FIRING})"
EVER = f"group by (alertname) (count_over_time({FIRING}[1d]))"

ENOUGH, LIMIT = 20, 0.2
"""So many calls in an hour are enough, and of so many the share may be late or abandoned."""
MARGIN = 0.02
"""increase() extrapolates, and does not see what was counted before the first scrape."""


class Check(NamedTuple):
    """The alerts, or values of another label, that a query must return at a time.

    Attributes:
        at: Seconds after the begin.
        values: What the query returns.
        query: PromQL.
        label: The only label of the result.
    """

    at: float
    values: set[str]
    query: str = NOW
    label: str = "alertname"


def failures(
    recording: Path,
    checks: Iterable[Check],
    folder: Path,
    capfd: pytest.CaptureFixture[str],
    every: str = "1m",
) -> str:
    """Test all rules with a recording, as a user would; return what promtool finds wrong."""
    site, test = folder / "site.yaml", folder / "test.yaml"
    if not site.exists():
        site.write_text(SITE, encoding="utf-8")
    rules = [site, *(file for file in RULES if file.stem != "site")]
    settings = ["--format", "promtool", "--every", every, "--rules", ",".join(map(str, rules))]
    assert main(["replay", str(recording), *settings]) == 0
    expected = [
        {
            "expr": check.query,
            "eval_time": f"{LEAD_SECONDS + check.at:.0f}s",
            "exp_samples": [
                {"labels": f'{{{check.label}="{value}"}}', "value": 1} for value in check.values
            ],
        }
        for check in checks
    ]
    written = capfd.readouterr().out
    test.write_text(f"{written}    promql_expr_test: {json.dumps(expected)}\n", encoding="utf-8")
    tool = promtool() or missing("promtool", "apt-get install prometheus")
    done = subprocess.run(
        [tool, "test", "rules", test], capture_output=True, text=True, timeout=60, check=False
    )
    return "" if done.returncode == 0 else done.stdout + done.stderr


def until(centre: CallCentre, seconds: float) -> Iterator[Message]:
    for each in centre.until(START + seconds):
        yield Message(each.at, msgspec.Raw(each.body), each.routing_key, dict(each.headers))


def written(folder: Path, messages: Iterable[Message]) -> Path:
    path = folder / "recording.jsonl"
    path.write_bytes(b"".join(msgspec.json.encode(each) + b"\n" for each in messages))
    return path


def event(centre: CallCentre, name: str, **data: object) -> Message:
    body = {"name": name, "origin_uuid": centre.origin_uuid, "data": data}
    return Message(START + TROUBLE, msgspec.Raw(msgspec.json.encode(body)))


def trouble(centre: CallCentre) -> Iterator[Message]:
    """Yield a normal hour, in which all agents leave and a service stops, and more calls follow."""
    yield from until(centre, TROUBLE)
    assert not any(centre.unclean_restarts.values())
    for agent in centre.agents_logged_in:
        yield event(centre, "agent_status_update", agent_id=agent, status="logged_out")
    for queue in centre.queues:
        for interface, member in centre.queue_members(queue).items():
            fields = {"Membership": member.membership, "Status": str(member.status), "Paused": "1"}
            yield event(centre, "QueueMemberPause", Queue=queue, Interface=interface, **fields)
    name, service_id = next(iter(centre.services_up.items()))
    yield event(centre, "service_deregistered_event", service_name=name, service_id=service_id)
    for message in until(centre, 2 * TROUBLE):
        named = json.loads(message.content())["name"]
        if not named.startswith(("QueueMember", "agent_", "service_")):
            yield message


def test_alerts_fire_when_a_recording_gives_a_reason(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    centre = CallCentre(agents=8, seed=3, start=START, noise=False)
    recording = written(tmp_path, trouble(centre))
    minutes = {"XivoServiceDown": 2, "XivoQueueNoneAvailable": 12, "XivoAgentsNoneLoggedIn": 15}
    checks = [Check(TROUBLE, set(), EVER)]
    fired: set[str] = set()
    for alert, after in minutes.items():
        checks.append(Check(TROUBLE + after * 60 - 60, set(fired)))
        fired.add(alert)
        checks.append(Check(TROUBLE + after * 60 + 120, set(fired)))
    checks.append(Check(2 * TROUBLE, fired, EVER))
    assert failures(recording, checks, tmp_path, capfd) == ""


def test_a_bus_that_is_silent_in_a_recording_raises_its_alert(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    centre = CallCentre(agents=8, seed=3, start=START, noise=False)
    messages = [*until(centre, TROUBLE)]
    last = messages[-1].time - START
    messages.append(msgspec.structs.replace(messages[-1], time=START + last + 2000))
    checks = [
        Check(last + 1800 - 60, set(), EVER),
        Check(last + 1800 + 60, {"XivoBusSilent"}),
        Check(last + 1800 + 60, {"XivoBusSilent"}, EVER),
    ]
    assert failures(written(tmp_path, messages), checks, tmp_path, capfd) == ""


def test_shares_of_calls_of_a_real_asterisk_raise_the_alerts_that_its_log_gives_a_reason_for(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    """It is restarted and killed in this half hour; without an API, that is no alert."""
    ended = 1640
    # With fewer samples, nobody would be seen who is available for a moment.
    checks = [Check(ended, set(), EVER)]
    for alert, (queues, doubtful) in reasons(ended).items():
        matchers = f'alertname="{alert}",alertstate="firing",queue!~"{"|".join(doubtful)}"'
        checks.append(Check(ended, queues, f"group by (queue) (ALERTS{{{matchers}}})", "queue"))
        assert queues
    assert failures(SIP_CALL_CENTRE, checks, tmp_path, capfd, every="30s") == ""


def reasons(ended: float) -> dict[str, tuple[set[str], set[str]]]:
    """Count what Asterisk's queue_log has until a time, in seconds after the begin.

    Returns:
        By alert, the queues that give a reason for it, and those that are too near to the limit.
    """
    with gzip.open(SIP_CALL_CENTRE.with_name("sip_call_centre.truth.jsonl.gz"), "rt") as file:
        written = json.loads(file.readline())
    end = written["from"] + ended
    found = {alert: (set[str](), set[str]()) for alert in SHARES}
    visits = [visit for visit in written["visits"] if visit.get("left", inf) <= end]
    for queue in {visit["queue"] for visit in visits}:
        hour = [visit for visit in visits if visit["queue"] == queue]
        quarter = [visit for visit in hour if visit["left"] > end - 900]
        for alert, bad in zip(SHARES, (_late, _abandoned), strict=True):
            if len(bad(hour)) < ENOUGH:
                continue
            share = min(sum(bad(each)) / max(len(bad(each)), 1) for each in (hour, quarter))
            certain, doubtful = found[alert]
            if abs(share - LIMIT) < MARGIN:
                doubtful.add(queue)
            elif share > LIMIT:
                certain.add(queue)
    return found


def _late(visits: Iterable[dict[str, Any]]) -> list[bool]:
    """Return for each visit that counts for the service level whether it was not in time."""
    return [
        visit["outcome"] != "answered" or visit["wait"] > 20
        for visit in visits
        if visit["outcome"] in {"answered", "expired"}
        or (visit["outcome"] == "abandoned" and visit["wait"] > 20)
    ]


def _abandoned(visits: Iterable[dict[str, Any]]) -> list[bool]:
    return [visit["outcome"] == "abandoned" for visit in visits]


def test_calls_of_a_real_asterisk_raise_no_alert_if_the_limits_of_the_queue_are_kept(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    """With the default limits, the queue `support` would raise an alert for each share."""
    recording = SIP_CALL_CENTRE.with_name("call_centre.jsonl.gz")
    site = SITE.replace("emergency", "support").replace("0.95", "0.7").replace("0.05", "0.3")
    (tmp_path / "site.yaml").write_text(site, encoding="utf-8")
    share = "group by (queue) (origin_queue:xivo_queue_{}:better {} > 0)"
    checks = [
        Check(960, {"support"}, share.format("service_level", "< 0.8"), "queue"),
        Check(960, {"support"}, share.format("calls_abandoned", "> 0.2"), "queue"),
        Check(960, set(), f"group by (alertname) ({FIRING.replace('!~', '=~')})"),
        Check(960, set(), EVER),
    ]
    assert failures(recording, checks, tmp_path, capfd, every="30s") == ""


@pytest.mark.parametrize("era", [Era.XIVO_15_20, Era.WAZO_26_04])
def test_in_a_simulated_hour_only_crashes_of_services_raise_an_alert(
    era: Era, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    centre = CallCentre(agents=8, seed=1, start=START, era=era, noise=False)
    recording = written(tmp_path, until(centre, 3600))
    crashed = any(centre.unclean_restarts.values())
    expected = {"XivoServiceCrashed"} if crashed else set()
    assert failures(recording, [Check(3600, expected, EVER)], tmp_path, capfd) == ""


def test_a_rule_that_should_not_fire_is_noticed(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    wrong = [Check(60, {"XivoBusSilent"}, EVER)]
    recording = SIP_CALL_CENTRE.parent / "sip_member_delay.jsonl.gz"
    assert "FAILED" in failures(recording, wrong, tmp_path, capfd)
