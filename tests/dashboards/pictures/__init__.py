"""Pictures of the dashboards, drawn from their JSON and a real Prometheus, for the documents.

This is no Grafana: it draws what our panels use of it, to judge wording, colours and layout.
"""
