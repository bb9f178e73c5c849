"""The reload: what changed is followed, and nothing after a mistake."""

from collections.abc import Callable
from typing import Any

import pytest

from exporter.app.reloading import Reloader, SettingsSource
from exporter.consumer import Bus, configured_buses
from exporter.exposition.reloads import Reload
from exporter.logs import LogLevel
from exporter.settings import Settings, SettingsError, load

BEFORE = {"instance": "i", "details": ["agents"]}


class Rig:
    """A reloader, and what it told the others."""

    def __init__(self, *, is_cluster: bool = False) -> None:
        self.given: dict[str, Any] = dict(BEFORE)
        self.runs: list[tuple[Settings, list[str]]] = []
        self.webs: list[Settings] = []
        self.outcome = Reload()
        self.follow_web: Callable[[Settings], object] = self.webs.append
        self.reload = Reloader(
            self.load(),
            SettingsSource(self.load, configured_buses, is_cluster=is_cluster),
            self.run,
            self._follow_web,
            self.outcome,
        )

    def load(self) -> Settings:
        return load(Settings, {}, self.given, "config.toml")

    def _follow_web(self, settings: Settings) -> None:
        self.follow_web(settings)

    def run(self, settings: Settings, buses: list[Bus]) -> None:
        self.runs.append((settings, [bus.status.name for bus in buses]))


@pytest.fixture(autouse=True)
def levels(monkeypatch: pytest.MonkeyPatch) -> list[LogLevel]:
    """The levels that the log was given."""
    found: list[LogLevel] = []
    monkeypatch.setattr("exporter.logs.configure", lambda level, _: found.append(level))
    return found


def test_without_a_change_nothing_runs_again() -> None:
    rig = Rig()
    assert rig.reload() == (True, ["Nothing has changed."])
    assert not rig.runs
    assert rig.outcome.succeeded_at


def test_a_changed_setting_of_the_dataflow_needs_one_run_and_only_one() -> None:
    rig = Rig()
    rig.given["max_series"] = 7
    assert rig.reload() == (True, ["Changed: max_series."])
    [(settings, buses)] = rig.runs
    assert (settings.max_series, buses) == (7, ["default"])
    rig.reload()
    assert len(rig.runs) == 1


def test_the_log_and_the_web_server_follow_without_a_run(levels: list[LogLevel]) -> None:
    rig = Rig()
    rig.given |= {"log_level": "debug", "web_open_health": True}
    assert rig.reload().is_good
    assert levels == [LogLevel.DEBUG]
    assert rig.webs[-1].web_open_health
    assert not rig.runs


def test_wrong_settings_change_nothing_until_they_are_right(levels: list[LogLevel]) -> None:
    rig = Rig()
    rig.given |= {"log_level": "debug", "max_series": 0, "no_such": 1}
    refused = rig.reload()
    assert not refused.is_good
    assert len(refused.lines) == 2
    assert rig.outcome == Reload(is_broken=True)
    assert [rig.runs, rig.webs, levels] == [[], [], []]
    rig.given = {**BEFORE, "max_series": 1}
    assert rig.reload().is_good
    assert len(rig.runs) == 1


@pytest.mark.parametrize("error", [ValueError("the file is wrong"), OSError("the file is wrong")])
def test_if_the_web_server_cannot_follow_nothing_changes(
    error: Exception, levels: list[LogLevel]
) -> None:
    rig = Rig()
    rig.given["max_series"] = 1

    def refuse(_: Settings) -> None:
        raise error

    rig.follow_web = refuse
    assert rig.reload() == (False, ["the file is wrong"])
    assert [rig.runs, levels] == [[], []]


def test_what_a_running_process_cannot_change_is_named_and_stays() -> None:
    rig = Rig()
    rig.given |= {"listen": "127.0.0.1:1", "state_dir": "/tmp/x", "max_series": 1}  # noqa: S108 -- never made
    reloaded = rig.reload()
    assert reloaded.lines[-1] == "A restart is needed for: --listen, --state-dir."
    [(settings, _)] = rig.runs
    assert (settings.listen.port, settings.state_dir) == (10495, None)
    # It is still not followed, and still said.
    assert rig.reload().lines[-1] == reloaded.lines[-1]


def test_a_cluster_follows_only_what_does_not_touch_the_dataflow(levels: list[LogLevel]) -> None:
    rig = Rig(is_cluster=True)
    rig.given |= {"max_series": 1, "bus_url": "amqp://other", "log_level": "error"}
    assert rig.reload().lines == [
        "Changed: log_level.",
        "A restart is needed for: --max-series, buses.",
    ]
    assert levels == [LogLevel.ERROR]
    assert not rig.runs


@pytest.mark.parametrize(
    "error",
    [
        SettingsError(["--config: cannot read config.toml: No such file or directory"]),
        RecursionError("the file is nested too deeply for something"),
    ],
)
def test_settings_that_cannot_be_read_are_a_mistake_too(error: Exception) -> None:
    rig = Rig()

    def refuse() -> Settings:
        raise error

    rig.reload._source = rig.reload._source._replace(load=refuse)  # noqa: SLF001 -- as if it were gone
    assert not rig.reload().is_good
