"""The picture of a soak: memory, rate, CPU and descriptors over time, as SVG."""

from collections.abc import Sequence
from itertools import pairwise
from math import ceil, log10

from tests.chaos.soak_sample import Sample

_WIDTH, _LEFT, _RIGHT = 960, 96, 936
_PANEL, _HEIGHT = 150, 96
"""From panel to panel, and of a panel itself."""
_TOP = 72

_STYLE = """\
text { font: 13px system-ui, -apple-system, "Segoe UI", Roboto, sans-serif; fill: #1f2328; }
.title { font-size: 18px; font-weight: 600; }
.muted { fill: #59636e; }
.paper { fill: #ffffff; stroke: #d1d9e0; }
.grid { stroke: #e6eaef; }
.value { fill: none; stroke: #0550ae; stroke-width: 2; stroke-linejoin: round; }
@media (prefers-color-scheme: dark) {
  text { fill: #e6edf3; }
  .muted { fill: #9198a1; }
  .paper { fill: #0d1117; stroke: #3d444d; }
  .grid { stroke: #21262d; }
  .value { stroke: #58a6ff; }
}"""


def soak_picture(samples: Sequence[Sample]) -> str:
    """Draw the samples of a soak, in their order; two at least."""
    rates = [
        (after.seconds, (after.processed - before.processed) / (after.seconds - before.seconds))
        for before, after in pairwise(samples)
    ]
    end = samples[-1].seconds
    height = _TOP + 5 * _PANEL
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {_WIDTH} {height}"',
        f'     width="{_WIDTH}" height="{height}" role="img" aria-labelledby="title">',
        f"<style>\n{_STYLE}\n</style>",
        f'<rect class="paper" x=".5" y=".5" width="{_WIDTH - 1}" height="{height - 1}" rx="8"/>',
        f'<text id="title" class="title" x="24" y="36">{end / 60:.0f} minutes of events</text>',
        *_panel(0, "resident memory, MB", [(s.seconds, s.memory / 1e6) for s in samples], end),
        *_panel(1, "events processed a second", rates, end),
        *_panel(2, "CPU, % of a core", [(s.seconds, s.cpu) for s in samples[1:]], end),
        *_panel(3, "open descriptors", [(s.seconds, s.descriptors) for s in samples], end),
        *_panel(4, "messages in the inboxes", [(s.seconds, s.depth) for s in samples], end),
        "</svg>\n",
    ]
    return "\n".join(parts)


def _panel(row: int, title: str, points: Sequence[tuple[float, float]], end: float) -> list[str]:
    top = _TOP + row * _PANEL
    bottom = top + _HEIGHT
    limit = _round_up(max(value for _, value in points))
    parts = [f'<text x="{_LEFT}" y="{top - 8}">{title}</text>']
    for share in (0, 0.5, 1):
        y = bottom - share * _HEIGHT
        parts.append(f'<line class="grid" x1="{_LEFT}" y1="{y}" x2="{_RIGHT}" y2="{y}"/>')
        parts.append(_label(_LEFT - 12, y + 4, f"{share * limit:g}", "end"))
    for quarter in range(5):
        x = _LEFT + quarter / 4 * (_RIGHT - _LEFT)
        parts.append(_label(x, bottom + 18, f"{end * quarter / 240:.3g} min", "middle"))
    line = " ".join(
        f"{_LEFT + at / end * (_RIGHT - _LEFT):.1f},{bottom - value / limit * _HEIGHT:.1f}"
        for at, value in points
    )
    return [*parts, f'<polyline class="value" points="{line}"/>']


def _label(x: float, y: float, text: str, anchor: str) -> str:
    return f'<text class="muted" x="{x:g}" y="{y:g}" text-anchor="{anchor}">{text}</text>'


def _round_up(value: float) -> float:
    """Give the end of an axis: one or two digits, and zeros."""
    step = 10.0 ** (ceil(log10(value)) - 1) if value > 0 else 1.0
    return max(1, ceil(value / step)) * step
