"""Who may use the web server, and how: what the web configuration file says now."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import structlog

from exporter.clock import wall_clock
from exporter.settings.messages import printable
from exporter.settings.web_config import parse_web_config
from exporter.web.rate_limit import RateLimit
from exporter.web.tls import Tls, make_tls
from exporter.web.watched_files import Files, Stamp, newest_change

log = structlog.get_logger(__name__)

SETTLE_SECONDS = 1.0
"""A changed file is read when it has not changed for so long: a program may still be writing it."""

RETRY_SECONDS = 10.0
"""After this time, a file that cannot be used is tried again, even if it has not changed."""


@dataclass(frozen=True, slots=True)
class Access:
    """What one web configuration file says; without a file, everybody may read everything.

    Attributes:
        tls: None without TLS.
        headers: Names and values that every response gets, in place of ours of the same name.
        rate: None without a limit.
        users: Names, and bcrypt hashes of passwords; without any, nobody needs a password.
    """

    tls: Tls | None = None
    headers: tuple[tuple[str, str], ...] = ()
    rate: RateLimit | None = None
    users: Mapping[str, str] = field(default_factory=dict, repr=False)


def read_access(path: Path, files: Files | None = None) -> Access:
    """Read a web configuration file and the files that it names.

    Args:
        path: Of the file; relative paths in it begin at its folder.
        files: Remembers the files that are read, also if this fails.

    Raises:
        ValueError: Something cannot be used; the message is one line, and quotes no content.
    """
    files = files or Files()
    try:
        return _access(path, files)
    except UnicodeError:
        problem = "is not UTF-8 text"
    except ValueError as error:
        problem = str(error)
    except OSError as error:
        # Of OpenSSL, or because there are no free file descriptors.
        problem = f"cannot be used: {error.strerror or type(error).__name__}"
    # Outside of the except clauses: the context of an exception keeps what was read.
    colon = "" if problem.startswith(("is ", "has ", "cannot ")) else ":"
    msg = f"the web configuration file {printable(path)} (--web-config-file){colon} {problem}"
    raise ValueError(msg)


def _access(path: Path, files: Files) -> Access:
    config = parse_web_config(files.read(path).decode("utf-8-sig"))
    tls, http, rate = config.tls_server_config, config.http_server_config, config.rate_limit
    return Access(
        None if tls.is_blank else make_tls(tls, lambda name: files.read(path.parent / name)),
        () if http is None else http.headers,
        RateLimit(rate.interval, rate.burst) if rate.interval else None,
        config.basic_auth_users,
    )


_EMPTIED = (
    "the web configuration file (--web-config-file) is empty, which would open everything to "
    "everybody; if you want that, remove the setting"
)


class AccessFile:
    """The web configuration file: read at construction, and again when it changes.

    All threads may use it.

    Args:
        path: Of the file; None if there is none.
        clock: Unix time in seconds, of the clock by which the file system stamps files.
        timer: Monotonic clock, in seconds.
        on_read: Called after the file was read again, with what is used now, and whether that is
            what the file says. It must not ask for it.

    Raises:
        ValueError: The file cannot be used; the message is one line.
    """

    def __init__(
        self,
        path: Path | None,
        clock: Callable[[], float] = wall_clock,
        timer: Callable[[], float] = time.monotonic,
        on_read: Callable[[Access, bool], object] = lambda *_: None,
    ) -> None:
        self._path = path
        self._clock = clock
        self._timer = timer
        self._on_read = on_read
        self._lock = threading.Lock()
        self._files = Files()
        self._access = Access() if path is None else read_access(path, self._files)
        self._digest = self._files.digest
        self._seen: dict[Path, Stamp | None] = self._files.stamps
        self._seen_at = self._read_at = timer()
        # A program may have written the file while it was read, within one tick of its clock.
        self._is_sure = self._has_settled()
        self._problem: str | None = None

    @property
    def problem(self) -> str | None:
        """Why the file is not used as it is now, in one line; None if it is used."""
        return self._problem

    def current(self) -> Access:
        """Return what the file says.

        It looks at the files each time, which takes microseconds. When one has changed and then has
        not for a second, it reads all again, which takes milliseconds. What cannot be used changes
        nothing.
        """
        if self._path is not None:
            with self._lock:
                self._look(self._path)
        return self._access

    def read_again(self) -> None:
        """Read the file now, also if it has just changed.

        Raises:
            ValueError: It cannot be used, and nothing has changed; the message is one line.
        """
        if self._path is not None:
            with self._lock:
                self._read(self._path)
        if self._problem is not None:
            raise ValueError(self._problem)

    def _look(self, path: Path) -> None:
        seen = self._files.seen()
        if seen != self._seen:
            self._seen, self._seen_at = seen, self._timer()
        is_due = self._problem is not None and self._timer() - self._read_at >= RETRY_SECONDS
        is_new = seen != self._files.stamps or not self._is_sure
        if (is_new or is_due) and self._has_settled():
            self._read(path)

    def _has_settled(self) -> bool:
        """Return whether the files have not changed for a while."""
        changed_at = newest_change(self._seen)
        if changed_at is not None and changed_at <= self._clock() - SETTLE_SECONDS:
            return True
        # A file is missing or has a time in the future: so look whether it stays as it is.
        return self._timer() - self._seen_at >= SETTLE_SECONDS

    def _usable(self, path: Path, files: Files) -> Access:
        access = read_access(path, files)
        if access == Access() != self._access:
            # A full disk leaves an empty file. exporter-toolkit then refuses each handshake.
            raise ValueError(_EMPTIED)
        return access

    def _read(self, path: Path) -> None:
        files = Files()
        access: Access | None = None
        problem: str | None = None
        try:
            access = self._usable(path, files)
        except ValueError as error:
            problem = str(error)
        if files.seen() != files.stamps:
            return  # A program began to write meanwhile; look again when it has ended.
        if access is not None:
            # Equal content keeps what was made of it, so that no connection ends.
            if files.digest != self._digest:
                self._access, self._digest = access, files.digest
            if self._problem is not None or access is self._access:
                log.info("web configuration file read again", path=printable(path))
        if problem is not None and problem != self._problem:
            log.warning("web configuration file not used; the old one stays", problem=problem)
        self._problem = problem
        self._on_read(self._access, problem is None)
        self._files = files
        self._read_at = self._timer()
        if files.stamps != self._seen:
            self._seen, self._seen_at = files.stamps, self._timer()
            self._is_sure = self._has_settled()
        else:
            self._is_sure = True
