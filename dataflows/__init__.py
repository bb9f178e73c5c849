"""The functional core: turns events of the bus into samples. Pure: no I/O, no threads."""
