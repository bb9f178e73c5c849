"""The landing page: the status of the exporter, for people with a browser.

It is one HTML document without scripts and without other resources.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from html import escape

from exporter.web.known import known_section
from exporter.web.style import ICON, STYLE
from exporter.web.views import BusView, KnownView, Link

_MINUTE, _HOUR, _DAY = 60, 3600, 86400

# Relative, so that they also work behind a proxy that serves the page as https://host/exporter/.
_OWN_LINKS = (
    Link("metrics", "metrics", "for Prometheus"),
    Link("-/healthy", "-/healthy", "200 while this process answers"),
    Link("-/ready", "-/ready", "200 when the metrics can be trusted, else 503 with the reason"),
)


def landing_page(
    version: str,
    not_ready: str | None,
    buses: Sequence[BusView],
    links: Iterable[Link] = (),
    known: Iterable[KnownView] = (),
) -> str:
    """Return the page as HTML; every value is escaped.

    Args:
        version: Version of the exporter.
        not_ready: Why the metrics cannot be trusted; None if they can.
        buses: The buses that this process reads.
        links: Shown after the exporter's own pages.
        known: What is known, sorted by server.
    """
    ready = _state("ready", "good") if not_ready is None else _state("not ready", "bad")
    reason = "" if not_ready is None else f'<p class="reason">{escape(not_ready)}</p>\n'
    cards = "\n".join(map(_bus, buses)) or '<span class="soft">This process reads no bus.</span>'
    items = "\n".join(map(_item, (*_OWN_LINKS, *links)))
    return f"""<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="robots" content="noindex">
<title>xivo-exporter</title>
<link rel="icon" href="{ICON}">
<style>{STYLE}</style>
</head>
<body>
<main>
<header class="line">
<h1>xivo-exporter</h1> <span class="soft">version {escape(version)}</span> {ready}
</header>
<p>Prometheus metrics of XiVO and Wazo telephony servers, from the events of their message bus.</p>
{reason}<section aria-labelledby="buses">
<h2 id="buses">Message buses</h2>
{cards}
</section>
<section aria-labelledby="known">
<h2 id="known">What is known</h2>
{known_section(known)}
</section>
<section aria-labelledby="links">
<h2 id="links">Links</h2>
<ul>
{items}
</ul>
</section>
</main>
</body>
</html>
"""


def _bus(bus: BusView) -> str:
    state = _connection(bus)
    if bus.for_seconds is not None:
        state += f' <span class="soft">for {_span(bus.for_seconds)}</span>'
    # For a standby the refusal is normal, so it is not shown as a problem.
    problem = _line("meaning" if bus.is_standby else "problem", escape(bus.problem or ""))
    problem += "".join(_line("problem", escape(each)) for each in bus.api_problems)
    problem += _line("meaning", _meaning(bus)) + _line("meaning", escape(bus.note))
    age = bus.last_delivery_age_seconds
    return f"""<article>
<div class="line"><h3>{escape(bus.name)}</h3> {state}</div>
{problem}<dl>
<div><dt>Last delivery</dt><dd>{"none yet" if age is None else f"{_span(age)} ago"}</dd></div>
<div><dt>Exchange</dt><dd><code>{escape(bus.exchange)}</code></dd></div>
<div><dt>Address</dt><dd><code>{escape(bus.url)}</code></dd></div>
</dl>
</article>"""


def _line(look: str, text: str) -> str:
    return f'<p class="{look}">{text}</p>\n' if text else ""


def _connection(bus: BusView) -> str:
    if bus.is_standby:
        return _state("standby", "wait")
    return _state("connected", "good") if bus.connected else _state("not connected", "bad")


def _meaning(bus: BusView) -> str:
    """Return what it means for the metrics that the exporter is, or was, a standby."""
    if bus.is_standby and bus.is_withheld:
        return (
            "The other exporter shows the metrics of the servers on this bus, and this one shows "
            "none of them. This one takes over within seconds when the other one stops."
        )
    if bus.is_standby:
        return "The last known values are shown for less than a minute."
    if bus.is_withheld:
        return (
            "No metrics of the servers on this bus are shown, because this exporter was a standby "
            "and does not know yet whether it missed events."
        )
    return ""


def _state(text: str, look: str) -> str:
    return f'<span class="state {look}">{text}</span>'


def _item(link: Link) -> str:
    note = f" <span>{escape(link.note)}</span>" if link.note else ""
    return f'<li><a href="{escape(link.href)}">{escape(link.text)}</a>{note}</li>'


def _span(seconds: float) -> str:
    """Return a duration in its largest unit: `42 s`, `3 min`, `5 h`, `2 d`."""
    for unit, name in ((_DAY, "d"), (_HOUR, "h"), (_MINUTE, "min")):
        if seconds >= unit:
            return f"{seconds // unit:.0f} {name}"
    return f"{max(seconds, 0.0):.0f} s"
