"""The credentials for the APIs: read at each login, and nothing of them is in any message."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
import yaml
from hypothesis import example, given
from hypothesis import strategies as st

from exporter.settings import BusSettings
from exporter.snapshots.credentials import MAX_KEY_FILE, credentials

SECRET = "s3cr3t-p4ss"
URL = "https://wazo.example.com/api"
NONE = "is no key file of wazo-auth-keys: it must contain service_id and service_key; check the"


@pytest.fixture(scope="module")
def file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A file that there is, for a secret."""
    path = tmp_path_factory.mktemp("credentials") / "file"
    path.touch()
    return path


def of_key_file(path: Path) -> tuple[str, str] | str:
    """Return the credentials, or why there are none."""
    settings = BusSettings.model_validate({"api_url": URL, "api_key_file": path})
    try:
        return credentials(settings)
    except ValueError as error:
        # A traceback would show the errors before it.
        hidden = "" if error.__context__ is None else "; its traceback shows more"
        return str(error).removeprefix(f"the key file {path} (--api-key-file) ") + hidden


def test_a_password_can_be_in_the_settings_or_in_a_file_that_is_read_each_time(file: Path) -> None:
    user = {"api_url": URL, "api_username": "exporter"}
    assert credentials(BusSettings.model_validate(user | {"api_password": SECRET})) == (
        "exporter",
        SECRET,
    )
    settings = BusSettings.model_validate(user | {"api_password_file": file})
    for password in ("one", " two "):
        file.write_text(f"{password}\r\n")
        assert credentials(settings) == ("exporter", password)
    file.write_bytes(b"secret\xe9")
    with pytest.raises(ValueError, match=f"the password file {file} .--api-password-file. is not"):
        credentials(settings)


@pytest.mark.parametrize(
    "text",
    [
        "{service_id: wazo-stat, service_key: 5c1c-77}",
        "{service_id: wazo-stat, service_key: 5c1c-77}\n",
        "{service_key: '5c1c-77', 'service_id': \"wazo-stat\"}  # a comment\n",
        "---\n{ service_id: wazo-stat,\n  service_key: 5c1c-77 }\n...\n",
        "service_id: wazo-stat\nservice_key: 5c1c-77\n",
        "# a comment\n---\n\nservice_key:   '5c1c-77'\r\nservice_id: \"wazo-stat\" # another\r\n",
        "\ufeffservice_id: wazo-stat\nother: 1\nservice_key: 5c1c-77",
    ],
)
def test_a_key_file_may_have_any_style_of_yaml(file: Path, text: str) -> None:
    file.write_text(text)
    assert of_key_file(file) == ("wazo-stat", "5c1c-77")
    loaded = yaml.safe_load(text)
    assert (loaded["service_id"], loaded["service_key"]) == ("wazo-stat", "5c1c-77")


_WORDS = st.text(st.characters(min_codepoint=0x20, max_codepoint=0x7E), min_size=1, max_size=40)


@given(user=_WORDS, password=_WORDS, style=st.sampled_from([None, True, False]))
@example(user="it's", password='a "b" \\c', style=None)
@example(user="a#b", password="# c", style=False)
@example(user="a: b", password="c,d", style=True)
# Longer than a line.
@example(user="0" * 23 + "\"' ", password="0" * 22 + "' ,", style=True)
def test_what_a_yaml_library_writes_is_read_or_refused_but_never_misread(
    file: Path, user: str, password: str, *, style: bool | None
) -> None:
    written = yaml.safe_dump(
        {"service_id": user, "service_key": password}, default_flow_style=style
    )
    file.write_text(written)
    read = of_key_file(file)
    if isinstance(read, tuple):
        assert read == (user, password)
    else:
        # Texts of several words without quotes, and users that HTTP cannot send.
        assert ":" in user or " " in f"{user}{password}"


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (b"", NONE),
        (b"service_id: u\n", NONE),
        (b"{service_id: u}", NONE),
        (b"service_id: u\nservice_key:\n", NONE),
        (b"service_id: u\nservice_key: ''\n", NONE),
        (b"service_id: u\nservice_key: |\n  s3cr3t-p4ss\n", NONE),
        (b"service_id: u\nservice_key: !!str s3cr3t-p4ss\n", NONE),
        (b"service_id: u\nservice_key: &a s3cr3t-p4ss\n", NONE),
        (b"service_id: u\nservice_key: [s3cr3t-p4ss]\n", NONE),
        (b"service_id: u\nservice_key: 's3cr3t-p4ss\n", NONE),
        (b'service_id: u\nservice_key: "s3cr3t-p4ss\\q"\n', NONE),
        (b"{service_id: u, service_key: s3cr3t-p4ss", NONE),
        (b"{service_id: u, service_key: s3cr3t-p4ss} s3cr3t", NONE),
        (b"s3cr3t-p4ss", NONE),
        (b"- service_id: u\n- service_key: s3cr3t-p4ss", NONE),
        (b"-----BEGIN PRIVATE KEY-----\ns3cr3t-p4ss\n", NONE),
        (b'{"service_id": "a:b", "service_key": "s3cr3t-p4ss"}', "contains a colon, in service_id"),
        (b'service_id: u\nservice_key: "s3cr3t\\u0000"', "contains a NUL character, in service_k"),
        (b'service_id: u\nservice_key: "s3cr3t\\ud800"', "is not UTF-8 text, in service_key"),
        (b"service_id: u\nservice_key: " + b"s" * 5000, "is longer than 4096 bytes, in service_"),
        (b"service_id: u\nservice_key: s3cr\xe9t", "is not UTF-8 text: save it as UTF-8"),
        (b"# " + b"s" * MAX_KEY_FILE, f"is longer than {MAX_KEY_FILE} bytes: check the path"),
        (b"{" * 10_000, NONE),
        (b"service_key: '" + b"''" * 5000, NONE),
        (b'{service_id: "' + b"\\\\" * 5000, NONE),
    ],
)
def test_what_is_wrong_with_a_key_file_is_said_and_nothing_of_it_is_quoted(
    file: Path, content: bytes, says: str
) -> None:
    file.write_bytes(content)
    told = of_key_file(file)
    assert isinstance(told, str)
    assert told.startswith(says)
    assert "s3cr" not in told


@given(st.one_of(st.binary(max_size=200), st.text(max_size=60).map(str.encode)))
def test_any_key_file_gives_credentials_or_a_message_that_does_not_depend_on_it(
    file: Path, content: bytes
) -> None:
    file.write_bytes(content)
    told = of_key_file(file)
    assert told in {f"{NONE} path", "is not UTF-8 text: save it as UTF-8"}


def test_a_key_file_that_is_gone_or_endless_or_a_pipe_is_told(tmp_path: Path) -> None:
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    assert str(of_key_file(pipe)).startswith(NONE)
    settings = BusSettings.model_validate({"api_url": URL, "api_key_file": pipe})
    pipe.unlink()
    with pytest.raises(ValueError, match="cannot be read: No such file or directory"):
        credentials(settings)
    assert "is longer than" in of_key_file(Path("/dev/zero"))
