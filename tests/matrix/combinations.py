"""What is tried: versions of RabbitMQ, with each default queue type, and of other programs."""

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from tests.matrix import python, roots
from tests.roots import ASTERISK_ROOT, QUEUE_TYPE, ROOT
from tests.support import REPOSITORY

PYTHON = f"{REPOSITORY / '.venv/bin/python'}"

# All that talk to a broker, with kills, cuts and floods. The others know no version of it.
_WITH_RABBITMQ = ("tests/integration", "-m", "not image and not alertmanager")

_WITH_PROMETHEUS = (
    *("tests/contract/test_alerts.py", "tests/helm/test_monitoring.py"),
    *("tests/scripts/test_stack.py", "tests/exposition", "tests/test_golden.py"),
    *("tests/dashboards", "tests/integration/test_alerts.py", "tests/integration/test_scrapes.py"),
)

# Calls through a real Asterisk, in real time.
_WITH_ASTERISK = "tests/matrix/test_asterisk{}.py"

# The image has a Python of its own.
_WITH_PYTHON = ("-m", "not image")

_PROGRAMS = ("prometheus", "promtool", "prometheus-alertmanager", "amtool")

# Runs a program of a root in the working directory of its caller, who finds this one on the PATH.
_LAUNCHER = """#!/bin/sh
exec chroot "{root}" env --chdir="$PWD" /usr/bin/{program} "$@"
"""


@dataclass(frozen=True)
class Trial:
    """One run of pytest.

    Attributes:
        version: What it tries.
        python: The command that runs Python.
        tests: Which tests, as arguments of pytest.
        env: Further environment.
        directory: Where it runs.
    """

    version: str
    python: Sequence[str]
    tests: Sequence[str]
    env: Mapping[str, str] = field(default_factory=dict)
    directory: Path = REPOSITORY


@dataclass(frozen=True)
class RabbitMQ:
    """RabbitMQ of a suite, with a default queue type of every virtual host."""

    suite: str
    queue_type: str

    @property
    def name(self) -> str:
        """Name of the combination."""
        return f"rabbitmq-{self.suite}-{self.queue_type}"

    def prepare(self, _: Path) -> Trial:
        """Make the root, and return what to run."""
        root = roots.make(self.suite)
        place = {} if root is None else {ROOT: f"{root}"}
        return Trial(
            version=f"RabbitMQ {roots.version(root, 'rabbitmq-server')}, {self.queue_type}",
            python=roots.within(root, [PYTHON]),
            tests=_WITH_RABBITMQ,
            env={QUEUE_TYPE: self.queue_type, **place},
        )


@dataclass(frozen=True)
class Prometheus:
    """Prometheus and Alertmanager of a suite."""

    suite: str

    @property
    def name(self) -> str:
        """Name of the combination."""
        return f"prometheus-{self.suite}"

    def prepare(self, folder: Path) -> Trial:
        """Make the root and programs that run in it, and return what to run."""
        root = roots.make(self.suite)
        if root is not None:
            for program in _PROGRAMS:
                launcher = folder / program
                launcher.write_text(_LAUNCHER.format(root=root, program=program))
                launcher.chmod(0o755)
        servers = (("Prometheus", "prometheus"), ("Alertmanager", "prometheus-alertmanager"))
        return Trial(
            version=", ".join(f"{name} {roots.version(root, each)}" for name, each in servers),
            python=roots.within(root, [PYTHON]),
            tests=_WITH_PROMETHEUS,
            env={"PATH": f"{folder}:{os.environ.get('PATH', os.defpath)}"},
        )


@dataclass(frozen=True)
class Python:
    """Another version of Python, with the servers of this machine."""

    release: str

    @property
    def name(self) -> str:
        """Name of the combination."""
        return f"python-{self.release}"

    def prepare(self, _: Path) -> Trial:
        """Install what is locked into a copy of the repository, and return what to run."""
        found = python.find(self.release)
        copy = python.installed_copy(found, self.name)
        return Trial(
            version=f"Python {python.version_of(found)}",
            python=[f"{copy / '.venv/bin/python'}"],
            tests=_WITH_PYTHON,
            directory=copy,
        )


@dataclass(frozen=True)
class Asterisk:
    """Asterisk of a suite, with the RabbitMQ of this machine.

    Attributes:
        also: What there is besides events: `snapshots`, or nothing.
    """

    suite: str
    also: str = ""

    @property
    def name(self) -> str:
        """Name of the combination."""
        return "-".join(filter(None, ("asterisk", self.suite, self.also)))

    def prepare(self, _: Path) -> Trial:
        """Make the root, and return what to run."""
        root = roots.install(self.suite, f"{self.suite}-telephony", roots.TELEPHONY)
        return Trial(
            version=f"Asterisk {roots.version(root, 'asterisk')}",
            python=roots.within(root, [PYTHON]),
            tests=(_WITH_ASTERISK.format(self.also and f"_{self.also}"),),
            env={ASTERISK_ROOT: f"{root}"},
        )


Combination = RabbitMQ | Prometheus | Python | Asterisk

COMBINATIONS: tuple[Combination, ...] = (
    *(RabbitMQ(suite, kind) for suite in roots.SUITES for kind in ("classic", "quorum")),
    *(Prometheus(suite) for suite in roots.SUITES),
    Python("3.12"),
    Asterisk("sid"),
    # Not at the same time: both need all of a small machine.
    Asterisk("sid", "snapshots"),
)
