"""How Grafana writes numbers and picks their colours."""

from __future__ import annotations

from tests.dashboards.grafana import Json

_SPANS = ((86400, "day"), (3600, "hour"), (60, "min"), (1, "s"))
_PLAIN = {"steps": [{"value": None, "color": "#ffffff"}]}
_AGO = ((86400, "days"), (3600, "hours"), (60, "minutes"))


def text(value: float, defaults: Json, now: float) -> str:
    """Write a number as a panel does: by its word, or with its unit."""
    word = _mapped(value, defaults).get("text")
    if word is not None:
        return str(word)
    unit, decimals = defaults.get("unit", "short"), defaults.get("decimals")
    if unit == "dateTimeFromNow":
        return _ago(now - value / 1000)
    if unit == "clocks":
        minutes, seconds = divmod(int(value), 60)
        return f"{minutes:02}m:{seconds:02}s" if minutes else f"{seconds}s"
    if unit == "s":
        length, name = next((span for span in _SPANS if value >= span[0]), _SPANS[-1])
        return f"{_digits(value / length, decimals)} {name}"
    if unit == "percentunit":
        value, unit = 100 * value, "suffix:%"
    _, _, suffix = unit.partition("suffix:")
    return f"{_digits(value, decimals)} {suffix}".rstrip()


def word(value: str, options: Json) -> str:
    """Write the value of a label, by its word if it has one."""
    for mapping in options.get("mappings", ()):
        return str(mapping["options"].get(value, {}).get("text", value))
    return value


def colour(value: float, defaults: Json) -> str:
    """Choose a colour: that of the word, else that of the threshold."""
    mapped = _mapped(value, defaults).get("color")
    if mapped is not None:
        return str(mapped)
    steps = defaults.get("thresholds", _PLAIN)["steps"]
    passed = [each["color"] for each in steps if each["value"] is None or value >= each["value"]]
    return str(passed[-1])


def ink(background: str) -> str:
    """Choose black or white, whichever can be read on a colour."""
    if not background.startswith("#"):
        return "inherit"
    red, green, blue = (int(background[i : i + 2], 16) for i in (1, 3, 5))
    return "#000" if 0.299 * red + 0.587 * green + 0.114 * blue > 140 else "#fff"


def _mapped(value: float, defaults: Json) -> Json:
    for mapping in defaults.get("mappings", ()):
        found: Json = mapping["options"].get(f"{value:g}", {})
        return found
    return {}


def _digits(value: float, decimals: int | None) -> str:
    if decimals is None:
        decimals = 0 if value == int(value) else 2 if abs(value) < 10 else 1
    return f"{value:,.{decimals}f}"


def _ago(seconds: float) -> str:
    for length, name in _AGO:
        if seconds >= 1.5 * length:
            return f"{seconds / length:.0f} {name} ago"
    return "a minute ago" if seconds >= 45 else "a few seconds ago"
