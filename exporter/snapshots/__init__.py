"""Asks the APIs of a server for its whole state, so that the states are complete."""
