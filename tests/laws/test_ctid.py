"""Phones and users are as a simulated xivo-ctid tells them, also after its restarts."""

from collections import Counter
from math import inf

import pytest

from dataflows.ctid_start import BURST_SECONDS
from dataflows.envelope import Delivery
from exporter.simulation.simulator import CallCentre
from tests.oracle import ENDPOINT_STATES, XIVO_PRESENCES
from tests.pipeline import Pipeline
from tests.simulation.test_simulator import is_start_of_ctid

OPENING = 1_449_700_000.0
HOURS = 8
STEP = 97


def shown(pipeline: Pipeline, metric: str, origin: str) -> Counter[str]:
    series = pipeline.series().items()
    return Counter(
        {of[1]: int(value) for (name, of), value in series if (name, of[0]) == (metric, origin)}  # type: ignore[arg-type]  # no histogram
    )


@pytest.mark.parametrize("seed", range(4))
def test_phones_and_users_are_as_ctid_tells_them(seed: int) -> None:
    centre = CallCentre(agents=12, seed=seed, start=int(OPENING), noise=False)
    origin = centre.origin_uuid
    pipeline = Pipeline(windows="")
    pipeline.now = OPENING
    starts = 0
    settled_at = inf
    for _ in range(0, HOURS * 3600, STEP):
        until = pipeline.now + STEP
        batch = [*centre.until(until)]
        for message in batch:
            if is_start_of_ctid(message):
                starts, settled_at = starts + 1, message.at + 2 * BURST_SECONDS
            elif b'"xivo-ctid"' in message.body:
                settled_at = inf  # It has ended.
        pipeline.take([Delivery("default", each.body, each.at) for each in batch])
        pipeline.wait(STEP)
        if pipeline.now < settled_at:
            continue
        phones = [ENDPOINT_STATES.get(code, "other") for code in centre.endpoints.values()]
        assert +shown(pipeline, "xivo_endpoints", origin) == Counter(phones)
        users = [each if each in XIVO_PRESENCES else "other" for each in centre.presences.values()]
        assert +shown(pipeline, "xivo_users", origin) == Counter(users)
        for subsystem in ("endpoints", "users"):
            assert pipeline.value("xivo_state_known", origin, subsystem) == 1
    assert starts > 1
