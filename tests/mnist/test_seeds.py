"""A series of seeds: trained once each, scored exactly, gone on with after a stop."""

import json
import os
import shutil
import signal
import threading
import time
from pathlib import Path

import pytest
import torch

from torchbasics import data, runs, settings
from torchbasics.errors import TrainingError
from torchbasics.mnist import network, seeds, series
from torchbasics.mnist.config import DEFAULTS, Config, Monitor
from torchbasics.mnist.evaluate import evaluate, read_digits
from torchbasics.mnist.seeds import main
from torchbasics.terminal import LastingConsole

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


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    place = tmp_path_factory.mktemp("series")
    (place / "short.toml").write_text(CONFIG)
    words = ["--config", str(place / "short.toml"), "--runs-dir", str(place)]
    assert main([*words, "--seeds", "3", "5", "--processes", "2"]) == 0
    (found,) = place.glob("seeds/short-*")
    return found


def test_each_seeds_error_is_that_of_its_network(folder):
    result = json.loads((folder / "result.json").read_text())
    test = data.load("test")
    probs = []
    for seed in (3, 5):
        model, config = network.load(str(series.folder_of(folder, seed)))
        assert config.seed == seed
        accuracy = evaluate(model, test, "unit").accuracy
        assert result["error"][str(seed)] == pytest.approx(100 * (1 - accuracy))
        assert len(result["misread"][str(seed)]) == round(10_000 * (1 - accuracy))
        probs.append(read_digits(model, test.images, "unit"))
    first, second = result["error"].values()
    assert first != second
    assert result["mean"] == pytest.approx((first + second) / 2)
    assert result["sd"] == pytest.approx(abs(first - second) / 2**0.5)
    together = ((probs[0] + probs[1]).argmax(1) != test.labels).double().mean()
    assert result["committee"] == pytest.approx(100 * together.item())


def test_what_is_finished_is_not_trained_again_what_is_lost_or_new_is(
    folder, tmp_path, capsys
):
    whole = tmp_path / "seeds" / folder.name
    shutil.copytree(folder, whole)
    before = json.loads((whole / "result.json").read_text())
    shutil.rmtree(series.folder_of(whole, 5) / "checkpoints")  # a full disk, it may be
    kept = series.folder_of(whole, 3) / "manifest.json"
    finished = kept.read_text()
    more = ["--seeds", "5", "7"]
    assert main(["--resume", "latest", "--runs-dir", str(tmp_path), *more]) == 0
    after = json.loads((whole / "result.json").read_text())
    assert list(after["error"]) == ["3", "5", "7"]
    assert before["error"].items() <= after["error"].items()
    assert kept.read_text() == finished
    out = capsys.readouterr().out
    assert "seed 5: test accuracy" in out
    assert "seed 3: test accuracy" not in out
    assert max(map(len, out.split("\nthe series")[0].splitlines())) <= 80


def test_a_run_that_was_stopped_goes_on_where_it_was(folder, tmp_path):
    whole = tmp_path / folder.name
    shutil.copytree(folder, whole)
    run = series.folder_of(whole, 5)
    manifest = runs.read_manifest(run)
    del manifest["figures"]
    runs.write_manifest(run, manifest)
    assert main(["--resume", str(whole)]) == 0
    assert len(list(whole.glob("mnist/*"))) == 2
    assert "figures" in runs.read_manifest(run)


@pytest.mark.parametrize(
    ("number", "status"), [(signal.SIGTERM, 143), (signal.SIGINT, 130)]
)
def test_a_series_asked_to_stop_stops_its_runs_and_starts_no_other(
    tmp_path, capsys, number, status
):
    (tmp_path / "long.toml").write_text(CONFIG.replace("= 30", "= 0"))

    def stop_when_it_trains():
        while not list(tmp_path.glob("seeds/*/mnist/*/metrics.jsonl")):
            time.sleep(0.1)
        os.kill(os.getpid(), number)

    threading.Thread(target=stop_when_it_trains, daemon=True).start()
    words = ["--config", str(tmp_path / "long.toml"), "--runs-dir", str(tmp_path)]
    assert main([*words, "--seeds", "0", "1"]) == status
    (run,) = tmp_path.glob("seeds/*/mnist/*")
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
    monkeypatch.setattr(seeds, "train", lambda _, config, *more: told.append(config))
    config = Config(threads=asked)
    seeds.carry_out(tmp_path, config, [0], processes, LastingConsole(quiet=True))
    assert told[0].threads == threads


def test_a_run_is_told_what_may_be_otherwise_when_it_goes_on():
    monitor = Monitor(tensorboard=False, histograms=7)
    config = Config(epochs=3, device="cpu", monitor=monitor)
    words = seeds.free_words(config)
    parsed = settings.parse(DEFAULTS, words, prog="", about="").config
    assert parsed == config.model_copy(update={"epochs": DEFAULTS.config.epochs})


def test_a_second_ctrl_c_says_how_to_go_on_too(tmp_path, monkeypatch, capsys):
    def twice(*_):
        os.kill(os.getpid(), signal.SIGINT)
        os.kill(os.getpid(), signal.SIGINT)
        time.sleep(5)

    monkeypatch.setattr(seeds, "train", twice)
    with pytest.raises(SystemExit) as left:
        seeds.carry_out(tmp_path, Config(), [0], 1, LastingConsole(quiet=True))
    assert left.value.code == 130
    assert f"--resume {tmp_path}" in capsys.readouterr().err


def test_what_is_damaged_is_told_with_what_to_do(folder, tmp_path, capsys):
    whole = tmp_path / folder.name
    shutil.copytree(folder, whole)
    (newest,) = series.folder_of(whole, 5).glob("checkpoints/step-*")
    newest.write_bytes(b"")
    assert main(["--resume", str(whole)]) == 2
    said = capsys.readouterr().err
    assert f"without {series.folder_of(whole, 5)} it is trained again" in said
    assert said.count("is torn") == 1
    (series.folder_of(whole, 5) / "manifest.json").write_text("{")
    assert series.folder_of(whole, 5) is None


def test_a_series_that_breaks_leaves_no_run_alone(tmp_path, monkeypatch):
    (tmp_path / "config.toml").write_text(CONFIG.replace("= 30", "= 0"))
    started, start = [], seeds.start

    def remember(*what):
        started.append(start(*what))
        return started[-1]

    monkeypatch.setattr(seeds, "start", remember)
    monkeypatch.setattr(seeds, "ended", lambda running: 1 / 0)
    config = settings.read_config(Config, tmp_path / "config.toml")
    with pytest.raises(ZeroDivisionError):
        seeds.carry_out(tmp_path, config, [0, 1], 2, LastingConsole(quiet=True))
    assert [process.returncode for process in started] == [-signal.SIGTERM] * 2


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


def test_one_seed_has_an_error_but_no_spread(folder, tmp_path, capsys):
    alone = tmp_path / folder.name
    shutil.copytree(folder, alone)
    runs.write_manifest(alone, runs.read_manifest(alone) | {"seeds": [5]})
    assert main(["--resume", str(alone)]) == 0
    result = json.loads((alone / "result.json").read_text(), parse_constant=int)
    assert result["sd"] is None
    assert "committee" not in capsys.readouterr().out


@pytest.mark.parametrize(
    ("changed", "argv", "sentence"),
    [
        ({"seeds": [0, 0]}, [], "seeds = [0, 0]: name each seed once"),
        ({"seeds": 3}, [], "seeds = 3"),
        ({"kind": "mnist"}, [], "is of the kind 'mnist', not 'seeds'"),
        ({}, ["--epochs", "3"], "epochs = 3, but the run to go on with has 10"),
    ],
)
def test_a_series_that_cannot_go_on_is_one_sentence(
    folder, tmp_path, capsys, changed, argv, sentence
):
    whole = tmp_path / folder.name
    shutil.copytree(folder, whole)
    runs.write_manifest(whole, runs.read_manifest(whole) | changed)
    assert main(["--resume", str(whole), *argv]) == 2
    assert sentence in capsys.readouterr().err


def test_a_run_trained_otherwise_is_not_counted(folder, tmp_path, capsys):
    whole = tmp_path / folder.name
    shutil.copytree(folder, whole)
    config = whole / "config.toml"
    config.write_text(config.read_text().replace("lr = 0.02", "lr = 0.03"))
    assert main(["--resume", str(whole)]) == 2
    assert "optim.lr = 0.03, but" in capsys.readouterr().err


def test_the_seconds_are_those_of_the_images_shown(tmp_path):
    config = Config(batch_size=100, epochs=2, max_steps=610)
    lines = [
        '{"step": 600, "time/images_per_s": 1000}',
        '{"step": 610, "time/images_per_s": 100}',
    ]
    (tmp_path / "metrics.jsonl").write_text("\n".join(lines))
    assert series.seconds_of(tmp_path, config) == 60 + 10
    (tmp_path / "metrics.jsonl").write_text(lines[0])
    assert series.seconds_of(tmp_path, config) is None
    (tmp_path / "metrics.jsonl").write_text(lines[0] + '\n{"st')
    assert series.seconds_of(tmp_path, config) is None


def test_how_far_a_run_is_is_what_its_metrics_say(folder, tmp_path):
    assert series.steps_done(folder, 5) == series.steps_of(Config(max_steps=30)) == 30
    assert series.steps_done(folder, 6) == 0
    whole = tmp_path / folder.name
    shutil.copytree(folder, whole)
    for text in ("", '{"st', "3"):
        (series.folder_of(whole, 5) / "metrics.jsonl").write_text(text)
        assert series.steps_done(whole, 5) == 0


def test_a_result_that_cannot_be_kept_is_told():
    with pytest.raises(TrainingError, match=r"no result\.json in /dev/null"):
        seeds.keep(Path("/dev/null"), {})


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


def test_a_misread_image_is_one_whose_likeliest_digit_is_not_its_label():
    labels = torch.tensor([0, 1])
    run = series.Run(0, 1.0, torch.tensor([[0.6, 0.4], [0.9, 0.1]]))
    assert run.misread(labels) == [1]
