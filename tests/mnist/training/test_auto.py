"""`--resume auto` goes on with the newest run that can, and is stopped by none."""

import fcntl
import os
import shutil
import threading

import pytest
import torch
from helpers import metrics, only_run

from torchbasics.command import runs
from torchbasics.mnist import seeds
from torchbasics.mnist.__main__ import main
from torchbasics.mnist.training import auto, checkpoint
from torchbasics.mnist.training.checkpoint import Checkpoint

WORDS = [
    "--epochs", "2", "--threads", "1", "--resume", "auto", "--monitor.no-tensorboard",
    "--monitor.histograms", "0", "--runs-dir",
]  # fmt: skip


def job(place, *words):
    """The exit status of the job, started as it stands."""
    return main([*WORDS, str(place), *words])


@pytest.fixture
def run(tmp_path, fewer, capsys):
    """A run that was killed in its second epoch."""
    assert job(tmp_path) == 0
    (tmp_path / "mnist" / "before").touch()  # no run, and no hindrance
    max(only_run(tmp_path).glob("checkpoints/step-*")).unlink()
    capsys.readouterr()
    return only_run(tmp_path)


def test_auto_begins_a_run_then_goes_on_with_it_then_tells_its_result(
    tmp_path, capsys, fewer
):
    assert job(tmp_path) == 0
    run = only_run(tmp_path)
    last = run / "checkpoints" / "step-00000020.safetensors"
    content, lines = last.read_bytes(), metrics(run)
    last.unlink()  # as if killed in the second epoch
    capsys.readouterr()
    assert job(tmp_path, "--config", "lesson") == 0
    assert capsys.readouterr().out.startswith("going on after step 10\n")
    assert last.read_bytes() == content
    before = last.stat()
    assert job(tmp_path, "--quiet", "--device", "cpu") == 0
    assert capsys.readouterr().out.startswith("test accuracy ")
    assert (last.stat(), len(metrics(run))) == (before, len(lines))
    assert job(tmp_path, "--seed", "1") == 0
    assert len(runs.find_runs(str(tmp_path), "mnist")) == 2


def tear(run):
    for path in run.glob("checkpoints/*"):
        path.write_bytes(path.read_bytes()[:1000])


def forge(run):
    for path in run.glob("checkpoints/*"):
        tensors, facts = checkpoint.read(path)
        forged = tensors | {max(tensors): torch.empty(0)}
        checkpoint.write(path, Checkpoint(forged, facts))


def link(run):
    (run / "metrics.jsonl").unlink()
    (run / "metrics.jsonl").symlink_to(run.parent / "before")


def pipe_for_manifest(run):
    (run / "manifest.json").unlink()
    os.mkfifo(run / "manifest.json")


def no_place_for_the_lock(run):
    (run / ".lock").unlink()
    (run / ".lock").mkdir()


def file_for_checkpoints(run):
    shutil.rmtree(run / "checkpoints")
    (run / "checkpoints").touch()


UNUSABLE = {
    "a file for its checkpoints": (file_for_checkpoints, "checkpoints is no folder"),
    "a folder for a checkpoint": (
        lambda run: (run / "checkpoints" / "step-00000020.safetensors").mkdir(),
        "step-00000020.safetensors is a folder: a run keeps files there",
    ),
    "all its checkpoints torn": (tear, "no checkpoint can be used: "),
    "a state of another size": (forge, "it does not fit the run: "),
    "its metrics damaged": (
        lambda run: (run / "metrics.jsonl").write_text("<html>\n"),
        "metrics.jsonl: line 1 is no JSON",
    ),
    "its manifest damaged": (
        lambda run: (run / "manifest.json").write_text("{"),
        "is no run: it holds no manifest.json of one",
    ),
    "its config damaged": (
        lambda run: (run / "config.toml").write_text("seed = ="),
        "config.toml is no TOML: ",
    ),
    "a link in it": (link, "metrics.jsonl is a link or a device"),
    "a pipe in it": (lambda run: os.mkfifo(run / "x"), "x is a link or a device"),
    "a pipe for a manifest": (pipe_for_manifest, "it is no regular file"),
    "not to be written to": (no_place_for_the_lock, "cannot write to "),
}


@pytest.mark.slow
@pytest.mark.parametrize(("damage", "said"), UNUSABLE.values(), ids=UNUSABLE)
def test_a_run_that_cannot_go_on_is_named_once_and_a_new_one_begins(
    tmp_path, capsys, run, damage, said
):
    damage(run)
    there = sorted(path.relative_to(run) for path in run.rglob("*"))
    assert job(tmp_path) == 0
    out, err = capsys.readouterr()
    assert "of 500)" in out
    assert err.startswith("warning: ")
    assert err.endswith("; a new run begins\n")
    assert err.count("\n") == 1
    assert f"{run}" in err
    assert said in err
    assert sorted(path.relative_to(run) for path in run.rglob("*")) == there
    assert job(tmp_path, "--quiet") == 0
    assert capsys.readouterr().out.startswith("test accuracy ")
    assert len(list(tmp_path.glob("mnist/lesson-s0-*"))) == 2


def test_a_run_of_before_goes_on_where_the_newest_cannot(tmp_path, capsys, run):
    newer = shutil.copytree(run, run.with_name(f"{run.name}-2"))
    manifest = runs.read_manifest(newer)
    runs.write_manifest(newer, manifest | {"number": manifest["number"] + 1})
    tear(newer)
    assert job(tmp_path) == 0
    out, err = capsys.readouterr()
    assert out.startswith("going on after step 10\n")
    assert err.endswith(f"; {run} goes on\n")
    assert err.count("\n") == 1


@pytest.mark.parametrize("leaves", [True, False])
def test_a_run_in_use_is_waited_for_a_while(tmp_path, capsys, monkeypatch, run, leaves):
    """The processes of before may need a moment to end."""
    monkeypatch.setattr(auto, "SECONDS_TO_LEAVE", 30 if leaves else 0.1)
    held = os.open(run / ".lock", os.O_RDWR)
    fcntl.flock(held, fcntl.LOCK_EX)
    if leaves:
        threading.Timer(0.3, os.close, [held]).start()
    assert job(tmp_path) == 0
    out, err = capsys.readouterr()
    assert out.startswith("going on after step 10\n") == leaves
    said = f"warning: {run} is in use by another process; a new run begins\n"
    assert err == ("" if leaves else said)
    if not leaves:
        os.close(held)


def test_auto_is_for_trainings_only(tmp_path, capsys, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert main(["--resume", "auto", "--print-config"]) == 0
    capsys.readouterr()
    assert seeds.main(["--resume", "auto"]) == 2
    assert "there is no run 'auto'" in capsys.readouterr().err
