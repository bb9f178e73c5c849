"""What docs/install.md tells is true: the rights, the unit and its settings, what is left."""

import json
import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import amqp
import pytest

from exporter.__main__ import WRONG_SETTINGS
from exporter.settings import Settings
from tests.integration.bus import (
    Wire,
    chat,
    connected,
    count_of,
    own,
    problems,
    processed,
    publish,
    publish_chats,
)
from tests.integration.conftest import RunExporter
from tests.program import Exporter
from tests.servers import Broker
from tests.support import REPOSITORY, eventually, free_port, missing

INSTALL = (REPOSITORY / "docs" / "install.md").read_text(encoding="utf-8")
UNIT = REPOSITORY / "packaging" / "xivo-exporter.service"
SECRET = "s3cr3t-p4ss"
USER = "xivo-exporter"


pytestmark = pytest.mark.usefixtures("with_exchange")


def told_rights() -> list[str]:
    """Return the patterns of the documents: configure, write, read."""
    found = re.search(r"set_permissions -p / xivo-exporter \\\n((?: +'[^']+')+)", INSTALL)
    assert found is not None
    return shlex.split(found[1])


def test_the_rights_are_enough(broker: Broker, exporter: RunExporter) -> None:
    broker.ctl("add_user", USER, SECRET)
    broker.ctl("set_permissions", "-p", "/", USER, *told_rights())
    program = connected(exporter(broker.url(user=USER, password=SECRET), "--bind-all"))
    publish(broker, "xivo", [Wire(chat())])
    assert count_of(processed(program, 1), "xivo_chat_messages_total") == 1


@pytest.mark.parametrize(
    ("less", "refused"),
    [
        ({0: "^$"}, "queue 'xivo-exporter.i.default'"),
        ({1: "^$"}, "queue 'xivo-exporter.i.default'"),
        ({2: "^xivo$"}, "queue 'xivo-exporter.i.default'"),
        ({2: r"^xivo-exporter\."}, "exchange 'xivo'"),
    ],
    ids=["configure", "write", "read the inbox", "read the exchange"],
)
def test_with_less_it_is_refused_and_says_what_until_it_is_given(
    broker: Broker, exporter: RunExporter, less: dict[int, str], refused: str
) -> None:
    rights = told_rights()
    broker.add_user(USER, SECRET, *(less.get(n, right) for n, right in enumerate(rights)))
    program = exporter(broker.url(user=USER, password=SECRET), "--instance", "i")
    eventually(lambda: problems(program), what="the problem is told")
    assert "the user lacks a permission on the broker" in problems(program)[0]
    assert refused in problems(program)[0]
    broker.set_permissions(USER, *rights)
    connected(program)


def test_the_rights_reach_nothing_else(broker: Broker) -> None:
    broker.add_user(USER, SECRET, *told_rights())
    broker.declare_queue("somebody-elses")
    for call, argument in (
        ("queue_delete", "somebody-elses"),
        ("basic_get", "somebody-elses"),
        ("queue_declare", "mine"),
        ("exchange_delete", "xivo"),
    ):
        with (
            pytest.raises(amqp.AccessRefused),
            broker.channel(user=USER, password=SECRET) as channel,
        ):
            getattr(channel, call)(argument)


@pytest.mark.parametrize("way", ["at once", "by itself"])
def test_nothing_is_left_on_the_broker(broker: Broker, exporter: RunExporter, way: str) -> None:
    def left() -> dict[str, list[str]]:
        all_there_is = json.loads(broker.ctl("export_definitions", "-"))
        kinds = ("users", "permissions", "exchanges", "queues", "bindings", "policies")
        return {kind: sorted(map(json.dumps, all_there_is[kind])) for kind in kinds}

    before = left()
    broker.add_user(USER, SECRET, *told_rights())
    url = broker.url(user=USER, password=SECRET)
    expires = "1800" if way == "at once" else "1"
    program = connected(exporter(url, "--instance", "i", "--inbox-expires", expires))
    publish(broker, "xivo", [Wire(chat())])
    processed(program, 1)
    assert program.terminate() == 0
    if way == "at once":
        broker.ctl("delete_queue", "xivo-exporter.i.default")
    eventually(lambda: not broker.queues(), what="the inbox is gone")
    broker.ctl("delete_user", USER)
    assert left() == before


# The unit


def setting(name: str) -> list[str]:
    """Return the values that the unit has under a name."""
    return re.findall(rf"^{name}=(.*)$", UNIT.read_text(encoding="utf-8"), re.MULTILINE)


def test_the_unit_starts_the_program_with_the_settings_of_the_documents(
    broker: Broker, tmp_path: Path
) -> None:
    broker.add_user(USER, SECRET, *told_rights())
    url = broker.url(user=USER, password=SECRET).replace(f":{SECRET}", "")
    (example,) = re.findall(r"```toml\n(.*?)```", INSTALL, re.DOTALL)
    secret = "/etc/xivo-exporter/bus-password"
    assert re.search(
        rf"^# install -m 640 -g {USER} bus-password {Path(secret).parent}/$", INSTALL, re.MULTILINE
    )
    password = tmp_path / "password"
    password.write_text(f"{SECRET}\n")
    file = tmp_path / "config.toml"
    for there, here in (
        (secret, str(password)),
        ("amqp://xivo-exporter@localhost", url),
        ("127.0.0.1:10495", f"127.0.0.1:{free_port()}"),
    ):
        assert there in example
        example = example.replace(there, here)
    file.write_text(example)
    (command,) = setting("ExecStart")
    _, *arguments = shlex.split(
        command.replace("/etc/xivo-exporter/config.toml", str(file)).replace("%S", str(tmp_path))
    )
    with Exporter(tmp_path, *arguments, program=(sys.executable, "-m", "exporter")) as program:
        connected(program)
        publish_chats(broker, 0, 10)
        processed(program, 10)
        (seconds,) = setting("TimeoutStopSec")
        assert program.terminate(timeout=float(seconds)) == 0
        connected(program.start())
        samples = processed(program, 11)
        assert count_of(samples, "xivo_chat_messages_total") == 10
        assert own(samples, "bus_gaps_total") == 0
    (state,) = setting("StateDirectory")
    assert (tmp_path / state / "process-0").is_dir()


def test_the_unit_restarts_the_program_unless_its_settings_are_wrong() -> None:
    assert setting("Restart") == ["always"]
    assert setting("RestartPreventExitStatus") == [str(WRONG_SETTINGS)]


def test_the_unit_can_be_reloaded_and_is_watched() -> None:
    assert setting("Type") == ["notify"]
    # Only the program itself, so no child of it could tell something else.
    assert setting("NotifyAccess") == ["main"]
    assert setting("ExecReload") == ["/bin/kill -HUP $MAINPID"]
    assert "systemctl reload xivo-exporter" in INSTALL
    # Or systemd would not let it speak.
    (families,) = setting("RestrictAddressFamilies")
    assert "AF_UNIX" in families.split()
    # The exporter logs a stall, and where it is, before systemd ends it.
    (seconds,) = setting("WatchdogSec")
    stall_after = Settings.model_fields["stall_after"].default
    assert float(seconds) >= 2 * stall_after
    assert setting("WatchdogSignal") == ["SIGKILL"]


@pytest.mark.systemd
def test_systemd_understands_the_unit_and_finds_it_hardened(tmp_path: Path) -> None:
    analyze = shutil.which("systemd-analyze") or missing(
        "systemd-analyze", "apt-get install systemd"
    )
    # It wants the program to be there.
    unit = tmp_path / UNIT.name
    unit.write_text(
        UNIT.read_text().replace("/opt/xivo-exporter/bin/xivo-exporter", sys.executable)
    )

    def said(*arguments: str) -> str:
        done = subprocess.run(
            [analyze, *arguments, unit], capture_output=True, text=True, timeout=60, check=False
        )
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout + done.stderr

    assert said("verify", "--man=no") == ""
    # Its scale is from 0.0 to 10.0; the threshold is ten times that.
    assert "Overall exposure level" in said("security", "--offline=true", "--threshold=20")
