"""`python -m torchbasics.mnist`, in process: it trains, reports, and refuses."""

import re
import signal
import subprocess
import sys
from contextlib import contextmanager
from pathlib import Path

import pytest
import torch
from helpers import full, metrics, only_run, points, train_on

from torchbasics import device
from torchbasics.command import runs, settings
from torchbasics.data import ImageDataset, scale_pixels
from torchbasics.mnist import __main__ as train
from torchbasics.mnist import network
from torchbasics.mnist.__main__ import main
from torchbasics.mnist.config import Config
from torchbasics.mnist.training import checkpoint, step
from torchbasics.mnist.training import setup as training_setup
from torchbasics.mnist.training.monitor import Monitor
from torchbasics.mnist.training.setup import Splits

QUICK = ["--epochs", "1", "--max-steps", "60", "--threads", "1"]


def weights(folder):
    return network.load(str(only_run(folder))).model.state_dict()


def test_it_trains_saves_shows_a_digit_and_ends_with_the_accuracy(tmp_path, capsys):
    assert main([*QUICK, "--runs-dir", str(tmp_path), "--data.validation", "5000"]) == 0
    said = capsys.readouterr().out
    lines = said.splitlines()
    assert max(len(line) for line in lines if str(tmp_path) not in line) <= 80
    assert lines[0] == "lesson: 784-50-100-10 sigmoid, seed 0"
    assert any("validation acc" in line for line in lines)
    assert re.fullmatch(r"test accuracy \d\d\.\d\d % \(\d,\d{3} of 10,000\)", lines[-1])
    assert "the network reads" in said
    assert network.find_checkpoint(str(only_run(tmp_path)))[1].metadata["step"] == 60


def test_a_digit_is_shown_with_what_its_label_says(
    tmp_path, monkeypatch, capsys, fewer
):
    monkeypatch.chdir(tmp_path)

    def told(answer):
        probs = torch.eye(10)[[answer]]
        monkeypatch.setattr(train, "predict_probs", lambda *given: probs)
        assert main(QUICK) == 0
        read = re.search(r"the network reads (.*)", capsys.readouterr().out)
        return read[1]

    label = next(d for d in range(10) if told(d) == f"{d}, which is right")
    other = (label + 1) % 10
    assert told(other) == f"{other}, which is wrong: the label says {label}"


def test_quiet_prints_the_last_line_only(tmp_path, capsys, fewer):
    assert main([*QUICK, "--runs-dir", str(tmp_path), "--quiet"]) == 0
    assert re.fullmatch(r"test accuracy .*\n", capsys.readouterr().out)


@pytest.mark.slow
@pytest.mark.parametrize(("precision", "advised"), [("fp32", 0), ("bf16", 1)])
def test_where_bf16_is_slow_who_asks_for_it_is_told_once(
    tmp_path, monkeypatch, capsys, fewer, precision, advised
):
    monkeypatch.setattr(training_setup, "bf16_gain", lambda: 0.5)
    monkeypatch.setattr(device, "choose", lambda name: (torch.device("cpu"), "cpu"))
    argv = [*QUICK[:3], "2", "--precision", precision, "--runs-dir", str(tmp_path)]
    assert main(argv) == 0
    assert main(["--resume", str(only_run(tmp_path))]) == 0
    assert capsys.readouterr().out.count("try --precision fp32\n\nepoch") == advised


@pytest.mark.slow
def test_the_runs_own_config_repeats_it_bit_for_bit(tmp_path, fewer):
    first, second = tmp_path / "first", tmp_path / "second"
    assert main([*QUICK, "--seed", "3", "--runs-dir", str(first), "--quiet"]) == 0
    config = str(only_run(first) / "config.toml")
    again = ["--config", config, "--runs-dir", str(second)]
    assert main(again) == 0
    for name, value in weights(first).items():
        assert torch.equal(value, weights(second)[name])


@pytest.fixture
def a_tenth(mnist, monkeypatch):
    """The training reads only some of the digits, for the sake of large networks."""
    train, test = mnist
    train = ImageDataset(train.images[:6000], train.labels[:6000])
    test = ImageDataset(test.images[:500], test.labels[:500])
    train_on(Splits(train, None, test), monkeypatch)


@pytest.mark.slow
@pytest.mark.parametrize(
    "name",
    full("fast98", *sorted({*settings.shipped_configs()} - {"fast98", "vanishing"})),
)
def test_every_shipped_config_trains(tmp_path, name, a_tenth):
    argv = ["--config", name, "--max-steps", "2", "--runs-dir", str(tmp_path)]
    if training_setup.bf16_gain() < 0.9:  # a step of ciresan2010 would take 20 s
        argv += ["--precision", "fp32"]
    assert main([*argv, "--quiet"]) == 0


def test_there_are_configs_and_the_lesson_is_the_default():
    configs = settings.shipped_configs()
    assert set(configs) >= {"lesson", "textbook", "fast98"}
    assert settings.read_config(Config, configs["lesson"]) == Config()


@pytest.mark.slow
def test_best_is_best_on_the_validation_images_only(tmp_path, fewer):
    config = ["--epochs", "4", "--batch-size", "20", "--data.validation", "300"]
    assert main([*config, "--quiet", "--runs-dir", str(tmp_path)]) == 0
    run = only_run(tmp_path)
    told = [epoch["accuracy/validation"] for epoch in metrics(run)]
    best = checkpoint.read(run / "checkpoints" / "best.safetensors")
    assert best.metadata["accuracy/validation"] == max(told)


def test_without_a_validation_set_there_is_no_best(tmp_path, fewer):
    assert main([*QUICK, "--quiet", "--runs-dir", str(tmp_path)]) == 0
    assert not (only_run(tmp_path) / "checkpoints" / "best.safetensors").exists()


@pytest.mark.slow
def test_the_manifest_ends_with_the_final_metrics_also_after_a_kill(
    tmp_path, capsys, fewer
):
    assert main([*QUICK, "--quiet", "--runs-dir", str(tmp_path)]) == 0
    last = capsys.readouterr().out
    run = only_run(tmp_path)
    manifest = runs.read_manifest(run)
    assert f"{100 * manifest['figures']['accuracy/test']:.2f} %" in last
    assert manifest["threads"] == 1
    del manifest["figures"]  # as if killed after the last checkpoint
    runs.write_manifest(run, manifest)
    assert main(["--resume", str(run), "--quiet"]) == 0
    assert "figures" in runs.read_manifest(run)


@pytest.mark.slow
def test_the_digit_shown_is_read_as_the_network_reads_it(tmp_path, capsys, mnist):
    assert main([*QUICK, "--runs-dir", str(tmp_path)]) == 0
    said = capsys.readouterr().out
    index = int(re.search(r"test image (\d+)", said)[1])
    model, _ = network.load(str(only_run(tmp_path)))
    probs = model(scale_pixels(mnist[1].images[index][None])).softmax(1)[0].detach()
    assert f"the network reads {int(probs.argmax())}, " in said
    assert f"{int(probs.argmax())}  {100 * float(probs.max()):6.2f} %" in said


@pytest.mark.slow
def test_as_many_threads_as_asked_for(tmp_path, fewer):
    for threads in (1, 2):
        argv = ["--max-steps", "1", "--threads", str(threads), "--quiet"]
        before = torch.get_num_threads()
        assert main([*argv, "--runs-dir", str(tmp_path / str(threads))]) == 0
        run = only_run(tmp_path / str(threads))
        assert runs.read_manifest(run)["threads"] == threads
        assert torch.get_num_threads() == before


@pytest.mark.full
@pytest.mark.slow
@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs /dev/full")
def test_a_reader_who_leaves_and_a_full_disk_behind_stdout_end_no_training(tmp_path):
    argv = [sys.executable, "-m", "torchbasics.mnist", *QUICK]
    head = subprocess.Popen(
        [*argv, "--runs-dir", str(tmp_path / "head")],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    head.stdout.close()
    head.stdout = None
    with Path("/dev/full").open("w") as full_disk:
        full = subprocess.Popen(
            [*argv, "--runs-dir", str(tmp_path / "full")],
            stdout=full_disk,
            stderr=subprocess.PIPE,
        )
    for process, place, status in ((head, "head", 0), (full, "full", 1)):
        _, err = process.communicate()
        assert b"Traceback" not in err
        assert (b"cannot print: No space left" in err) == bool(status)
        assert process.returncode == status
        run = str(only_run(tmp_path / place))
        assert network.find_checkpoint(run)[1].metadata["step"] == 60


@contextmanager
def small_files():
    """A stand-in for a full disk: no file of this process grows beyond 60 kB."""
    resource = pytest.importorskip("resource")
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (60_000, hard))
    try:
        yield
    finally:  # before pytest reports, to what may be a larger file
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


def test_a_full_disk_ends_no_training_but_the_status_tells(tmp_path, capfd, fewer):
    with small_files():
        assert main([*QUICK, "--runs-dir", str(tmp_path)]) == 1
    out, err = capfd.readouterr()
    assert err.count("warning: nothing more goes to TensorBoard") == 1
    assert "warning: no checkpoint in" in err
    assert out.splitlines()[-1].startswith("test accuracy")
    assert err.splitlines()[-1].startswith("training failed: no checkpoint in")
    assert "Traceback" not in err
    assert not list((only_run(tmp_path) / "checkpoints").iterdir())


@pytest.fixture
def ended(tmp_path, fewer):
    """The folder of a run that has ended, with curves and a best."""
    argv = [*QUICK, "--epochs", "2", "--data.validation", "100"]
    assert main([*argv, "--runs-dir", str(tmp_path)]) == 0
    return only_run(tmp_path)


def everything(run):
    """What must be there once: the points of all curves and pictures."""
    places = {"curves": run, "settings": run / "hparams"}
    return sorted((name, *point) for name in places for point in points(places[name]))


@pytest.mark.slow
@pytest.mark.parametrize("lost", ["figures", "last checkpoint", "nothing"])
def test_a_kill_at_the_end_doubles_nothing(ended, lost, capsys):
    before, manifest = everything(ended), runs.read_manifest(ended)
    figures = manifest["figures"]
    best = (ended / "checkpoints" / "best.safetensors").read_bytes()
    assert len(set(before)) == len(before)
    if lost == "figures":  # killed when all but the manifest was written
        del manifest["figures"]
        runs.write_manifest(ended, manifest)
    if lost == "last checkpoint":
        checkpoint.CheckpointManager(ended).paths()[-1].write_bytes(b"")
    for _ in range(2):
        assert main(["--resume", str(ended)]) == 0
        assert everything(ended) == before
        assert runs.read_manifest(ended)["figures"] == figures
        assert (ended / "checkpoints" / "best.safetensors").read_bytes() == best


@pytest.mark.slow
@pytest.mark.parametrize("when", ["in the first epoch", "after the last checkpoint"])
@pytest.mark.parametrize("replaced", [False, True])
def test_a_run_whose_folder_is_taken_away_tells_its_result_and_what_is_missing(
    tmp_path, fewer, monkeypatch, capsys, when, replaced
):
    def take_away(*arguments):
        if (tmp_path / "mnist").is_dir() and not (tmp_path / "away").exists():
            run = only_run(tmp_path)
            run.rename(tmp_path / "away")
            if replaced:
                run.mkdir()
        return original(*arguments)

    owner, name = (
        (step, "training_step") if "first" in when else (Monitor, "after_training")
    )
    original = getattr(owner, name)
    monkeypatch.setattr(owner, name, take_away)
    assert main([*QUICK, "--runs-dir", str(tmp_path)]) == 1
    out, err = capsys.readouterr()
    assert out.splitlines()[-1].startswith("test accuracy")
    assert err.splitlines()[-1].startswith("training failed: no ")
    assert "Traceback" not in err
    left = [path for path in (tmp_path / "mnist").iterdir() if path.is_dir()]
    assert len(left) == replaced


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
        (["--data-dir", "x" * 5000], "MNIST"),
        (["--runs-dir", "x" * 5000], "cannot make a run folder"),
        (["--config", "x" * 5000 + ".toml"], "cannot read"),
        (["--resume", "x" * 5000], "there is no run"),
        (["--data-dir", ""], "'' after '--data-dir' names nothing"),
        (["--seed", "9" * 400], "seed = 999"),
        (["--threads", "99999"], "threads = 99999: it must be less than or equal"),
        (["--batch-size", "1", "--model.batch-norm"], "needs at least 2 images"),
        (["--optim.momentum", "0.9"], "only sgd has it"),
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


def test_a_signal_in_the_diagnosis_costs_no_result(
    tmp_path, capsys, monkeypatch, fewer
):
    """The training is done and scored by then: that is told whatever comes."""
    monkeypatch.setattr(
        "torchbasics.mnist.__main__.diagnose",
        lambda *training: signal.raise_signal(signal.SIGTERM) or "never told",
    )
    assert main([*QUICK, "--runs-dir", str(tmp_path)]) == 0
    said = capsys.readouterr()
    assert said.out.splitlines()[-1].startswith("test accuracy ")
    assert "never told" not in said.err
