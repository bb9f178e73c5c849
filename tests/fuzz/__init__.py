"""Hostile messages without end: nothing stops the dataflow, fills the memory or bends the account.

`python -m tests.fuzz` is the long form; the short one runs with the other tests.
What Hypothesis finds better, because it makes an example small, is in `tests/laws`.
"""
