"""Who may use the web server: what the settings and the web configuration file say."""

from __future__ import annotations

import structlog

from exporter.clock import wall_clock
from exporter.exposition.reloads import Reload
from exporter.settings import Page, Serving, SettingsError
from exporter.settings.address import Address
from exporter.settings.open_port import open_to_all
from exporter.web.access import Access, AccessFile
from exporter.web.rules import Rules

log = structlog.get_logger(__name__)


class WebAccess:
    """Follows the settings of access, and says what is open to everybody.

    Args:
        settings: Those of the start.
        outcome: The result of each reading of the file is noted there.
        can_reload: Whether the command reads its settings again.

    Raises:
        SettingsError: The web configuration file cannot be used.
    """

    def __init__(self, settings: Serving, outcome: Reload, *, can_reload: bool) -> None:
        self._outcome = outcome
        self._can_reload = can_reload
        self._settings = settings
        # Where the web server listens; None before the start.
        self._address: Address | None = None
        # What everybody may do, as it was logged last.
        self._open: dict[str, str] | None = None
        try:
            self._file = self._new_file(settings)
        except ValueError as error:
            problem = str(error)
        else:
            return
        # Outside of the except clause: the context of an exception keeps what was read.
        raise SettingsError([problem])

    @property
    def rules(self) -> Rules:
        """The rules for clients now."""
        may_reload = self._settings.web_allow_reload and self._can_reload
        return Rules(
            self._file.current,
            self._settings.web_open_health,
            may_reload,
            self._settings.page is Page.ON,
        )

    @property
    def scheme(self) -> str:
        """That of the addresses of all pages."""
        return "https" if self._file.current().tls else "http"

    def start(self, address: Address) -> None:
        """Say from now on what is open to everybody at an address."""
        self._address = address
        self._warn_if_open(self._file.current())

    def follow(self, settings: Serving) -> None:
        """Follow changed settings.

        Raises:
            ValueError: The web configuration file cannot be used, and nothing has changed.
        """
        if settings.web_config_file == self._settings.web_config_file:
            self._file.read_again()
        else:
            self._file = self._new_file(settings)
            self._outcome.succeed(wall_clock())
        self._settings = settings
        self._warn_if_open(self._file.current())

    def _new_file(self, settings: Serving) -> AccessFile:
        return AccessFile(settings.web_config_file, on_read=self._on_read)

    def _on_read(self, access: Access, is_used: bool) -> None:
        if is_used:
            self._outcome.succeed(wall_clock())
            self._warn_if_open(access)
        else:
            self._outcome.fail()

    def _warn_if_open(self, access: Access) -> None:
        """Warn if everybody can read the metrics, once for each way in which that is so."""
        if self._address is None:
            return
        fields = open_to_all(
            self._address,
            has_users=bool(access.users),
            has_client_certificates=access.tls is not None and access.tls.requires_certificate,
            may_reload=self.rules.allow_reload,
        )
        if fields is not None and fields != self._open:
            log.warning(**fields)
        self._open = fields
