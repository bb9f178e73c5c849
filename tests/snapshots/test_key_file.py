"""The key file of wazo-auth-keys."""

import os
from pathlib import Path

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from exporter.snapshots.key_file import MAX_KEY_FILE, read_key_file

ID, KEY = "xivo-exporter", "4fe9c7ae-0a21-4b3c-8f53-9a3c2c4e5d6f"


@pytest.mark.parametrize(
    "text",
    [
        f"{{service_id: {ID}, service_key: {KEY}}}\n",
        f"service_id: {ID}\nservice_key: {KEY}\n",
        f"---\n# of the exporter\nservice_key: '{KEY}'  # secret\nservice_id: \"{ID}\"\n...\n",
        f'{{"service_key": "{KEY}", "service_id": "{ID}"}}',
        f"{{\n  service_id: {ID},\n  service_key: {KEY}\n}}\n",
        f"\ufeffservice_id: {ID}\r\nservice_key: {KEY}\r\n",
    ],
)
def test_both_styles_of_yaml_are_read(tmp_path: Path, text: str) -> None:
    path = tmp_path / "key.yml"
    path.write_text(text, encoding="utf-8", newline="")
    assert read_key_file(path) == (ID, KEY)


@given(
    st.text("abcdefXYZ0123456789-_", min_size=1, max_size=40),
    st.text("abcdefXYZ0123456789-_", min_size=1, max_size=40),
    st.sampled_from([True, False, None]),
)
def test_what_pyyaml_writes_is_read(
    tmp_path_factory: pytest.TempPathFactory, user: str, key: str, style: bool | None
) -> None:
    path = tmp_path_factory.mktemp("key") / "key.yml"
    content = {"service_id": user, "service_key": key}
    path.write_text(yaml.safe_dump(content, default_flow_style=style))
    assert read_key_file(path) == (user, key)


@pytest.mark.parametrize(
    ("data", "problem"),
    [
        (b"", "has no service_id and service_key, once each"),
        (b"service_id: a\n", "has no service_id and service_key"),
        (b"service_id: a\nservice_key: secret\nservice_key: other\n", "once each"),
        (b"service_id: a\nservice_key: ''\n", "has no service_id and service_key"),
        (b"service_id: a\nservice_key: [secret]\n", "has no service_id and service_key"),
        (b"service_id: a\nservice_key: |\n  secret\n", "has no service_id and service_key"),
        (b"service_key: secret \xff\n", "is not UTF-8"),
        (b"service_id: a\nservice_key: secret\n" + b"#" * MAX_KEY_FILE, "is too long"),
    ],
)
def test_a_wrong_file_is_named_and_nothing_of_it_is_shown(
    tmp_path: Path, data: bytes, problem: str
) -> None:
    path = tmp_path / "key.yml"
    path.write_bytes(data)
    with pytest.raises(ValueError, match=problem) as raised:
        read_key_file(path)
    assert str(path) in str(raised.value)
    assert "secret" not in f"{raised.value} {raised.value.__context__}"


def test_a_missing_file_and_a_pipe_without_a_writer_are_named(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="cannot be read: No such file"):
        read_key_file(tmp_path / "missing")
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(ValueError, match="has no service_id"):
        read_key_file(tmp_path / "pipe")
