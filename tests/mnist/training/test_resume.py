"""A run that was stopped and resumed ends bit-equal to one that was not."""

import shutil
import signal
import time
from pathlib import Path

import pytest
import torch
from helpers import full, learned, only_run, train_on
from safetensors.torch import save

from torchbasics.command import cli, runs
from torchbasics.command.errors import UserError
from torchbasics.evaluation import evaluate
from torchbasics.mnist.__main__ import main
from torchbasics.mnist.config import Config, ModelConfig, MonitorConfig, OptimConfig
from torchbasics.mnist.training import checkpoint, step
from torchbasics.mnist.training.checkpoint import Checkpoint, CheckpointManager
from torchbasics.mnist.training.loop import epoch_metrics, training_steps
from torchbasics.mnist.training.resume import (
    load_state_dict,
    override_options,
    state_dict,
)
from torchbasics.mnist.training.setup import setup

NOISY = ModelConfig(hidden=(30,), activation="relu", batch_norm=True, dropout=0.3)
CONFIGS = {
    "sgd with momentum": Config(optim=OptimConfig(name="sgd", lr=0.1, momentum=0.9)),
    "plain sgd": Config(optim=OptimConfig(name="sgd", lr=0.1)),
    "adamw": Config(optim=OptimConfig(weight_decay=0.1)),
    "adam, dropout, batch norm": Config(optim=OptimConfig(name="adam"), model=NOISY),
    "bf16": Config(precision="bf16", model=NOISY),
    "an end within an epoch": Config(max_steps=27),
}


def run(config, few, tmp_path, stops=()):
    """Train, but forget everything after each of the stops except a checkpoint."""
    told, path = [], tmp_path / "state"
    for stop in [*stops, None]:
        training = setup(config, few)
        if path.exists():
            load_state_dict(training, checkpoint.read(path))
        for progress in training_steps(training):
            if progress.is_epoch_end():
                metrics = epoch_metrics(training, seconds=1)
                metrics.pop("time/images_per_s")
                told.append(metrics)
            if progress.step == stop:
                break
        checkpoint.write(path, state_dict(training))
    path.unlink()
    return training.model.state_dict(), told


@pytest.mark.slow
@pytest.mark.parametrize("name", CONFIGS)
def test_resume_at_any_step_is_exact(few, tmp_path, name):
    config = CONFIGS[name].model_copy(update={"epochs": 3})  # of 10 steps each
    weights, metrics = run(config, few, tmp_path)
    first, middle, last, whole, twice = (11,), (15,), (19,), (10,), (13, 14)
    for stops in (first, middle, last, whole, twice, (1, 20, 26)):
        again, told = run(config, few, tmp_path, stops)
        assert told == metrics, stops
        for key, value in weights.items():
            assert torch.equal(again[key], value), (stops, key)


def test_a_checkpoint_keeps_the_optimizers_memory_by_name(few):
    training = setup(CONFIGS["adamw"], few)
    next(training_steps(training))
    names = set(state_dict(training).tensors)
    assert "model.hidden1.linear.weight" in names
    assert "optimizer.hidden1.linear.weight.exp_avg" in names
    assert "optimizer.logits.bias.exp_avg_sq" in names


def test_a_checkpoint_holds_no_path_and_no_clock(few, tmp_path):
    training = setup(Config(runs_dir="/my/secret/place", data_dir="/there"), few)
    next(training_steps(training))
    checkpoint.write(tmp_path / "state", state_dict(training))
    content = (tmp_path / "state").read_bytes()
    assert b"secret" not in content
    assert b"there" not in content


@pytest.mark.parametrize(
    "spoil",
    [
        lambda tensors, metadata: tensors.pop("model.logits.bias"),
        lambda tensors, metadata: metadata.update(step=101),
        lambda tensors, metadata: metadata.update(epoch_hits=101),
        lambda tensors, metadata: tensors.update({"model.logits.bias": torch.ones(3)}),
    ],
)
def test_a_state_of_another_training_is_refused(few, spoil):
    training = setup(Config(), few)
    next(training_steps(training))
    tensors, metadata = state_dict(training)
    spoil(tensors, metadata)
    with pytest.raises(UserError, match="does not fit the run"):
        load_state_dict(setup(Config(), few), Checkpoint(tensors, metadata))


@pytest.mark.slow
@pytest.mark.parametrize(
    ("every", "kept"), [(0, [90]), (1, [60, 90]), (2, [60, 90]), (9, [90])]
)
def test_checkpoints_come_as_often_as_asked_and_at_the_end(
    tmp_path, fewer, every, kept
):
    argv = [*QUICK, "--checkpoint.every", str(every), "--runs-dir", str(tmp_path)]
    assert main(argv) == 0
    paths = CheckpointManager(only_run(tmp_path)).paths()
    assert [int(path.stem.removeprefix("step-")) for path in paths] == kept


QUICK = [
    *("--epochs", "3", "--batch-size", "33", "--threads", "1", "--quiet"),
    *("--model.hidden", "16", "--monitor.no-tensorboard"),
]


@pytest.fixture(scope="module")
def finished(few, tmp_path_factory):
    """The folder of a finished run, to be left as it is."""
    folder = tmp_path_factory.mktemp("finished")
    with pytest.MonkeyPatch.context() as patch:
        train_on(few, patch)
        assert main([*QUICK, "--runs-dir", str(folder)]) == 0
    return only_run(folder)


@pytest.fixture
def whole(finished, tmp_path, fewer):
    """A finished run: its folder, as unbroken as can be."""
    return shutil.copytree(finished, tmp_path / "whole")


class StopAfter:
    """Stands for a user who presses Ctrl+C, or a machine that sends SIGTERM."""

    def __init__(self, calls, number, monkeypatch):
        def counted(*args):
            self.calls -= 1
            if self.calls == 0:
                signal.raise_signal(number)
            return original(*args)

        self.calls, original = calls, step.training_step
        monkeypatch.setattr(step, "training_step", counted)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("number", "status"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)]
)
def test_a_signal_saves_tells_how_to_go_on_and_resume_ends_equal(
    whole, tmp_path, monkeypatch, capsys, number, status
):
    capsys.readouterr()
    where = ["--runs-dir", str(tmp_path / "broken")]
    loud = [word for word in QUICK if word != "--quiet"]
    with monkeypatch.context() as patch:
        StopAfter(40, number, patch)
        started = time.monotonic()
        assert main([*loud, *where]) == status
        assert time.monotonic() - started < 5
    said = capsys.readouterr().out
    assert f"stopped by {number.name} after step 40 of 90" in said
    assert f"python -m torchbasics.mnist --resume {tmp_path}" in said
    assert main(["--resume", "latest", *where]) == 0
    broken = only_run(tmp_path / "broken")
    name = "checkpoints/step-00000090.safetensors"
    assert (broken / name).read_bytes() == (whole / name).read_bytes()
    assert learned(broken) == learned(whole)


KINDS = {
    "sgd": ("--optim.name", "sgd", "--optim.momentum", "0.9"),
    "all that a step changes": (
        *("--optim.name", "adamw", "--optim.ema", "0.9", "--optim.max-norm", "1"),
        *("--model.batch-norm", "--model.dropout", "0.2"),
    ),
}


@pytest.mark.slow
@pytest.mark.parametrize("epoch", full((2,), (1,), (3,)))
@pytest.mark.parametrize("kind", KINDS)
def test_a_stop_does_not_wait_until_an_epoch_is_scored(
    tmp_path, fewer, monkeypatch, capsys, kind, epoch
):
    words = [word for word in (*QUICK, *KINDS[kind]) if word != "--quiet"]
    assert main([*words, "--runs-dir", str(tmp_path / "whole")]) == 0
    where = ["--runs-dir", str(tmp_path / "broken")]

    def scoring(*args):
        scored.append(args)
        if len(scored) == epoch:
            signal.raise_signal(signal.SIGTERM)
            pytest.fail("the stop waited")
        return evaluate(*args)

    scored = []
    with monkeypatch.context() as patch:
        patch.setattr("torchbasics.mnist.training.setup.evaluate", scoring)
        capsys.readouterr()
        assert main([*words, *where]) == 143
    assert f"stopped by SIGTERM after step {30 * epoch - 1} of 90" in (
        capsys.readouterr().out
    )
    assert main(["--resume", "latest", *where]) == 0
    whole, broken = only_run(tmp_path / "whole"), only_run(tmp_path / "broken")
    name = "checkpoints/step-00000090.safetensors"
    assert (broken / name).read_bytes() == (whole / name).read_bytes()
    assert learned(broken) == learned(whole)


def test_a_finished_run_prints_its_result_again(whole, capsys):
    before = learned(whole)
    capsys.readouterr()
    assert main(["--resume", str(whole)]) == 0
    assert capsys.readouterr().out.startswith("test accuracy ")
    assert learned(whole) == before


def test_a_run_without_a_checkpoint_starts_again_from_step_0(whole, capsys):
    name = "step-00000090.safetensors"
    last = (whole / "checkpoints" / name).read_bytes()
    for path in (whole / "checkpoints").iterdir():
        path.unlink()
    assert main(["--resume", str(whole)]) == 0
    assert (whole / "checkpoints" / name).read_bytes() == last


@pytest.mark.parametrize(
    ("argv", "said"),
    [
        (["--seed", "1"], "seed = 1, but the run to go on with has 0"),
        (["--optim.lr", "0.5"], "optim.lr = 0.5, but the run to go on with has 0.02"),
        (["--config", "lesson"], "leave out --config"),
    ],
)
def test_what_was_learned_with_cannot_change(whole, capsys, argv, said):
    assert main(["--resume", str(whole), *argv]) == 2
    assert said in capsys.readouterr().err


def test_where_and_how_it_runs_may_change(whole):
    free = ["--threads", "2", "--monitor.tensorboard", "--checkpoint.every", "2"]
    assert main(["--resume", str(whole), *free]) == 0


def test_a_run_in_use_is_refused(whole, capsys):
    with runs.locked(whole):
        assert main(["--resume", str(whole)]) == 2
    assert "is in use by another process" in capsys.readouterr().err
    assert main(["--resume", str(whole)]) == 0


@pytest.mark.parametrize(
    ("run_name", "said"),
    [
        ("nowhere", "there is no run 'nowhere'"),
        (".", "is no run: it holds no manifest.json"),
        ("latest", "there is no run in 'runs' yet"),
    ],
)
def test_what_is_no_run_is_refused(tmp_path, monkeypatch, capsys, run_name, said):
    monkeypatch.chdir(tmp_path)
    assert main(["--resume", run_name]) == 2
    assert said in capsys.readouterr().err


def test_torn_checkpoints_without_a_good_one_are_refused(whole, capsys):
    for path in (whole / "checkpoints").iterdir():
        path.write_bytes(save({"weight": torch.zeros(2)}))
    assert main(["--resume", str(whole)]) == 2
    assert "no checkpoint can be used" in capsys.readouterr().err


OLD = Path(__file__).parent.parent.parent / "data" / "old_run"
OLD_WORDS = [
    *("--epochs", "2", "--batch-size", "2000", "--threads", "1", "--quiet"),
    *("--model.hidden", "3", "--model.batch-norm", "--model.dropout", "0.1"),
    *("--optim.ema", "0.9", "--monitor.no-tensorboard"),
]


@pytest.mark.slow
def test_a_run_that_an_older_package_left_within_an_epoch_ends_as_a_new_one(tmp_path):
    """By the same bytes where this machine rounds as the one that began it."""
    old = shutil.copytree(OLD, tmp_path / "old")
    assert main([*OLD_WORDS, "--runs-dir", str(tmp_path / "new")]) == 0
    new = only_run(tmp_path / "new")
    alike = learned(old) == learned(new)[:1]
    assert main(["--resume", str(old)]) == 0
    ends = [run / "checkpoints" / "step-00000060.safetensors" for run in (old, new)]
    theirs, ours = (checkpoint.read(end).tensors for end in ends)
    assert theirs.keys() == ours.keys()
    assert any(name.startswith("ema.") for name in ours)
    noise = "hidden1.linear.bias", "hidden1.norm.running_mean"
    for name, tensor in ours.items():
        # Batch norm takes the bias away again: its gradient is 0 but for rounding, of
        # which Adam makes whole steps, and the running mean follows.
        if not name.endswith(noise):
            torch.testing.assert_close(theirs[name], tensor, rtol=0, atol=1e-3)
    if alike:
        assert ends[0].read_bytes() == ends[1].read_bytes()
        assert learned(old) == learned(new)


def test_a_run_is_told_what_may_be_otherwise_when_it_goes_on():
    monitor = MonitorConfig(tensorboard=False, histograms=7)
    config = Config(epochs=3, device="cpu", monitor=monitor)
    words = override_options(config)
    options = cli.CliOptions()
    parsed = cli.parse(Config(), options, words, name="", prog="", about="").config
    assert parsed == config.model_copy(update={"epochs": Config().epochs})
