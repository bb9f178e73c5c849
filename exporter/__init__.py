"""The shell: bytes from the bus in, series for Prometheus out."""

__version__ = "0.1.0"
