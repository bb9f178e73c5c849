"""The settings file of `run`, as Debian's package installs it."""

from __future__ import annotations

import json
import textwrap
from collections.abc import Iterator
from enum import StrEnum
from typing import get_args

from pydantic.fields import FieldInfo

from exporter.settings import Settings, settings_of
from exporter.settings.messages import choices
from scripts.settings_schema import written

SCHEMA = "/usr/share/xivo-exporter/config.schema.json"
"""Where the package installs the schema."""

_HEAD = f"""\
#:schema file://{SCHEMA}
# Settings of xivo-exporter. https://toml.io explains the format of this file.
#
# Remove the # before a setting to change it. Without a remark, the line shows the default. A
# setting with the remark "for example" is not set by default. Most installations need only
# bus_url, bus_password_file and listen; those with a Wazo from 23.01 on also need exchange.
#
# Check the file:           xivo-exporter check --config /etc/xivo-exporter/config.toml
# Use a changed file:       systemctl reload xivo-exporter
# The service itself sets state_dir and exit_on_stall. Here they would have no effect on it.
"""

_TAIL = """
# --- Several buses ---
#
# To read several servers, leave out all settings of the bus and of the APIs above, and write a
# table for each bus, at the end of this file. In a table, the names are the same, but without bus_.

#[[buses]]
#name = "paris"
#url = "amqp://xivo-exporter@paris.example.com"
#password_file = "/etc/xivo-exporter/paris-password"

#[[buses]]
#name = "montreal"
#url = "amqps://xivo-exporter@montreal.example.com"
#password_file = "/etc/xivo-exporter/montreal-password"
#exchange = "wazo-headers"
"""

# The first setting of each group, in the order of `settings_of`.
_GROUPS = {
    "bus_url": "The bus: the broker of the server",
    "api_url": "The APIs of the server, which tell its whole state",
    "instance": "The inbox: the queue of this exporter on the broker",
    "state_dir": "State over restarts",
    "process_id": "A cluster of several processes",
    "listen": "The web server, which serves /metrics",
    "windows": "What is shown",
    "stall_after": "Health",
    "log_level": "The log",
}

# For settings without a default.
_EXAMPLES = {
    "bus_password_file": "/etc/xivo-exporter/bus-password",
    "bus_password": "secret",
    "bus_ca_file": "/etc/xivo-exporter/bus-ca.crt",
    "bus_cert_file": "/etc/xivo-exporter/bus.crt",
    "bus_key_file": "/etc/xivo-exporter/bus.key",
    "bus_server_name": "pbx.example.com",
    "bus_timezone": "Europe/Paris",
    "exchange_type": "headers",
    "api_url": "https://pbx.example.com/api",
    "api_services": "amid=https://pbx.example.com:9491,auth=https://pbx.example.com:9497",
    "api_key_file": "/var/lib/wazo-auth-keys/xivo-exporter-key.yml",
    "api_username": "xivo-exporter",
    "api_password_file": "/etc/xivo-exporter/api-password",
    "api_password": "secret",
    "api_ca_file": "/etc/xivo-exporter/api-ca.crt",
    "api_server_name": "pbx.example.com",
    "instance": "monitor",
    "state_dir": "/var/lib/xivo-exporter",
    "process_id": 0,
    "addresses": ["first.example.com:2101", "second.example.com:2101"],
    "web_config_file": "/etc/xivo-exporter/web-config.yml",
    "subsystems": ["agents", "queues"],
    "details": ["agents"],
    "pause_reasons": ["lunch", "training"],
}

_WIDTH = 100


def settings_file() -> str:
    """Return the file: each setting in a comment, with its meaning and its default."""
    return "\n".join([_HEAD, *_settings()]) + _TAIL


def _settings() -> Iterator[str]:
    for name, field in settings_of(Settings).items():
        if name in _GROUPS:
            yield f"# --- {_GROUPS[name]} ---\n"
        text = (field.description or "") + _choices(field)
        if field.default_factory is not None:
            text += "; default: the host name"
        yield from textwrap.wrap(
            text[0].upper() + text[1:] + ".",
            _WIDTH,
            initial_indent="# ",
            subsequent_indent="# ",
            break_on_hyphens=False,
        )
        yield f"#{name} = {_value(name, field)}\n"


def _choices(field: FieldInfo) -> str:
    for kind in get_args(field.annotation) or (field.annotation,):
        if isinstance(kind, type) and issubclass(kind, StrEnum):
            return f"; {choices([*kind])}"
    return ""


def _value(name: str, field: FieldInfo) -> str:
    if name in _EXAMPLES:
        return f"{_toml(_EXAMPLES[name])}  # for example"
    return _toml(written(field.default))


def _toml(value: object) -> str:
    # Texts, numbers, booleans and lists of them are written in TOML as in JSON.
    return json.dumps(value, ensure_ascii=False)
