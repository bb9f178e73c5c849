"""A simulated Wazo on a real exchange: messages are lost, and its APIs tell the truth."""

from __future__ import annotations

import threading
import time
from collections.abc import Mapping
from pathlib import Path
from random import Random

from exporter.commands.demo_api import INTERVAL_SECONDS, DemoApi
from exporter.settings import Generation
from exporter.simulation.simulator import CallCentre, Era, Message
from tests.integration.bus import Wire, connected, processed, publish, rejected
from tests.integration.conftest import RunExporter
from tests.integration.snapshots import HURRIED, drift, outcomes
from tests.integration.wazo import ARGUMENTS, EXCHANGE, JSON, READ, Server, said, telephony
from tests.pipeline import SPECS
from tests.program import Exporter, Series
from tests.servers import Broker
from tests.simulation.wazo_gauges import GAUGES, true_gauges
from tests.simulation.wazo_truth import Truth
from tests.support import eventually

SHARE = 0.2
"""Of the messages that are lost."""

ROUNDS = (600.0, 640.0, 1200.0, 1230.0, 1700.0)
"""When the APIs are asked, in seconds after the opening."""

SOURCES = ("amid", "agentd", "chatd", "calld")
REASONS = tuple(
    said(f"configuration/wazo-{name}")
    for name in (
        *("26.04_queue_created", "26.04_agent_edited", "26.04_user_created"),
        "26.08_line_created",
    )
)
"""Events that let each of these be asked."""

# The simulated time stands while the APIs are asked, so wrap-ups end too early.
COMPARED = tuple(name for name in GAUGES if name != "xivo_agents_by_activity")

LABELS = {spec.name: spec.labels[1:] for spec in SPECS if spec.name in COMPARED}


def _wire(message: Message) -> Wire:
    return Wire(message.body, message.routing_key, message.headers, JSON)


def _arguments(api: DemoApi, folder: Path) -> list[str]:
    settings = api.settings
    assert settings.api_password is not None
    (file := folder / "api-password").write_text(settings.api_password.get_secret_value())
    file.chmod(0o600)
    return [
        *ARGUMENTS,
        f"--api-url={settings.api_url}",
        f"--api-username={settings.api_username}",
        f"--api-password-file={file}",
    ]


def _answers(program: Exporter) -> dict[str, float]:
    samples = program.samples()
    return {source: outcomes(samples, source).get("ok", 0) for source in SOURCES}


def _shown(samples: Mapping[Series, float], origin: str) -> Truth:
    shown = {
        (name, tuple(dict(labels)[label] for label in LABELS[name])): value
        for (name, labels), value in telephony(samples, origin).items()
        if name in COMPARED
    }
    # An empty list shows nothing of a server of whose parked calls nothing was heard.
    return {("xivo_parked_calls", ()): 0, **shown}


def test_after_the_next_answers_all_gauges_are_true(
    broker: Broker, exporter: RunExporter, tmp_path: Path
) -> None:
    broker.declare_exchange(EXCHANGE, "headers")
    opening = time.time() - max(ROUNDS) - 60
    centre = CallCentre(
        agents=12, seed=18, start=opening, era=Era.WAZO_26_04, noise=False, reloads=True
    )
    origin, rng = centre.origin_uuid, Random(18)  # noqa: S311 -- for losses
    api, lock = DemoApi(Generation.WAZO), threading.Lock()
    with api, api.serving(centre.apis, lock, 1.0):
        program = exporter(broker.url(), *_arguments(api, tmp_path), program=HURRIED)
        connected(program)
        eventually(lambda: all(_answers(program).values()), what="the first answers")
        server, count = Server(origin, opening), 0
        for at in ROUNDS:
            with lock:
                messages = [each for each in centre.until(opening + at) if rng.random() >= SHARE]
            publish(broker, EXCHANGE, map(_wire, messages))
            count += sum(each.headers["name"] in READ for each in messages)
            processed(program, count)
            server.at = opening + at
            publish(broker, EXCHANGE, server.published(REASONS))
            count += len(REASONS)
            truth = {
                each: value for each, value in true_gauges(centre).items() if each[0] in COMPARED
            }
            # Long before they would be asked again.
            eventually(
                lambda t=truth: _shown(program.samples(), origin) == t,  # type: ignore[misc]  # mypy infers no default of a lambda
                timeout=INTERVAL_SECONDS / 3,
                what=lambda t=truth: f"{t.items() - _shown(program.samples(), origin).items()}",  # type: ignore[misc]  # as above
            )
        samples = processed(program, count)
        assert not rejected(samples)
        assert drift(samples)
