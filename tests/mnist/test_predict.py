"""`python -m torchbasics.mnist.predict`: other people's digits, read or doubted.

What was chosen was chosen by training digits, by drawings of the seeds 1 to 12, and
(what `doubt` looks at) by letters and signs of other shapes and fonts, of the seeds
7001 and 7002. What is counted here has other seeds, letters and fonts.
"""

import json

import numpy as np
import pytest
import torch
from drawings import (
    CLEAN,
    OTHER_FONTS,
    OTHER_LETTERS,
    PHOTOS,
    blanks,
    digits_of,
    enlarged,
    grainy,
    letters,
    noises,
    string,
)
from helpers import full
from PIL import Image

from torchbasics.data.prepare import find_digits, prepare
from torchbasics.evaluation import predict_probs
from torchbasics.mnist import network
from torchbasics.mnist.doubt import KNOWN, SHARE, Digit, fit_doubt
from torchbasics.mnist.predict import files, main, read


@pytest.fixture(scope="module")
def best():
    return network.load("pretrained-best")


@pytest.fixture(scope="module")
def doubt(best):
    return fit_doubt(best)


LAST = slice(-KNOWN, None)


def share_read(reader, pictures):
    """The share of pictures that are read right, each as one digit."""
    images, labels = zip(*((prepare(torch.from_numpy(p)), d) for p, d, _ in pictures),
                         strict=True)  # fmt: skip
    probs = predict_probs(
        reader.model, torch.stack(images), reader.config.data.transform
    )
    return (probs.argmax(1) == torch.tensor(labels)).float().mean()


@pytest.mark.slow
@pytest.mark.parametrize(
    ("kinds", "count", "least"),
    full((CLEAN, 60, 0.9), (CLEAN, 160, 0.9), (PHOTOS, 80, 0.8)),
)
def test_pictures_that_are_not_mnist_are_read(best, kinds, count, least):
    assert share_read(best, digits_of(kinds, count, seed=2000)) >= least


@pytest.mark.full
@pytest.mark.slow
def test_the_better_network_reads_them_no_worse_than_the_lessons_own(best):
    lesson, pictures = network.load("pretrained"), [*digits_of(CLEAN, 80, seed=2001)]
    assert share_read(best, pictures) >= share_read(lesson, pictures)


def share_doubted(reader, doubt, pictures):
    """The share of pictures in which no digit is found, or one that is unsure."""
    found = (find_digits(torch.from_numpy(shown)) for shown in pictures)
    readings = [read(reader, doubt, digits) for digits in found]
    return np.mean([not some or not all(one.sure for one in some) for some in readings])


NO_DIGITS = {
    "blanks": lambda: blanks(60, seed=2002),
    "noise": lambda: noises(60, seed=2003),
    "letters": lambda: letters(120, seed=2004),
    "letters to choose by": lambda: letters(
        120, seed=7001, fonts=OTHER_FONTS, strokes=OTHER_LETTERS
    ),
}


@pytest.mark.slow
@pytest.mark.parametrize("what", full(*NO_DIGITS, first=2))
def test_what_is_no_digit_is_doubted(best, doubt, what):
    assert share_doubted(best, doubt, NO_DIGITS[what]()) >= 0.8


@pytest.mark.slow
def test_few_right_answers_are_doubted(best, doubt, mnist):
    for (images, labels), most in ((mnist[1], 0.05), (mnist[0].subset(LAST), SHARE)):
        probs = predict_probs(best.model, images, best.config.data.transform)
        right = probs.argmax(1) == labels
        assert (~doubt.is_sure(images, probs))[right].float().mean() <= most + 1e-4


@pytest.mark.slow
def test_an_answer_is_doubted_if_it_is_improbable_or_strange(doubt, mnist):
    images, labels = mnist[1].subset(slice(500))
    certain = torch.eye(10)[labels]
    assert doubt.is_sure(images, certain).float().mean() > 0.95
    assert not doubt.is_sure(images, torch.full((500, 10), 0.1)).any()
    noise = torch.randint(0, 256, (500, 28, 28)).to(torch.uint8)
    assert not doubt.is_sure(noise, certain).any()


def test_how_well_an_image_suits_is_the_product_of_two_shares():
    likeness = -torch.arange(4.0, 0, -1)
    digit = Digit(torch.zeros(4), torch.eye(4)[:, :2], torch.arange(5.0), likeness)
    images = torch.tensor([[0, 0, 255, 0], [99, 0, 255, 255], [0, 0, 0, 0]]).byte()
    probs = torch.tensor([4.0, 0.5, 1.0])
    wanted = [1 * 4 / 4, 1 / 5 * 3 / 4, 2 / 5 * 1]
    assert digit.suits(images, probs).tolist() == pytest.approx(wanted)


@pytest.mark.slow
def test_an_answer_that_was_never_right_is_never_sure(best):
    model = torch.nn.Linear(784, 10)
    torch.nn.init.zeros_(model.weight)
    model.bias.data[:] = 10 * torch.eye(10)[3]
    doubt = fit_doubt(best._replace(model=model))
    images, probs = torch.zeros(1, 28, 28).byte(), torch.eye(10)
    sure = [doubt.is_sure(images, probs[[n]]).item() for n in range(10)]
    assert not any(sure[:3] + sure[4:])
    assert [len(digit.probs) > 0 for digit in doubt.digits] == [
        n == 3 for n in range(10)
    ]


@pytest.mark.slow
def test_a_row_of_digits_is_read_whole(best):
    rng, right = np.random.default_rng(2003), []
    for _ in range(30):
        shown, digits = string(rng)
        found = find_digits(torch.from_numpy(shown))
        images = torch.stack(found) if found else torch.zeros(0, 28, 28)
        probs = predict_probs(best.model, images, best.config.data.transform)
        right.append(probs.argmax(1).tolist() == digits)
    assert np.mean(right) >= 0.8


@pytest.mark.full
@pytest.mark.slow
@pytest.mark.parametrize(("times", "mode"), [(3, "nearest"), (4, "bicubic")])
def test_mnists_own_digits_are_read_as_well_from_larger_canvases(
    best, mnist, times, mode
):
    random, (images, labels) = torch.Generator().manual_seed(5), mnist[1]
    images, labels = images[::10], labels[::10]
    again = torch.stack([prepare(enlarged(one, times, mode, random)) for one in images])
    probs = (predict_probs(best.model, some, best.config.data.transform)
             for some in (images, again))  # fmt: skip
    before, after = ((p.argmax(1) == labels).float().mean() for p in probs)
    assert after >= before - 0.003


@pytest.fixture
def place(tmp_path, mnist):
    """Three pictures: a seven in a folder with a note, a row, and nothing."""
    (tmp_path / "folder").mkdir()
    (tmp_path / "folder" / "note.txt").write_text("no picture")
    Image.fromarray(mnist[1].images[0].numpy()).save(tmp_path / "folder" / "seven.JPG")
    pair = torch.cat([*mnist[1].images[1:3]], dim=1)
    Image.fromarray(255 - pair.numpy()).save(tmp_path / "row.png")
    Image.new("RGB", (40, 30), "white").save(tmp_path / "blank.gif")
    return tmp_path


@pytest.mark.slow
def test_each_picture_is_shown_as_it_is_seen_and_read(place, capsys, monkeypatch):
    monkeypatch.chdir(place)
    monkeypatch.setenv("COLUMNS", "80")
    assert main(["folder", "row.png", "blank.gif"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert max(map(len, lines)) <= 80
    assert lines[-3:] == [
        "folder/seven.JPG: 7",
        "row.png: 2 digits: 2 1",
        "blank.gif: no digit",
    ]
    assert lines[0] == "folder/seven.JPG, as the network sees it"
    assert "row.png, digit 2 of 2, as the network sees it" in lines
    assert sum(line == "the network reads 7" for line in lines) == 1
    assert sum("█" in line and " % " in line for line in lines) >= 3


@pytest.mark.slow
def test_a_text_is_no_row_of_digits_and_is_not_shown(tmp_path, capsys):
    image = np.full((40, 900), 255, np.uint8)
    image[10:30, 10:890:40] = 0
    Image.fromarray(image).save(tmp_path / "text.png")
    assert main([str(tmp_path / "text.png")]) == 0
    assert capsys.readouterr().out.endswith(
        "text.png: no row of digits: it is in 22 pieces\n"
    )


def test_a_folder_gives_its_pictures_and_nothing_hidden(tmp_path):
    for name in ("b.PNG", "a.webp", ".c.png", "note.txt"):
        (tmp_path / name).touch()
    (tmp_path / "d.png").mkdir()
    found = files([str(tmp_path), str(tmp_path / "note.txt")])
    assert [path.name for path in found] == ["a.webp", "b.PNG", "note.txt"]


@pytest.mark.slow
def test_as_json_a_program_can_read_it(place, capsys):
    assert main([str(place / "row.png"), "--json", "--run", "pretrained"]) == 0
    said = json.loads(capsys.readouterr().out)
    (picture,) = said["pictures"]
    assert (said["run"], picture["picture"]) == ("pretrained", str(place / "row.png"))
    assert [digit["answer"] for digit in picture["digits"]] == [2, 1]
    assert all(sum(one["probs"]) == pytest.approx(1) for one in picture["digits"])
    assert {type(digit["sure"]) for digit in picture["digits"]} == {bool}


@pytest.mark.slow
def test_a_name_is_only_text(place, capsys):
    name = "\x1b]0;owned\x07[red].png"
    (place / "row.png").rename(place / name)
    for argv in ([str(place)], [str(place), "--json"]):
        assert main(argv) == 0
        said = capsys.readouterr()
        assert "\x1b" not in said.out + said.err
        assert "[red].png" in said.out


@pytest.mark.slow
def test_a_bad_picture_is_named_and_the_others_are_read(place, capsys):
    (place / "bad.png").write_bytes(b"no picture")
    assert main([str(place / "row.png"), str(place)]) == 2
    said = capsys.readouterr()
    assert said.out.count("row.png: 2 digits: 2 1") == 2
    assert f"{place / 'bad.png'} is no picture" in " ".join(said.err.split())


@pytest.mark.slow
@pytest.mark.parametrize("form", [[], ["--json"]])
def test_scores_that_are_not_finite_are_refused(best, place, capsys, monkeypatch, form):
    model = torch.nn.Linear(784, 10)
    torch.nn.init.constant_(model.weight, float("inf"))
    reader = best._replace(model=model)
    monkeypatch.setattr(network, "load", lambda *_: reader)
    assert main([str(place / "row.png"), *form]) == 2
    said = capsys.readouterr()
    assert said.out == ""
    assert "pretrained-best: its scores are not finite" in said.err


@pytest.mark.slow
def test_no_grain_is_read_for_sure(best, doubt):
    assert share_doubted(best, doubt, grainy(9, seed=2005)) == 1
