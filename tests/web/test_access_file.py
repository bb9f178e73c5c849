"""The file is read again when it changes, and what cannot be used changes nothing."""

import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from structlog.testing import capture_logs

from exporter.web.access import RETRY_SECONDS, SETTLE_SECONDS, Access, AccessFile, read_access
from exporter.web.watched_files import Files
from tests.web.web_configs import DATA, HASH

LONG = 10 * SETTLE_SECONDS
NOT_USED = "web configuration file not used; the old one stays"
READ_AGAIN = "web configuration file read again"


@dataclass
class Time:
    """Clock of the machine and of its files: it moves only by hand."""

    now: float = 1.7e9

    def __call__(self) -> float:
        return self.now

    def write(self, path: Path, text: str | bytes) -> None:
        """Write a file now."""
        path.write_bytes(text.encode() if isinstance(text, str) else text)
        os.utime(path, (self.now, self.now))

    def pass_(self, seconds: float = LONG) -> None:
        self.now += seconds


@pytest.fixture
def time() -> Time:
    return Time()


def users(*names: str) -> str:
    return "basic_auth_users:\n" + "".join(f"  {name}: {HASH}\n" for name in names)


def problem_of(file: AccessFile) -> str:
    return file.problem or ""


def opened(path: Path, time: Time) -> AccessFile:
    return AccessFile(path, clock=time, timer=time)


@contextmanager
def messages() -> Iterator[list[str]]:
    found: list[str] = []
    with capture_logs() as logs:
        yield found
    found.extend(str(each["event"]) for each in logs)


def test_without_a_file_everybody_may_read_everything() -> None:
    assert AccessFile(None).current() == Access()
    assert AccessFile(None).problem is None


def test_a_file_that_cannot_be_used_ends_the_start(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="cannot be read: No such file"):
        AccessFile(tmp_path / "none.yml")


def test_a_change_is_seen_when_it_has_settled(tmp_path: Path, time: Time) -> None:
    path = tmp_path / "web.yml"
    time.write(path, users("alice"))
    time.pass_()
    file = opened(path, time)
    before = file.current()
    assert set(before.users) == {"alice"}
    with messages() as logged:
        time.write(path, users("bob"))
        time.pass_(0.9 * SETTLE_SECONDS)
        assert file.current() is before
        time.pass_(0.2 * SETTLE_SECONDS)
        assert set(file.current().users) == {"bob"}
        assert file.current() is file.current()
    assert logged == [READ_AGAIN]


def test_a_file_that_is_being_written_opens_nothing(tmp_path: Path, time: Time) -> None:
    path = tmp_path / "web.yml"
    time.write(path, users("alice"))
    time.pass_()
    file = opened(path, time)
    for part in ("", "basic_auth_users:\n", users("alice"), users("alice", "bob")):
        time.write(path, part)
        time.pass_(SETTLE_SECONDS / 2)
        assert set(file.current().users) == {"alice"}
    time.pass_()
    assert set(file.current().users) == {"alice", "bob"}


@pytest.mark.parametrize("empty", ["", "# nothing\n", "basic_auth_users:\n", "rate_limit: {}\n"])
def test_a_file_that_becomes_empty_opens_nothing(tmp_path: Path, time: Time, empty: str) -> None:
    path = tmp_path / "web.yml"
    time.write(path, users("alice"))
    time.pass_()
    file = opened(path, time)
    with messages() as logged:
        time.write(path, empty)
        time.pass_()
        assert set(file.current().users) == {"alice"}
        assert "is empty" in problem_of(file)
        with pytest.raises(ValueError, match="is empty"):
            file.read_again()
        time.write(path, users("bob"))
        time.pass_()
        assert set(file.current().users) == {"bob"}
    assert logged == [NOT_USED, READ_AGAIN]
    # At the start, it opens everything, as it says.
    time.write(path, empty)
    assert opened(path, time).current() == Access()


def test_a_broken_file_changes_nothing_and_is_told_once(tmp_path: Path, time: Time) -> None:
    path = tmp_path / "web.yml"
    time.write(path, users("alice"))
    time.pass_()
    file = opened(path, time)
    before = file.current()
    with messages() as logged:
        for text in ("junk", "junk", "basic_auth_users: [", "basic_auth_users: ["):
            time.write(path, text)
            time.pass_()
            for _ in range(3):
                assert file.current() is before
            assert problem_of(file)
        path.unlink()
        for _ in range(3):
            assert file.current() is before
            time.pass_()
        assert "No such file" in problem_of(file)
        time.write(path, users("alice"))
        time.pass_()
        assert file.current() is before
        assert not problem_of(file)
    assert logged == [NOT_USED, NOT_USED, NOT_USED, READ_AGAIN]


def test_two_writes_at_the_same_moment_are_both_seen(tmp_path: Path, time: Time) -> None:
    path = tmp_path / "web.yml"
    time.write(path, users("alice"))
    file = opened(path, time)
    assert set(file.current().users) == {"alice"}
    # The same size, inode and time; only the kernel's time of the inode may differ.
    time.write(path, users("bobby"))
    time.pass_()
    assert set(file.current().users) == {"bobby"}


def test_a_start_right_after_a_write_reads_once_more_and_then_never(
    tmp_path: Path, time: Time, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "web.yml"
    time.write(path, users("alice"))
    file = opened(path, time)
    reads = []

    def counted(path: Path, files: Files) -> Access:
        reads.append(path)
        return read_access(path, files)

    monkeypatch.setattr("exporter.web.access.read_access", counted)
    before = file.current()
    for _ in range(5):
        time.pass_()
        assert file.current() is before
    assert len(reads) == 1


def test_a_time_in_the_future_only_delays_the_reading(tmp_path: Path, time: Time) -> None:
    path = tmp_path / "web.yml"
    time.write(path, users("alice"))
    time.pass_()
    file = opened(path, time)
    time.now += 1e6
    time.write(path, users("bob"))
    time.now -= 1e6
    assert set(file.current().users) == {"alice"}
    time.pass_(1.1 * SETTLE_SECONDS)
    assert set(file.current().users) == {"bob"}


@pytest.fixture
def tls_file(tmp_path: Path, time: Time) -> Path:
    for name in ("server.crt", "server.key", "client_selfsigned.pem"):
        time.write(tmp_path / name, (DATA / name).read_bytes())
    path = tmp_path / "web.yml"
    section = "tls_server_config:\n  cert_file: server.crt\n  key_file: server.key\n"
    section += (
        "  client_auth_type: RequireAndVerifyClientCert\n  client_ca_file: client_selfsigned.pem\n"
    )
    time.write(path, section)
    time.pass_()
    return path


def test_a_changed_certificate_is_seen_and_ends_no_connection(tls_file: Path, time: Time) -> None:
    file = opened(tls_file, time)
    before = file.current().tls
    assert before is not None
    certificate = tls_file.with_name("server.crt")
    time.write(certificate, b"# renewed\n" + certificate.read_bytes())
    time.pass_()
    after = file.current().tls
    assert after is not None
    assert after is not before
    assert after.rules == before.rules


def test_a_changed_authority_is_seen_and_changes_the_rules(tls_file: Path, time: Time) -> None:
    file = opened(tls_file, time)
    before = file.current().tls
    other = (DATA / "client2_selfsigned.pem").read_bytes()
    time.write(tls_file.with_name("client_selfsigned.pem"), other)
    time.pass_()
    after = file.current().tls
    assert before is not None
    assert after is not None
    assert after.rules != before.rules


def test_a_certificate_without_its_key_waits_for_the_key(tls_file: Path, time: Time) -> None:
    file = opened(tls_file, time)
    before = file.current()
    certificate, key = tls_file.with_name("server.crt"), tls_file.with_name("server.key")
    old = certificate.read_bytes()
    time.write(certificate, (DATA / "client_selfsigned.pem").read_bytes())
    time.pass_()
    assert file.current() is before
    assert "does not belong" in problem_of(file)
    time.write(key, (DATA / "client_selfsigned.key").read_bytes())
    time.pass_()
    assert file.current() is not before
    assert not problem_of(file)
    assert old != certificate.read_bytes()


def test_a_file_that_appears_later_is_noticed(tls_file: Path, time: Time) -> None:
    file = opened(tls_file, time)
    time.write(tls_file, tls_file.read_text().replace("server.crt", "new.crt"))
    time.pass_()
    file.current()
    assert "No such file" in problem_of(file)
    time.write(tls_file.with_name("new.crt"), (DATA / "server.crt").read_bytes())
    time.pass_()
    file.current()
    assert not problem_of(file)


def test_the_files_of_a_kubernetes_secret_change_together(tmp_path: Path, time: Time) -> None:
    for version, name in (("..1", "alice"), ("..2", "bob")):
        (tmp_path / version).mkdir()
        time.write(tmp_path / version / "web.yml", users(name))
    (tmp_path / "..data").symlink_to("..1")
    (tmp_path / "web.yml").symlink_to("..data/web.yml")
    time.pass_()
    file = opened(tmp_path / "web.yml", time)
    assert set(file.current().users) == {"alice"}
    (tmp_path / "..new").symlink_to("..2")
    (tmp_path / "..new").rename(tmp_path / "..data")
    assert set(file.current().users) == {"bob"}


def test_a_failure_that_passes_is_forgotten_without_a_change(
    tls_file: Path, time: Time, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = opened(tls_file, time)
    reads = 0

    def refuse(path: Path) -> Any:  # noqa: ANN401 -- it returns nothing
        nonlocal reads
        reads += 1
        raise OSError(24, "Too many open files")

    with messages() as logged:
        with monkeypatch.context() as patch:
            patch.setattr("exporter.web.watched_files.open_without_waiting", refuse)
            time.write(tls_file, users("alice"))
            time.pass_(1.1 * SETTLE_SECONDS)
            for _ in range(20):
                file.current()
            assert reads == 1
            assert "Too many open files" in problem_of(file)
            time.pass_(RETRY_SECONDS)
            file.current()
            assert reads == 2
        time.pass_(RETRY_SECONDS)
        assert set(file.current().users) == {"alice"}
        assert not problem_of(file)
    assert logged == [NOT_USED, READ_AGAIN]


def test_without_free_descriptors_the_old_file_stays(
    tls_file: Path, time: Time, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(name: str) -> int:
        raise OSError(24, "Too many open files")

    file = opened(tls_file, time)
    before = file.current()
    monkeypatch.setattr("os.memfd_create", refuse)
    time.write(tls_file, tls_file.read_text() + "# changed\n")
    time.pass_()
    assert file.current() is before
    assert "Too many open files" in problem_of(file)


def test_many_threads_may_ask_while_the_file_changes(tmp_path: Path) -> None:
    path = tmp_path / "web.yml"
    path.write_text(users("alice"))
    time = Time(path.stat().st_mtime + LONG)
    file = opened(path, time)
    seen: set[frozenset[str]] = set()
    stop = threading.Event()

    def ask() -> None:
        while not stop.is_set():
            seen.add(frozenset(file.current().users))

    threads = [threading.Thread(target=ask) for _ in range(4)]
    for thread in threads:
        thread.start()
    for i in range(20):
        new = tmp_path / "new"
        time.write(new, users("alice", *(["bob"] if i % 2 else [])))
        time.pass_()
        new.rename(path)
        file.current()
    stop.set()
    for thread in threads:
        thread.join()
    assert seen <= {frozenset({"alice"}), frozenset({"alice", "bob"})}


STEPS = st.lists(
    st.tuples(
        st.sampled_from(["a", "b", "junk", ""]),
        st.sampled_from([0.0, 0.3 * SETTLE_SECONDS, 1.5 * SETTLE_SECONDS, LONG]),
    ),
    max_size=8,
)


@given(steps=STEPS)
def test_what_counts_is_the_last_usable_file_that_stayed_for_a_second(
    steps: list[tuple[str, float]], tmp_path_factory: pytest.TempPathFactory
) -> None:
    time = Time()
    path = tmp_path_factory.mktemp("steps") / "web.yml"
    time.write(path, users("first"))
    time.pass_()
    file = opened(path, time)
    expected = {"first"}
    for name, pause in steps:
        time.write(path, {"junk": "junk", "": ""}.get(name, users(name)))
        assert set(file.current().users) == expected
        time.pass_(pause)
        if pause >= SETTLE_SECONDS and name not in ("junk", ""):
            expected = {name}
        assert set(file.current().users) == expected
