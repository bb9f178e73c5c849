"""The landing page: the status of the exporter, for people with a browser.

It is one HTML document without scripts and without other resources. Its Content-Security-Policy
allows only the style sheet below, by hash. So nothing that an attacker writes into a value can run
or load.
"""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from html import escape

_MINUTE, _HOUR, _DAY = 60, 3600, 86400

_STYLE = """
:root { color-scheme: light dark; --ground: #f5f6f8; --card: #fff; --ink: #1b2330; --soft: #566073;
  --line: #dde1e8; --link: #0b57b8; --good: #146c37; --good-ground: #dff3e6; --bad: #a3261b;
  --bad-ground: #fce5e2; --wait: #6b4a00; --wait-ground: #fbeecb; }
@media (prefers-color-scheme: dark) { :root { --ground: #12161d; --card: #1b212b; --ink: #e6e9ef;
  --soft: #a2acbd; --line: #323b49; --link: #86b7ff; --good: #82dca3; --good-ground: #17372a;
  --bad: #ffaaa0; --bad-ground: #47211e; --wait: #f3cf7a; --wait-ground: #3d3113; } }
* { box-sizing: border-box; }
body { margin: 0; background: var(--ground); color: var(--ink); line-height: 1.5;
  font-family: system-ui, -apple-system, "Segoe UI", Roboto, "DejaVu Sans", sans-serif; }
main { max-width: 56rem; margin: 0 auto; padding: 2.5rem 1.25rem; }
h1 { margin: 0; font-size: 1.75rem; letter-spacing: -.01em; }
h2 { margin: 0 0 .75rem; font-size: 1.1rem; }
p { margin: .25rem 0 1.5rem; color: var(--soft); }
section { margin: 0 0 1.25rem; padding: 1.25rem; background: var(--card);
  border: 1px solid var(--line); border-radius: .6rem; }
.soft { color: var(--soft); }
.state { display: inline-block; padding: .05rem .6rem; border-radius: 1rem; font-size: .9rem;
  font-weight: 600; white-space: nowrap; }
.good { color: var(--good); background: var(--good-ground); }
.bad { color: var(--bad); background: var(--bad-ground); }
.wait { color: var(--wait); background: var(--wait-ground); }
a { color: var(--link); }
a:focus-visible { outline: 3px solid var(--link); outline-offset: 2px; border-radius: .15rem; }
ul { margin: 0; padding: 0; list-style: none; }
li { padding: .3rem 0; }
li span { color: var(--soft); }
h3 { margin: 0; font-size: 1rem; }
article { padding: .9rem 0; border-top: 1px solid var(--line); }
article:first-of-type { border-top: 0; padding-top: 0; }
article:last-of-type { padding-bottom: 0; }
.line { display: flex; flex-wrap: wrap; align-items: baseline; gap: .25rem .75rem; }
.problem { margin: .35rem 0 0; color: var(--bad); }
.meaning { margin: .35rem 0 0; }
.reason { padding: .6rem 1rem; border-radius: .6rem; color: var(--bad);
  background: var(--bad-ground); }
dl { display: flex; flex-wrap: wrap; gap: .5rem 2.5rem; margin: .5rem 0 0; }
dt { color: var(--soft); font-size: .85rem; }
dd { margin: 0; overflow-wrap: anywhere; }
code { font-family: ui-monospace, "DejaVu Sans Mono", Menlo, monospace; font-size: .92em; }
"""
_STYLE_HASH = base64.b64encode(hashlib.sha256(_STYLE.encode()).digest()).decode()

POLICY = (
    f"default-src 'none'; style-src 'sha256-{_STYLE_HASH}'; img-src data:; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
"""The Content-Security-Policy of the page."""

# Inline, so that browsers do not request /favicon.ico.
_ICON = (
    "data:image/svg+xml,%3Csvg xmlns='http://www.w3.org/2000/svg' viewBox='0 0 16 16'%3E"
    "%3Ccircle cx='8' cy='8' r='8' fill='%230b57b8'/%3E"
    "%3Cpath d='M4 11V8m4 3V4m4 7V6' stroke='white' stroke-width='2' stroke-linecap='round'/%3E"
    "%3C/svg%3E"
)


@dataclass(frozen=True, slots=True)
class Link:
    """A line in the list of links, for example to the documentation."""

    href: str
    text: str
    note: str = ""


@dataclass(frozen=True, slots=True)
class BusView:
    """What the page shows of one bus.

    Attributes:
        name: Its name in the settings.
        connected: Whether the consumer is connected to it now.
        url: Its address, without user and password.
        exchange: The exchange to which the inbox is bound.
        for_seconds: Time since `connected` last changed; None if it never did.
        last_delivery_age_seconds: Time since the newest delivery; None if there was none.
        problem: Why it is not connected, in one sentence.
        note: A rule of the broker that weakens a guarantee, in one sentence.
        is_standby: Whether another exporter of the same instance reads it.
        is_withheld: Whether no metrics of its servers are shown, because of that.
    """

    name: str
    connected: bool
    url: str
    exchange: str
    for_seconds: float | None = None
    last_delivery_age_seconds: float | None = None
    problem: str | None = None
    note: str = ""
    is_standby: bool = False
    is_withheld: bool = False


# Relative, so that they also work behind a proxy that serves the page as https://host/exporter/.
_OWN_LINKS = (
    Link("metrics", "metrics", "for Prometheus"),
    Link("-/healthy", "-/healthy", "200 while this process answers"),
    Link("-/ready", "-/ready", "200 when the metrics can be trusted, else 503 with the reason"),
)


def landing_page(
    version: str, not_ready: str | None, buses: Sequence[BusView], links: Iterable[Link] = ()
) -> str:
    """Return the page as HTML; every value is escaped.

    Args:
        version: Version of the exporter.
        not_ready: Why the metrics cannot be trusted; None if they can.
        buses: The buses that this process reads.
        links: Shown after the exporter's own pages.
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
<link rel="icon" href="{_ICON}">
<style>{_STYLE}</style>
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
