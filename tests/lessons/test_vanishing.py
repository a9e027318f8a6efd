"""The lab: what it measures, writes and refuses; small networks, real digits."""

import csv
import re
from itertools import pairwise

import pytest
import torch
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

from torchbasics.__main__ import main
from torchbasics.data import Digits
from torchbasics.lessons import deep, prose, vanishing
from torchbasics.lessons.activations import CHAIN
from torchbasics.lessons.deep import VARIANTS, Lab, Variant, start, train
from torchbasics.mnist.__main__ import main as train_main
from torchbasics.settings import read_config, shipped_configs, to_toml

SMALL = [
    "--depth",
    "3",
    "--width",
    "12",
    "--steps",
    "20",
    "--adam-steps",
    "25",
    "--batch-size",
    "32",
    "--depths",
    "2",
    "4",
]


def lab(tmp_path, *words, lang="en"):
    argv = ["vanishing", *SMALL, "--lang", lang, "--runs-dir", str(tmp_path), *words]
    return main(argv)


@pytest.fixture(autouse=True)
def _denormals_as_before():
    yield
    torch.set_flush_denormal(False)


@pytest.mark.parametrize("name", CHAIN)
def test_the_product_of_slopes_is_autograds_gradient_and_the_known_number(name):
    for depth, value in CHAIN[name].items():
        product = vanishing.product_of_slopes(name, depth)
        torch.testing.assert_close(product, vanishing.through_chain(name, depth))
        assert product.item() == pytest.approx(value, rel=5e-7)


@pytest.mark.parametrize("lang", ["en", "ko"])
def test_a_run_leaves_a_figure_tables_and_curves(tmp_path, capsys, lang):
    assert lab(tmp_path, lang=lang) == 0
    (folder,) = tmp_path.glob("vanishing/vanishing-s0-*")
    assert str(folder) in capsys.readouterr().out
    assert (folder / "vanishing.png").stat().st_size > 50_000
    with (folder / "training.csv").open(encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    assert {row["network"] for row in rows} == set(VARIANTS)
    last = {row["network"]: int(row["step"]) for row in rows}
    assert last == {name: 25 if name == "adam" else 20 for name in VARIANTS}
    with (folder / "start.csv").open(encoding="utf-8") as file:
        layers = [row["layer"] for row in csv.DictReader(file)]
    assert layers == ["hidden1", "hidden2", "hidden3"] * 2

    for name in VARIANTS:
        events = EventAccumulator(str(folder / name)).Reload()
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


def test_the_runs_config_runs_it_again_to_the_same(tmp_path, capsys):
    assert lab(tmp_path, "--no-tensorboard") == 0
    (folder,) = tmp_path.glob("vanishing/*")
    again = ["--config", str(folder / "config.toml"), "--runs-dir", str(tmp_path / "b")]
    assert main(["vanishing", *again]) == 0
    (second,) = (tmp_path / "b").glob("vanishing/*")
    for table in ("start.csv", "depth.csv", "training.csv"):
        assert (folder / table).read_text() == (second / table).read_text()
    capsys.readouterr()


def test_the_shipped_config_is_the_default():
    path = shipped_configs("torchbasics vanishing")["vanishing"]
    assert read_config(Lab, path) == Lab()
    assert 'command = "torchbasics vanishing"' in to_toml(Lab())


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
    probed = Digits(images[:256], labels[:256])
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
        small = Lab(depth=2, width=8, steps=15, batch_size=16)
        variant = Variant("sigmoid", "xavier", batch_norm=True)
        return train(variant, small, few.train, look).state_dict()

    def look(model, *_):
        deep.look_inside(model, few.test)
        deep.accuracy(model, few.test)

    ours, blind = weights(look), weights(lambda *_: None)
    for name, value in ours.items():
        assert torch.equal(value, blind[name]), name


def test_an_exploding_network_does_not_crash_the_lab(tmp_path, capsys):
    assert lab(tmp_path, "--lr", "100", "--steps", "60") == 0
    with next(tmp_path.rglob("training.csv")).open(encoding="utf-8") as file:
        lefts = [row["left"] for row in csv.DictReader(file)]
    assert "nan" in lefts  # dead units have no gradient at all
    capsys.readouterr()


@pytest.mark.parametrize("lang", ["en", "ko"])
def test_the_verdict_has_a_place_for_each_number(lang):
    text = prose.read("vanishing", lang).words["verdict"]
    assert len(re.findall(r"\{\w+\}", text)) == 14


def test_where_nobody_watches_each_network_that_is_done_is_told(tmp_path, capsys):
    assert lab(tmp_path, "--no-tensorboard") == 0
    shown = capsys.readouterr()
    told = re.findall(r"^training: (\S+), \d+\.\d s$", shown.err, flags=re.M)
    assert told == list(VARIANTS)
    assert "The text describes the default settings" in shown.out
