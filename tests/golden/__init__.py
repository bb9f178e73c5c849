"""Golden files: the exposition of the whole corpus, replayed at a fixed time.

After an intended change, run `python -m tests.golden` and review the difference.
"""

from pathlib import Path

from dataflows.lengths import TODAY, parse_lengths
from tests import corpus
from tests.pipeline import ALL_DETAILS, WINDOWS, Pipeline

LONGEST_WINDOW = max(each.seconds for each in parse_lengths(WINDOWS) if each != TODAY)

FOLDER = Path(__file__).parent


def replayed() -> Pipeline:
    """Replay the corpus, one message each second, until all windows have closed."""
    pipeline = Pipeline(details=ALL_DETAILS)
    for name in corpus.names():
        pipeline.send(corpus.load(name))
        pipeline.wait(1)
    # The window of 5 minutes contains the corpus; the last one of 1 minute only its final state.
    pipeline.wait(LONGEST_WINDOW - pipeline.now % LONGEST_WINDOW)
    return pipeline


def expositions() -> dict[str, str]:
    """Return the text of each golden file, by file name."""
    pipeline = replayed()
    return {"corpus.prom": pipeline.text(), "corpus.openmetrics": pipeline.openmetrics()}
