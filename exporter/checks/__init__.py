"""The checks: try everything that `run` needs, and say what is wrong and what to do."""
