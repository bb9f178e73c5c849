"""Answers of the server's APIs: lists of all entities of one kind, as they are now.

A listing replaces what events told, except for the entities that events changed after the API was
asked: what they say may be newer. A difference is no event, so it moves no counter of events.
"""

from __future__ import annotations

from enum import StrEnum
from typing import Any, ClassVar

from dataflows.notices import Notice
from dataflows.subsystem import State


class Source(StrEnum):
    """The APIs that tell a state, by the name of the daemon without its prefix."""

    AMID = "amid"
    AGENTD = "agentd"
    CHATD = "chatd"
    CONFD = "confd"
    CALLD = "calld"


ALL = tuple(Source)


class SourceAsked(Notice, frozen=True, gc=False):
    """An API is asked for its lists; until they come, states note what events change.

    Attributes:
        source: The API.
        number: Of the request; the listings that answer it have the same.
    """

    source: Source
    number: int

    def tell(self, state: State[Any]) -> None:
        """Let a state note from now on what events change."""
        state.ask(self.source, self.number)


class SourceFailed(Notice, frozen=True, gc=False):
    """A request was not answered, so no listing comes.

    Attributes:
        source: The API.
        number: Of the request.
    """

    source: Source
    number: int

    def tell(self, state: State[Any]) -> None:
        """Let a state no longer note what events change."""
        state.give_up(self.source, self.number)


class Listing(Notice, frozen=True, gc=False):
    """All entities of one kind of a server; `at` is when the answer came.

    Attributes:
        source: The API that listed them.
        is_needed: Whether the state of a subsystem is complete only with it.
        number: Of the request that it answers.
    """

    source: ClassVar[Source]
    is_needed: ClassVar[bool] = True

    number: int

    @property
    def is_empty(self) -> bool:
        """Whether there is no entity. Such a listing does not show that the server has any."""
        return False

    def tell(self, state: State[Any]) -> None:
        """Let a state follow it."""
        state.follow_listing(self.source, self.number, self.at, self)
