"""The parts of a simulated call centre; `exporter.simulation.simulator` connects them.

It is pure code without I/O. Time comes from the scheduler, and random numbers from one seeded
generator. Messages wait in the outbox of the wire until the caller reads them.
"""
