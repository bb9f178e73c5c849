"""The program: the order of reloads and of the stop."""

import threading
from typing import Any

import pytest

from exporter.app import App, SettingsSource
from exporter.app.program import RELOAD_SECONDS
from exporter.consumer import configured_buses
from exporter.settings import Settings, load
from tests.support import eventually


def test_nobody_waits_for_a_reload_that_a_stop_overtakes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("exporter.logs.configure", lambda *_: None)
    given: dict[str, Any] = {"instance": "i", "listen": "127.0.0.1:0"}

    def loaded() -> Settings:
        return load(Settings, {}, given, "config.toml")

    settings = loaded()
    source = SettingsSource(loaded, configured_buses)
    app = App(settings, configured_buses(settings), source=source)
    # The stop overtakes the first reload; the second one comes too late.
    for max_series in (7, 8):
        given["max_series"] = max_series
        waiting = threading.Thread(target=app.reload, daemon=True)
        waiting.start()
        if max_series == 7:
            eventually(lambda: app._next is not None, what="another run must follow")  # noqa: SLF001 -- as the web server's thread sees it
            app.stop()
        waiting.join(RELOAD_SECONDS / 2)
        assert not waiting.is_alive()
    app._web.stop()  # noqa: SLF001 -- it was never run
