"""The figures: drawn in both languages, legible, and true to the library."""

import ast
import logging
import math
import re
from functools import cache
from itertools import combinations
from pathlib import Path

import matplotlib
import numpy as np
import pytest
import torch
from helpers import full
from matplotlib import font_manager
from matplotlib.figure import Figure
from matplotlib.path import Path as Outline
from matplotlib.text import Text
from PIL import Image

from torchbasics import __main__ as course
from torchbasics.command.terminal import make_console
from torchbasics.data import scale_pixels
from torchbasics.evaluation import predict_probs
from torchbasics.lessons import LESSONS, digits, figures, learning, prose
from torchbasics.lessons.figures import chain, learned, planes
from torchbasics.lessons.figures import digits as pictures
from torchbasics.lessons.small_networks import OPTIMIZERS, hundred, solver
from torchbasics.lessons.textbook import load, network
from torchbasics.perceptron import INPUTS, Perceptron

pytestmark = pytest.mark.slow

SIZES = {
    "perceptron": (1400, 1160),
    "activations": (1400, 1100),
    "matrices": (1400, 800),
    "forward": (1400, 800),
    "learning-chain": (1400, 940),
    "learning-xor": (1400, 1150),
    "vanishing-start": (1400, 600),
    "digits": (1400, 1150),
}
SLOW = "learning-xor"  # six times a hundred networks
EACH = [pytest.param(n, marks=[pytest.mark.full] * (n == SLOW)) for n in SIZES]
LANGUAGES = pytest.mark.parametrize("lang", full("en", "ko"))
NO_FONT = ("a font that nobody has",)


@pytest.fixture(scope="module")
def drawn(tmp_path_factory):
    """Draws a figure once: the matplotlib figure, and where its PNG is."""
    folder = tmp_path_factory.mktemp("figures")

    @cache
    def once(name, lang):
        path = folder / f"{name}-{lang}.png"
        return draw(name, lang, path), path

    return once


def draw(name, lang, path):
    """The figure that `figures.draw` saves."""
    torch.set_num_threads(1)  # as the course does: a second thread only waits
    saved = []
    with pytest.MonkeyPatch.context() as patch:
        save = Figure.savefig
        patch.setattr(
            Figure,
            "savefig",
            lambda self, to, **told: (saved.append(self), save(self, to, **told)),
        )
        figures.draw(name, lang, path)
    (figure,) = saved
    return figure


def texts(figure):
    """Each text that is seen; scales of axes that are off, or beyond them, are not."""
    scales = [(axes, axis) for axes in figure.axes for axis in (axes.xaxis, axes.yaxis)]
    unseen = {
        text for axes, axis in scales if not axes.axison for text in axis.findobj(Text)
    }
    for _, axis in scales:
        low, high = sorted(axis.get_view_interval())
        ticks = axis.get_major_ticks() + axis.get_minor_ticks()
        beyond = (tick for tick in ticks if not low <= tick.get_loc() <= high)
        unseen |= {text for tick in beyond for text in (tick.label1, tick.label2)}
    every = (text for text in figure.findobj(Text) if text not in unseen)
    return [text for text in every if text.get_visible() and text.get_text().strip()]


def words_in(figure):
    """All texts, with the hyphen of a keyboard for a minus."""
    every = "\n".join(text.get_text() for text in texts(figure))
    return every.replace("\N{MINUS SIGN}", "-")


def corners(text):
    """The outline of a text in pixels, closed, turned as the text is."""
    angle = text.get_rotation()
    if angle % 90 == 0:
        return Text.get_window_extent(text).corners()[[0, 1, 3, 2, 0]]
    assert text.get_rotation_mode() == "anchor"
    text.set_rotation(0)
    box = Text.get_window_extent(text).corners()[[0, 1, 3, 2, 0]]
    text.set_rotation(angle)
    anchor = text.get_transform().transform(text.get_position())
    sin, cos = math.sin(math.radians(angle)), math.cos(math.radians(angle))
    return (box - anchor) @ np.array([[cos, sin], [-sin, cos]]) + anchor


def overlapping(figure):
    """Pairs of texts that share a pixel."""
    seen = [(text.get_text(), Outline(corners(text))) for text in texts(figure)]
    return [
        (one, other)
        for (one, box), (other, second) in combinations(seen, 2)
        if box.intersects_path(second, filled=True)
    ]


def outside(figure):
    """Texts that leave the figure."""
    (left, bottom), (right, top) = figure.bbox.get_points()
    return [
        text.get_text()
        for text in texts(figure)
        for x, y in corners(text)
        if not (left <= x <= right and bottom <= y <= top)
    ]


def test_each_lesson_has_a_figure():
    of = [figures.of(lesson) for lesson in LESSONS]
    assert all(of)
    names = [name for names in of for name in names]
    assert sorted(names) == sorted(figures.FIGURES) == sorted(SIZES)


def test_all_figures_of_a_lesson_are_drawn(monkeypatch, tmp_path):
    monkeypatch.setattr(figures, "draw", lambda name, lang, path: path.touch())
    course.draw(make_console(), ["forward", "learning"], "en", str(tmp_path))
    names = sorted(path.name for path in tmp_path.glob("course/lessons-*/*.png"))
    assert names == ["forward.png", "learning-chain.png", "learning-xor.png"]


@pytest.mark.parametrize("name", EACH)
@LANGUAGES
def test_a_figure_is_a_png_of_its_size_on_white(name, lang, drawn):
    with Image.open(drawn(name, lang)[1]) as image:
        assert image.format == "PNG"
        assert image.size == SIZES[name]
        assert image.convert("RGB").getpixel((0, 0)) == (255, 255, 255)


@pytest.mark.parametrize("name", EACH)
@LANGUAGES
def test_no_text_meets_another_or_leaves_the_figure(name, lang, drawn):
    figure = drawn(name, lang)[0]
    assert len(texts(figure)) > 20
    assert not overlapping(figure)
    assert not outside(figure)
    assert min(text.get_fontsize() for text in texts(figure)) >= 9


@pytest.mark.parametrize("at", [(0.05, 0.98), (0.99, 0.5)])
def test_a_text_in_the_wrong_place_is_noticed(at, drawn):
    figure = drawn("matrices", "en")[0]
    text = figure.text(*at, "in the way", rotation=30, rotation_mode="anchor", va="top")
    assert overlapping(figure) or outside(figure)
    text.remove()
    assert not overlapping(figure)
    assert not outside(figure)


@pytest.mark.skipif(figures.hangul_font() is None, reason="no Korean font")
@pytest.mark.slow
@pytest.mark.parametrize("name", full(*SIZES, first=2))
def test_korean_letters_are_drawn_with_a_korean_font(name, drawn):
    korean, english = (words_in(drawn(name, lang)[0]) for lang in ("ko", "en"))
    assert any("가" <= letter <= "힣" for letter in korean)
    assert not any("가" <= letter <= "힣" for letter in english)
    title = drawn(name, "ko")[0].texts[0]
    assert figures.hangul_font() in title.get_fontfamily()


def test_a_letter_that_no_font_has_is_noticed(monkeypatch, tmp_path):
    monkeypatch.setattr(figures, "hangul_font", lambda: "DejaVu Sans")
    with pytest.warns(UserWarning, match="Glyph"):
        figures.draw("matrices", "ko", tmp_path / "matrices.png")


def test_without_a_korean_font_the_figure_is_in_english(monkeypatch, tmp_path, drawn):
    monkeypatch.setattr(figures, "HANGUL", NO_FONT)
    assert figures.hangul_font() is None
    assert figures.drawable("ko") == figures.drawable("en") == "en"
    figures.draw("matrices", "ko", tmp_path / "matrices.png")
    english = drawn("matrices", "en")[1].read_bytes()
    assert (tmp_path / "matrices.png").read_bytes() == english


def test_a_font_installed_after_matplotlib_listed_them_is_found(monkeypatch):
    manager, font = font_manager.fontManager, figures.hangul_font()
    newer = {one.fname for one in manager.ttflist if one.name in figures.HANGUL}
    older = [one for one in manager.ttflist if one.fname not in newer]
    monkeypatch.setattr(manager, "ttflist", older)
    assert figures.hangul_font() == font


def test_a_font_without_bold_letters_is_not_reported(monkeypatch, tmp_path, caplog):
    english = prose.read("figures", "en")
    monkeypatch.setattr(prose, "read", lambda name, lang: english)
    monkeypatch.setattr(figures, "hangul_font", lambda: "DejaVu Sans Display")
    level = logging.getLogger("matplotlib.font_manager").level
    figures.draw("matrices", "ko", tmp_path / "matrices.png")
    assert not caplog.records
    assert logging.getLogger("matplotlib.font_manager").level == level


def test_the_readers_own_style_changes_nothing_and_is_left_alone(tmp_path, drawn):
    with matplotlib.rc_context({"figure.facecolor": "black", "font.size": 30}):
        before = dict(matplotlib.rcParams)
        figures.draw("matrices", "en", tmp_path / "matrices.png")
        assert dict(matplotlib.rcParams) == before
    english = drawn("matrices", "en")[1].read_bytes()
    assert (tmp_path / "matrices.png").read_bytes() == english


def test_pyplot_is_never_imported():
    for path in Path(figures.__file__).parent.glob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Import | ast.ImportFrom):
                assert "pyplot" not in ast.unparse(node)


@pytest.mark.parametrize(
    ("name", "numbers"),
    [
        ("perceptron", ["0.5x₁ + 0.5x₂ - 0.7 = 0", "x₁ + 2x₂ - 2 = 0", "x₁ + x₂ = 0"]),
        ("perceptron", ["-x₁ - 2x₂ + 3 = 0", "0.28", "10 mistakes in 5 epochs"]),
        ("perceptron", ["from (1, 0), (0, 1)", "h₁ = 0, h₂ = 1", "AND: 0.5h₁"]),
        ("activations", ["1/4 = 0.25", "0.01 or 1", "relu'(0) = 0", "step(0) = 0"]),
        ("matrices", ["4·1 + 5·3 + 6·5 = 4 + 15 + 30 = 49", "25 + 20 = 45"]),
        (
            "forward",
            ["40.6 %", "59.4 %", "37.3 %", "62.7 %", "[[0.1, 0.4], [0.2, 0.5]]"],
        ),
        ("forward", ["a = 0.3000\nz = 0.5744", "a = 1.2140\nz = 0.7710", "a = 0.6963"]),
        ("learning-chain", ["p = 0.4063\nt = 1\np - t = -0.5937", "L = 0.9008"]),
        (
            "learning-chain",
            ["dL/dz = +0.1187\ns'(a) = 0.2341", "dL/da = +0.0278", "= -0.3718"],
        ),
        pytest.param(
            "learning-xor",
            ["0.35: two answers at 1/2", "0.48: three", "moves (1, 0) and (1, 1)"],
            marks=pytest.mark.slow,
        ),
        pytest.param(
            "learning-xor",
            ["from (1, 0), (0, 1)", "100 steps (0.", "h₁ = 1/2"],
            marks=pytest.mark.slow,
        ),
        ("digits", ["row 8 becomes inputs 28·8 = 224 to 251", "(784, 50)", "+10.2"]),
        ("digits", ["99.7 %", "The 8 of 279 mistakes", "7 → 2, 99.99"]),
    ],
)
def test_a_figure_shows_the_numbers_of_its_lesson(name, numbers, drawn):
    shown = words_in(drawn(name, "en")[0])
    for number in numbers:
        assert number in shown


def test_a_gate_is_drawn_from_its_weights(monkeypatch, tmp_path):
    monkeypatch.setattr(planes, "AND", Perceptron([1.0, 0.25], -1.125))
    shown = words_in(draw("perceptron", "en", tmp_path / "perceptron.png"))
    assert "x₁ + 0.25x₂ - 1.125 = 0" in shown
    assert "AND: h₁ + 0.25h₂ - 1.125 = 0" in shown


def test_the_slopes_on_the_lines_are_autograds(drawn):
    model = network()
    learning.loss_of(model).backward()
    weights = [parameter for parameter in model.parameters() if parameter.ndim == 2]
    slopes = [slope for weight in weights for slope in weight.grad.flatten().tolist()]
    figure = drawn("learning-chain", "en")[0]
    shown = re.findall(r"^[+-]\d\.\d+$", words_in(figure), re.M)
    assert sorted(shown) == sorted(f"{slope:+.4f}" for slope in slopes)
    dashed = [line for line in figure.axes[0].lines if line.get_linestyle() == "--"]
    in_key = 1
    assert len(dashed) == in_key + sum(slope < 0 for slope in slopes)


def test_the_chain_is_drawn_from_its_network(monkeypatch, tmp_path):
    monkeypatch.setattr(chain, "network", lambda: network("source"))
    shown = words_in(draw("learning-chain", "en", tmp_path / "chain.png"))
    assert "p = 0.3730\nt = 1\np - t = -0.6270" in shown
    assert "L = 0.9861" in shown


@pytest.mark.slow
def test_the_bars_are_the_networks_that_learned(drawn):
    curves, _, bars, *_ = drawn("learning-xor", "en")[0].axes
    counts = [int(hundred(h, name).solved.sum()) for h in (2, 4) for name in OPTIMIZERS]
    assert [bar.get_height() for bar in bars.patches] == counts
    lines = [line for line in curves.lines if len(line.get_xdata()) > 2]
    ends = sorted(line.get_ydata()[-1] for line in lines)
    assert ends == sorted(hundred(2, learned.FIRST).losses[-1].tolist())
    legend = [text.get_text() for text in curves.get_legend().get_texts()]
    assert legend == [
        f"{counts[0]} learned XOR",
        f"{100 - counts[0]} have not, in 2,000 steps",
    ]


@pytest.mark.slow
def test_what_the_captions_say_of_the_two_networks_is_so():
    weight = solver().weight1[0]
    torch.testing.assert_close(weight[0], weight[1], rtol=0.01, atol=0)
    stuck = learned.failed()
    probs, hidden = stuck(INPUTS).sigmoid()[0], stuck.hidden(INPUTS)[0]
    one, other = ((probs - 0.5).abs() < 0.1).nonzero().flatten()
    torch.testing.assert_close(hidden[one], hidden[other], rtol=0, atol=0.01)
    assert learned.TARGETS[one] != learned.TARGETS[other]


def test_the_pictures_are_the_digit_its_row_and_all_its_rows(drawn):
    whole, row, strip = drawn("digits", "en")[0].axes[0].images[:3]
    image = load("test").images[digits.SHOWN].numpy()
    np.testing.assert_array_equal(whole.get_array(), image)
    np.testing.assert_array_equal(row.get_array(), image[8:9])
    np.testing.assert_array_equal(strip.get_array(), image.reshape(1, 784))
    assert image.sum(axis=1).argmax() == 8


@pytest.mark.full
def test_another_digit_gives_another_picture(monkeypatch, tmp_path):
    monkeypatch.setattr(pictures, "SHOWN", 1)
    figure = draw("digits", "en", tmp_path / "digits.png")
    image = load("test").images[1].numpy()
    np.testing.assert_array_equal(figure.axes[0].images[0].get_array(), image)
    assert "test image 1:" in words_in(figure)


def test_the_mistakes_are_the_surest_and_the_weights_the_largest(drawn):
    figure = drawn("digits", "en")[0]
    shown = re.findall(r"(\d) → (\d), ([\d.]+) %", words_in(figure))
    test, model = load("test"), digits.shipped()
    probs = predict_probs(model, test.images, scale_pixels)
    wrong = probs.argmax(1) != test.labels
    surest = sorted(probs.amax(1)[wrong].tolist())[:-9:-1]
    assert [percent for *_, percent in shown] == [f"{100 * p:.3f}" for p in surest]
    assert all(label != answer for label, answer, _ in shown)
    units = [int(unit) for unit in re.findall(r"unit (\d+): ", words_in(figure))]
    sizes = model.get_submodule("hidden1").linear.weight.abs().amax(1)
    assert sorted(units) == sorted(sizes.topk(12).indices.tolist())


def test_the_framed_units_are_those_whose_weights_are_shown(drawn):
    figure = drawn("digits", "en")[0]
    layer = figure.axes[0].images[3]
    assert layer.get_array().shape == (10, 5)
    left, right, _, top = layer.get_extent()
    size = (right - left) / 5
    frames = [
        patch.get_xy()
        for patch in figure.axes[0].patches
        if patch.get_linewidth() == 2 and patch.get_width() == pytest.approx(size)
    ]
    framed = [
        round((top - y) / size - 1) * 5 + round((x - left) / size) for x, y in frames
    ]
    shown = re.findall(r"unit (\d+): ([\d.]+)", words_in(figure))
    assert framed == [int(unit) for unit, _ in shown]
    values = layer.get_array().flatten()
    assert [f"{values[unit]:.2f}" for unit in framed] == [z for _, z in shown]
