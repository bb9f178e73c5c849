"""The picture of a cluster under kills: how long each kill stopped the work, as SVG."""

from collections.abc import Sequence
from typing import NamedTuple

from tests.picture import LEFT, RIGHT, frame, label, round_up, scale

_TOP, _BOTTOM, _HEIGHT = 96, 320, 400


class Downtime(NamedTuple):
    """What a kill cost. All times are in seconds; all but `at` are counted from the kill on.

    Attributes:
        at: When, from the start of the run on.
        victim: Position of the killed process in the cluster.
        ended: Until all other processes had ended.
        ready: Until all processes were ready again.
        processed: Until all events that were published before all were ready were processed.
        backlog: Events that waited when all were ready.
    """

    at: float
    victim: int
    ended: float
    ready: float
    processed: float
    backlog: int


def cluster_picture(downtimes: Sequence[Downtime], seconds: float) -> str:
    """Draw the downtime of each kill of a run; there is one kill at least.

    Args:
        downtimes: In their order.
        seconds: Length of the run.
    """
    limit = round_up(max(each.processed for each in downtimes))
    width = min(14.0, 0.6 * (RIGHT - LEFT) / len(downtimes))
    parts = [
        _legend(LEFT, "first", "until all processes were ready"),
        _legend(LEFT + 300, "second", "until all events were processed"),
        *scale(_TOP, _BOTTOM, limit),
        label(LEFT, _TOP - 12, "seconds after the kill", "start"),
    ]
    for quarter in range(5):
        x = LEFT + quarter / 4 * (RIGHT - LEFT)
        parts.append(label(x, _BOTTOM + 18, f"{seconds * quarter / 240:.3g} min", "middle"))
    for each in downtimes:
        x = LEFT + each.at / seconds * (RIGHT - LEFT - width)
        parts += [
            _bar("second", x, width, each.ready / limit, each.processed / limit),
            _bar("first", x, width, 0, each.ready / limit),
        ]
    title = f"{len(downtimes)} kills of a process of a cluster"
    return frame(title, _HEIGHT, *parts)


def _bar(kind: str, x: float, width: float, low: float, high: float) -> str:
    top = _BOTTOM - high * (_BOTTOM - _TOP)
    height = (high - low) * (_BOTTOM - _TOP)
    return (
        f'<rect class="{kind}" x="{x:.1f}" y="{top:.1f}" width="{width:.1f}" '
        f'height="{height:.1f}"/>'
    )


def _legend(x: float, kind: str, text: str) -> str:
    square = f'<rect class="{kind}" x="{x:g}" y="{_HEIGHT - 34}" width="12" height="12"/>'
    return square + label(x + 20, _HEIGHT - 23, text, "start")
