"""A series of seeds: trained once each, scored exactly, gone on with after a stop."""

import io
import json
import os
import shutil
import signal
import subprocess
import sys
import threading
import time
from contextlib import redirect_stderr, redirect_stdout
from types import SimpleNamespace

import pytest
import torch
from helpers import full, no_space, only, wait_for

from torchbasics import data
from torchbasics.command import files, runs, settings
from torchbasics.command.terminal import SafeConsole
from torchbasics.evaluation import evaluate, predict_probs
from torchbasics.mnist import network, seeds
from torchbasics.mnist.__main__ import main as train
from torchbasics.mnist.config import Config
from torchbasics.mnist.seeds import main
from torchbasics.mnist.training import series

CONFIG = """
max_steps = 30
threads = 1
batch_size = 64
[model]
hidden = [16]
[monitor]
tensorboard = false
histograms = 0
"""


class Here:
    """Stands for the process of a run: trains in this one, which has imported all."""

    def __init__(self, command, **options):
        assert command[:3] == [sys.executable, "-m", "torchbasics.mnist"]
        out, err = io.StringIO(), io.StringIO()
        with redirect_stdout(out), redirect_stderr(err):
            self.returncode = train(command[3:])
        self.printed = out.getvalue(), err.getvalue()

    def poll(self):
        return self.returncode

    def communicate(self):
        return self.printed


IN_THIS_PROCESS = SimpleNamespace(Popen=Here, PIPE=subprocess.PIPE)


@pytest.fixture
def here(monkeypatch):
    """A series' runs are trained in this process."""
    monkeypatch.setattr(seeds, "subprocess", IN_THIS_PROCESS)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A finished series of two seeds, to be left as it is."""
    place = tmp_path_factory.mktemp("series")
    (place / "short.toml").write_text(CONFIG)
    words = ["--config", str(place / "short.toml"), "--runs-dir", str(place)]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(seeds, "subprocess", IN_THIS_PROCESS)
        assert main([*words, "--seeds", "3", "5"]) == 0
    return only(place.glob("seeds/short-*"))


@pytest.fixture
def whole(folder, tmp_path):
    """The same, to be changed."""
    return shutil.copytree(folder, tmp_path / "seeds" / folder.name)


@pytest.mark.slow
def test_each_seeds_error_is_that_of_its_network(folder):
    result = json.loads((folder / "result.json").read_text())
    test = data.load("test")
    probs = []
    for seed in (3, 5):
        model, config = network.load(str(series.run_folder(folder, seed)))
        assert config.seed == seed
        accuracy = evaluate(model, *test, config.data.transform).accuracy
        assert result["error"][str(seed)] == pytest.approx(100 * (1 - accuracy))
        assert len(result["misclassified"][str(seed)]) == round(10_000 * (1 - accuracy))
        probs.append(predict_probs(model, test.images, config.data.transform))
    first, second = result["error"].values()
    assert first != second
    assert result["mean"] == pytest.approx((first + second) / 2)
    assert result["sd"] == pytest.approx(abs(first - second) / 2**0.5)
    together = ((probs[0] + probs[1]).argmax(1) != test.labels).double().mean()
    assert result["committee"] == pytest.approx(100 * together.item())


@pytest.mark.slow
def test_what_is_finished_is_not_trained_again_what_is_lost_or_new_is(
    whole, tmp_path, capsys, here
):
    before = json.loads((whole / "result.json").read_text())
    shutil.rmtree(series.run_folder(whole, 5) / "checkpoints")  # a full disk, it may be
    kept = series.run_folder(whole, 3) / "manifest.json"
    finished = kept.read_text()
    more = ["--seeds", "5", "7", "--processes", "2"]
    assert main(["--resume", "latest", "--runs-dir", str(tmp_path), *more]) == 0
    after = json.loads((whole / "result.json").read_text())
    assert list(after["error"]) == ["3", "5", "7"]
    assert before["error"].items() <= after["error"].items()
    assert kept.read_text() == finished
    out = capsys.readouterr().out
    assert "seed 5: test accuracy" in out
    assert "seed 3: test accuracy" not in out
    assert max(map(len, out.split("\nthe series")[0].splitlines())) <= 80


@pytest.mark.full
@pytest.mark.slow
def test_a_run_that_was_stopped_goes_on_where_it_was(whole):
    run = series.run_folder(whole, 5)
    manifest = runs.read_manifest(run)
    del manifest["figures"]
    runs.write_manifest(run, manifest)
    assert main(["--resume", str(whole)]) == 0
    assert len(list(whole.glob("mnist/[!.]*"))) == 2
    assert "figures" in runs.read_manifest(run)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("number", "status"), full((signal.SIGTERM, 143), (signal.SIGINT, 130))
)
def test_a_series_asked_to_stop_stops_its_runs_and_starts_no_other(
    tmp_path, capsys, number, status
):
    (tmp_path / "long.toml").write_text(CONFIG.replace("= 30", "= 0"))

    def stop_when_it_trains():
        wait_for(tmp_path, "seeds/*/mnist/*/metrics.jsonl")
        os.kill(os.getpid(), number)

    threading.Thread(target=stop_when_it_trains, daemon=True).start()
    words = ["--config", str(tmp_path / "long.toml"), "--runs-dir", str(tmp_path)]
    assert main([*words, "--seeds", "0", "1"]) == status
    run = only(tmp_path.glob("seeds/[!.]*/mnist/[!.]*"))
    assert "figures" not in runs.read_manifest(run)
    assert list((run / "checkpoints").glob("*.safetensors"))
    with runs.locked(run):  # nobody trains there any more
        pass
    assert "--resume" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("asked", "processes", "threads"), [(0, 2, 2), (0, 8, 1), (3, 2, 3)]
)
def test_runs_side_by_side_share_the_threads(
    tmp_path, monkeypatch, asked, processes, threads
):
    torch.set_num_threads(4)
    told = []

    def run_processes(folder, config, *more):
        told.append(config)
        return []

    monkeypatch.setattr(seeds, "run_processes", run_processes)
    config = Config(threads=asked)
    seeds.train_seeds(tmp_path, config, [0], processes, SafeConsole(quiet=True))
    assert told[0].threads == threads


def test_a_second_ctrl_c_says_how_to_go_on_too(tmp_path, monkeypatch, capsys):
    def twice(*_):
        os.kill(os.getpid(), signal.SIGINT)
        os.kill(os.getpid(), signal.SIGINT)
        time.sleep(5)

    monkeypatch.setattr(seeds, "run_processes", twice)
    kept = (
        tmp_path / "mnist" / "lesson-s0" / "checkpoints" / "step-00000100.safetensors"
    )
    kept.parent.mkdir(parents=True)
    kept.touch()
    with pytest.raises(SystemExit) as left:
        seeds.train_seeds(tmp_path, Config(), [0], 1, SafeConsole(quiet=True))
    assert left.value.code == 130
    assert f"--resume {tmp_path}" in capsys.readouterr().err


@pytest.mark.slow
def test_what_a_run_warns_of_names_its_seed(tmp_path, capsys, here):
    (tmp_path / "stuck.toml").write_text(
        CONFIG.replace("= 30", "= 160") + '[optim]\nname = "sgd"\nlr = 1e-8\n'
    )
    words = ["--config", str(tmp_path / "stuck.toml"), "--runs-dir", str(tmp_path)]
    assert main([*words, "--seeds", "3", "5"]) == 0
    told = capsys.readouterr().err.splitlines()
    assert len(told) == 2
    for seed, line in zip((3, 5), told, strict=True):
        assert line.startswith(f"seed {seed}: warning: it learned next to nothing")


@pytest.mark.slow
def test_what_is_damaged_is_told_with_what_to_do(whole, capsys):
    only(series.run_folder(whole, 5).glob("checkpoints/step-*")).write_bytes(b"")
    assert main(["--resume", str(whole)]) == 2
    said = capsys.readouterr().err
    assert f"without {series.run_folder(whole, 5)} it is trained again" in said
    assert said.count("is torn") == 1
    (series.run_folder(whole, 5) / "manifest.json").write_text("{")
    assert series.run_folder(whole, 5) is None


def test_a_series_that_breaks_leaves_no_run_alone(tmp_path, monkeypatch):
    (tmp_path / "config.toml").write_text(CONFIG.replace("= 30", "= 0"))
    started, start = [], seeds.start_process

    def remember(*what):
        started.append(start(*what))
        return started[-1]

    monkeypatch.setattr(seeds, "start_process", remember)
    monkeypatch.setattr(seeds.time, "sleep", lambda seconds: 1 / 0)
    config = settings.read_config(Config, tmp_path / "config.toml")
    with pytest.raises(ZeroDivisionError):
        seeds.train_seeds(tmp_path, config, [0, 1], 2, SafeConsole(quiet=True))
    left = {process.returncode for process in started}  # before they began, or after
    assert left <= {128 + signal.SIGTERM, -signal.SIGTERM}


@pytest.mark.parametrize(
    ("argv", "sentence"),
    [
        (["--seeds", "1", "1"], "seeds = [1, 1]: name each seed once"),
        (["--config", "recrod"], "did you mean 'record'?"),
        (["--resume", "nowhere"], "there is no run 'nowhere'"),
        (["--processes", "0"], "processes = 0"),
        (["--seeds", "-1"], "seeds.0 = -1: it must be greater than or equal to 0"),
        (["--device", "gpu"], "device 'gpu' is not there"),
    ],
)
def test_bad_input_is_one_sentence(tmp_path, capsys, argv, sentence):
    assert main([*argv, "--runs-dir", str(tmp_path)]) == 2
    assert sentence in capsys.readouterr().err


@pytest.mark.slow
def test_one_seed_has_an_error_but_no_spread(whole, capsys):
    runs.write_manifest(whole, runs.read_manifest(whole) | {"seeds": [5]})
    assert main(["--resume", str(whole)]) == 0
    result = json.loads((whole / "result.json").read_text(), parse_constant=int)
    assert result["sd"] is None
    assert "committee" not in capsys.readouterr().out


@pytest.mark.slow
@pytest.mark.parametrize(
    ("changed", "argv", "sentence"),
    [
        ({"seeds": 3}, [], "seeds = 3"),
        ({"kind": "mnist"}, [], "is of the kind 'mnist', not 'seeds'"),
        ({}, ["--epochs", "3"], "epochs = 3, but the run to go on with has 10"),
    ],
)
def test_a_series_that_cannot_go_on_is_one_sentence(
    whole, capsys, changed, argv, sentence
):
    runs.write_manifest(whole, runs.read_manifest(whole) | changed)
    assert main(["--resume", str(whole), *argv]) == 2
    assert sentence in capsys.readouterr().err


@pytest.mark.slow
def test_a_run_trained_otherwise_is_not_counted(whole, capsys):
    config = whole / "config.toml"
    config.write_text(config.read_text().replace("lr = 0.02", "lr = 0.03"))
    assert main(["--resume", str(whole)]) == 2
    assert "optim.lr = 0.03, but" in capsys.readouterr().err


@pytest.mark.slow
def test_a_result_that_cannot_be_kept_is_told(whole, capsys, monkeypatch):
    monkeypatch.setattr(files.os, "fsync", no_space)
    assert main(["--resume", str(whole)]) == 1
    assert f"cannot write to {whole}: No space left" in capsys.readouterr().err


@pytest.mark.full
@pytest.mark.slow
def test_a_run_that_fails_fails_the_series_and_says_how_to_go_on(tmp_path, capsys):
    (tmp_path / "wild.toml").write_text(
        CONFIG.replace("[16]", '[16]\nactivation = "relu"')
        + '[optim]\nname = "sgd"\nlr = 1e38\n[schedule]\nname = "constant"\n'
    )
    words = ["--config", str(tmp_path / "wild.toml"), "--runs-dir", str(tmp_path)]
    assert main([*words, "--seeds", "0"]) == 1
    err = capsys.readouterr().err
    assert "seed 0 ended with status 1" in err
    assert "--resume" in err


def test_a_series_has_five_seeds_if_none_are_named(tmp_path):
    config = Config(runs_dir=str(tmp_path))
    folder = seeds.create_series(config, "lesson", seeds.SeedsOptions())
    assert runs.read_manifest(folder)["seeds"] == [0, 1, 2, 3, 4]
