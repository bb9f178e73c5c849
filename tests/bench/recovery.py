"""What the exporter makes of a full inbox while it keeps its state."""

from __future__ import annotations

import tempfile

from tests.bench.drain import Drained, by_exporter
from tests.bench.round import Round


def ours_with_recovery(run: Round) -> Drained:
    """Let the exporter read with a recovery store, which is new."""
    with tempfile.TemporaryDirectory(dir=run.folder) as state:
        return by_exporter(run, run.mixes.used, "--state-dir", state)
