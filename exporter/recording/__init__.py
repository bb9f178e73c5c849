"""Recordings of a bus: their format, their replay by a virtual clock, and their shift to now."""
