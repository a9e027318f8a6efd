"""`python -m torchbasics.mnist`, in process: it trains, reports, and refuses."""

import re

import pytest
import torch

from torchbasics import settings
from torchbasics.mnist import network
from torchbasics.mnist.__main__ import main
from torchbasics.mnist.config import DEFAULTS, Config

QUICK = ["--epochs", "1", "--max-steps", "60", "--threads", "1"]


def weights(folder):
    (run,) = (folder / "mnist").iterdir()
    return network.load(str(run)).model.state_dict()


def test_it_trains_saves_shows_a_digit_and_ends_with_the_accuracy(tmp_path, capsys):
    assert main([*QUICK, "--runs-dir", str(tmp_path), "--data.validation", "5000"]) == 0
    said = capsys.readouterr().out
    lines = said.splitlines()
    assert max(len(line) for line in lines if str(tmp_path) not in line) <= 80
    assert lines[0] == "lesson: 784-50-100-10 sigmoid, seed 0"
    assert any("validation acc" in line for line in lines)
    assert re.fullmatch(r"test accuracy \d\d\.\d\d % \(\d,\d{3} of 10,000\)", lines[-1])
    assert "the network reads" in said
    (run,) = (tmp_path / "mnist").iterdir()
    assert network.find(str(run)).name == "step-00000060.safetensors"


def test_quiet_prints_the_last_line_only(tmp_path, capsys):
    assert main([*QUICK, "--runs-dir", str(tmp_path), "--quiet"]) == 0
    assert re.fullmatch(r"test accuracy .*\n", capsys.readouterr().out)


def test_the_runs_own_config_repeats_it_bit_for_bit(tmp_path):
    first, second = tmp_path / "first", tmp_path / "second"
    assert main([*QUICK, "--seed", "3", "--runs-dir", str(first), "--quiet"]) == 0
    (run,) = (first / "mnist").iterdir()
    again = ["--config", str(run / "config.toml"), "--runs-dir", str(second)]
    assert main(again) == 0
    for name, value in weights(first).items():
        assert torch.equal(value, weights(second)[name])


@pytest.mark.parametrize("name", sorted(settings.shipped_configs()))
def test_every_shipped_config_trains(tmp_path, name):
    argv = ["--config", name, "--max-steps", "2", "--runs-dir", str(tmp_path)]
    assert main([*argv, "--quiet"]) == 0


def test_there_are_configs_and_the_lesson_is_the_default():
    configs = settings.shipped_configs()
    assert set(configs) >= {"lesson", "textbook", "fast98"}
    assert settings.read_config(Config, configs["lesson"]) == DEFAULTS.config


@pytest.fixture
def small_files():
    """A stand-in for a full disk: no file of this process grows beyond 60 kB."""
    resource = pytest.importorskip("resource")
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (60_000, hard))
    yield
    resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


def test_a_full_disk_ends_no_training_but_the_status_tells(
    tmp_path, capfd, small_files
):
    assert main([*QUICK, "--runs-dir", str(tmp_path)]) == 1
    out, err = capfd.readouterr()
    assert out.count("warning: nothing more goes to TensorBoard") == 1
    assert "warning: no checkpoint in" in out
    assert out.splitlines()[-1].startswith("test accuracy")
    assert err.startswith("training failed: no checkpoint in")
    assert "Traceback" not in err
    (run,) = (tmp_path / "mnist").iterdir()
    assert not list((run / "checkpoints").iterdir())


@pytest.mark.parametrize(
    ("argv", "said"),
    [
        (["--optm.lr", "1"], "--optim.lr"),
        (["--optim.lr", "fast"], "--optim.lr"),
        (["--optim.lr", "0"], "optim.lr = 0.0: it must be greater than 0"),
        (["--config", "gone.toml"], "cannot read gone.toml"),
        (["--device", "cuda:99"], "device 'cuda:99' is not there"),
        (["--runs-dir", "FILE"], "cannot make a run folder"),
        (["--data-dir", "FILE"], "cannot write MNIST"),
    ],
)
def test_bad_input_is_one_message_exit_2_and_nothing_written(
    tmp_path, monkeypatch, capsys, argv, said
):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "FILE").write_text("in the way")
    assert main([*QUICK, *argv]) == 2
    out, err = capsys.readouterr()
    assert said in " ".join(err.split())
    assert "Traceback" not in err
    assert out == ""
    assert [path.name for path in tmp_path.iterdir()] == ["FILE"]
