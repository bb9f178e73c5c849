"""Reads the key file of a service of wazo-auth-keys: the name and the password of its user.

`wazo-auth-keys service update` writes `/var/lib/wazo-auth-keys/<service>-key.yml`, a YAML mapping
with two texts, in block style or in flow style:

    {service_id: xivo-exporter, service_key: 2c7a…}

A message about a wrong file contains nothing of it.
"""

from __future__ import annotations

import re
from pathlib import Path

from exporter.exposition.problems import one_line
from exporter.settings.files import open_without_waiting

MAX_KEY_FILE = 4096
"""Bytes; a real one has about 100."""

_ENTRY = re.compile(
    r"""(?:^|[{,])[^\S\n]*(["']?)(service_id|service_key)\1[^\S\n]*:[^\S\n]+"""
    r"""(?:"([^"\\\n]*)"|'([^'\n]*)'|([^\s"'#,{}\[\]&*!|>%@`][^\s,{}]*))[^\S\n]*(?=[,}\n]|\#|$)""",
    re.MULTILINE,
)
"""An entry of one of the two keys, with a plain or quoted value."""


def read_key_file(path: Path) -> tuple[str, str]:
    """Return the name of the user and its password.

    Raises:
        ValueError: The file cannot be read, or has no such entries.
    """
    # Raised outside of the except clauses: the context of an exception keeps what was read.
    text: str | None = None
    problem = "is not UTF-8"
    try:
        with open_without_waiting(path) as file:
            data = file.read(MAX_KEY_FILE + 1) or b""
        text = data.decode("utf-8-sig")
    except OSError as error:
        problem = f"cannot be read: {error.strerror or type(error).__name__}"
    except UnicodeError:
        pass
    if text is not None:
        problem = "has no service_id and service_key, once each"
        found = [(each[1], each[2] or each[3] or each[4]) for each in _ENTRY.findall(text)]
        values = dict(found)
        if len(data) > MAX_KEY_FILE:
            problem = "is too long for a key file"
        elif len(found) == len(values) == _ENTRIES and all(values.values()):
            return values["service_id"], values["service_key"]
    msg = f"the key file {one_line(path)} (--api-key-file) {problem}"
    raise ValueError(msg)


_ENTRIES = 2
