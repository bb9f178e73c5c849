"""Nothing of a secret is in any message: not a byte, and not its place."""

import os
import shutil
import ssl
import subprocess
from pathlib import Path

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from exporter.consumer.connection import FAULTS, brokers
from exporter.consumer.inbox import Inbox
from exporter.consumer.refusals import explain
from exporter.settings import BusSettings
from exporter.settings.password import MAX_PASSWORD
from tests.certificates import Certificates, make_certificates

INBOX = Inbox("i", 60, 7, 9, "xivo", ())

NOT_UTF8 = "is not UTF-8 text: save it as UTF-8"
HAS_NUL = "contains a NUL character: save it as UTF-8, not as UTF-16"
EMPTY = "is empty: write the password into it"
TOO_LONG = f"is longer than {MAX_PASSWORD} bytes: check the path"


@pytest.fixture(scope="module")
def file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A file that there is, for a password."""
    path = tmp_path_factory.mktemp("credentials") / "password"
    path.touch()
    return path


def _password(path: Path) -> str:
    """Return the password, or why there is none."""
    bus = BusSettings.model_validate({"url": "amqp://u@h", "password_file": path})
    (broker,) = brokers(bus, "i")
    try:
        return f"={broker.connect().password}"
    except FAULTS as error:
        # A traceback would show the errors before it.
        hidden = "" if error.__context__ is None else "; its traceback shows more"
        return explain(error, INBOX, broker.secrets) + hidden


@pytest.mark.parametrize(
    ("content", "result"),
    [
        (b"pass", "=pass"),
        ("pässwörd\n".encode(), "=pässwörd"),
        ("\ufeffpässwörd\r\n".encode(), "=pässwörd"),
        (b" two words \r\n", "= two words "),
        ("pässwörd".encode("latin-1"), NOT_UTF8),
        ("password".encode("utf-16"), NOT_UTF8),
        ("password".encode("utf-16-le"), HAS_NUL),
        ("password".encode("utf-32-be"), HAS_NUL),
        (b"", EMPTY),
        (b"\r\n\n", EMPTY),
        (b"\xef\xbb\xbf", EMPTY),
        (b"x" * MAX_PASSWORD + b"\r\n", f"={'x' * MAX_PASSWORD}"),
        (b"x" * (MAX_PASSWORD + 1), TOO_LONG),
        (b"x" * 1_000_000, TOO_LONG),
    ],
)
def test_a_password_file_is_read_or_its_fault_is_named(
    file: Path, content: bytes, result: str
) -> None:
    file.write_bytes(content)
    told = f"the password file {file} (--bus-password-file) {result}"
    assert _password(file) == (result if result.startswith("=") else told)


@given(st.one_of(st.binary(max_size=200), st.text(max_size=50).map(lambda t: t.encode("utf-16"))))
@example(b"secret\xe9")
def test_any_file_gives_its_password_or_a_message_that_does_not_depend_on_it(
    file: Path, content: bytes
) -> None:
    file.write_bytes(content)
    told = _password(file)
    if told.startswith("="):
        assert told[1:] == content.decode("utf-8-sig").rstrip("\r\n")
        return
    begins = f"the password file {file} (--bus-password-file) "
    assert told.removeprefix(begins) in {NOT_UTF8, HAS_NUL, EMPTY, TOO_LONG}


def test_a_password_file_that_cannot_be_read_is_named(file: Path, tmp_path: Path) -> None:
    gone = tmp_path / "gone"
    gone.touch()
    bus = BusSettings.model_validate({"url": "amqp://u@h", "password_file": gone})
    (broker,) = brokers(bus, "i")
    gone.unlink()
    for reason in ("No such file or directory", "Is a directory"):
        with pytest.raises(ValueError, match=f"{gone}.*--bus-password-file.*{reason}"):
            broker.connect()
        gone.mkdir(exist_ok=True)


def test_a_pipe_without_a_writer_is_empty_and_endless_bytes_are_too_long(tmp_path: Path) -> None:
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    assert _password(pipe).endswith(EMPTY)
    assert _password(Path("/dev/zero")).endswith(TOO_LONG)


# Files for TLS


@pytest.fixture(scope="module")
def certificates(tmp_path_factory: pytest.TempPathFactory) -> Certificates:
    """Certificates of an authority of this module."""
    return make_certificates(tmp_path_factory.mktemp("certificates"))


def _tls(**files: Path) -> str:
    bus = BusSettings.model_validate({"url": "amqps://u@h", **files})
    (broker,) = brokers(bus, "i")
    with pytest.raises(ValueError, match="the certificates cannot be used") as raised:
        broker.connect()
    return explain(raised.value, INBOX, broker.secrets)


def test_a_file_for_tls_that_cannot_be_used_is_named(
    certificates: Certificates, tmp_path: Path
) -> None:
    wrong = tmp_path / "wrong"
    wrong.write_text("s3cr3t")
    both = "check --bus-cert-file and --bus-key-file"
    assert "check --bus-ca-file" in _tls(ca_file=wrong)
    assert both in _tls(cert_file=wrong, key_file=certificates.client_key)
    assert both in _tls(cert_file=certificates.client, key_file=wrong)
    assert both in _tls(cert_file=certificates.client, key_file=certificates.server_key)
    assert "s3cr3t" not in _tls(cert_file=certificates.client, key_file=wrong)


def test_an_encrypted_key_is_told_and_nobody_is_asked_for_its_pass_phrase(
    certificates: Certificates, tmp_path: Path
) -> None:
    openssl = shutil.which("openssl")
    if openssl is None:
        pytest.skip("openssl is not installed")
    key = tmp_path / "key"
    command = [openssl, "pkey", "-aes128", "-passout", "pass:s3cr3t", "-out", f"{key}"]
    subprocess.run([*command, "-in", f"{certificates.client_key}"], check=True)
    told = _tls(cert_file=certificates.client, key_file=key)
    assert "the key is encrypted; write it into the file without a pass phrase" in told


def test_a_file_that_is_gone_is_told(certificates: Certificates, tmp_path: Path) -> None:
    copy = tmp_path / "ca"
    shutil.copy(certificates.ca, copy)
    bus = BusSettings.model_validate({"url": "amqps://u@h", "ca_file": copy})
    (broker,) = brokers(bus, "i")
    assert isinstance(broker.connect().ssl, dict)
    copy.unlink()
    with pytest.raises(ValueError, match=r"--bus-ca-file \(No such file"):
        broker.connect()


# What a broker, or a library, says


@given(st.text(st.characters(codec="utf-8", exclude_characters="\0"), min_size=4, max_size=30))
def test_no_words_with_the_password_are_quoted_unless_a_name_of_the_settings_has_it(
    password: str,
) -> None:
    bus = BusSettings.model_validate({"url": "amqp://reader@h/v", "password": password})
    (broker,) = brokers(bus, "i")
    assert broker.connect().password == password
    assert password in broker.secrets or any(password in name for name in ("reader", "xivo"))
    for error in (KeyError(f"a{password}b"), ValueError(f"{password} is wrong")):
        told = explain(error, INBOX, broker.secrets)
        assert told in {type(error).__name__, f"KeyError: {error}", str(error)}
        if password in broker.secrets and password in str(error):
            assert told == type(error).__name__


@pytest.mark.parametrize(
    "error",
    [
        UnicodeDecodeError("utf-8", b"s3cr\xe9t", 4, 5, "invalid continuation byte"),
        UnicodeEncodeError("utf-8", "s3cr\udce9t", 4, 5, "surrogates not allowed"),
        ssl.SSLError(1, "odd"),
    ],
)
def test_an_error_of_an_encoding_shows_neither_byte_nor_place(error: Exception) -> None:
    told = explain(error, INBOX)
    assert not {"4", "0xe9", "udce9", "s3cr"} & {*told.replace("'", " ").split()}
    assert "s3cr" not in told
