"""Pictures for the documents: the live page, and the dashboards from their JSON and a Prometheus.

For dashboards this is no Grafana: it draws what our panels use of it, to judge wording, colours and
layout.
"""
