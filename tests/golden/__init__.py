"""The exposition of the whole corpus, replayed at a fixed time, as it was last looked at.

After a change that is meant: `python -m tests.golden`, then read the difference.
"""

from pathlib import Path

from tests import corpus
from tests.pipeline import ALL_DETAILS, Pipeline

FOLDER = Path(__file__).parent


def expositions() -> dict[str, str]:
    """Replay the corpus, one message a second, and render it: file name to text."""
    pipeline = Pipeline(details=ALL_DETAILS)
    for name in corpus.names():
        pipeline.send(corpus.load(name))
        pipeline.wait(1)
    return {"corpus.prom": pipeline.text(), "corpus.openmetrics": pipeline.openmetrics()}
