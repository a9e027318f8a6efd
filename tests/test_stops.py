"""Real signals to real commands, from the first import to the last line."""

import fcntl
import os
import signal
import subprocess
import sys
import termios
import time
from pathlib import Path

import matplotlib as mpl
import pytest
from helpers import full, only_run, wait_for

from torchbasics.command import runs
from torchbasics.mnist import network

pytestmark = pytest.mark.slow

INT, TERM, HUP = signal.SIGINT, signal.SIGTERM, signal.SIGHUP
PICTURE = str(Path(mpl.get_data_path()) / "images" / "home.png")
COMMANDS = {
    "course": ["torchbasics", "matrices"],
    "vanishing": ["torchbasics", "vanishing", "--adam-steps", "100000"],
    "mnist": [
        "torchbasics.mnist",
        "--epochs",
        "1000",
        "--threads",
        "1",
        "--batch-size",
        "600",
    ],
    "evaluate": ["torchbasics.mnist.evaluate", "pretrained", "--split", "train"],
    "predict": ["torchbasics.mnist.predict", PICTURE],
    "playground": ["torchbasics.mnist.playground", "pretrained"],
    "report": ["torchbasics.mnist.report", "pretrained"],
    "seeds": ["torchbasics.mnist.seeds", "--epochs", "1000", "--processes", "2"],
}


STARTED = []


def start(name, place, *more, **options):
    """A command that has just been started, its runs in that place."""
    words = ["-m", *COMMANDS[name], *more]
    if name in ("playground", "report"):
        words += ["--out", str(place / f"{name}.html")]
    elif name != "evaluate":
        words += ["--runs-dir", str(place)]
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
    process = subprocess.Popen([sys.executable, *words], **pipes | options)
    STARTED.append(process)
    return process


@pytest.fixture(autouse=True)
def _from_a_terminal():
    """SIGHUP ends what is started, also where the tests run under nohup; all ends."""
    before = signal.signal(HUP, signal.SIG_DFL)
    yield
    signal.signal(HUP, before)
    while STARTED:
        STARTED.pop().kill()


def stop(process, numbers):
    """Send the signals, a little apart; the process's end, and what it printed."""
    for number in numbers:
        process.send_signal(number)
        time.sleep(0.05)
    out, err = process.communicate(timeout=60)
    return process.returncode, out, err


def left_well(process, numbers, early=False):
    """Whether a process leaves with the status of a signal, and without traceback.

    Early, before Python or for the second, the signal itself may end it: no less.
    """
    status, out, err = stop(process, numbers)
    killed = numbers if early else numbers[1:]
    codes = {128 + number for number in numbers} | {-number for number in killed}
    assert status in codes, err
    assert "Traceback" not in err
    assert "Exception ignored" not in err
    assert len(err.strip().splitlines()) <= 1
    return out


MOMENTS = [0.15, 0.3, 0.6, 1.0, 1.5, 2.2]  # seconds: imports, on most machines
FILES = [
    "*/[!.]*/manifest.json", "**/metrics.jsonl", "**/events.*", "**/step-*.safetensors",
    "**/.step-*", "**/step-000003*",
]  # fmt: skip
SIGNALS = [
    (INT,), (TERM,), (HUP,), (INT, INT), (TERM, INT), (HUP, TERM), (INT, INT, INT),
]  # fmt: skip


TIMES = [
    (name, MOMENTS[(place + later) % len(MOMENTS)])
    for later in (0, 3)
    for place, name in enumerate(COMMANDS)
]


@pytest.mark.parametrize(("name", "seconds"), full(*TIMES, ("report", 3.5), first=4))
def test_while_it_imports_a_command_leaves_in_silence(tmp_path, name, seconds):
    with_signals = SIGNALS[int(10 * seconds) % len(SIGNALS)]
    process = start(name, tmp_path)
    time.sleep(seconds)
    if name == "evaluate" or process.poll() is None:
        left_well(process, with_signals)
    assert not list(tmp_path.glob("**/.*.html.*"))


@pytest.mark.parametrize(
    ("pattern", "numbers"), full(*zip(FILES, SIGNALS[:6], strict=True))
)
def test_a_training_leaves_at_every_moment_and_a_hint_is_true(
    tmp_path, pattern, numbers
):
    process = start("mnist", tmp_path)
    wait_for(tmp_path, pattern, process)
    out = left_well(process, numbers)
    run = only_run(tmp_path)
    saved = any(run.glob("checkpoints/step-*"))
    assert ("--resume" in out) <= saved
    if len(numbers) == 1 and "stopped by" in out:
        step = int(out.split("after step ")[1].split()[0])
        assert saved == (step > 0)  # of no step there is nothing to save
        if saved:
            assert network.find_checkpoint(str(run))[1].metadata["step"] == step
    with runs.locked(run):  # nobody trains there any more
        pass


def children(place):
    """The processes whose command line names that place."""
    found = subprocess.run(
        ["pgrep", "-f", str(place)], capture_output=True, text=True, check=False
    )
    return {int(line) for line in found.stdout.split()} - {os.getpid()}


@pytest.mark.full
@pytest.mark.parametrize("how", full((signal.SIGKILL,), (HUP,), (TERM,)))
def test_a_series_that_ends_in_any_way_leaves_no_run_alone(tmp_path, how):
    process = start("seeds", tmp_path)
    wait_for(tmp_path, "**/mnist/*/metrics.jsonl", process)
    process.send_signal(how)
    _, err = process.communicate(timeout=60)
    assert process.returncode in (128 + how, -how)
    end = time.monotonic() + 60
    while children(tmp_path) and time.monotonic() < end:
        time.sleep(0.1)
    assert not children(tmp_path)
    assert list(tmp_path.glob("**/mnist/*/checkpoints/step-*"))
    assert ("--resume" in err) == (how != signal.SIGKILL)


@pytest.mark.full
def test_a_training_under_nohup_outlives_its_terminal(tmp_path):
    def ignore():
        signal.signal(HUP, signal.SIG_IGN)

    process = start("mnist", tmp_path, "--max-steps", "900", preexec_fn=ignore)
    wait_for(tmp_path, "**/metrics.jsonl", process)
    process.send_signal(HUP)
    out, _ = process.communicate(timeout=60)
    assert process.returncode == 0
    assert "test accuracy" in out


@pytest.mark.full
def test_a_training_whose_terminal_is_closed_is_kept(tmp_path):
    """The kernel sends SIGHUP, and what is printed from then on is refused."""
    ours, terminal = os.openpty()

    def take_terminal():
        os.setsid()
        fcntl.ioctl(0, termios.TIOCSCTTY, 0)

    process = start(
        "mnist", tmp_path, stdin=terminal, stdout=terminal, stderr=terminal,
        preexec_fn=take_terminal,
    )  # fmt: skip
    os.close(terminal)
    wait_for(tmp_path, "**/metrics.jsonl", process)
    os.close(ours)
    assert process.wait(timeout=60) == 128 + HUP
    assert list(tmp_path.glob("**/step-*"))
