"""What bytewax sees: source, sink, recovery store and cluster; and a watchdog beside it."""
