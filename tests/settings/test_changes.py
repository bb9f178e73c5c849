"""What changed in the settings, against a comparison of all of them."""

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from exporter.settings import Settings, load
from exporter.settings.changes import change

_VALUES: dict[str, list[Any]] = {
    "listen": ["127.0.0.1:1", ":2"],
    "state_dir": ["/a", "/b"],
    "discard_state": [True],
    "process_id": [0, 1],
    "addresses": ["a:1;b:2"],
    "log_level": ["debug", "error"],
    "web_config_file": ["a.yml"],
    "web_open_health": [True],
    "page": ["off"],
    "details": [["agents"], []],
    "max_series": [1, 2],
    "windows": ["1m", "5m"],
    "forget_origin": ["1h"],
    "stall_after": [5],
    "instance": ["other"],
    "inbox_expires": [60],
    "bus_url": ["amqp://a", "amqp://b"],
    "service_level": [5, 30],
}

_NEVER = {"listen", "state_dir", "process_id", "addresses"}
_AT_ONCE = {"log_level", "web_config_file", "web_open_health", "page"}


@st.composite
def settings(draw: st.DrawFn) -> Settings:
    names = draw(st.sets(st.sampled_from(sorted(_VALUES))))
    given = {name: draw(st.sampled_from(_VALUES[name])) for name in sorted(names)}
    return load(Settings, {}, {"instance": "i", **given})


@given(settings(), settings(), st.booleans())
def test_each_setting_is_followed_or_held_and_never_both(
    before: Settings, after: Settings, is_cluster: bool
) -> None:
    found = change(before, after, is_cluster=is_cluster)
    differ = {
        name
        for name in Settings.model_fields
        if getattr(before, name) != getattr(after, name) and name != "discard_state"
    }
    held = differ & _NEVER if not is_cluster else differ - _AT_ONCE
    assert set(found.held) == held
    assert set(found.followed) == differ - held
    assert found.needs_run == bool(differ - held - _AT_ONCE)
    for name in Settings.model_fields:
        used = getattr(found.settings, name)
        assert used == getattr(before if name in held else after, name)
