"""`errors.md`: each error a user can cause, its message and its exit status."""

import json
import os
import re
import shlex
import shutil
import sys
from contextlib import suppress
from pathlib import Path

import pytest
from helpers import only_run, train_on
from PIL import Image

import torchbasics.__main__ as course
from torchbasics import MLP
from torchbasics.command import runs
from torchbasics.lessons import vanishing
from torchbasics.mnist import evaluate, explain, playground, predict, report, seeds
from torchbasics.mnist.__main__ import main as train
from torchbasics.mnist.training import auto, checkpoint
from torchbasics.mnist.training.checkpoint import Checkpoint

MAINS = {
    "course": course.main, "vanishing": vanishing.main, "mnist": train,
    "evaluate": evaluate.main, "explain": explain.main, "predict": predict.main,
    "playground": playground.main, "report": report.main, "seeds": seeds.main,
}  # fmt: skip
TABLE = Path(__file__).with_name("errors.md").read_text(encoding="utf-8")
ROWS = re.findall(r"^\| `(.*?)` \| .* \| (.*) \| (\d) \|$", TABLE, flags=re.M)
RUNS = (
    "torn", "bare", "wild", "odd", "held", "linked", "giant", "lies", "altered",
    "forged", "ahead", "told", "garbled",
)  # fmt: skip
AGAIN = ("torn", "wild", "held", "linked", "forged", "garbled")
CONFIGS = {
    "broken.toml": b"seed = = 1",
    "latin.toml": b"# \xe9",
    "unknown.toml": b"sed = 1",
    "nested.toml": b"seed = " + b"[" * 2000 + b"]" * 2000,
    "huge.toml": b"seed = 0x" + b"7" * 5000,
    "evil.pkl": b"cos\nsystem\n(S'touch ran'\ntR.",
    "lab.toml": b"# python -m torchbasics vanishing --config lab.toml\ndepth = 10",
}


@pytest.fixture(scope="module")
def things(tmp_path_factory, few):
    """The folder that errors.md describes."""
    place = tmp_path_factory.mktemp("things")
    with pytest.MonkeyPatch.context() as patch:
        train_on(few, patch)
        argv = ["--monitor.no-tensorboard", "--quiet", "--runs-dir"]
        assert train([*argv, str(place / "new"), "--epochs", "2"]) == 0
        only_run(place).rename(place / "stopped")
        max((place / "stopped" / "checkpoints").glob("step-*")).unlink()
        assert train([*argv, str(place / "runs"), "--epochs", "1"]) == 0
    (run,) = place.glob("runs/mnist/[!.]*")
    run.rename(place / "run")
    (place / "FILE").touch()
    (place / "empty").mkdir()
    Image.new("L", (99, 99), 255).save(place / "blank.png")
    Image.new("L", (9, 9)).save(place / "tiff.png", "TIFF")
    Image.new("1", (5_001, 5_000)).save(place / "bomb.png")
    Image.new("L", (9, 9)).save(place / "torn.png")
    (place / "torn.png").write_bytes((place / "torn.png").read_bytes()[:43])
    for name in RUNS:
        shutil.copytree(place / "run", place / name)
    for path in place.glob("torn/checkpoints/*"):
        path.write_bytes(path.read_bytes()[:1000])
    shutil.rmtree(place / "bare" / "checkpoints")
    (place / "wild" / "manifest.json").write_text("{")
    manifest = runs.read_manifest(place / "odd") | {"kind": "other"}
    runs.write_manifest(place / "odd", manifest)
    for name, content in CONFIGS.items():
        (place / name).write_bytes(content)
    of_strangers(place)
    for name in AGAIN:
        job = place / "jobs" / name / "mnist" / f"lesson-s0-{name}"
        shutil.copytree(place / name, job, symlinks=True)
    return place


def of_strangers(place):
    """What no run leaves, in runs."""
    (place / "linked" / "metrics.jsonl").unlink()
    (place / "linked" / "metrics.jsonl").symlink_to(place / "FILE")
    with (place / "giant" / "giant").open("wb") as file:
        file.truncate(3_000_000_000)
    manifest = json.loads((place / "lies" / "manifest.json").read_text())
    (place / "lies" / "manifest.json").write_text(json.dumps(manifest | {"seed": -1}))
    for path in place.glob("altered/checkpoints/*"):
        content = bytearray(path.read_bytes())
        content[-1] ^= 1
        path.write_bytes(content)
    for path in place.glob("forged/checkpoints/*"):
        tensors, facts = checkpoint.read(path)
        name = max(tensors)
        written = Checkpoint(tensors | {name: tensors[name][:0]}, facts)
        checkpoint.write(path, written)
    for path in place.glob("ahead/checkpoints/*"):
        tensors, facts = checkpoint.read(path)
        checkpoint.write(path, Checkpoint(tensors, facts | {"step": 10**9}))
    (place / "told" / "metrics.jsonl").write_text('{"epoch": 1.5}\n')
    (place / "garbled" / "metrics.jsonl").write_text("<html>\n")
    (place / "place.toml").mkdir()
    os.mkfifo(place / "pipe.toml")


def run(argv, full):
    """The exit status of a command whose output may go to a full disk."""
    with pytest.MonkeyPatch.context() as patch:
        if not full:
            return MAINS[argv[0]](argv[1:])
        with suppress(OSError), Path("/dev/full").open("w") as nowhere:
            patch.setattr(sys, "stdout", nowhere)
            status = MAINS[argv[0]](argv[1:])
        return status


@pytest.mark.slow
@pytest.mark.parametrize(("command", "message", "status"), ROWS)
def test_each_error_is_said_as_the_table_has_it(
    things, monkeypatch, fewer, capsys, command, message, status
):
    monkeypatch.chdir(things)
    before = {path.name for path in things.iterdir()}
    words, full, _ = command.partition(" > /dev/full")
    if full and not Path("/dev/full").exists():
        pytest.skip("needs /dev/full")
    argv = shlex.split(words)
    while "=" in argv[0]:
        monkeypatch.setenv(*argv.pop(0).split("="))
    monkeypatch.setattr(auto, "SECONDS_TO_LEAVE", 0.1)
    held = (Path("held"), Path("jobs/held/mnist/lesson-s0-held"))
    with runs.locked(held[0]), runs.locked(held[1]):
        assert run(argv, full) == int(status)
    said = " ".join(capsys.readouterr().err.split())
    assert re.fullmatch(re.escape(message).replace(r"\.\.\.", ".*"), said)
    if status == "2":
        assert {path.name for path in things.iterdir()} == before


def test_the_table_knows_every_command():
    names = {re.sub(r"^([A-Z_]+=\S* )*", "", command) for command, *_ in ROWS}
    assert {name.split()[0] for name in names} == set(MAINS)
    assert len(ROWS) == TABLE.count("\n| `")


@pytest.mark.parametrize(
    ("command", "suffix"),
    [
        ("report pretrained --out", "html"),
        ("playground pretrained --out", "html"),
        ("explain --html", "html"),
        ("evaluate --export", "npz"),
        ("course --html", "html"),
        ("course --notebook", "ipynb"),
    ],
)
def test_where_nothing_can_be_written_nothing_is_measured(
    tmp_path, monkeypatch, capsys, command, suffix
):
    monkeypatch.setattr(MLP, "forward", None)
    monkeypatch.chdir(tmp_path)
    Path(f"folder.{suffix}").mkdir()
    command, *argv = command.split()
    for place, why in (("gone/a", "No such file"), ("folder", "Is a directory")):
        assert MAINS[command]([*argv, f"{place}.{suffix}"]) == 2
        said = f"error: cannot write {place}.{suffix}: {why}"
        assert capsys.readouterr().err.startswith(said)
