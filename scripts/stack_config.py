"""Configurations of the local stack: the files of the repository, with other addresses."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

from scripts import webhook

ROOT = Path(__file__).resolve().parent.parent
RULES = ROOT / "dashboards" / "alerts"
ALERTMANAGER = ROOT / "dashboards" / "alertmanager.yml"
PROMETHEUS = ROOT / "stack" / "prometheus.yml"


class Addresses(NamedTuple):
    """Addresses of all programs: host and port."""

    exporter: str
    prometheus: str
    alertmanager: str
    webhook: str


class Files(NamedTuple):
    """The configurations that were written."""

    prometheus: Path
    alertmanager: Path


def write(directory: Path, addresses: Addresses, *, hurry: bool) -> Files:
    """Write all configurations to a directory.

    Args:
        directory: An empty directory.
        addresses: Addresses of this run.
        hurry: Replace the minutes of every `for` and `interval` by seconds.
    """
    rules = directory / "alerts"
    rules.mkdir()
    for file in RULES.glob("*.yaml"):
        text = _read(file)
        (rules / file.name).write_text(_hurried(text) if hurry else text, encoding="utf-8")
    files = Files(directory / "prometheus.yml", directory / "alertmanager.yml")
    replacements = {
        "/etc/prometheus/alerts": f"{rules}",
        "alertmanager:9093": addresses.alertmanager,
        "exporter:10495, demo:10495": addresses.exporter,
    }
    files.prometheus.write_text(_replaced(_read(PROMETHEUS), replacements), encoding="utf-8")
    replacements = {
        f"127.0.0.1:{webhook.PORT}": addresses.webhook,
        # In a demonstration every alert should be printed at once.
        "group_wait: 30s": "group_wait: 1s",
        "group_interval: 5m": "group_interval: 1s",
    }
    files.alertmanager.write_text(_replaced(_read(ALERTMANAGER), replacements), encoding="utf-8")
    return files


def _read(file: Path) -> str:
    return file.read_text(encoding="utf-8")


def _hurried(rules: str) -> str:
    return re.sub(r"^( +(?:for|interval): \d+)m$", r"\1s", rules, flags=re.MULTILINE)


def _replaced(text: str, replacements: Mapping[str, str]) -> str:
    for old, new in replacements.items():
        # Without this, a change of the file could silently keep an address.
        assert text.count(old) == 1, f"{old} is not there once"
        text = text.replace(old, new)
    return text
