"""A stop request: asked for once, answered at the next step; twice, at once."""

import os
import select
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from torchbasics.command.signals import StopRequest

ROOT = Path(__file__).parents[2]


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_the_first_signal_only_asks(number):
    with StopRequest() as stop:
        assert stop.signal == 0
        os.kill(os.getpid(), number)
        assert stop.signal == number


def test_a_second_ctrl_c_leaves_at_once():
    with StopRequest():
        signal.raise_signal(signal.SIGINT)
        with pytest.raises(KeyboardInterrupt):
            signal.raise_signal(signal.SIGINT)


def test_handlers_are_as_before_afterwards():
    before = signal.getsignal(signal.SIGINT), signal.getsignal(signal.SIGTERM)
    with StopRequest():
        assert signal.getsignal(signal.SIGTERM) != before[1]
    assert (signal.getsignal(signal.SIGINT), signal.getsignal(signal.SIGTERM)) == before


def test_outside_the_main_thread_it_does_nothing():
    problems = []

    def work():
        try:
            with StopRequest() as stop:
                assert stop.signal == 0
        except ValueError as problem:
            problems.append(problem)

    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
    assert not problems


@pytest.mark.parametrize("words", [[], ["torchbasics"], ["--", "-m"]])
def test_a_command_of_somebody_else_keeps_its_signals(tmp_path, words):
    """`python -m theirs` imports the library while its `sys.argv` is still `-m`."""
    package = tmp_path / "theirs"
    package.mkdir()
    (package / "__init__.py").write_text(
        "import signal; before = signal.getsignal(signal.SIGINT); import torchbasics\n"
        "print(signal.getsignal(signal.SIGINT) == before)"
    )
    (package / "__main__.py").write_text("")
    environment = os.environ | {"PYTHONPATH": f"{tmp_path}:{ROOT}"}
    done = subprocess.run(
        [sys.executable, "-m", "theirs", *words],
        env=environment, capture_output=True, text=True, check=True,
    )  # fmt: skip
    assert done.stdout == "True\n"


@pytest.mark.parametrize(
    "words", [["-m", "torchbasics"], ["-mtorchbasics.x"], ["-uBm", "torchbasics.x"]]
)
def test_while_ours_is_imported_a_signal_ends_it(tmp_path, words):
    """However `python -m` is spelled."""
    (tmp_path / "sitecustomize.py").write_text(
        "import sys; sys.modules['torch'] = None\n"
        "import signal, atexit\n"
        "atexit.register(lambda: print(signal.getsignal(signal.SIGINT).__name__))"
    )
    environment = os.environ | {"PYTHONPATH": f"{tmp_path}:{ROOT}"}
    done = subprocess.run(
        [sys.executable, *words],
        env=environment, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.stdout == "leave_at_once\n"


WRITES = """
import sys, threading
from torchbasics.command import signals
{begin}
print("begun", file=sys.stderr, flush=True)
def write():
    while not asked():
        print("x" * 64, flush=True)
{write}
print("ended", file=sys.stderr)
"""
ASKED = "stop = signals.StopRequest().__enter__(); asked = lambda: stop.signal"
LEAVES = "signals.handle(signals.leave); asked = lambda: False"
IN_A_THREAD = "thread = threading.Thread(target=write); thread.start(); thread.join()"


@pytest.mark.parametrize(
    ("begin", "write", "status"),
    [(ASKED, "write()", 0), (ASKED, IN_A_THREAD, 0), (LEAVES, "write()", 143)],
)
def test_a_reader_who_takes_nothing_keeps_nobody_from_leaving(begin, write, status):
    """As a terminal that Ctrl+S has stopped: the write waits until it goes on."""
    words = [sys.executable, "-c", WRITES.format(begin=begin, write=write)]
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
    with subprocess.Popen(words, cwd=ROOT, **pipes) as process:
        try:
            assert process.stderr.readline() == "begun\n"
            select.select([process.stdout], [], [])  # its pipe will soon be full
            time.sleep(0.2)
            process.send_signal(signal.SIGTERM)
            assert process.wait(timeout=20) == status
        finally:
            process.kill()
