"""Grafana dashboards, built from the declarations of the metrics.

`python -m dashboards --write` writes the JSON files beside these modules, which Grafana imports.
A builder a dashboard reads as its table of contents; `panels` has the house style, `signals` every
query, each once, and `promql` the one pattern that makes them right with several exporters.
"""
