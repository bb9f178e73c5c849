"""The image: what is in it, and that it runs as an engine or Kubernetes would run it."""

import os
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from exporter import __version__
from exporter.settings import Settings
from tests.containers import Image, Storage
from tests.integration.bus import connected, count_of, own, processed, publish_chats
from tests.program import Exporter
from tests.servers import Broker
from tests.support import REPOSITORY

pytestmark = [
    pytest.mark.image,
    # The first run on a machine makes the base as well.
    pytest.mark.timeout(1200),
]

PORT = Settings.model_fields["listen"].default.port
HOME = Path("opt/xivo-exporter")


@pytest.fixture(scope="module")
def image(testrun_uid: str) -> Iterator[Image]:
    """The image of this checkout, built once for all workers."""
    with Storage(testrun_uid) as storage, storage.image() as image:
        yield image


@pytest.fixture
def state(image: Image, tmp_path: Path) -> Path:
    """A directory of the host, prepared as the documents say; or a volume, as engines make it."""
    folder = tmp_path / "state"
    folder.mkdir(mode=0o700)
    os.chown(folder, *map(int, image.config["User"].split(":")))
    return folder


def test_it_tells_engines_what_they_need_to_know(image: Image) -> None:
    config = image.config
    assert config["User"] == "10495:10495"
    assert config["ExposedPorts"] == {f"{PORT}/tcp": {}}
    assert config["Volumes"] == {"/state": {}}
    assert config["StopSignal"] == "SIGTERM"
    labels = config["Labels"]
    assert labels["org.opencontainers.image.title"] == "xivo-exporter"
    assert labels["org.opencontainers.image.version"] == __version__
    assert re.fullmatch(r"[0-9a-f]{40}|unknown", labels["org.opencontainers.image.revision"])


def test_the_state_is_the_users_and_the_program_is_not(image: Image) -> None:
    state = (image.root / "state").stat()
    assert (state.st_uid, state.st_gid, oct(state.st_mode & 0o7777)) == (10495, 10495, "0o700")
    programs = [image.root / HOME, *(image.root / HOME).rglob("*")]
    assert {each.lstat().st_uid for each in programs} == {0}
    assert not [each for each in programs if not each.is_symlink() and each.stat().st_mode & 0o022]


def test_it_holds_what_the_lock_says_and_no_tools(image: Image) -> None:
    lock = (REPOSITORY / "requirements.lock").read_text()
    locked = dict(re.findall(r"^([a-z0-9-]+)==([^\s;]+)", lock, re.MULTILINE))
    (packages,) = (image.root / HOME / "lib").glob("python3*/site-packages")
    found = dict(each.stem.rsplit("-", 1) for each in packages.glob("*.dist-info"))
    found = {name.replace("_", "-").replace(".", "-").lower(): v for name, v in found.items()}
    assert found.pop("xivo-exporter") == __version__
    assert found.items() <= locked.items()
    assert {"kombu", "bytewax", "tzdata"} <= found.keys()
    for tool in ("gcc", "make", "git"):
        assert not (image.root / "usr/bin" / tool).exists()
    assert not (image.root / "build").exists()


def test_it_runs_read_only_connects_is_scraped_ends_in_time_and_goes_on_with_its_state(
    image: Image, state: Path, broker: Broker, tmp_path: Path
) -> None:
    broker.declare_exchange("xivo")
    environment = {
        "XIVO_EXPORTER_BUS_URL": broker.url(),
        "XIVO_EXPORTER_LISTEN": "127.0.0.1:0",
        "XIVO_EXPORTER_INSTANCE": "image",
        # Slim images have no time zones of the system.
        "XIVO_EXPORTER_BUS_TIMEZONE": "Europe/Paris",
        "PYTHONTZPATH": "",
    }
    with Exporter(tmp_path, program=image.command(state, env=environment)) as program:
        _is_confined(program, image)
        connected(program)
        _has_its_health_checked(program, image, state)
        publish_chats(broker, 0, 100)
        assert count_of(processed(program, 100), "xivo_chat_messages_total") == 100
        assert program.terminate(timeout=5) == 0
        publish_chats(broker, 0, 20)
        connected(program.start())
        # The bookmark comes again.
        samples = processed(program, 121)
        assert count_of(samples, "xivo_chat_messages_total") == 120
        assert own(samples, "bus_gaps_total") == 0


def _is_confined(program: Exporter, image: Image) -> None:
    process = Path(f"/proc/{program.pid}")
    status = dict(line.split(":\t", 1) for line in (process / "status").read_text().splitlines())
    assert status["Uid"].split() == ["10495"] * 4
    assert status["Gid"].split() == ["10495"] * 4
    assert status["Groups"].split() == []
    assert int(status["CapEff"], 16) == 0
    assert status["NoNewPrivs"] == "1"
    mounts = [line.split()[4:6] for line in (process / "mountinfo").read_text().splitlines()]
    assert (process / "root").samefile(image.root)
    assert dict(mounts)["/"].split(",")[0] == "ro"


def _has_its_health_checked(program: Exporter, image: Image, state: Path) -> None:
    kind, *check = image.config["Healthcheck"]["Test"]
    assert kind == "CMD"
    assert str(PORT) in check[-1]
    _, port = program.address

    def status() -> int:
        here = [each.replace(str(PORT), str(port)) for each in check]
        return subprocess.run(
            image.command(state, *here, env={}), capture_output=True, timeout=30, check=False
        ).returncode

    assert status() == 0
    program.freeze()
    assert status() != 0
    program.thaw()
