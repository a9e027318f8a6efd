"""Foreign names and texts, and terminals of every kind, in every command."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from helpers import full, only_run, python

import torchbasics.__main__ as course
from torchbasics.command.output import visible
from torchbasics.lessons import vanishing
from torchbasics.mnist import evaluate, playground, report, seeds
from torchbasics.mnist.__main__ import main as train

FOREIGN = [
    "[red]x[/]", "[/]", "[link=http:x]:smile:", "\x1b]0;x\x07", "a\nb", "\x9b2J",
    "\u202ex", "\udcff",
]  # fmt: skip
QUICK = [
    "--epochs",
    "1",
    "--max-steps",
    "3",
    "--threads",
    "1",
    "--monitor.no-tensorboard",
]
MAINS = {
    "course": course.main, "vanishing": vanishing.main, "mnist": train,
    "evaluate": evaluate.main, "playground": playground.main, "report": report.main,
    "seeds": seeds.main,
}  # fmt: skip


def only_text(capsys):
    """What was printed, which a terminal obeys in nothing but its lines."""
    out, err = capsys.readouterr()
    assert visible(out + err, kept="\n") == out + err
    return out, err


@pytest.fixture
def run(tmp_path, fewer, capsys):
    """A finished run."""
    assert train([*QUICK, "--runs-dir", str(tmp_path / "runs")]) == 0
    capsys.readouterr()
    return only_run(tmp_path)


@pytest.mark.slow
@pytest.mark.parametrize("name", full(*FOREIGN), ids=ascii)
def test_a_folder_of_any_name_is_told_as_it_is_called(tmp_path, run, capsys, name):
    place = shutil.copytree(run, tmp_path / name / "mnist" / name)
    assert evaluate.main([str(place)]) == 0
    assert visible(place) in only_text(capsys)[0]
    assert report.main([str(place)]) == 0
    assert f"{visible(place)}/report.html" in only_text(capsys)[0]
    assert train(["--resume", str(place)]) == 0
    assert f"the run is in {visible(place)};" in only_text(capsys)[0]
    (place / "manifest.json").write_text("{}")
    assert train(["--resume", str(place)]) == 2
    assert visible(place) in only_text(capsys)[1]


@pytest.mark.slow
@pytest.mark.parametrize("name", FOREIGN, ids=ascii)
@pytest.mark.parametrize("command", MAINS)
def test_what_is_refused_is_shown_as_text(tmp_path, capsys, command, name):
    for argv in ([name], [f"--{name}", "x"], ["--config", f"{name}.toml"]):
        assert MAINS[command](["--runs-dir", str(tmp_path), *argv]) == 2
        only_text(capsys)


TABLES = ['"{}" = 1', 'seed = "{}"', '[model]\n"{}" = 1', '[optim]\nname = "{}"']


@pytest.mark.parametrize("table", TABLES)
def test_what_a_config_holds_is_shown_as_text(tmp_path, capsys, table):
    config = tmp_path / "x.toml"
    config.write_text(table.format(r"[red]\u001b]0;x\u0007\n\u202e"), encoding="utf-8")
    assert train(["--config", str(config), "--runs-dir", str(tmp_path)]) == 2
    assert "[red]" in only_text(capsys)[1]


COMMANDS = full(
    (["torchbasics.mnist.evaluate"],),
    (["torchbasics.mnist", *QUICK],),
    (["torchbasics", "--check", "matrices"],),
    (["torchbasics", "vanishing", "--print-config"],),
    (["torchbasics.mnist.explain"],),
    (["torchbasics.mnist.seeds", "--help"],),
)


@pytest.fixture(scope="module")
def compiled(tmp_path_factory):
    """What is compiled without docstrings, which nobody has, is compiled once."""
    place = tmp_path_factory.mktemp("compiled")
    return {"PYTHONPYCACHEPREFIX": str(place), "PYTHONDONTWRITEBYTECODE": ""}


@pytest.mark.full
@pytest.mark.slow
@pytest.mark.parametrize("words", COMMANDS, ids=lambda words: words[0])
def test_a_command_needs_no_docstrings_and_no_streams(tmp_path, compiled, words):
    if words[0] == "torchbasics.mnist":
        words = [*words, "--runs-dir", str(tmp_path)]
    script = 'exec "$@" <&- >&- 2>&-'
    python_words = [sys.executable, "-OO", "-m", *words]
    shell = ["sh", "-c", script, "sh", *python_words]
    done = subprocess.run(shell, check=False, env=os.environ | compiled)
    assert done.returncode == 0


@pytest.mark.slow
@pytest.mark.parametrize("words", COMMANDS, ids=lambda words: words[0])
@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs /dev/full")
def test_what_a_full_disk_loses_is_told(tmp_path, words):
    if words[0] == "torchbasics.mnist":
        words = [*words, "--runs-dir", str(tmp_path)]
    environment = os.environ | {"PYTHONIOENCODING": "ascii"}
    with Path("/dev/full").open("w") as full:
        done = python(
            "-m", *words, capture_output=False, stdout=full, stderr=subprocess.PIPE,
            env=environment,
        )  # fmt: skip
    assert done.returncode == 1
    assert re.fullmatch("error: cannot print: No space left.*\n", done.stderr)
