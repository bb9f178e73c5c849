"""The dashboards: what they ask of Prometheus, and what they show."""
