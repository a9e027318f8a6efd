"""The lab: what it measures, writes and refuses; small networks, real digits."""

import csv
import re
from itertools import pairwise

import pytest
import torch
from helpers import events_of, only
from torch.nn.functional import cross_entropy

from torchbasics import activations
from torchbasics.__main__ import main
from torchbasics.command.settings import read_config, shipped_configs
from torchbasics.data import ImageDataset, scale_pixels
from torchbasics.evaluation import evaluate
from torchbasics.lessons import prose, vanishing
from torchbasics.lessons.lab.networks import VARIANTS, LabConfig, Start, Variant, start
from torchbasics.lessons.lab.training import Snapshot, train_variant
from torchbasics.lessons.textbook import CHAIN
from torchbasics.mnist.__main__ import main as train_main
from torchbasics.probes import probe_copy

SMALL = [
    *("--depth", "3", "--width", "12", "--steps", "20", "--adam-steps", "25"),
    *("--batch-size", "32", "--depths", "2", "4"),
]


def lab(folder, *words, lang="en"):
    argv = ["vanishing", *SMALL, "--lang", lang, "--runs-dir", str(folder), *words]
    return main(argv)


@pytest.fixture
def small_lab(monkeypatch, few):
    """The lab reads only a few of the digits."""
    monkeypatch.setattr(vanishing, "load", lambda split, where: getattr(few, split))


@pytest.fixture(autouse=True)
def _denormals_as_before():
    yield
    torch.set_flush_denormal(False)


@pytest.mark.parametrize("name", CHAIN)
def test_the_product_of_derivatives_is_autograds_gradient_and_the_known_number(name):
    for depth, value in CHAIN[name].items():
        product = vanishing.product_of_derivatives(name, depth)
        x = y = torch.ones((), dtype=torch.float64, requires_grad=True)
        for _ in range(depth):
            y = getattr(activations, name)(y)
        torch.testing.assert_close(product, torch.autograd.grad(y, x)[0])
        assert product.item() == pytest.approx(value, rel=5e-7)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("lang", "digits"),
    [("en", "small_lab"), ("ko", "mnist")],
)
def test_a_run_leaves_a_figure_tables_and_curves(
    tmp_path, capsys, request, lang, digits
):
    request.getfixturevalue(digits)
    assert lab(tmp_path, lang=lang) == 0
    folder = only(tmp_path.glob("vanishing/vanishing-s0-*"))
    assert str(folder) in capsys.readouterr().out
    assert (folder / "vanishing.png").stat().st_size > 50_000
    rows = rows_of(folder / "training.csv")
    assert {row["network"] for row in rows} == set(VARIANTS)
    last = {row["network"]: int(row["step"]) for row in rows}
    assert last == {name: 25 if name == "adam" else 20 for name in VARIANTS}
    layers = [row["layer"] for row in rows_of(folder / "start.csv")]
    assert layers == ["hidden1", "hidden2", "hidden3"] * 2
    assert [row["depth"] for row in rows_of(folder / "depth.csv")] == ["2", "4"]

    for name in VARIANTS:
        events = events_of(folder / name)
        tags = events.Tags()
        assert {"loss/train", "accuracy/test", "update_ratio/hidden1"} <= set(
            tags["scalars"]
        )
        for layer in ("hidden1", "hidden2", "hidden3", "logits"):
            assert f"gradient_norm/{layer}" in tags["scalars"]
            assert {f"activations/{layer}", f"gradients/{layer}"} <= set(
                tags["histograms"]
            )
        assert events.Scalars("loss/train")[-1].step == last[name]


def rows_of(path):
    """The rows of a table, by their headers."""
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


@pytest.mark.slow
def test_the_runs_config_runs_it_again_to_the_same(tmp_path, capsys, small_lab):
    assert lab(tmp_path, "--no-tensorboard") == 0
    shown = capsys.readouterr()
    told = re.findall(r"^training: (\S+), \d+\.\d s$", shown.err, flags=re.M)
    assert told == list(VARIANTS)  # where nobody watches, a line for each
    assert "The text describes the default settings" in shown.out
    folder = only(tmp_path.glob("vanishing/[!.]*"))
    again = ["--config", str(folder / "config.toml"), "--runs-dir", str(tmp_path / "b")]
    assert main(["vanishing", *again]) == 0
    second = only((tmp_path / "b").glob("vanishing/[!.]*"))
    for table in ("start.csv", "depth.csv", "training.csv"):
        assert (folder / table).read_text() == (second / table).read_text()


def test_the_shipped_config_is_the_default():
    path = shipped_configs(LabConfig)["vanishing"]
    assert read_config(LabConfig, path) == LabConfig()
    assert "#   python -m torchbasics vanishing\n" in path.read_text(encoding="utf-8")


@pytest.mark.parametrize(
    ("argv", "message"),
    [
        (["--depth", "1"], "depth = 1: it must be greater than or equal to 2"),
        (["--depth", "1000"], "depth = 1000"),
        (["--width", "1"], "width = 1"),
        (["--batch-size", "0"], "batch_size = 0"),
        (["--activations", "sigmod"], "sigmoid"),
        (["--inits", "glorot"], "xavier"),
        (["--depths", "1"], "depths"),
        (["--config", "lesson"], "is a config of `python -m torchbasics.mnist`"),
        (["--resume", "latest"], "Unrecognized"),
        (["--lr", "nan"], "lr"),
        (["--activations", "gelu"], "init = 'critical': gelu has no such weights"),
    ],
)
def test_bad_input_is_refused_naming_what_would_be_right(
    tmp_path, capsys, argv, message
):
    assert main(["vanishing", *argv, "--runs-dir", str(tmp_path)]) == 2
    assert message in capsys.readouterr().err
    assert not list(tmp_path.iterdir())


def test_a_config_of_the_lab_is_refused_by_the_training(capsys):
    assert train_main(["--config", "vanishing"]) == 2
    assert "is a config of `python -m torchbasics vanishing`" in capsys.readouterr().err


def test_the_pair_at_the_start(mnist):
    images, labels = mnist[0]
    probed = ImageDataset(images[:256], labels[:256])
    sigmoid, relu = (
        start(VARIANTS[n], 10, 128, 0, probed) for n in ("sigmoid", "relu")
    )
    assert sigmoid.left <= 1e-5
    assert 1 / 3 <= relu.left <= 3
    for before, after in pairwise(sigmoid.measured.tolist()):
        assert before < 0.26 * after  # hardly ever more than the bound of 1/4
    assert sigmoid.factor == pytest.approx(sigmoid.left ** (1 / 9))


def test_a_look_inside_changes_no_training(few):
    def weights(look):
        small = LabConfig(depth=2, width=8, steps=15, batch_size=16)
        variant = Variant("sigmoid", "xavier", batch_norm=True)
        return train_variant(variant, small, few.train, look).state_dict()

    def look(model, *_):
        inputs = scale_pixels(few.test.images)
        probe_copy(model, cross_entropy, inputs, few.test.labels)
        evaluate(model, *few.test, scale_pixels)

    ours, blind = weights(look), weights(lambda *_: None)
    for name, value in ours.items():
        assert torch.equal(value, blind[name]), name


@pytest.mark.slow
def test_an_exploding_network_does_not_crash_the_lab(tmp_path, small_lab):
    assert lab(tmp_path, "--lr", "100", "--steps", "60", "--no-tensorboard") == 0
    rows = rows_of(only(tmp_path.glob("vanishing/*/training.csv")))
    assert "nan" in {row["left"] for row in rows}  # dead units have no gradient


def measured():
    """A laboratory whose networks have been seen, each with numbers of its own."""
    laboratory = vanishing.Laboratory(LabConfig(depth=3, steps=70, adam_steps=8000))
    for name, factor, theory in (("sigmoid", 0.1, 0.2), ("relu", 0.9, 1.0)):
        sizes = (torch.tensor([f * f, f, 1.0]) for f in (factor, theory))
        laboratory.starts[name] = Start(*sizes)
    for number, name in enumerate(VARIANTS, start=1):
        first = Snapshot(1, 2.3, 0.1, 10.0**-number, 1e-3)
        last = Snapshot(70, 0.5, 0.11 * number, 0.5, 1e-3)
        laboratory.histories[name] = [first, last]
    return laboratory


@pytest.mark.parametrize("lang", ["en", "ko"])
def test_the_verdict_says_each_number_in_its_place(lang):
    words, seen = prose.read("vanishing", lang).words, set()

    def place(found):
        name = found[1]
        group = f"(?P={name})" if name in seen else f"(?P<{name}>[\\d.,e-]+)"
        seen.add(name)
        return group

    pattern = re.sub(r"\\{(\w+)\\}", place, re.escape(words["verdict"]))
    said = re.fullmatch(pattern, measured().verdict(words)).groupdict()
    shares = {n.replace("-", "_"): str(11 * i) for i, n in enumerate(VARIANTS, start=1)}
    assert said == shares | {
        "depth": "3", "steps": "70", "adam_steps": "8,000", "factor": "0.10",
        "theory": "0.20", "left": "1e-02", "relu_factor": "0.90",
        "adam_left": "1e-06",
    }  # fmt: skip


def test_a_config_of_the_labs_first_version_is_still_read(tmp_path):
    path = tmp_path / "config.toml"
    path.write_text('command = "torchbasics vanishing"\ndepth = 7\n')
    assert read_config(LabConfig, path).depth == 7
