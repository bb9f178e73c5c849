"""How much the states of a subsystem may remember together."""

from __future__ import annotations


class Room:
    """A number of places, shared by all states of a subsystem.

    The bus decides how many agents, phones and members there are, and on how many
    servers; a limit for each state alone would bound nothing.
    """

    __slots__ = ("_left",)

    def __init__(self, places: int) -> None:
        self._left = places

    def take(self) -> bool:
        """Take a place, if one is left."""
        if self._left <= 0:
            return False
        self._left -= 1
        return True

    def give_back(self) -> None:
        """Give a place back."""
        self._left += 1
