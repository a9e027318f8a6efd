"""What leaves is read back equal by those who know nothing of this package."""

import json

import numpy as np
import pytest
import torch
from helpers import no_space, only_run
from textbook_pickles import pickled, weights_of

from torchbasics.activations import ACTIVATIONS
from torchbasics.command import files
from torchbasics.data import scale_pixels
from torchbasics.data.mnist import SHA256
from torchbasics.mnist import export, network
from torchbasics.mnist.config import Config, DataConfig, ModelConfig
from torchbasics.mnist.evaluate import main

NETWORKS = {
    "shipped": None,
    "no hidden layer": {"hidden": ()},
    "wide": {"hidden": (300, 100), "activation": "relu"},
    "dropout": {"hidden": (9,), "dropout": 0.5, "input_dropout": 0.1},
    "noise": {"hidden": (9,), "input_noise": 1.0},
    "batch norm": {"hidden": (9, 8), "activation": "relu", "batch_norm": True},
    **{name: {"hidden": (9, 8), "activation": name} for name in ACTIVATIONS},
}


def network_of(name):
    """A network; where it has batch norms, they have seen something."""
    if NETWORKS[name] is None:
        return network.load("pretrained")
    config = Config(
        model=ModelConfig(**NETWORKS[name]), data=DataConfig(scale="standard")
    )
    model = network.build(config)
    inputs = torch.rand(64, 784, generator=torch.Generator().manual_seed(0))
    with torch.no_grad():
        model.train()(inputs)
        for parameter in model.parameters():
            parameter.add_(0.01)  # also the batch norms' scales and shifts
    return network.Network(model.eval(), config)


@pytest.fixture(scope="module")
def inputs(few):
    """Some digits, as a network reads them."""
    return scale_pixels(few.test.images[:20])


def assert_equal(logits, wanted):
    """To 1e-5 of the largest: to that a sum of many numbers in float32 is rounded."""
    wanted = wanted.detach().numpy()
    assert abs(logits - wanted).max() < 1e-5 * abs(wanted).max()


def forward(arrays, x):
    """The logits by NumPy, as the docstring has it."""
    number = sum(key.startswith("W") for key in arrays)
    function = ACTIVATIONS[str(arrays["activation"])]()
    for layer in range(1, number + 1):
        x = x @ arrays[f"W{layer}"] + arrays[f"b{layer}"]
        if layer < number:
            x = function(torch.from_numpy(x)).numpy()
    return x


@pytest.mark.parametrize("name", NETWORKS)
def test_numpy_reads_the_same_network(tmp_path, inputs, name):
    exported = network_of(name)
    path = tmp_path / "net.npz"
    export.write(exported, str(path))
    with np.load(path, allow_pickle=False) as file:
        arrays = dict(file)
    assert arrays["scale"] == exported.config.data.scale
    for number, linear in enumerate(exported.model.linears().values(), start=1):
        assert arrays[f"W{number}"].shape == linear.weight.T.shape
        if not exported.config.model.batch_norm:
            assert np.array_equal(arrays[f"W{number}"], linear.weight.detach().T)
            assert np.array_equal(arrays[f"b{number}"], linear.bias.detach())
    logits = forward(arrays, inputs.double().numpy())
    assert_equal(logits, exported.model.double()(inputs.double()))
    assert [*tmp_path.iterdir()] == [path]


@pytest.mark.slow
@pytest.mark.filterwarnings("default")  # of the exporter's own
@pytest.mark.parametrize(
    "name", ["shipped", "no hidden layer", "dropout", "batch norm"]
)
def test_another_runtime_reads_the_same_network_from_onnx(tmp_path, inputs, name):
    onnx = pytest.importorskip("onnx")
    pytest.importorskip("onnxscript")
    from onnx.reference import ReferenceEvaluator  # noqa: PLC0415 - it may be missing

    exported = network_of(name)
    path = tmp_path / "net.onnx"
    export.write(exported, str(path))
    model = onnx.load(path)
    onnx.checker.check_model(model)
    assert {p.key: p.value for p in model.metadata_props}["scale"] == (
        exported.config.data.scale
    )
    for x in (inputs[:1], inputs):
        (logits,) = ReferenceEvaluator(model).run(["logits"], {"pixels": x.numpy()})
        assert_equal(logits, exported.model(x))
    assert [*tmp_path.iterdir()] == [path]


def test_without_onnx_it_is_said_what_to_install(monkeypatch, capsys):
    monkeypatch.setattr(export, "find_spec", lambda name: None)
    assert main(["--export", "net.onnx"]) == 2
    out, err = capsys.readouterr()
    assert (out, err.count("\n")) == ("", 1)
    assert "pip install onnx onnxscript" in err


@pytest.mark.parametrize("name", ["net", "net.pkl", "net.pt", ".npz", "net.ONNX", ""])
def test_only_a_name_with_a_known_end_is_written_to(tmp_path, capsys, name):
    assert main(["--export", f"{tmp_path}/{name}"]) == 2
    bare = "its name is nothing but .npz\n"
    wanted = bare if name == ".npz" else "its name must end in .onnx or .npz\n"
    assert capsys.readouterr().err.endswith(wanted)
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("place", ["gone/net.npz", "FILE/net.npz", "folder.npz"])
def test_a_place_that_cannot_be_written_is_one_sentence(tmp_path, capsys, place):
    (tmp_path / "FILE").touch()
    (tmp_path / "folder.npz").mkdir()
    before = sorted(tmp_path.rglob("*"))
    assert main(["--export", str(tmp_path / place)]) == 2
    out, err = capsys.readouterr()
    assert (out, err.count("\n")) == ("", 1)
    assert err.startswith(f"error: cannot write {tmp_path / place}: ")
    assert sorted(tmp_path.rglob("*")) == before


def test_a_full_disk_leaves_what_was_there_before(tmp_path, capsys, monkeypatch):
    path = tmp_path / "net.npz"
    path.write_bytes(b"old")
    monkeypatch.setattr(files.os, "fsync", no_space)
    assert main(["--export", str(path)]) == 1
    assert capsys.readouterr().err == "error: cannot write: No space left on device\n"
    assert path.read_bytes() == b"old"
    assert [*tmp_path.iterdir()] == [path]


@pytest.fixture
def book(tmp_path):
    """A file like the textbook's, of the shipped network's numbers."""
    path = tmp_path / "sample_weight.pkl"
    path.write_bytes(pickled(weights_of(network.load("pretrained").model)))
    return path


def lines_of(argv, capsys):
    assert main([str(word) for word in argv]) == 0
    out, err = capsys.readouterr()
    assert err == ""
    return out.splitlines()


def test_a_pickle_of_the_shipped_network_scores_as_the_network_does(book, capsys):
    head, *scored = lines_of(["--textbook", book], capsys)
    assert head == f"{book}: 784-50-100-10 sigmoid, test set"
    assert scored == lines_of(["pretrained"], capsys)[1:]


def test_of_what_is_saved_every_command_reads_the_same_network(book, tmp_path, capsys):
    runs_dir = tmp_path / "runs"
    argv = ["--textbook", book, "--save", "--runs-dir", runs_dir]
    said = lines_of(argv, capsys)
    run = only_run(runs_dir)
    assert said[-3] == f"a run of it is in {run}"
    assert sorted(path.name for path in run.iterdir()) == [
        "checkpoints", "config.toml", "manifest.json",
    ]  # fmt: skip
    for name in (run, "latest"):
        loaded = network.load(str(name), str(runs_dir))
        assert loaded.config == Config()
        for key, value in network.load("pretrained").model.state_dict().items():
            assert torch.equal(value, loaded.model.state_dict()[key])
    assert lines_of([run], capsys)[-2:] == said[-2:]
    manifest = json.loads((run / "manifest.json").read_text())
    assert manifest["data"].keys() == {*SHA256, "sample_weight.pkl"}
    assert f"{100 * manifest['figures']['accuracy/test']:.2f} %" in said[-1]


@pytest.mark.slow
def test_what_is_saved_can_be_trained_further(book, tmp_path, capsys, fewer):
    from torchbasics.mnist.__main__ import main as train  # noqa: PLC0415 - beside main

    lines_of(["--textbook", book, "--save", "--runs-dir", tmp_path], capsys)
    run = only_run(tmp_path)
    assert train(["--resume", str(run), "--monitor.no-tensorboard", "--quiet"]) == 0
    assert capsys.readouterr().out.startswith("test accuracy ")


def test_a_run_that_cannot_be_saved_is_not_there(book, tmp_path, capsys, monkeypatch):
    monkeypatch.setattr(export.checkpoint, "write_atomic", no_space)
    argv = ["--textbook", str(book), "--save", "--runs-dir", str(tmp_path / "runs")]
    assert main(argv) == 1
    assert capsys.readouterr().err == "error: cannot write: No space left on device\n"
    assert not list(tmp_path.glob("runs/mnist/[!.]*"))


@pytest.mark.slow
def test_numbers_that_give_no_loss_are_saved_without_one(tmp_path, capsys):
    weights = weights_of(network.load("pretrained").model)
    huge = {key: np.full_like(value, 3e38) for key, value in weights.items()}
    (tmp_path / "huge.pkl").write_bytes(pickled(huge))
    argv = ["--textbook", tmp_path / "huge.pkl", "--save", "--runs-dir", tmp_path]
    assert "loss nan" in lines_of(argv, capsys)[-2]
    run = only_run(tmp_path)
    assert (
        json.loads((run / "manifest.json").read_text())["figures"]["loss/test"] is None
    )
    lines_of([run, "--doctor"], capsys)


@pytest.mark.parametrize(
    ("argv", "said"),
    [
        (["--save"], "--save makes a run of --textbook FILE"),
        (["--save", "--textbook", "x", "--split", "train"], "scored on --split test"),
        (["run", "--textbook", "x"], "--textbook stands in the place of a run"),
    ],
)
def test_options_that_do_not_go_together_are_refused(capsys, argv, said):
    assert main(argv) == 2
    out, err = capsys.readouterr()
    assert (out, err.count("\n")) == ("", 1)
    assert said in err


@pytest.mark.slow
def test_the_doctor_stands_in_the_place_of_the_confusion_matrix(book, capsys):
    for argv in (["pretrained", "--doctor"], ["--textbook", book, "--doctor"]):
        lines = lines_of(argv, capsys)
        assert lines[2].split() == ["what", "is", "done", "accuracy", "loss"]
        assert lines[3].split()[:5] == ["pixels", "/", "255", "97.21", "%"]
        assert lines[-1] == "test accuracy 97.21 % (9,721 of 10,000)"
        assert max(map(len, lines[1:])) <= 80
