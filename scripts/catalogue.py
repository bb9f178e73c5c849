"""Make files from the declarations: metrics, events, a picture of the windows, the settings file.

`python -m scripts.catalogue --write` updates `docs/` and `packaging/`, `--check` fails if a file is
out of date.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path

from dataflows import knowledge
from dataflows.events import asterisk, configuration
from dataflows.metric import MetricSpec
from dataflows.subsystem import Decoder, Subsystem
from dataflows.subsystems import SUBSYSTEMS
from exporter.exposition.telemetry import SPECS
from scripts import generated
from scripts.settings_file import settings_file
from scripts.settings_schema import schema
from scripts.window_picture import window_picture

_ROOT = Path(__file__).resolve().parent.parent
_DOCS = _ROOT / "docs"
_PACKAGING = _ROOT / "packaging"

_GENERATED = "<!-- Generated from the code by `make generate`; do not edit. -->\n"


_ABOUT_METRICS = """\
Names, types, labels and label values are a public contract: the changelog lists every change.
The series of a subsystem of a server begin with its first event about it. If a label has a closed
vocabulary (a fixed list of values), the series of all its values then exist, at 0.
`origin_uuid` is the server that published the events; ids are unique only within one origin. Series
marked *detail* are off unless `--details` names their subsystem.

If a subsystem has a second table, it lists the metrics of its [windows](windows.md), whose lengths
`--windows` sets. A metric that says *not `today`* exists only for windows that are closed. The last
column explains what the metric shows that a query in PromQL cannot show.
"""

_ABOUT_KNOWLEDGE = """\
## What is known

How complete is the state of each subsystem? The label `subsystem` has the names of the sections
above. Chat and call forms only have counters, so they are neither complete nor partial. See
[ADR 27](adr/0027-knowledge.md).
"""

_ABOUT_EVENTS = """\
These are the events that the exporter uses. It binds its inbox to them: by routing key on a topic
exchange, by name on a headers exchange. With `--bind-all` it also receives all other events, and
counts them by name, as unused.
"""

_ABOUT_CONFIGURATION = """\
## Configuration

These events change no metric of a subsystem. After one of them, the exporter asks the APIs again
that tell what may have changed, if APIs are configured. It does the same after `FullyBooted`,
`Reload`, `agent_deleted`, `user_deleted` and the registration of a service.
"""


def metrics_page(subsystems: Iterable[Subsystem], own: Sequence[MetricSpec]) -> str:
    """Return the page of all metrics, in Markdown.

    Args:
        subsystems: In the order to show them.
        own: Metrics of the exporter itself that are not part of the dataflow.
    """
    parts = [_GENERATED, "# Metrics\n", _ABOUT_METRICS]
    for subsystem in subsystems:
        parts.append(f"## {subsystem.name}\n\n{subsystem.question}\n")
        parts.append(_table(spec for spec in subsystem.metrics if not spec.beyond_promql))
        windowed = [spec for spec in subsystem.metrics if spec.beyond_promql]
        if windowed:
            parts.append(_windows_table(windowed))
    parts.append(_ABOUT_KNOWLEDGE)
    parts.append(_table(knowledge.METRICS))
    parts.append("## The exporter itself\n")
    parts.append(_table(own))
    parts.append(
        "In addition, `process_*` and `python_*` come from prometheus-client: memory, CPU, file "
        "descriptors and garbage collection of the exporter's own process.\n"
    )
    return "\n".join(parts)


def events_page(subsystems: Iterable[Subsystem]) -> str:
    """Return the page of all events that are used, in Markdown."""
    parts = [_GENERATED, "# Events\n", _ABOUT_EVENTS]
    subsystems = [*subsystems]
    # Those of a subsystem or of a whole server stand in another section.
    elsewhere = {each for subsystem in subsystems for each in subsystem.decoders}
    elsewhere |= {*asterisk.DECODERS, *configuration.DECODERS}
    for subsystem in subsystems:
        if subsystem.decoders:
            parts.append(f"## {subsystem.name}\n\n{subsystem.question}\n")
            others = [each for each in subsystem.also if each not in elsewhere]
            parts.append(_events([*subsystem.decoders, *others]))
            elsewhere |= {*others}
    parts.append("## What is known\n\nAfter these events, no state is known to be complete.\n")
    parts.append(_events(asterisk.DECODERS))
    parts.append(_ABOUT_CONFIGURATION)
    parts.append(_events(configuration.DECODERS))
    return "\n".join(parts)


def _events(decoders: Iterable[Decoder]) -> str:
    rows = [f"| `{each.name}` | `{each.routing_key}` | {each.source} |" for each in decoders]
    return "\n".join(["| name | routing key | published by |", "|---|---|---|", *rows, ""])


def _table(specs: Iterable[MetricSpec]) -> str:
    head = "| metric | type | labels | series | meaning |\n|---|---|---|---|---|\n"
    return head + "".join(_row(spec) for spec in specs)


def _windows_table(specs: Iterable[MetricSpec]) -> str:
    head = "| window metric | labels | series | meaning | beyond PromQL |\n|---|---|---|---|---|\n"
    return head + "".join(
        f"| `{spec.name}` | {_labels(spec)} | {spec.cardinality} | {spec.help}{_limits(spec)} "
        f"| {spec.beyond_promql} |\n"
        for spec in specs
    )


def _limits(spec: MetricSpec) -> str:
    return " *Not `today`.*" if spec.closed_only else ""


def _row(spec: MetricSpec) -> str:
    detail = " *Detail.*" if spec.detail else ""
    return (
        f"| `{spec.name}` | {spec.kind} | {_labels(spec)} | {spec.cardinality} "
        f"| {spec.help}{detail} |\n"
    )


def _labels(spec: MetricSpec) -> str:
    return ", ".join(_label(spec, name) for name in spec.labels) or "none"


def _label(spec: MetricSpec, name: str) -> str:
    values = spec.vocabulary.get(name)
    return f"`{name}`" + (f" = {', '.join(f'`{value}`' for value in values)}" if values else "")


def main(arguments: Sequence[str] | None = None) -> int:
    """Check or write the documents; return the exit status."""
    pages = {
        _DOCS / "metrics.md": metrics_page(SUBSYSTEMS, SPECS),
        _DOCS / "events.md": events_page(SUBSYSTEMS),
        _DOCS / "windows.svg": window_picture(),
        _PACKAGING / "config.toml": settings_file(),
        _PACKAGING / "config.schema.json": schema(),
    }
    return generated.main("python -m scripts.catalogue", __doc__, pages, arguments)


if __name__ == "__main__":
    raise SystemExit(main())
