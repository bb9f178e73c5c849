"""Connect the steps of the dataflow."""

from __future__ import annotations

import bytewax.operators as op
from bytewax.dataflow import Dataflow
from bytewax.inputs import Source
from bytewax.outputs import Sink

from dataflows.decode import Decode
from dataflows.items import Item
from dataflows.outputs import Output
from dataflows.stage import Stage


def build(
    source: Source[Item], decode: Decode, stage: Stage, sink: Sink[tuple[str, Output]]
) -> Dataflow:
    """Return the dataflow of source, steps and sink.

    Step ids never change: recovery stores contain them.
    """
    flow = Dataflow("xivo_exporter")
    deliveries = op.input("bus", flow, source)  # Item
    events = op.flat_map_batch("decode", deliveries, decode)  # (key, (subsystem, Event))
    outputs = op.stateful_batch("state", events, stage)  # (key, Changes | Skipped)
    op.output("store", outputs, sink)
    return flow
