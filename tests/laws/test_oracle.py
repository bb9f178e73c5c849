"""Random traffic through the dataflow has the result that the oracle computes."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dataflows.logouts import COUNT_SECONDS
from dataflows.metric import Histogram, Kind
from dataflows.subsystems import calls, queue_calls
from tests.agent_oracle import METRICS as ACTIVITY_METRICS
from tests.laws.strategies import ORIGINS, Letter, Pause, Step, of_kinds, traffic
from tests.oracle import Fact, Numbers, expect
from tests.pipeline import ALL_DETAILS, SPECS, WINDOWED, Pipeline, SeriesValues

# Set by the profile, see conftest.py.
EXAMPLES = settings().max_examples

# They have oracles of their own: `tests/laws/calls_truth.py`, `tests/laws/test_calls.py`.
CALLS = {spec.name for each in (calls, queue_calls) for spec in each.SUBSYSTEM.metrics}

# A counter of an entity ends with it.
COUNTERS = {spec.name for spec in SPECS if spec.kind is Kind.COUNTER and not spec.detail}


def plain(series: SeriesValues) -> Numbers:
    """Return the series as the oracle computes them: no windows, histograms as tuples.

    What agents do has an oracle and a test of its own, `tests/laws/test_activity.py`.
    """
    return {
        key: (value.counts, value.total) if isinstance(value, Histogram) else value
        for key, value in series.items()
        if key[0] not in WINDOWED | CALLS | ACTIVITY_METRICS
    }


def run(steps: list[Step], *, details: bool) -> None:
    pipeline = Pipeline(details=ALL_DETAILS if details else ())
    history: list[Fact] = []
    before: Numbers = {}
    for step in steps:
        if isinstance(step, Pause):
            pipeline.wait(step.seconds)
        else:
            batch = []
            for letter in step:
                delivery, fact = letter.post(pipeline.now)
                if not is_late_registration(fact, history):
                    batch.append(delivery)
                    history.append(fact)
            pipeline.take(batch)
        shown = plain(pipeline.series())
        assert shown == expect(history, pipeline.now, details=details)
        if not isinstance(step, Pause):
            for key, value in before.items():
                assert key[0] not in COUNTERS or shown[key] >= value
        before = shown


@given(traffic(), st.booleans())
@settings(max_examples=2 * EXAMPLES)
def test_random_traffic_agrees_with_the_oracle(steps: list[Step], details: bool) -> None:
    run(steps, details=details)


def is_late_registration(fact: Fact, history: list[Fact]) -> bool:
    """Return whether an earlier instance of a service registers again.

    No server does that, because an instance registers once. Late repeated registrations have
    their own tests.
    """
    if not fact.name.startswith("service_registered"):
        return False
    service = (fact.bus, fact.origin, fact.data["service_name"])
    earlier = [
        each
        for each in history
        if each.name.startswith("service_")
        and (each.bus, each.origin, each.data["service_name"]) == service
    ]
    is_known = any(each.data["service_id"] == fact.data["service_id"] for each in earlier)
    is_latest = (
        is_known
        and earlier[-1].name.startswith("service_registered")
        and earlier[-1].data["service_id"] == fact.data["service_id"]
    )
    return is_known and not is_latest


SLICES = (
    "agent",
    "endpoint",
    "user",
    "chatd",
    "service",
    ("QueueMember", "AgentComplete"),
    "switchboard",
    ("call_parked", "conference_", "Hangup"),
    ("fax", "user_voicemail"),
)


@pytest.mark.parametrize("prefix", SLICES)
def test_dense_traffic_of_one_subsystem_agrees_with_the_oracle(prefix: str) -> None:
    @given(traffic(of_kinds(lambda name: name.startswith(prefix))), st.booleans())
    def agree(steps: list[Step], details: bool) -> None:
        run(steps, details=details)

    agree()


@pytest.mark.parametrize("seconds", [59.0, 60.0, 61.0])
def test_who_is_deleted_and_logs_out_later_ends_no_session(seconds: float) -> None:
    login, logout, deletion = (
        Letter(name, ORIGINS[0], data, "default", 0.0, "", (), is_text=False, is_duplicate=False)
        for name, data in (
            ("agent_status_update", {"agent_id": 1, "status": "logged_in"}),
            ("agent_status_update", {"agent_id": 1, "status": "logged_out"}),
            ("agent_deleted", {"id": 1}),
        )
    )
    run([[login, deletion], Pause(seconds), [logout], Pause(COUNT_SECONDS)], details=False)
