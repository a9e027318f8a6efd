"""`python -m torchbasics.mnist.playground`: what it writes, and what that computes."""

import shutil

import numpy as np
import pytest
import torch
from browser import opened
from drawings import (
    CLEAN,
    PHOTOS,
    blanks,
    digits_of,
    grainy,
    letters,
    noises,
)
from helpers import full, only_run, train_on
from playgrounds import packed, scrambled, shown

from torchbasics import activations
from torchbasics.activations import ACTIVATIONS, softmax
from torchbasics.command.page import page
from torchbasics.data import ImageDataset, scale_pixels
from torchbasics.data import mnist as mnist_data
from torchbasics.data import prepare as recipe
from torchbasics.data.prepare import prepare
from torchbasics.evaluation import predict_probs
from torchbasics.mnist import network, playground, report
from torchbasics.mnist.__main__ import main as train
from torchbasics.mnist.__main__ import run_hint
from torchbasics.mnist.config import Config
from torchbasics.mnist.playground import block
from torchbasics.mnist.subjects import Subject
from torchbasics.mnist.training.loop import training_steps
from torchbasics.mnist.training.setup import setup

HOSTILE = '</script><img src="http:x.invalid" onerror="alert(1)"><b>$json ${x} &amp;'
SHIPPED = "pretrained-best"


@pytest.fixture(scope="module")
def tab(written):
    """The first of these pages, open, to compute in."""
    with opened(written / "one.html") as tab:
        yield tab


FORWARD = """({ packed, images }) => {
    const network = unpack(packed), pixels = bytesOf(images), found = [];
    for (let at = 0; at < pixels.length; at += 784) {
        const { layers, probs } = forward(network, pixels.subarray(at, at + 784));
        found.push([...layers.map(({ outputs }) => [...outputs]), probs]);
    }
    return found;
}"""


# --- its forward pass -----------------------------------------------------------------


@pytest.mark.slow
def test_each_activation_has_its_like_in_the_page(tab):
    names = tab.evaluate("Object.keys(ACTIVATIONS)")
    assert names == [*ACTIVATIONS]


@pytest.mark.slow
@pytest.mark.parametrize("batch_norm", [False, True])
@pytest.mark.parametrize("activation", ACTIVATIONS)
def test_it_computes_what_pytorch_does(tab, mnist, activation, batch_norm):
    subject = scrambled(
        hidden=(30, 20), activation=activation, batch_norm=batch_norm, init="lecun"
    )
    images = mnist[1].images[:20]
    given = {"packed": packed(subject), "images": block(images)}
    found = tab.evaluate(FORWARD, given)
    outputs = scale_pixels(images, "standard")
    with torch.no_grad():
        for place, layer in enumerate(subject.network.model.children()):
            outputs = layer(outputs)
            got = torch.tensor([one[place] for one in found])
            torch.testing.assert_close(got, outputs, atol=1e-5, rtol=1e-5)
    probs = torch.tensor([one[-1] for one in found])
    torch.testing.assert_close(probs, softmax(outputs), atol=1e-5, rtol=0)


@pytest.mark.slow
def test_its_activations_are_right_far_from_0_too(tab):
    x = torch.tensor([-1e4, -50, -6.1, -3, -1e-3, 0, 1e-6, 0.5, 3, 5.9, 6.1, 50, 1e4])
    for name, module in ACTIVATIONS.items():
        got = tab.evaluate(f"x => x.map(ACTIVATIONS.{name})", x.tolist())
        torch.testing.assert_close(torch.tensor(got), module()(x))


@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "count"),
    full(
        ("pretrained", 1_000),
        (SHIPPED, 500),
        ("pretrained", 10_000),
        (SHIPPED, 10_000),
        first=2,
    ),
)
def test_it_answers_as_the_shipped_networks_do(tab, mnist, name, count):
    reader, images = network.load(name), mnist[1].images[:count]
    wanted = predict_probs(reader.model, images, reader.config.data.transform)
    given = packed(Subject(name, None, reader, 0))
    got = probs_in(tab, given, images)
    assert torch.equal(got.argmax(1), wanted.argmax(1))
    assert (got - wanted).abs().max() < 1e-4


def probs_in(tab, given, images):
    """What the page makes of images. Shape: (N, 28, 28) -> (N, 10)."""
    text = tab.evaluate(PROBS, {"packed": given, "images": block(images)})
    return torch.from_numpy(np.array(text.split(","), np.float32)).view(-1, 10)


PROBS = """({ packed, images }) => {
    const network = unpack(packed), pixels = bytesOf(images), found = [];
    for (let at = 0; at < pixels.length; at += 784) {
        found.push(forward(network, pixels.subarray(at, at + 784)).probs);
    }
    return found.join();
}"""


def test_a_page_in_float16_tells_of_the_network_that_it_holds(tab, mnist, monkeypatch):
    monkeypatch.setattr(playground, "MAX_FLOAT32", 0)
    few = ImageDataset(mnist[1].images[:200], mnist[1].labels[:200])
    subject = scrambled(hidden=(1,))
    for linear in subject.network.model.linears().values():
        linear.weight.data.zero_()
        linear.bias.data.zero_()
    linear.weight.data[0] = 3  # of which the hidden unit, at 1/2, lets pass 1.5
    linear.bias.data[:2] = torch.tensor([2049, 2050.2])  # in float16: 2048 and 2050
    (held,) = playground.playground([subject], few)["networks"]
    assert (probs_in(tab, held, few.images).argmax(1) == 1).all()
    assert held["accuracy"] == pytest.approx((few.labels == 1).float().mean().item())


@pytest.mark.full
def test_float16_changes_no_answer_to_the_test_digits(tab, mnist, few):
    """Of a network with more than a million weights, quickly trained."""
    model = {"hidden": (1024, 512), "activation": "relu", "batch_norm": True}
    training = setup(Config(model=model, epochs=3), few)
    for _ in training_steps(training):
        pass
    reader = network.Network(training.model.eval(), training.config)
    subject = playground.rounded(Subject("large", None, reader, 0), torch.float16)
    given, images = playground.packed(subject, torch.float16), mnist[1].images
    got = probs_in(tab, given, images)
    for one, near in ((subject.network, 1e-4), (reader, 5e-3)):
        wanted = predict_probs(one.model, images, training.config.data.transform)
        assert torch.equal(got.argmax(1), wanted.argmax(1))
        assert (got - wanted).abs().max() < near


@pytest.mark.parametrize("dtype", [torch.float32, torch.float16])
def test_all_numbers_arrive(tab, dtype):
    subject = scrambled(hidden=(8,))
    layer = subject.network.model.linears()["hidden1"]
    special = torch.tensor([0.0, -0.0, 6e-8, -6.1e-5, 65_504.0, 1 / 3, -1.0, 1e-4])
    layer.bias.data[:] = layer.weight.data[:, 0] = special
    script = (
        "given => unpack(given).layers.map((one) => [[...one.weight], [...one.bias]])"
    )
    (weight, bias), _ = tab.evaluate(script, packed(subject, dtype))
    assert bias == layer.bias.to(dtype).tolist()
    assert weight == layer.weight.flatten().to(dtype).tolist()


# --- its preparation ------------------------------------------------------------------

CONSTANTS = {
    recipe: "SIDE BOX LONGEST SMALL BLANK GRAIN SPECK STROKE FAINT THIN PEN",
    activations: "NEGATIVE_SLOPE AMPLITUDE STRETCH",
    mnist_data: "MEAN STD",
}


@pytest.mark.parametrize("module", CONSTANTS, ids=lambda module: module.__name__)
def test_its_constants_are_ours(tab, module):
    for name in CONSTANTS[module].split():
        assert tab.evaluate(name) == getattr(module, name), name


PREPARE = """({ height, width, grey }) =>
    [...prepare({ height, width, values: fromFloat32(bytesOf(grey)) })]"""


def prepared_in(tab, picture):
    """What the page makes of a picture's grey. Shape: (H, W, 3) -> (28, 28)."""
    grey = torch.from_numpy(picture).float() @ torch.tensor(recipe.GREY)
    given = {"height": grey.shape[0], "width": grey.shape[1], "grey": block(grey)}
    return torch.tensor(tab.evaluate(PREPARE, given)).view(28, 28)


PICTURES = {
    "clean": lambda: [one for one, *_ in digits_of(CLEAN, 16, seed=41)],
    "photographed": lambda: [one for one, *_ in digits_of(PHOTOS, 8, seed=42)],
    "letters": lambda: letters(4, seed=43),
    "blank": lambda: blanks(6, seed=44),
    "noise": lambda: noises(2, seed=45),
    "grain": lambda: grainy(6, seed=46),
}


@pytest.mark.slow
@pytest.mark.parametrize("kind", full(*((kind,) for kind in PICTURES)))
def test_it_prepares_pictures_as_we_do(tab, kind):
    for picture in PICTURES[kind]():
        wanted = prepare(torch.from_numpy(picture)).long()
        assert (prepared_in(tab, picture) - wanted).abs().max() <= 2


@pytest.mark.parametrize("shape", [(1, 1), (1, 40), (3, 2), (700, 90), (29, 640)])
def test_it_prepares_pictures_of_any_shape(tab, shape):
    rng = np.random.default_rng(sum(shape))
    picture = np.full((*shape, 3), 255, np.uint8)
    picture[shape[0] // 3 :, shape[1] // 3 : shape[1] // 2 + 1] = rng.integers(0, 99, 3)
    wanted = prepare(torch.from_numpy(picture)).long()
    assert (prepared_in(tab, picture) - wanted).abs().max() <= 2


# --- the command ----------------------------------------------------------------------


@pytest.fixture(scope="module")
def trained(tmp_path_factory, few):
    """A run."""
    place = tmp_path_factory.mktemp("trained")
    with pytest.MonkeyPatch.context() as patch:
        train_on(few, patch)
        argv = ["--epochs", "1", "--monitor.no-tensorboard", "--quiet"]
        assert train([*argv, "--runs-dir", str(place)]) == 0
    return only_run(place)


def test_a_runs_page_stands_in_its_folder_and_is_opened_if_asked(
    trained, monkeypatch, capsys
):
    asked = []
    monkeypatch.setattr(playground.webbrowser, "open", asked.append)
    assert playground.main([str(trained), "--open"]) == 0
    path = trained / "playground.html"
    assert asked == [path.as_uri()]
    said = capsys.readouterr()
    assert said.out == f"the playground is in {path}: open it in a browser\n"
    assert "warning: no browser could be started" in said.err
    (one,) = shown(path)["networks"]
    assert one["name"] == trained.name
    assert one["dtype"] == "float32"


def test_the_digits_are_right_ones_of_each_class_and_the_surest_mistakes(
    written, mnist
):
    content, reader = shown(written / "one.html"), network.load(SHIPPED)
    indices = [index for index, _ in content["digits"]]
    assert [label for _, label in content["digits"]] == mnist[1].labels[
        indices
    ].tolist()
    images = mnist[1].images[indices]
    assert content["pictures"] == block(images)
    probs = predict_probs(reader.model, images, reader.config.data.transform)
    assert probs.argmax(1)[:10].tolist() == [*range(10)]
    assert (probs.argmax(1) != mnist[1].labels[indices])[10:].all()
    assert content["networks"][0]["accuracy"] == pytest.approx(0.9944, abs=1e-3)


@pytest.mark.slow
def test_the_largest_page_has_10_megabytes(mnist):
    subject = scrambled(hidden=(3_700_000 // 794,), batch_norm=True)
    content = playground.playground([subject], mnist[1])
    assert content["networks"][0]["dtype"] == "float16"
    assert len(page(playground.FORM, "large", content)) <= 10_000_000


def test_a_larger_network_is_refused(mnist, written, monkeypatch, capsys):
    monkeypatch.setattr(playground, "MAX_WEIGHTS", 100_000)
    before = (written / "two.html").stat()
    argv = ["pretrained", SHIPPED, "--out", str(written / "two.html")]
    assert playground.main(argv) == 2
    wanted = f"pretrained and {SHIPPED}: 580,240 weights; a page of 10 MB holds 100,000"
    assert wanted in " ".join(capsys.readouterr().err.split())
    assert (written / "two.html").stat() == before


@pytest.mark.parametrize("weight", [float("nan"), 1e5])
def test_what_the_page_cannot_compute_with_is_refused(mnist, weight, monkeypatch):
    monkeypatch.setattr(playground, "MAX_FLOAT32", 0)
    subject = scrambled(hidden=(5,))
    subject.network.model.linears()["hidden1"].weight.data[0, 0] = weight
    with pytest.raises(playground.UserError, match=r"scrambled: .*(finite|too large)"):
        playground.playground([subject], mnist[1])


@pytest.mark.slow
def test_a_training_and_its_report_say_how_to_make_the_page(trained):
    line = f"python -m torchbasics.mnist.playground {trained}"
    assert line in run_hint(trained)
    assert report.main([str(trained)]) == 0
    assert shown(trained / "report.html")["runs"][0]["playground"] == line


@pytest.mark.slow
def test_a_folders_name_is_only_text(trained, tmp_path):
    hostile = shutil.copytree(trained, tmp_path / f"\u05d0{HOSTILE.replace('/', '')}")
    assert playground.main([str(hostile)]) == 0
    path = hostile / "playground.html"
    with opened(path) as tab:
        assert tab.inner_text(".network h2") == hostile.name
        assert tab.query_selector("img") is None
    assert path.read_text(encoding="utf-8").count("</script>") == 2
