"""The store of all series, and the text format in which Prometheus scrapes them."""
