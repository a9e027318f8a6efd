"""Lessons in a notebook's cells: a part's numbers, a figure, TensorBoard.

A part is shown in Markdown, which every notebook can show, and pictures.
"""

import atexit
import io
import os
import re
import shlex
import signal
import sys
from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from pathlib import Path
from typing import TypeAlias

from IPython.display import Image, Markdown, Pretty, display
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from torch import Tensor

from torchbasics.command import runs
from torchbasics.device import cpu_threads
from torchbasics.lessons import figures, prose
from torchbasics.lessons.checks import (
    Answer,
    Check,
    Images,
    Item,
    Listing,
    Paragraph,
    Part,
    Table,
    Words,
    grouped,
)
from torchbasics.lessons.figures.canvas import BLUE, GREY
from torchbasics.lessons.prose import Language

Shown: TypeAlias = Markdown | Image | Pretty


def show(part: Part, lang: str = "auto") -> None:
    """Compute a part of a lesson, and show it under the cell."""
    lesson = part.__module__.rpartition(".")[2]
    words = prose.read(lesson, prose.language(lang)).words
    with cpu_threads(1, flush_denormal=True):  # as in a terminal, and in the lab
        shown = list(render(part(words), words))
    for one in shown:
        display(one)


def show_figure(name: str, lang: str = "auto") -> None:
    """Draw a figure of a lesson, and show it under the cell."""
    for one in drawn(name, prose.language(lang)):
        display(one)


def show_tensorboard(logdir: str) -> None:
    """Start TensorBoard on the runs in a folder; it ends with the notebook's kernel."""
    from tensorboard import manager, notebook  # noqa: PLC0415 - slow, and seldom used

    program = Path(sys.executable).with_name("tensorboard")
    os.environ.setdefault("TENSORBOARD_BINARY", str(program))
    if proxy := runs.instance_address("%PORT%"):
        os.environ.setdefault("TENSORBOARD_PROXY_URL", proxy)
    running = {info.pid for info in manager.get_all()}
    notebook.start(f"--logdir {shlex.quote(os.path.expanduser(logdir))}")
    for info in manager.get_all():
        if info.pid not in running:
            atexit.register(_stop, info.pid)


def drawn(name: str, lang: Language) -> Iterator[Shown]:
    """A figure of a lesson; before it why, if it is not in that language."""
    words, png = prose.read(name.partition("-")[0], lang).words, io.BytesIO()
    if figures.draw(name, lang, png) != lang:
        yield Markdown(plain(words["no_font"]))
    yield Image(png.getvalue(), alt=words["title"])


def render(items: Iterable[Item], words: Words) -> Iterator[Shown]:
    """A part as a cell shows it: checks that follow each other in one table."""
    for one in grouped(items):
        if isinstance(one, list):
            yield checks_table(one, words)
        else:
            yield from rendered(one)


def rendered(item: Item) -> Sequence[Shown]:
    """One item that is no check."""
    match item:
        case Table(headers, rows):
            return [table(headers, rows)]
        case Listing(text):
            return [Pretty(text.rstrip("\n"))] if text.strip() else []
        case Paragraph(text):
            return [Markdown(plain(text))]
        case Images(images):
            return [picture(digits(images))]
        case Answer():
            return [picture(bars(item.image, item.probs)), Markdown(plain(item.text))]
    raise TypeError(f"{item!r} is no item of a lesson")


def checks_table(checks: Iterable[Check], words: Words) -> Markdown:
    """The checks, a row each: name, both numbers, whether they agree, the source."""
    headers = "", words["expected"], words["computed"], "", words["source"]
    return table(headers, [check.cells(words) for check in checks])


def table(headers: Sequence[str], rows: Iterable[Sequence[str]]) -> Markdown:
    r"""A table in Markdown, its cells as they stand.

    >>> print(table(("x", "|x|"), [("a * b", "1")]).data)
    | x | \|x\| |
    |:--|:--|
    | a \* b | 1 |
    """
    lines = [headers, *rows]
    marked = [f"| {' | '.join(map(plain, cells))} |" for cells in lines]
    return Markdown("\n".join([marked[0], f"|{':--|' * len(headers)}", *marked[1:]]))


def plain(text: str) -> str:
    r"""A text with nothing in it that Markdown, HTML or TeX would take for a mark.

    >>> print(plain("W1 [0] * 2_000"))
    W1 \[0\] \* 2\_000
    """
    return re.sub(r"([\\`*_\[\]<>|$#~&])", r"\\\1", text)


def digits(images: Tensor) -> Figure:
    """Digits side by side, ink on paper. Shape: (N, 28, 28) uint8."""
    figure = Figure(figsize=(1.6 * len(images), 1.6))
    (panels,) = figure.subplots(1, len(images), squeeze=False)
    for panel, image in zip(panels, images, strict=True):
        draw_digit(panel, image)
    return figure


def bars(image: Tensor, probs: Tensor) -> Figure:
    """A digit, and beside it a bar for each probability.

    Shape: image (28, 28) uint8, probs (10,).
    """
    figure = Figure(figsize=(7, 2.6), layout="constrained")
    left, right = figure.subplots(1, 2, width_ratios=(1, 2))
    draw_digit(left, image)
    shares = probs.tolist()
    colors = [BLUE if share == max(shares) else GREY for share in shares]
    bar = right.barh(range(10), shares, color=colors)
    right.bar_label(bar, [f"{100 * share:.2f} %" for share in shares], padding=3)
    right.set(yticks=range(10), xlim=(0, 1.2), xticks=())
    right.invert_yaxis()
    right.spines[:].set_visible(False)
    return figure


def draw_digit(panel: Axes, image: Tensor) -> None:
    """Pixels as they are, ink dark. Shape: (28, 28) uint8."""
    panel.imshow(image.numpy(), cmap="gray_r", vmin=0, vmax=255)
    panel.axis("off")


def picture(figure: Figure) -> Image:
    """A figure as the PNG that a cell can show."""
    png = io.BytesIO()
    figure.savefig(png)
    return Image(png.getvalue())


def _stop(process: int) -> None:
    with suppress(ProcessLookupError):
        os.kill(process, signal.SIGTERM)
