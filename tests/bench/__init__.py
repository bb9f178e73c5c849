"""Benchmarks: figures to compare within one run, never a pass or a fail."""
