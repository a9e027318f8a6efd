"""The lab: what it measures, writes and refuses; small networks, real digits."""

import csv
import math
import re
import shutil
from itertools import pairwise

import pytest
import torch
from helpers import events_of, full, no_space, only
from torch.nn.functional import cross_entropy

from torchbasics import activations
from torchbasics.__main__ import main
from torchbasics.command.events import Events
from torchbasics.command.settings import read_config, shipped_configs
from torchbasics.data import ImageDataset, scale_pixels
from torchbasics.evaluation import evaluate
from torchbasics.lessons import parts_of, prose, vanishing
from torchbasics.lessons.activations import product_of_derivatives
from torchbasics.lessons.lab import output
from torchbasics.lessons.lab.networks import PAIR, TRAINED, LabConfig, Variant
from torchbasics.lessons.lab.start import measure_start
from torchbasics.lessons.lab.training import Snapshot, outcome, train_variant
from torchbasics.lessons.lab.verdict import clauses, verdict
from torchbasics.lessons.textbook import CHAIN
from torchbasics.mnist.__main__ import main as train_main
from torchbasics.probes import probe_copy

SMALL = [
    *("--depth", "3", "--width", "12", "--steps", "20", "--adam-steps", "25"),
    *("--batch-size", "32", "--depths", "2", "4"),
]
ONE_INIT = "--activations", "sigmoid", "--inits", "he"
"""Less than the lab measures before it trains, where another test looks at that."""


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
        product = product_of_derivatives(name, depth)
        x = y = torch.ones((), dtype=torch.float64, requires_grad=True)
        for _ in range(depth):
            y = getattr(activations, name)(y)
        torch.testing.assert_close(product, torch.autograd.grad(y, x)[0])
        assert product.item() == pytest.approx(value, rel=5e-7)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("lang", "digits"),
    full(("en", "small_lab"), ("ko", "mnist")),
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
    names = [variant.name for variant in TRAINED]
    assert {row["network"] for row in rows} == set(names)
    last = {row["network"]: int(row["step"]) for row in rows}
    assert last == {name: 25 if name.endswith("adam") else 20 for name in names}
    layers = [row["layer"] for row in rows_of(folder / "start.csv")]
    assert layers == ["hidden1", "hidden2", "hidden3"] * 2
    assert [row["depth"] for row in rows_of(folder / "depth.csv")] == ["2", "4"]

    for name in names:
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
@pytest.mark.parametrize("how", full("taken away", "full disk"))
def test_what_is_lost_on_the_way_is_told_after_what_came_of_it(
    tmp_path, capsys, monkeypatch, small_lab, how
):
    trained = []

    def then_lost(*what):
        model = train_variant(*what)
        if how == "taken away" and not trained:
            shutil.rmtree(only(tmp_path.glob("vanishing/vanishing-s0-*")))
        trained.append(model)
        return model

    if how == "full disk":
        monkeypatch.setattr(Events, "scalar", no_space)
        monkeypatch.setattr(output, "write_csv", no_space)
    monkeypatch.setattr(vanishing, "train_variant", then_lost)
    assert lab(tmp_path, *ONE_INIT) == 1
    out, err = capsys.readouterr()
    assert len(trained) == len(TRAINED)
    assert re.search(r"relu he +0 .*%", out)
    said = [line for line in err.splitlines() if not line.startswith("training: ")]
    assert [line.partition(":")[0] for line in said] == ["warning", "training failed"]
    assert "nothing more goes to TensorBoard: " in said[0]
    assert "no tables and no figure in " in said[1]


@pytest.mark.slow
def test_the_runs_config_runs_it_again_to_the_same(tmp_path, capsys, small_lab):
    assert lab(tmp_path, *ONE_INIT, "--no-tensorboard") == 0
    assert "The text describes the default settings" in capsys.readouterr().out
    folder = only(tmp_path.glob("vanishing/[!.]*"))
    again = ["--config", str(folder / "config.toml"), "--runs-dir", str(tmp_path / "b")]
    assert main(["vanishing", *again]) == 0
    second = only((tmp_path / "b").glob("vanishing/[!.]*"))
    for table in ("start.csv", "depth.csv", "training.csv"):
        assert (folder / table).read_text() == (second / table).read_text()


def test_the_shipped_config_is_the_default():
    path = shipped_configs()["vanishing"]
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
        (
            ["--activations", "gelu"],
            "gelu has no critical sigma_w: leave critical out of inits",
        ),
        (["--networks", "tanh"], "write ACTIVATION-INIT"),
        (["--networks", *["tanh-he"] * 7], "networks"),
        (["--networks", "tanh-he-sgd2"], "write ACTIVATION-INIT"),
        (["--networks", "tan-he"], "activation is 'tan'"),
        (["--networks", "tanh-glorot"], "init is 'glorot'"),
        (["--networks", "gelu-critical"], "gelu has no critical sigma_w"),
        (["--networks", "relu-he", "relu-he"], "name each one once"),
        (["--adam-eps", "-1"], "adam_eps = -1"),
        (["--adam-eps", "0"], "adam_eps = 0"),
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
    sigmoid, relu = (measure_start(variant, 10, 128, 0, probed) for variant in PAIR)
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


HEALTHY = Snapshot(0, 2.3, 0.1, 0.5, 1e-3, 0.0, 0.0)
TINY = HEALTHY._replace(left=1e-6, gradient=5e-9)
TINIER = TINY._replace(gradient=1e-15)
NOTHING = HEALTHY._replace(left=0.0, gradient=0.0)
FAINT = HEALTHY._replace(gradient=2e-15)
EXPLODING = HEALTHY._replace(left=3e7)
DONE = Snapshot(70, 0.5, 0.9, 1.0, 1e-3, 1e-3, 0.0)
PARTLY = DONE._replace(accuracy=0.5)
STILL = DONE._replace(accuracy=0.1, loss=2.3)
DEAD = STILL._replace(dead=1.0)
PLAIN, NORMED, REMEDY, ADAM = (
    Variant("tanh", "he"),
    Variant("tanh", "he", batch_norm=True),
    Variant("tanh", "he", residual=True),
    Variant("tanh", "he", "adam"),
)


@pytest.mark.parametrize(
    ("end", "expected"),
    [
        (DONE, "learned"),
        (PARTLY, "partly"),
        (STILL._replace(loss=1.5), "partly"),
        (STILL, "stuck"),
        (DEAD, "died"),
        (STILL._replace(loss=math.nan), "diverged"),
        (STILL._replace(loss=1e25), "diverged"),
        (DONE._replace(loss=math.nan), "diverged"),
    ],
)
def test_the_outcome_is_the_one_that_was_measured(end, expected):
    assert outcome([HEALTHY, end]) == expected


def test_a_loss_that_blew_up_on_the_way_has_diverged():
    assert outcome([HEALTHY, STILL._replace(loss=40.0), STILL]) == "diverged"


@pytest.mark.parametrize("end", [STILL, STILL._replace(loss=1.5), PARTLY])
def test_what_was_learned_and_lost_is_neither_stuck_nor_learned_in_part(end):
    history = [HEALTHY, DONE, end]
    assert outcome(history) == "lost"
    assert [*clauses(PLAIN, {PLAIN: history}, LabConfig())] == ["lost"]
    for lang in ("en", "ko"):
        words = prose.read("vanishing", lang).words
        told = verdict({PLAIN: history}, LabConfig(), words)[PLAIN.name]
        assert f"{100 * DONE.accuracy:.0f}%" in told.replace(" %", "%")
    assert outcome([*history, DONE]) == "learned"
    assert outcome([HEALTHY, DONE, DEAD]) == "died"


def test_a_network_that_began_with_a_large_loss_has_not_diverged():
    assert outcome([HEALTHY._replace(loss=14.0), STILL]) == "stuck"


@pytest.mark.parametrize(
    ("variant", "start", "end", "expected"),
    [
        (PLAIN, HEALTHY, DONE, ["learned"]),
        (PLAIN, TINY, DONE, ["learned", "starved"]),
        (PLAIN, TINY, STILL, ["stuck", "starved"]),
        (PLAIN, TINY, PARTLY, ["partly", "starved"]),
        (PLAIN, HEALTHY, STILL, ["stuck", "other lr"]),
        (PLAIN, HEALTHY._replace(left=0.02), STILL, ["stuck", "other lr"]),
        (PLAIN, HEALTHY._replace(left=90), STILL, ["stuck", "other lr"]),
        (PLAIN, EXPLODING, STILL, ["stuck", "exploded", "smaller weights"]),
        (PLAIN, EXPLODING, DONE, ["learned", "exploded"]),
        (NORMED, EXPLODING, PARTLY, ["partly", "exploded", "fewer layers"]),
        (PLAIN, FAINT, STILL, ["stuck", "faint"]),
        (PLAIN, FAINT._replace(left=4e4), STILL, ["stuck", "faint"]),
        (PLAIN, FAINT, DEAD, ["died", "faint"]),
        (PLAIN, FAINT, DONE, ["learned"]),
        (ADAM, FAINT, STILL, ["stuck", "faint", "below eps"]),
        (ADAM, FAINT, PARTLY, ["partly", "faint", "below eps"]),
        (PLAIN, NOTHING, STILL, ["stuck", "starved"]),
        (ADAM, NOTHING, STILL, ["stuck", "starved"]),
        (PLAIN, NOTHING._replace(dead=1.0), DEAD, ["died", "born dead"]),
        (PLAIN, TINY, STILL._replace(loss=math.nan), ["diverged"]),
        (PLAIN, HEALTHY, DEAD, ["died", "smaller lr"]),
        (ADAM, TINY, DONE, ["learned", "masked"]),
        (ADAM, TINY, PARTLY, ["partly", "masked"]),
        (ADAM, TINY, STILL, ["stuck", "starved"]),
        (ADAM, TINIER, STILL, ["stuck", "starved", "below eps"]),
        (ADAM, TINIER, PARTLY, ["partly", "starved", "below eps"]),
        (ADAM, HEALTHY, DONE, ["learned"]),
        (REMEDY, HEALTHY, DONE, ["learned"]),
    ],
)
def test_each_clause_of_the_verdict_is_what_was_measured(variant, start, end, expected):
    histories = {variant: [start, end]}
    assert [*clauses(variant, histories, LabConfig())] == expected
    for lang in ("en", "ko"):
        words = prose.read("vanishing", lang).words
        told = verdict(histories, LabConfig(), words)[variant.name]
        assert "{" not in told
        assert all(words[clause].split("{")[0] in told for clause in expected)


def test_an_eps_above_all_gradients_is_the_reason_also_where_none_vanished():
    history, lab = {ADAM: [HEALTHY, STILL]}, LabConfig(adam_eps=1.0)
    assert [*clauses(ADAM, history, lab)] == ["stuck", "below eps"]


@pytest.mark.parametrize("name", ["tanh-small", "relu-small", "tanh-small-adam"])
def test_weights_too_small_to_pass_a_signal_on_are_told(few, name):
    lab = LabConfig(depth=10, width=16, steps=60, adam_steps=60, batch_size=16)
    variant, history = Variant.parse(name), list[Snapshot]()
    inputs, labels = scale_pixels(few.test.images), few.test.labels

    def look(model, step, loss, ratio):
        probes = probe_copy(model, cross_entropy, inputs, labels)
        accuracy = evaluate(model, inputs, labels).accuracy
        history.append(Snapshot.of(probes, step, loss, accuracy, ratio))

    train_variant(variant, lab, few.train, look)
    assert "faint" in clauses(variant, {variant: history}, lab)


@pytest.mark.parametrize("remedy", [REMEDY, Variant("tanh", "xavier")])
def test_a_remedy_mends_only_what_had_vanished(remedy):
    slight = HEALTHY._replace(left=0.018)
    for plain, start, cause in (
        (TINY, HEALTHY, ["mended"]),
        (HEALTHY, HEALTHY, []),
        (TINY, slight, []),
    ):
        histories = {PLAIN: [plain, STILL], remedy: [start, DONE]}
        assert [*clauses(remedy, histories, LabConfig())] == ["learned", *cause]


def test_a_training_that_meets_a_number_that_is_not_finite_stops_there(few):
    lab = LabConfig(depth=4, width=16, steps=60, batch_size=16, lr=100)
    seen = []
    variant = Variant("identity", "he")
    model = train_variant(variant, lab, few.train, lambda *told: seen.append(told[1:]))
    step, loss, _ = seen[-1]
    assert math.isnan(loss)
    assert 1 < step < 60
    assert all(weight.isfinite().all() for weight in model.parameters())
    assert [told[0] for told in seen] == sorted({told[0] for told in seen})


@pytest.mark.slow
def test_a_lab_whose_networks_explode_says_so(tmp_path, capsys, small_lab):
    networks = "--networks", "identity-he", "relu-he", "sigmoid-xavier-adam"
    argv = *networks, "--lr", "100", "--steps", "60", "--no-tensorboard"
    assert lab(tmp_path, *ONE_INIT, *argv) == 0
    out = " ".join(capsys.readouterr().out.split())
    assert "identity-he The loss blew up" in out
    rows = rows_of(only(tmp_path.glob("vanishing/*/training.csv")))
    assert {row["network"] for row in rows} == set(networks[1:])


@pytest.mark.slow
def test_a_part_told_twice_says_the_same(few, small_lab):
    small = LabConfig(
        depth=3, width=8, depths=(2, 3), activations=("sigmoid",), inits=("he",)
    )
    words = prose.read("vanishing", "en").words
    laboratory = vanishing.Laboratory(small)
    for part in parts_of("vanishing", laboratory):
        first, again = list(part(words)), list(part(words))
        fresh = getattr(vanishing.Laboratory(small), part.__name__)(words)
        assert str(first) == str(again) == str(list(fresh))


@pytest.mark.parametrize("variant", [*TRAINED, ADAM, REMEDY])
def test_a_network_is_parsed_from_its_name(variant):
    assert Variant.parse(variant.name) == variant


@pytest.mark.parametrize(
    "argv",
    [
        ["vanishing", "--figures"],
        ["--figures", "vanishing"],
        ["--lang", "ko", "vanishing"],
        ["vanishing", "--depth", "3", "--runs-dir", "digits"],
    ],
)
def test_the_lab_is_reached_from_any_place_in_the_command_line(argv, monkeypatch):
    reached = []
    monkeypatch.setattr(vanishing, "run_lab", lambda *told: reached.append(told) or [])
    assert main(argv) == 0
    assert len(reached) == 1


def test_with_another_lesson_named_the_lab_is_still_the_lab(monkeypatch, capsys):
    reached = []
    monkeypatch.setattr(vanishing, "run_lab", lambda *told: reached.append(told) or [])
    assert main(["vanishing", "matrices", "--lang", "en"]) == 0
    assert len(reached) == 1
    assert "# Matrices" not in capsys.readouterr().out


def test_a_config_of_the_labs_first_version_is_still_read(tmp_path):
    path = tmp_path / "config.toml"
    path.write_text('command = "torchbasics vanishing"\ndepth = 7\n')
    assert read_config(LabConfig, path).depth == 7
