"""What events cost that a broker delivers."""

from __future__ import annotations

from tests.bench import calls, core, drain, peer, recovery, wazo
from tests.bench.figure import Figure, Target
from tests.bench.noise import loop_ms

PEER = Figure(
    "peer",
    "CPU per event, against Telegraf, which keeps no state",
    "µs",
    drain.cpu_of(drain.ours),
    drain.cpu_of(peer.by_peer),
    Target("≤", 1 / 2),
)

FIGURES = (
    Figure("noise", "Python's own noise: CPU of a fixed loop", "ms", loop_ms),
    Figure(
        "core",
        "CPU per event in decode and states alone",
        "µs",
        lambda run: run.once(core.cpu_per_event),
    ),
    Figure(
        "cpu",
        "CPU per event, against the document's consumer",
        "µs",
        drain.cpu_of(drain.ours),
        drain.cpu_of(drain.by_reference),
        Target("≤", 1 / 5),
    ),
    PEER,
    Figure(
        "rate",
        "drained per second, against the document's consumer",
        "events",
        drain.rate_of(drain.ours),
        drain.rate_of(drain.by_reference),
        Target("≥", 3),
    ),
    Figure(
        "null",
        "drained per second, against a null reader",
        "events",
        drain.rate_of(drain.ours),
        drain.rate_of(drain.by_null_reader),
        Target("≥", 0.85),
    ),
    Figure(
        "recovery",
        "drained per second with a recovery store, against without",
        "events",
        drain.rate_of(recovery.ours_with_recovery),
        drain.rate_of(drain.ours),
        Target("≥", 0.8),
    ),
    Figure(
        "firehose",
        "CPU per event with `--bind-all`, 90 % unused, against the used mix",
        "µs",
        drain.cpu_of(drain.ours_of_firehose),
        drain.cpu_of(drain.ours),
        Target("≤", 1 / 2),
    ),
    Figure(
        "wazo",
        "CPU per event of Wazos of today, against the used mix",
        "µs",
        drain.cpu_of(drain.ours_of_wazo),
        drain.cpu_of(drain.ours),
        Target("≤", 0.8),
    ),
    Figure(
        "wazo-core",
        "the same in decode and states alone",
        "µs",
        core.cpu_per_event_of_wazo,
        lambda run: run.once(core.cpu_per_event),
    ),
    Figure(
        "wazo-agents",
        "CPU of a Wazo of 1,000 agents, 700 messages a second",
        "% of a core",
        wazo.cpu_percent,
    ),
    Figure(
        "calls",
        "CPU per event of the recorded call centre, against the document's consumer",
        "µs",
        lambda run: run.once(calls.whole),
        calls.by_reference,
        Target("≤", 1 / 4),
    ),
    Figure(
        "call",
        "CPU per queue call: what the events of callers and channels add",
        "µs",
        calls.whole_of_call,
    ),
    Figure(
        "call-core",
        "the same in decode and states alone",
        "µs",
        calls.alone,
    ),
)
