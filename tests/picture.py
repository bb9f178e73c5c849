"""Parts of the pictures that runs draw as SVG: style, labels and axes."""

from collections.abc import Iterator, Sequence
from math import ceil, log10

WIDTH, LEFT, RIGHT = 960, 96, 936
TOP, PANEL = 72, 150
"""Of the first panel, and from panel to panel."""
_AXIS = 96

_STYLE = """\
text { font: 13px system-ui, -apple-system, "Segoe UI", Roboto, sans-serif; fill: #1f2328; }
.title { font-size: 18px; font-weight: 600; }
.muted { fill: #59636e; }
.paper { fill: #ffffff; stroke: #d1d9e0; }
.grid { stroke: #e6eaef; }
.value { fill: none; stroke: #0550ae; stroke-width: 2; stroke-linejoin: round; }
.first { fill: #0550ae; }
.second { fill: #9a6700; }
@media (prefers-color-scheme: dark) {
  text { fill: #e6edf3; }
  .muted { fill: #9198a1; }
  .paper { fill: #0d1117; stroke: #3d444d; }
  .grid { stroke: #21262d; }
  .value { stroke: #58a6ff; }
  .first { fill: #58a6ff; }
  .second { fill: #d29922; }
}"""


def frame(title: str, height: float, *parts: str) -> str:
    """Return a whole picture."""
    lines = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height:g}"',
        f'     width="{WIDTH}" height="{height:g}" role="img" aria-labelledby="title">',
        f"<style>\n{_STYLE}\n</style>",
        f'<rect class="paper" x=".5" y=".5" width="{WIDTH - 1}" height="{height - 1:g}" rx="8"/>',
        f'<text id="title" class="title" x="24" y="36">{title}</text>',
        *parts,
        "</svg>\n",
    ]
    return "\n".join(lines)


def panel(row: int, title: str, points: Sequence[tuple[float, float]], unit: str) -> Iterator[str]:
    """Yield a panel of a picture: values over the time.

    Args:
        row: Its place, from 0 on.
        title: Above it.
        points: Time, and value at that time.
        unit: Of the times.
    """
    top = TOP + row * PANEL
    bottom, end = top + _AXIS, points[-1][0]
    limit = round_up(max(value for _, value in points)) or 1
    yield f'<text x="{LEFT}" y="{top - 8}">{title}</text>'
    yield from scale(top, bottom, limit)
    for quarter in range(5):
        x = LEFT + quarter / 4 * (RIGHT - LEFT)
        yield label(x, bottom + 18, f"{end * quarter / 4:.3g} {unit}", "middle")
    line = " ".join(
        f"{LEFT + at / end * (RIGHT - LEFT):.1f},{bottom - value / limit * _AXIS:.1f}"
        for at, value in points
    )
    yield f'<polyline class="value" points="{line}"/>'


def label(x: float, y: float, text: str, anchor: str) -> str:
    """Return a small text."""
    return f'<text class="muted" x="{x:.6g}" y="{y:.6g}" text-anchor="{anchor}">{text}</text>'


def scale(top: float, bottom: float, limit: float) -> Iterator[str]:
    """Yield the lines of the axis of values, from 0 to a limit."""
    for share in (0, 0.5, 1):
        y = bottom - share * (bottom - top)
        yield f'<line class="grid" x1="{LEFT}" y1="{y:g}" x2="{RIGHT}" y2="{y:g}"/>'
        yield label(LEFT - 12, y + 4, f"{share * limit:g}", "end")


def round_up(value: float) -> float:
    """Return the end of an axis: one or two digits, and zeros."""
    step = 10.0 ** (ceil(log10(value)) - 1) if value > 0 else 1.0
    return ceil(value / step) * step
