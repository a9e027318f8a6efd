"""The figures of the lessons; every number in them comes from the library."""

import logging
import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO, Any

from matplotlib import font_manager, style
from matplotlib.figure import Figure

from torchbasics.lessons import prose
from torchbasics.lessons.checks import Words
from torchbasics.lessons.figures import (
    chain,
    curves,
    deep,
    digits,
    learned,
    network,
    planes,
    tables,
)
from torchbasics.lessons.figures.canvas import INK
from torchbasics.lessons.prose import Language

STYLE = {
    "figure.dpi": 100,
    "font.size": 10,
    "text.color": INK,
    "axes.labelcolor": INK,
    "axes.titlesize": 12,
    "axes.titleweight": "bold",
    "axes.titlelocation": "left",
    "axes.spines.top": False,
    "axes.spines.right": False,
    "legend.frameon": False,
    "lines.linewidth": 2.5,
    "lines.solid_capstyle": "butt",
}
SVG = {
    "savefig.format": "svg",
    "svg.fonttype": "path",  # a reader has no font with these letters, or a wider one
    "image.composite_image": False,
}
"""What else is set where a figure is drawn for a page."""

HANGUL = (
    "Noto Sans CJK KR", "Noto Sans KR", "NanumGothic", "NanumBarunGothic",
    "Malgun Gothic", "Apple SD Gothic Neo", "AppleGothic", "UnDotum",
    "Noto Sans CJK JP",
)  # fmt: skip
"""Fonts with Korean letters, the best first. Matplotlib brings none of them."""


FIGURES: dict[str, Callable[[Words], Figure]] = {
    "perceptron": planes.perceptron,
    "activations": curves.activations,
    "matrices": tables.matrices,
    "forward": network.forward,
    "learning-chain": chain.chain,
    "learning-xor": learned.xor,
    "vanishing-start": deep.start,
    "digits": digits.digits,
}


def of(lesson: str) -> list[str]:
    """The names of a lesson's figures: its own, or that and, after a hyphen, a word.

    >>> of("learning")
    ['learning-chain', 'learning-xor']
    """
    return [name for name in FIGURES if name.partition("-")[0] == lesson]


def draw(
    name: str,
    lang: Language,
    path: Path | IO[bytes],
    looks: dict[str, Any] | None = None,
) -> Language:
    """Draw a figure of a lesson as a PNG; in which language, `drawable` says."""
    text = "vanishing" if name in of("vanishing") else "figures"
    return save(FIGURES[name], text, lang, path, looks)


def save(
    figure: Callable[[Words], Figure],
    text: str,
    lang: Language,
    path: Path | IO[bytes],
    looks: dict[str, Any] | None = None,
) -> Language:
    """Draw a figure whose words stand in that text; in which language, is returned."""
    lang = drawable(lang)
    words = prose.read(text, lang).words
    words = {key: text.replace(" | ", "\n") for key, text in words.items()}
    family = ["DejaVu Sans", *([hangul_font()] if lang == "ko" else [])]
    with (
        style.context(["default", STYLE, {"font.family": family}, looks or {}]),
        quiet_fonts(),
    ):
        drawn = figure(words)
        drawn.savefig(path, metadata={"Title": drawn.texts[0].get_text()})
    return lang


@contextmanager
def quiet_fonts() -> Iterator[None]:
    """Let matplotlib not report that a Korean font has no bold letters; many do not."""
    log = logging.getLogger("matplotlib.font_manager")
    level = log.level
    log.setLevel(logging.ERROR)
    try:
        yield
    finally:
        log.setLevel(level)


def drawable(lang: Language) -> Language:
    """The language asked for, or English where no font has Korean letters."""
    return "en" if lang == "ko" and hangul_font() is None else lang


def hangul_font() -> str | None:
    """An installed font with Korean letters, also one newer than matplotlib's list."""
    manager = font_manager.fontManager
    if not set(HANGUL) & set(manager.get_font_names()):
        known = {font.fname for font in manager.ttflist}
        korean = re.compile("cjk|nanum|malgun|gothic|dotum|sanskr", re.IGNORECASE)
        for path in filter(korean.search, {*font_manager.findSystemFonts()} - known):
            with suppress(OSError, RuntimeError):  # a broken file is no font
                manager.addfont(path)
    names = manager.get_font_names()
    return next((name for name in HANGUL if name in names), None)
