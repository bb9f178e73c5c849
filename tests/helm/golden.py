"""Golden renderings of the chart, one for each file of values: `python -m tests.helm`."""

from pathlib import Path

from tests.chart import render_text

_HERE = Path(__file__).parent

MATRIX = sorted((_HERE / "values").glob("*.yaml"))


def golden_of(values: Path) -> Path:
    """Return the path of the golden rendering of a file of values."""
    return _HERE / "renderings" / values.name


def rendering(values: Path) -> str:
    """Render the chart with a file of values."""
    return render_text("--values", values)
