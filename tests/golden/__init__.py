"""The exposition of the whole corpus, replayed at a fixed time, as it was last looked at.

After a change that is meant: `python -m tests.golden`, then read the difference.
"""

from pathlib import Path

from dataflows.lengths import parse_lengths
from tests import corpus
from tests.pipeline import ALL_DETAILS, WINDOWS, Pipeline

LONGEST_WINDOW = max(length.seconds for length in parse_lengths(WINDOWS))

FOLDER = Path(__file__).parent


def replayed() -> Pipeline:
    """Replay the corpus, one message a second, and close its windows."""
    pipeline = Pipeline(details=ALL_DETAILS)
    for name in corpus.names():
        pipeline.send(corpus.load(name))
        pipeline.wait(1)
    # Those of five minutes have seen the corpus, those of one minute what remained of it.
    pipeline.wait(LONGEST_WINDOW - pipeline.now % LONGEST_WINDOW)
    return pipeline


def expositions() -> dict[str, str]:
    """Render what was replayed: file to text."""
    pipeline = replayed()
    return {"corpus.prom": pipeline.text(), "corpus.openmetrics": pipeline.openmetrics()}
