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

    def give_back(self, places: int = 1) -> None:
        """Give places back."""
        self._left += places


class Share:
    """What one state has taken of a room: a state that is resumed takes it again.

    Args:
        room: That of its subsystem.
        taken: Places that the state had before.
    """

    __slots__ = ("_room", "taken")

    def __init__(self, room: Room, taken: int = 0) -> None:
        self._room = room
        self.taken = taken
        # Also more than is left: a cluster that shrinks has less room, and forgets nothing.
        room.give_back(-taken)

    def take(self) -> bool:
        """Take a place, if one is left."""
        if not self._room.take():
            return False
        self.taken += 1
        return True

    def give_back(self, places: int = 1) -> None:
        """Give places back."""
        self.taken -= places
        self._room.give_back(places)
