"""The user and the password for the APIs of a server: read at each login, and never shown.

A changed password needs no restart. A message about a wrong file names the setting and what to do,
and contains nothing of the file.
"""

from __future__ import annotations

from pathlib import Path

from exporter.settings.api import ApiSettings
from exporter.settings.messages import printable
from exporter.settings.password import fault_of, fault_of_user
from exporter.settings.secret_files import read_password, read_text
from exporter.snapshots import key_file

MAX_KEY_FILE = 16 * 1024
"""Bytes; wazo-auth-keys writes less than 200."""


def credentials(settings: ApiSettings) -> tuple[str, str]:
    """Return user and password for a login.

    Args:
        settings: Of a bus with an API; they have been checked, so there is a user or a key file.

    Raises:
        ValueError: A file cannot be used; the message is one line.
    """
    if settings.api_key_file is not None:
        return _from_key_file(settings.api_key_file)
    assert settings.api_username is not None
    if settings.api_password_file is not None:
        return settings.api_username, read_password(
            settings.api_password_file, "--api-password-file"
        )
    assert settings.api_password is not None
    return settings.api_username, settings.api_password.get_secret_value()


def _from_key_file(path: Path) -> tuple[str, str]:
    name = f"the key file {printable(path)} (--api-key-file)"
    text = read_text(path, name, MAX_KEY_FILE)
    if len(text.encode()) > MAX_KEY_FILE:
        msg = f"{name} is longer than {MAX_KEY_FILE} bytes: check the path"
        raise ValueError(msg)
    try:
        user, password = key_file.parse(text)
    except ValueError as error:
        problem = str(error)
    else:
        if fault := fault_of_user(user):
            problem = f"{fault}, in {key_file.USER}"
        elif fault := fault_of(password):
            problem = f"{fault}, in {key_file.PASSWORD}"
        else:
            return user, password
    msg = f"{name} {problem}"
    raise ValueError(msg)
