"""How long a trial takes, and which plan it follows: from the environment."""

import os

MINUTES = "XIVO_TESTS_ASTERISK_MINUTES"
SEED = "XIVO_TESTS_ASTERISK_SEED"


def minutes() -> float:
    """Return how many minutes new calls come."""
    return float(os.environ.get(MINUTES, "30"))


def seed() -> int:
    """Return the seed of the plan."""
    return int(os.environ.get(SEED, "1"))
