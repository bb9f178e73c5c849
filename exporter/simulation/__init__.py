"""The parts of a simulated call centre; `exporter.simulation.simulator` puts them together.

Pure code: time comes from the agenda, chance from one seeded generator, and nothing is read or
sent.  Messages collect on the wire until somebody takes them.
"""
