"""What Prometheus sees: the store of all series, and their text."""
