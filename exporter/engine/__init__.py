"""The parts that bytewax uses (source, sink, recovery store, cluster), and the watchdog."""
