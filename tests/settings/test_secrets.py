"""Whatever a password is, and wherever it stands: no message about settings has a piece of it."""

import os
from collections.abc import Callable
from pathlib import Path
from unittest import mock

import pytest
from hypothesis import given
from hypothesis import strategies as st

from exporter.commands import command_line
from exporter.settings import Settings, SettingsError, settings_of, spelled

NAMES = "XIVO_EXPORTER_"


def _environment(secret: str) -> dict[str, str]:
    # As Python would have read bytes that are not UTF-8.
    return {f"{NAMES}BUS_PASSWORD": secret.replace("\0", "")}


def _url(secret: str) -> dict[str, str]:
    return {f"{NAMES}BUS_URL": f"amqp://u:{secret}@h/v".replace("\0", "")}


def _url_without_host(secret: str) -> dict[str, str]:
    return {f"{NAMES}BUS_URL": f"amqp://u:{secret}".replace("\0", "")}


def _file_name(secret: str) -> dict[str, str]:
    return {f"{NAMES}BUS_PASSWORD_FILE": f"/nowhere/{secret}".replace("\0", "")}


def _key(secret: str) -> dict[str, str]:
    return {
        f"{NAMES}BUS_URL": "amqps://h",
        f"{NAMES}BUS_CERT_FILE": f"-----BEGIN {secret}".replace("\0", ""),
        f"{NAMES}BUS_KEY_FILE": f"-----BEGIN {secret}".replace("\0", ""),
    }


def _api_password(secret: str) -> dict[str, str]:
    return {f"{NAMES}API_URL": "https://h", f"{NAMES}API_PASSWORD": secret.replace("\0", "")}


def _api_url(secret: str) -> dict[str, str]:
    return {f"{NAMES}API_URL": f"https://u:{secret}@h/api".replace("\0", "")}


def _api_services(secret: str) -> dict[str, str]:
    return {f"{NAMES}API_SERVICES": f"auth=https://u:{secret}@h".replace("\0", "")}


def _api_key_file(secret: str) -> dict[str, str]:
    return {f"{NAMES}API_KEY_FILE": f"/nowhere/{secret}".replace("\0", "")}


def _told(environment: dict[str, str], *arguments: str) -> str:
    with mock.patch.dict(os.environ, environment):
        try:
            command_line.parse(["run", *arguments])
        except SettingsError as error:
            return "\n".join(error.problems)
    return ""


_ROOM = Path(command_line.__file__).parent.parent
_OWN_WORDS = "".join(
    source.read_text(encoding="utf-8")
    for room in ("settings", "commands")
    for source in (_ROOM / room).glob("*.py")
)
"""Messages consist of these and of names of settings; only other pieces can be a secret's."""
_SPELLED = " ".join(map(spelled, settings_of(Settings)))


def _assert_no_piece(told: str, secret: str, shown: str = "") -> None:
    for start in range(len(secret) - 2):
        piece = secret[start : start + 3]
        assert piece not in told or piece in f"{_OWN_WORDS} {_SPELLED} {shown}", (piece, told)


# Surrogates are what Python makes of bytes of the environment that are not UTF-8.
_SECRETS = st.text(
    st.one_of(
        st.characters(exclude_categories=["Cs"]),
        st.integers(0xDC80, 0xDCFF).map(chr),
        st.sampled_from('%@:/?#;"\\\n\t\0'),
    ),
    min_size=3,
    max_size=40,
)


@pytest.mark.parametrize(
    "place",
    [
        *(_environment, _url, _url_without_host, _file_name, _key),
        *(_api_password, _api_url, _api_services, _api_key_file),
    ],
)
@given(secret=_SECRETS)
def test_no_piece_of_a_secret_of_the_environment_is_told(
    place: Callable[[str], dict[str, str]], secret: str
) -> None:
    _assert_no_piece(_told(place(secret)), secret)


@given(secret=_SECRETS)
def test_no_piece_of_a_secret_of_the_file_is_told(
    tmp_path_factory: pytest.TempPathFactory, secret: str
) -> None:
    file = tmp_path_factory.mktemp("f") / "config.toml"
    passwords = [f'bus_password = "{secret}"', f'api_password = "{secret}"']
    for line in (*passwords, f"bus_password = {secret}", f"{secret}"):
        file.write_bytes(f"{line}\n".encode(errors="surrogateescape"))
        told = _told({}, "--config", f"{file}")
        # Names of settings are shown: here the secret would have to be `name = value` itself.
        if "there is no such setting" not in told:
            _assert_no_piece(told, secret, f"{file}")


@pytest.mark.parametrize(
    ("password", "says"),
    [
        ("\udce9t\udce9", "bus_password (XIVO_EXPORTER_BUS_PASSWORD): the password is not UTF-8"),
        ("x" * 5000, "the password is longer than 4096 bytes"),
    ],
)
def test_a_password_that_cannot_be_one_is_refused_at_the_start(password: str, says: str) -> None:
    assert says in _told(_environment(password))


@pytest.mark.parametrize(
    ("url", "says"),
    [
        ("amqp://u:a%00b@h", "the password contains a NUL character"),
        ("amqp://u%00:ab@h", "the user contains a NUL character"),
        ("amqp://u:%E9@h", "the password is not UTF-8"),
        (f"amqp://u:{'x' * 5000}@h", "the password is longer than 4096 bytes"),
        (f"amqp://u:p@{'h' * 64}", "the host is missing or wrong"),
        ("amqp://u:p@h\udce9", "the host is missing or wrong"),
    ],
)
def test_a_url_that_cannot_be_used_is_refused_at_the_start(url: str, says: str) -> None:
    assert says in _told({f"{NAMES}BUS_URL": url})


@pytest.mark.parametrize("name", ["h" * 64, "a\0b", "h\udce9", ""])
def test_a_server_name_that_is_none_is_refused_at_the_start(tmp_path: Path, name: str) -> None:
    file = tmp_path / "config.toml"
    escaped = name.replace("\0", "\\u0000")
    text = f'bus_url = "amqps://h"\nbus_server_name = "{escaped}"\n'
    file.write_bytes(text.encode(errors="surrogateescape"))
    assert _told({}, "--config", f"{file}")
