"""A client of Asterisk's manager interface (AMI), for actions and their answers."""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable
from contextlib import suppress

Message = dict[str, str]
_END = b"\r\n\r\n"
_ANSWER_SECONDS = 10


class ActionError(Exception):
    """Asterisk refused an action, or the connection is gone."""


def split(buffer: bytes) -> tuple[list[bytes], bytes]:
    """Return the whole messages of what was received, and the rest."""
    *whole, rest = buffer.split(_END)
    return whole, rest


def fields(message: bytes) -> Message:
    """Return the headers of a message; of one that is repeated, the last."""
    lines = message.decode(errors="replace").split("\r\n")
    pairs = (line.partition(":") for line in lines if ":" in line)
    return {name.strip(): value.strip() for name, _, value in pairs}


class Session:
    """A login. Events go to a callback, in the thread that reads."""

    def __init__(
        self, port: int, user: str, secret: str, on_event: Callable[[Message], None] | None = None
    ) -> None:
        """Log in.

        Raises:
            OSError: Nobody listens.
            ActionError: The login was refused.
        """
        self._socket = socket.create_connection(("127.0.0.1", port), timeout=5)
        self._lock = threading.Lock()
        self._answers: dict[str, list[Message]] = {}
        self._changed = threading.Condition()
        self._closed = False
        self._count = 0
        self._on_event = on_event
        self._socket.settimeout(None)
        self._reader = threading.Thread(target=self._read, name=f"ami-{user}", daemon=True)
        self._reader.start()
        events = "on" if on_event else "off"
        try:
            self.action("Login", Username=user, Secret=secret, Events=events)
        except ActionError:
            self.close()
            raise

    @property
    def closed(self) -> bool:
        """Whether the connection is gone."""
        return self._closed

    def action(self, name: str, *more: tuple[str, str], **given: str) -> list[Message]:
        """Return the answer: one message, or for a list, all of its parts.

        Args:
            name: Of the action.
            more: Further headers, such as several of the same name.
            given: Its headers.

        Raises:
            ActionError: It was refused, or there was no whole answer in time.
        """
        with self._lock:
            self._count += 1
            mark = f"{id(self)}-{self._count}"
            answer: list[Message] = []
            self._answers[mark] = answer
            lines = [f"Action: {name}", f"ActionID: {mark}"]
            lines += [f"{key}: {value}" for key, value in (*given.items(), *more)]
            try:
                self._socket.sendall("\r\n".join(lines).encode() + _END)
            except OSError as error:
                raise ActionError(str(error)) from error
        with self._changed:
            self._changed.wait_for(lambda: self._closed or _is_whole(answer), _ANSWER_SECONDS)
        self._answers.pop(mark, None)
        if not _is_whole(answer) or answer[0].get("Response") == "Error":
            msg = f"{name} {given}: {answer[0].get('Message') if answer else 'no answer'}"
            raise ActionError(msg)
        return answer

    def close(self) -> None:
        """End the connection."""
        self._closed = True
        with suppress(OSError):
            self._socket.shutdown(socket.SHUT_RDWR)
        self._socket.close()
        if threading.current_thread() is not self._reader:
            self._reader.join(timeout=5)

    def _read(self) -> None:
        buffer = b""
        with suppress(OSError):
            while data := self._socket.recv(65536):
                whole, buffer = split(buffer + data)
                for message in whole:
                    self._take(fields(message))
        with self._changed:
            self._closed = True
            self._changed.notify_all()

    def _take(self, message: Message) -> None:
        answer = self._answers.get(message.get("ActionID", ""))
        if answer is not None:
            with self._changed:
                answer.append(message)
                self._changed.notify_all()
        elif self._on_event is not None and "Event" in message:
            self._on_event(message)


def _is_whole(answer: list[Message]) -> bool:
    if not answer:
        return False
    # The parts of a list come after a response that says so.
    is_list = answer[0].get("EventList") == "start"
    return not is_list or answer[-1].get("EventList", "").lower() in {"complete", "cancelled"}
