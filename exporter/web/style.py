"""The look of the landing page, and what browsers may do with it.

The Content-Security-Policy allows only this style sheet, by hash. So nothing that an attacker
writes into a value can run or load.
"""

from __future__ import annotations

import base64
import hashlib

STYLE = """
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
.plain { color: var(--soft); background: var(--line); }
abbr { text-decoration-style: dotted; text-underline-offset: .2em; cursor: help; }
a { color: var(--link); }
a:focus-visible { outline: 3px solid var(--link); outline-offset: 2px; border-radius: .15rem; }
ul { margin: 0; padding: 0; list-style: none; }
li { padding: .3rem 0; }
li span { color: var(--soft); }
h3 { margin: 0; font-size: 1rem; }
article, details { padding: .9rem 0; border-top: 1px solid var(--line); }
article:first-of-type, details:first-of-type { border-top: 0; padding-top: 0; }
article:last-of-type, details:last-of-type { padding-bottom: 0; }
summary { cursor: pointer; }
summary:focus-visible { outline: 3px solid var(--link); outline-offset: 2px; }
summary h3 { display: inline; margin-right: .75rem; overflow-wrap: anywhere; }
table { width: 100%; margin-top: .5rem; border-collapse: collapse; }
th, td { padding: .2rem 0; text-align: left; vertical-align: baseline; overflow-wrap: anywhere; }
th { width: 9rem; padding-right: 1rem; color: var(--soft); font-weight: 400; }
@media (max-width: 30rem) { th { width: 6.75rem; padding-right: .5rem; } }
time { white-space: nowrap; }
.yes, .no { font-weight: 600; }
.yes { color: var(--good); }
.no { color: var(--wait); }
.line { display: flex; flex-wrap: wrap; align-items: baseline; gap: .25rem .75rem; }
.problem { margin: .35rem 0 0; color: var(--bad); }
.meaning { margin: .35rem 0 0; }
.meaning + details { margin-top: .75rem; }
.reason { padding: .6rem 1rem; border-radius: .6rem; color: var(--bad);
  background: var(--bad-ground); }
dl { display: flex; flex-wrap: wrap; gap: .5rem 2.5rem; margin: .5rem 0 0; }
dt { color: var(--soft); font-size: .85rem; }
dd { margin: 0; overflow-wrap: anywhere; }
code { font-family: ui-monospace, "DejaVu Sans Mono", Menlo, monospace; font-size: .92em; }
"""
_STYLE_HASH = base64.b64encode(hashlib.sha256(STYLE.encode()).digest()).decode()

POLICY = (
    f"default-src 'none'; style-src 'sha256-{_STYLE_HASH}'; img-src data:; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
"""The Content-Security-Policy of the page."""

# Inline, so that browsers do not request /favicon.ico.
ICON = (
    "data:image/svg+xml,%3Csvg xmlns='http://www.w3.org/2000/svg' viewBox='0 0 16 16'%3E"
    "%3Ccircle cx='8' cy='8' r='8' fill='%230b57b8'/%3E"
    "%3Cpath d='M4 11V8m4 3V4m4 7V6' stroke='white' stroke-width='2' stroke-linecap='round'/%3E"
    "%3C/svg%3E"
)
