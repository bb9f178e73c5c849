"""The exporter is killed and cut off at random, and an oracle tells whether it noticed."""
