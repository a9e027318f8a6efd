"""Monitoring: its numbers are right, and it neither changes nor ends a training."""

import io
import json
import math
import shutil
import socket
import subprocess
import sys
import threading
import time
import urllib.request

import pytest
import torch
from helpers import events_of, metrics, metrics_line, no_space, only, points
from rich.console import Console

from torchbasics.command.signals import StopRequest
from torchbasics.evaluation import evaluate
from torchbasics.mnist.config import Config, ModelConfig, MonitorConfig
from torchbasics.mnist.training import metrics as metrics_file
from torchbasics.mnist.training.checkpoint import CheckpointManager
from torchbasics.mnist.training.loop import train
from torchbasics.mnist.training.monitor import Monitor
from torchbasics.mnist.training.setup import setup

NOISY = ModelConfig(hidden=(30, 20), activation="relu", batch_norm=True, dropout=0.2)
SMALL = Config(epochs=3, model=NOISY)
LAYERS = ("hidden1", "hidden2", "logits")


def run(config, few, folder, before=lambda training, monitor: None):
    """Train in a folder; returns the training and what the console said."""
    console = Console(file=io.StringIO(), width=80)
    training = setup(config, few)
    with StopRequest() as stop, Monitor(console, folder, training) as monitor:
        before(training, monitor)
        train(training, monitor, CheckpointManager(folder), stop)
        transform = config.data.transform
        monitor.after_training(evaluate(training.model, *few.test, transform))
    return training, console.file.getvalue()


@pytest.fixture(scope="module")
def finished(few, tmp_path_factory):
    folder = tmp_path_factory.mktemp("run")
    training, _ = run(SMALL, few, folder)
    return folder, training, events_of(folder)


@pytest.mark.slow
def test_weights_are_the_same_with_monitoring_on_and_off(finished, few, tmp_path):
    quiet = SMALL.model_copy(
        update={"monitor": MonitorConfig(tensorboard=False, histograms=0)}
    )
    off, _ = run(quiet, few, tmp_path)
    on = finished[1].model.state_dict()
    for name, value in off.model.state_dict().items():
        assert torch.equal(on[name], value), name
    assert not list(tmp_path.glob("events*"))


def test_every_tag_of_the_design_has_a_point_an_epoch(finished):
    _, _, events = finished
    wanted = {"loss/train", "loss/test", "accuracy/train", "accuracy/test", "lr"}
    wanted |= {"time/images_per_s"}
    for statistic in ("activation_std", "gradient_norm", "update_ratio"):
        wanted |= {f"{statistic}/{layer}" for layer in LAYERS}
    for statistic in ("saturated", "dead"):
        wanted |= {f"{statistic}/{layer}" for layer in LAYERS[:2]}
    assert wanted <= set(events.Tags()["scalars"])
    for tag in wanted:
        assert [point.step for point in events.Scalars(tag)] == [10, 20, 30]
    histograms = set(events.Tags()["histograms"])
    for kind in ("activations", "gradients", "weights"):
        assert {f"{kind}/{layer}" for layer in LAYERS} <= histograms
    figures = {"first_layer_weights", "confusion_matrix", "misclassified"}
    assert set(events.Tags()["images"]) == {f"figures/{name}" for name in figures}


def test_the_metrics_and_the_curves_agree(finished):
    folder, _, events = finished
    told = metrics(folder)
    assert [epoch["epoch"] for epoch in told] == [1, 2, 3]
    for tag in ("loss/test", "gradient_norm/hidden1", "update_ratio/logits"):
        curve = [point.value for point in events.Scalars(tag)]
        assert curve == pytest.approx([epoch[tag] for epoch in told])


def test_a_histogram_holds_every_weight(finished):
    _, training, events = finished
    last = events.Histograms("weights/hidden1")[-1].histogram_value
    weight = training.model.hidden1.linear.weight
    assert last.num == weight.numel() == sum(last.bucket)
    assert last.max == pytest.approx(weight.max().item())
    assert last.sum == pytest.approx(weight.sum().item(), abs=1e-2)


def test_the_settings_and_final_metrics_are_under_one_fixed_name(finished):
    folder = finished[0]
    assert only((folder / "hparams").iterdir()).name.startswith("events")
    tags = events_of(folder / "hparams").Tags()
    assert {"accuracy/test", "loss/test"} <= set(tags["scalars"])


@pytest.mark.slow
@pytest.mark.parametrize("batch_size", [100, 1000])
def test_the_update_ratio_is_that_of_the_epochs_last_step(few, tmp_path, batch_size):
    config = SMALL.model_copy(update={"batch_size": batch_size})
    seen = {}

    def before(training, monitor):
        original = training.optimizer.step

        def step(*args, **kwargs):
            weight = training.model.logits.weight.detach().clone()
            original(*args, **kwargs)
            moved = (training.model.logits.weight - weight).norm() / weight.norm()
            seen[training.progress.step + 1] = moved.item()

        training.optimizer.step = step

    run(config, few, tmp_path, before)
    assert len(seen) == 3000 // batch_size
    for epoch in metrics(tmp_path):
        ratio = epoch["update_ratio/logits"]
        assert ratio == pytest.approx(seen[epoch["step"]], rel=1e-5)


def test_no_hook_is_left_on_the_model(finished):
    for module in finished[1].model.modules():
        assert not module._forward_hooks


@pytest.mark.slow
@pytest.mark.parametrize("place", ["metrics.jsonl", "TensorBoard"])
def test_a_broken_log_warns_once_and_training_goes_on(few, tmp_path, place, capsys):
    def before(training, monitor):
        if place == "TensorBoard":
            monitor.board.write_epoch = no_space
        else:
            monitor.metrics_path.mkdir()

    training, _ = run(SMALL, few, tmp_path, before)
    said = capsys.readouterr().err
    assert said.count(f"warning: nothing more goes to {place}") == 1
    assert training.progress.is_finished()


def test_no_thread_of_a_tensorboard_that_broke_goes_on(few, tmp_path):
    def before(training, monitor):
        monitor.board.scalar("waiting to be written", 1, 1)
        monitor.board.write_epoch = no_space

    run(SMALL, few, tmp_path, before)
    names = [type(thread).__name__ for thread in threading.enumerate()]
    assert "_AsyncWriterThread" not in names


def test_a_run_folder_that_vanishes_does_not_end_the_training(few, tmp_path):
    folder = tmp_path / "run"
    folder.mkdir()
    training, _ = run(SMALL, few, folder, lambda *_: shutil.rmtree(folder))
    assert training.progress.is_finished()


def test_nan_is_null_in_the_metrics(tmp_path):
    metrics_file.append(tmp_path / "metrics.jsonl", {"step": 1, "loss/train": math.nan})
    assert metrics(tmp_path) == [{"step": 1, "loss/train": None}]


@pytest.mark.slow
@pytest.mark.parametrize("seconds", [0, -86_400])
def test_curves_never_double_after_a_resume_even_if_the_clock_is_set_back(
    few, tmp_path, monkeypatch, seconds
):
    """As after a kill: an epoch was told of, but its checkpoint was not written."""
    run(SMALL, few, tmp_path)
    now = time.time() + seconds
    monkeypatch.setattr(time, "time", lambda: now)
    training = setup(SMALL, few)
    training.progress.step = 10
    console = Console(quiet=True)
    with StopRequest() as stop, Monitor(console, tmp_path, training) as monitor:
        train(training, monitor, CheckpointManager(tmp_path), stop)
    assert [epoch["epoch"] for epoch in metrics(tmp_path)] == [1, 2, 3]
    events = events_of(tmp_path)
    assert [point.step for point in events.Scalars("loss/test")] == [10, 20, 30]
    told = [tag for tag, _ in points(tmp_path) if tag == "loss/test"]
    assert len(told) == 3


def test_a_torn_last_line_is_forgotten(few, tmp_path):
    path = tmp_path / "metrics.jsonl"
    whole = f"{metrics_line(10)}\n{metrics_line(20)}\n"
    path.write_text(whole + '{"step": 3')
    training = setup(SMALL, few)
    training.progress.step = 20
    with Monitor(Console(quiet=True), tmp_path, training):
        pass
    assert path.read_text() == whole


def get(url):
    with urllib.request.urlopen(url, timeout=5) as reply:
        return json.loads(reply.read())


@pytest.mark.slow
def test_a_real_tensorboard_lists_the_tags(finished):
    folder = finished[0]
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    server = subprocess.Popen(
        [
            *(sys.executable, "-m", "tensorboard.main", "--load_fast", "false"),
            *("--logdir", str(folder.parent), "--port", str(port)),
        ],
        stderr=subprocess.PIPE,
    )
    try:
        deadline = time.monotonic() + 60
        tags = {}
        while not tags and time.monotonic() < deadline:
            try:
                plugin = f"http://127.0.0.1:{port}/data/plugin"
                tags = get(f"{plugin}/scalars/tags").get(folder.name, {})
                histograms = get(f"{plugin}/histograms/tags").get(folder.name, {})
            except OSError:
                time.sleep(0.3)
        assert "gradient_norm/hidden1" in tags
        assert "activations/hidden1" in histograms
    finally:
        server.terminate()
        server.wait()
        server.stderr.close()
