"""The core: what the events of the bus mean, as numbers. Pure, without I/O."""
