"""The memory of processes. It imports little, because some of those who ask measure themselves."""

from mmap import PAGESIZE
from pathlib import Path


def resident(process: int | str = "self") -> int:
    """Return the resident memory of a process, in bytes; by default of this one."""
    return int(Path(f"/proc/{process}/statm").read_text().split()[1]) * PAGESIZE
