"""Grafana dashboards, built from the declarations of the metrics.

`python -m dashboards --write` writes the JSON files beside these modules, which Grafana imports.
Each dashboard has a module that lists its panels in order. `panels` has the kinds of panels,
`signals` has every query once, and `promql` has the pattern that makes queries correct with several
exporters.
"""
