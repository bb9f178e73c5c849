"""Fuzz the dataflow: hostile messages must not stop it, fill its memory or falsify its counters.

`python -m tests.fuzz` is a long run; a short one is part of the test suite. `tests/laws` has the
tests that use Hypothesis, which shrinks failing examples.
"""
