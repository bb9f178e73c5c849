"""The Debian package, on a Debian 12 with a real systemd: install, use, upgrade, remove, purge."""

import os
import re
import shutil
import subprocess
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest

from exporter import __version__
from exporter.__main__ import WRONG_SETTINGS
from tests.machine import Machine
from tests.support import REPOSITORY, eventually, free_port, missing

pytestmark = [
    pytest.mark.image,
    # The first run on a machine makes the file system as well.
    pytest.mark.timeout(900),
]

CONFIG = "/etc/xivo-exporter/config.toml"
UNIT = "xivo-exporter.service"

# What apt and others write about all packages.
NOTES = re.compile("/(var/(cache|lib/(apt|dpkg)|log)|usr/share/man|etc/(passwd|group|.?shadow)-)")


@pytest.fixture(scope="module")
def deb(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The package, built as `make deb` does, but not compressed."""
    if not Path("/usr/bin/python3.11").exists() or shutil.which("dpkg-deb") is None:
        missing("Debian 12", "use Debian 12")
    folder = tmp_path_factory.mktemp("deb")
    # To compress it takes half a minute of a processor.
    env = os.environ | {"DPKG_DEB_COMPRESSOR_TYPE": "none"}
    script = REPOSITORY / "scripts/deb.sh"
    subprocess.run([script, folder], check=True, capture_output=True, timeout=300, env=env)
    (built,) = folder.glob("*.deb")
    return built


@pytest.fixture(scope="module")
def older(deb: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A package of an earlier version: with other settings, and a file that this one has not."""
    folder = tmp_path_factory.mktemp("older")
    content = folder / "content"
    subprocess.run(["/usr/bin/dpkg-deb", "--raw-extract", deb, content], check=True)
    control = content / "DEBIAN" / "control"
    control.write_text(control.read_text().replace(f"Version: {__version__}", "Version: 0.0.1"))
    (content / CONFIG.lstrip("/")).write_text("# The settings of 0.0.1.\n")
    (content / "opt/xivo-exporter/lib/old.py").write_text("")
    built = folder / "older.deb"
    subprocess.run(
        ["/usr/bin/dpkg-deb", "--root-owner-group", "-Znone", "--build", content, built],
        check=True,
        capture_output=True,
    )
    return built


@pytest.fixture(scope="module")
def machine(deb: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Machine]:
    """A machine that has the package, and nothing else."""
    with Machine(tmp_path_factory.mktemp("machine")) as machine:
        install(machine, deb)
        yield machine


def install(machine: Machine, package: Path) -> None:
    machine.run(f"apt-get -qq install {machine.bring(package)}")


def configure(machine: Machine, *lines: str) -> str:
    """Write settings of which no part needs another machine; return the address of the pages."""
    address = f"127.0.0.1:{free_port()}"
    given = (f'listen = "{address}"', f'bus_url = "amqp://u@127.0.0.1:{free_port()}"', *lines)
    settings = "\n".join(given).replace('"', '\\"')
    machine.run(f'echo "{settings}" > {CONFIG}')
    return address


def page(address: str, path: str = "/metrics") -> str:
    with urllib.request.urlopen(f"http://{address}{path}", timeout=10) as answer:
        return str(answer.read().decode())


def shown(machine: Machine, name: str) -> str:
    return machine.run(f"systemctl show --property={name} --value {UNIT}")


def is_logged(machine: Machine, text: str) -> bool:
    """Return whether the service has written a text to its log since its start."""
    start = shown(machine, "InvocationID")
    return text in machine.run(f"journalctl --quiet _SYSTEMD_INVOCATION_ID={start}")


# Installed


def test_it_installs_what_it_says_and_nothing_is_enabled(machine: Machine) -> None:
    assert machine.run("xivo-exporter --version") == f"xivo-exporter {__version__}"
    # Another test may have written settings.
    changed = machine.run("dpkg --verify xivo-exporter").splitlines()
    assert [line for line in changed if not line.endswith(f" c {CONFIG}")] == []
    assert machine.run(f"systemctl is-enabled {UNIT}", is_checked=False) == "disabled"


def test_it_has_no_tools_and_no_paths_of_the_machine_that_built_it(machine: Machine) -> None:
    home = machine.root / "opt/xivo-exporter"
    assert sorted(each.name for each in (home / "bin").iterdir()) == ["python", "xivo-exporter"]
    (packages,) = home.glob("lib/python3.11/site-packages")
    assert not [*packages.glob("pip*"), *packages.glob("setuptools*")]
    for place in (f"{REPOSITORY}", "/tmp/"):  # noqa: S108 -- where the script builds
        found = subprocess.run(
            ["/bin/grep", "-rlF", place, home / "bin", home / "pyvenv.cfg"], check=False
        )
        assert found.returncode == 1
    # A compiled module names its source, as tracebacks show it.
    shown = "m.__cached__, m.__file__, m.main.__code__.co_filename"
    code = f"import exporter.__main__ as m; print({shown})"
    cached, *files = machine.run(f"/opt/xivo-exporter/bin/python -c '{code}'").split()
    assert machine.run(f"stat --format=%U:%a {cached}") == "root:644"
    assert len(set(files)) == 1


def test_the_settings_are_for_root_and_the_exporter_only(machine: Machine) -> None:
    _are_for_root_and_the_exporter_only(machine)
    refused = machine.run(f"runuser -u nobody -- cat {CONFIG}", is_checked=False)
    assert "Permission denied" in refused


def _are_for_root_and_the_exporter_only(machine: Machine) -> None:
    for place, rights in ((CONFIG, "640"), (os.path.dirname(CONFIG), "750")):
        assert machine.run(f"stat --format='%U %G %a' {place}") == f"root xivo-exporter {rights}"


def test_its_manual_is_shown(machine: Machine) -> None:
    shown = machine.run("man --warnings xivo-exporter")
    for text in ("xivo-exporter run", "--bus-url URL", CONFIG, "EXIT STATUS", "--agents 100"):
        assert text in shown
    assert "warning" not in shown.replace("debug|info|warning|error", "")


def test_bash_completes_commands_flags_and_values(machine: Machine) -> None:
    def completed(*words: str) -> set[str]:
        script = f"""
            set +eu
            source /usr/share/bash-completion/bash_completion
            _completion_loader xivo-exporter
            COMP_WORDS=(xivo-exporter {" ".join(words)!s}) COMP_CWORD={len(words)}
            [ -n "${{COMP_WORDS[COMP_CWORD]}}" ] || COMP_WORDS+=("")
            function=$(complete -p xivo-exporter | sed "s/.*-F \\([^ ]*\\).*/\\1/")
            $function xivo-exporter "${{COMP_WORDS[COMP_CWORD]}}" "${{COMP_WORDS[COMP_CWORD-1]}}"
            printf "%s\\n" "${{COMPREPLY[@]}}"
        """
        return {*machine.run(script).split()}

    assert {"run", "demo", "replay"} <= completed('""')
    assert completed("run", "--bus-u") == {"--bus-url"}
    assert completed("run", "--log-level", "in") == {"info"}
    assert completed("run", "--config", "/etc/xivo-e") == {"/etc/xivo-exporter"}
    assert completed("replay", "/etc/xivo-e") == {"/etc/xivo-exporter"}


def test_zsh_knows_the_completion(machine: Machine) -> None:
    script = "autoload -Uz compinit && compinit -D && print $_comps[xivo-exporter]"
    assert machine.run(f"zsh -f -c '{script}'") == "_xivo-exporter"
    machine.run("zsh -n /usr/share/zsh/vendor-completions/_xivo-exporter")


def test_the_demo_can_be_scraped(machine: Machine) -> None:
    address = f"127.0.0.1:{free_port()}"
    machine.run(f"systemd-run --quiet --unit=demo xivo-exporter demo --listen {address}")
    text = eventually(lambda: page(address), what="it is scraped", ignoring=(OSError,))
    eventually(lambda: "xivo_agents{" in page(address), what="the demo has agents")
    assert f'version="{__version__}"' in text
    machine.run("systemctl stop demo")


def test_the_service_runs_as_its_user_without_rights(machine: Machine) -> None:
    assert machine.run(f"systemd-analyze verify {UNIT}") == ""
    machine.run(
        f"cd {os.path.dirname(CONFIG)}; umask 077; echo s3cr3t > password;"
        "install -m 640 -g xivo-exporter password bus-password"
    )
    address = configure(machine, 'bus_password_file = "/etc/xivo-exporter/bus-password"')
    machine.run(f"systemctl start {UNIT}")
    # What only root may read, nobody else can use.
    assert "cannot read the file" not in machine.run(f"journalctl --unit={UNIT}")
    assert "xivo_exporter_build_info" in page(address)
    process = shown(machine, "MainPID")
    lines = machine.run(f"cat /proc/{process}/status").splitlines()
    status = {name: value.split() for name, value in (line.split(":", 1) for line in lines)}
    user, group = (machine.run(f"id -{kind} xivo-exporter") for kind in "ug")
    assert (status["Uid"], status["Gid"]) == ([user] * 4, [group] * 4)
    assert [int(status[kind][0], 16) for kind in ("CapEff", "CapPrm", "CapBnd")] == [0, 0, 0]
    assert status["NoNewPrivs"] == ["1"]
    assert machine.run("stat --format='%U %a' /var/lib/xivo-exporter") == "xivo-exporter 700"
    # By hand, as its user: with its files, and as good as it can be without a broker.
    check = f"runuser -u xivo-exporter -- xivo-exporter check --config {CONFIG}"
    told = machine.run(check, is_checked=False)
    assert "Connection refused" in told
    assert "cannot read" not in told
    machine.run(f"systemctl reload {UNIT}; systemctl stop {UNIT}")
    assert shown(machine, "Result") == "success"


# Watched by systemd


def test_systemd_waits_until_it_is_ready_reloads_it_and_stops_it(machine: Machine) -> None:
    configure(machine)
    machine.run(f"systemctl start {UNIT}")
    # The command returns when the program is ready, so it has said this before.
    eventually(lambda: is_logged(machine, "msg=listening"), what="it says so")
    assert (shown(machine, "ActiveState"), shown(machine, "SubState")) == ("active", "running")
    assert "127.0.0.1" in shown(machine, "StatusText")
    process = shown(machine, "MainPID")
    machine.run(f"echo 'details = [\"agents\"]' >> {CONFIG}; systemctl reload {UNIT}")
    eventually(lambda: is_logged(machine, "settings reloaded"), what="the settings are read again")
    # A file that is wrong ends neither the program nor the reload.
    machine.run(f"echo details >> {CONFIG}; systemctl reload {UNIT}")
    eventually(lambda: is_logged(machine, "is not valid TOML"), what="the settings are refused")
    eventually(lambda: shown(machine, "SubState") == "running", what="the reload is over")
    assert shown(machine, "MainPID") == process
    machine.run(f"systemctl stop {UNIT}")
    assert (shown(machine, "ActiveState"), shown(machine, "Result")) == ("inactive", "success")
    # With these settings it does not start, and is not started again.
    machine.run(f"systemctl start {UNIT}", is_checked=False)
    assert (shown(machine, "ActiveState"), shown(machine, "NRestarts")) == ("failed", "0")
    assert shown(machine, "ExecMainStatus") == str(WRONG_SETTINGS)


def test_a_program_that_is_frozen_is_started_again(machine: Machine) -> None:
    configure(machine)
    place = f"/run/systemd/system/{UNIT}.d"
    machine.run(
        f"mkdir {place}; printf '[Service]\nWatchdogSec=10\nRestartSec=1\n' > {place}/quick.conf;"
        f"systemctl daemon-reload; systemctl start {UNIT}"
    )
    process, fed_at = shown(machine, "MainPID"), shown(machine, "WatchdogTimestampMonotonic")
    eventually(
        lambda: shown(machine, "WatchdogTimestampMonotonic") != fed_at,
        what="the program tells that it makes progress",
    )
    assert shown(machine, "NRestarts") == "0"
    machine.run(f"systemctl kill --kill-whom=main --signal=SIGSTOP {UNIT}")
    eventually(
        lambda: (shown(machine, "NRestarts"), shown(machine, "SubState")) == ("1", "running"),
        timeout=60,
        what="it runs again",
    )
    assert shown(machine, "MainPID") != process
    machine.run(f"systemctl stop {UNIT}; rm -r {place}; systemctl daemon-reload")


# Upgraded, removed, purged


def test_an_upgrade_keeps_changed_settings_and_a_purge_leaves_nothing(
    deb: Path, older: Path, tmp_path: Path
) -> None:
    with Machine(tmp_path) as machine:
        before = machine.files()
        accounts = machine.run("cat /etc/passwd /etc/group /etc/shadow /etc/gshadow")
        install(machine, older)
        address = configure(machine, "# Changed.")
        machine.run(f"chmod 660 {CONFIG}; systemctl enable --now {UNIT}")
        _is_upgraded(machine, deb, address)
        _is_removed_and_comes_back(machine, deb)
        # Somebody began again. A password in these settings is as secret as in the first ones.
        machine.run(
            f"systemctl stop {UNIT}; rm -r {os.path.dirname(CONFIG)};"
            f"dpkg --force-confmiss --install {machine.bring(deb)}"
        )
        _are_for_root_and_the_exporter_only(machine)
        # Files of an administrator, of which a purge must know nothing.
        machine.run("touch /etc/xivo-exporter/secret; apt-get -qq purge xivo-exporter")
        left = {each for each in machine.files() - before if not NOTES.match(each)}
        assert left == set()
        assert machine.run("cat /etc/passwd /etc/group /etc/shadow /etc/gshadow") == accounts
        assert "No files found" in machine.run(f"systemctl cat {UNIT}", is_checked=False)
        assert machine.run("dpkg --list xivo-exporter", is_checked=False).startswith(
            "dpkg-query: no"
        )


def _is_upgraded(machine: Machine, deb: Path, address: str) -> None:
    process = shown(machine, "MainPID")
    assert (machine.root / "opt/xivo-exporter/lib/old.py").exists()
    machine.run(
        f"apt-get -qq --option=Dpkg::Options::=--force-confold install {machine.bring(deb)}"
    )
    assert not (machine.root / "opt/xivo-exporter/lib/old.py").exists()
    assert machine.run(f"cat {CONFIG}").endswith("# Changed.")
    # The rights are also the administrator's.
    assert machine.run(f"stat --format='%G %a' {CONFIG}") == "xivo-exporter 660"
    assert shown(machine, "ActiveState") == "active"
    assert shown(machine, "MainPID") != process
    assert machine.run(f"systemctl is-enabled {UNIT}") == "enabled"
    assert "xivo_exporter_build_info" in page(address)


def _is_removed_and_comes_back(machine: Machine, deb: Path) -> None:
    machine.run("apt-get -qq remove xivo-exporter")
    assert not (machine.root / "opt/xivo-exporter").exists()
    assert not (machine.root / "usr/bin/xivo-exporter").is_symlink()
    assert machine.run(f"cat {CONFIG}").endswith("# Changed.")
    assert machine.run("pgrep --count --uid xivo-exporter", is_checked=False) == "0"
    install(machine, deb)
    assert machine.run(f"systemctl is-enabled {UNIT}") == "enabled"
    machine.run(f"systemctl start {UNIT}")
