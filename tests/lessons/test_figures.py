"""The figures: drawn in both languages, legible, and true to the library."""

import ast
import logging
import math
from functools import cache
from itertools import combinations
from pathlib import Path

import matplotlib
import numpy as np
import pytest
from matplotlib import font_manager
from matplotlib.figure import Figure
from matplotlib.path import Path as Outline
from matplotlib.text import Text
from PIL import Image

from torchbasics.lessons import LESSONS, figures, prose
from torchbasics.lessons.figures import planes
from torchbasics.perceptron import Perceptron

SIZES = {
    "perceptron": (1400, 1160),
    "activations": (1400, 1100),
    "matrices": (1400, 800),
    "forward": (1400, 800),
}
BOTH = [(name, lang) for name in SIZES for lang in ("en", "ko")]
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
    saved = []
    with pytest.MonkeyPatch.context() as patch:
        save = Figure.savefig
        patch.setattr(
            Figure, "savefig", lambda self, to: (saved.append(self), save(self, to))
        )
        figures.draw(name, lang, path)
    (figure,) = saved
    return figure


def texts(figure):
    """Each text that is seen; the scales of axes that are off are not."""
    unseen = {
        text
        for axes in figure.axes
        if not axes.axison
        for axis in (axes.xaxis, axes.yaxis)
        for text in axis.findobj(Text)
    }
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
    assert set(LESSONS) <= set(figures.FIGURES)


@pytest.mark.parametrize(("name", "lang"), BOTH)
def test_a_figure_is_a_png_of_its_size_on_white(name, lang, drawn):
    with Image.open(drawn(name, lang)[1]) as image:
        assert image.format == "PNG"
        assert image.size == SIZES[name]
        assert image.convert("RGB").getpixel((0, 0)) == (255, 255, 255)


@pytest.mark.parametrize(("name", "lang"), BOTH)
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
def test_korean_letters_are_drawn_with_a_korean_font(drawn):
    for name in SIZES:
        korean, english = (words_in(drawn(name, lang)[0]) for lang in ("ko", "en"))
        assert any("가" <= letter <= "힣" for letter in korean)
        assert not any("가" <= letter <= "힣" for letter in english)
    title = drawn("matrices", "ko")[0].texts[0]
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
