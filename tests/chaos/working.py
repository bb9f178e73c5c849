"""A thread that works until the end of a context."""

import threading
from abc import ABC, abstractmethod
from typing import Self


class Working(ABC):
    """Works in a thread until the end of its context, which hands on the fault of the thread.

    Args:
        name: Of the thread.
    """

    def __init__(self, name: str) -> None:
        self._stop = threading.Event()
        self._fault: BaseException | None = None
        self._thread = threading.Thread(target=self._run, name=name)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._thread.join()
        if self._fault is not None:
            raise self._fault

    def _run(self) -> None:
        try:
            self._work()
        except BaseException as fault:  # noqa: BLE001 -- handed to the thread of the trial
            self._fault = fault

    @abstractmethod
    def _work(self) -> None:
        """Work until `_stop` is set."""
