"""Signals: each is taken by one thread, and none is lost.

The tests send signals to a program of their own, because its threads must have no other handlers.
"""

import subprocess
import sys

import pytest

from tests.support import REPOSITORY

_PROGRAM = """
import os, signal, sys, threading
from exporter import signals

begun, go_on, ended = threading.Event(), threading.Event(), threading.Event()

def on_signal(number):
    print(number.name, flush=True)
    begun.set()
    if number is signal.SIGHUP:
        go_on.wait(60)
    else:
        ended.set()

def send(name, times=1):
    for _ in range(times):
        os.kill(os.getpid(), getattr(signal, name))

"""


def _run(script: str, *before: str) -> list[str]:
    """Return the signals that a program takes."""
    done = subprocess.run(
        [*before, sys.executable, "-c", _PROGRAM + script],
        cwd=REPOSITORY,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, "")
    return done.stdout.split()


@pytest.mark.parametrize("last", ["SIGTERM", "SIGINT"])
def test_a_stop_comes_first_after_thousands_of_hangups_that_nobody_took(last: str) -> None:
    taken = _run(f"""
signals.listen(on_signal)
send("SIGHUP")
assert begun.wait(60)
# The thread is busy: more signals than any socket or pipe has space for one byte each.
send("SIGHUP", times=100_000)
send("{last}")
go_on.set()
assert ended.wait(60)
""")
    assert taken[:2] == ["SIGHUP", last]
    assert taken[2:] in ([], ["SIGHUP"])


def test_a_hangup_is_not_the_end_and_the_next_one_is_taken_too() -> None:
    taken = _run("""
go_on.set()
signals.listen(on_signal)
for _ in range(3):
    begun.clear()
    send("SIGHUP")
    assert begun.wait(60)
send("SIGTERM")
assert ended.wait(60)
""")
    assert taken == ["SIGHUP"] * 3 + ["SIGTERM"]


def test_signals_that_the_parent_ignores_are_taken_too() -> None:
    script = """
assert signal.getsignal(signal.SIGHUP) is signal.SIG_IGN
go_on.set()
signals.listen(on_signal)
send("SIGHUP")
assert begun.wait(60)
send("SIGTERM")
assert ended.wait(60)
"""
    assert _run(script, "nohup") == ["SIGHUP", "SIGTERM"]


def test_signals_wait_for_the_one_who_listens() -> None:
    taken = _run("""
signals.hold()
# A thread of earlier that does not block them would end the program.
threading.Thread(target=ended.wait, daemon=True).start()
send("SIGTERM")
signals.listen(on_signal)
assert ended.wait(60)
""")
    assert taken == ["SIGTERM"]
