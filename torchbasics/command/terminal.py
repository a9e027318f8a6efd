"""A terminal: pictures in half blocks, probabilities as bars; pages, and replies."""

import os
import pydoc
import shlex
import shutil
import sys
import time
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any, NamedTuple

from rich.console import Console, ConsoleOptions
from rich.progress import track
from rich.table import Table
from rich.text import Text
from torch import Tensor

from torchbasics.command import signals

BAR = 30  # columns of a bar that stands for 100 %
WIDTH = 88  # longer lines of prose are tiring to read


class SafeConsole(Console):
    """A console that takes what it is told as it is: no markup, nothing highlighted."""

    def __init__(self, **options: Any) -> None:
        super().__init__(markup=False, emoji=False, highlight=False, **options)


def make_console() -> SafeConsole:
    """A console for prose: not too wide, no colour but what is asked for."""
    console = SafeConsole()
    console.width = min(console.width or WIDTH, WIDTH)
    return console


@contextmanager
def paged(console: Console, *, wanted: bool = True, prompt: str = "") -> Iterator[None]:
    """Let a person turn the pages of what is printed meanwhile, if it does not fit.

    What fits stays, where there is a prompt, until Enter is typed. The pager is $PAGER,
    or less. Only where a person sits at both ends: a file or a pipe gets all as it
    comes.
    """
    person = console.is_terminal and not console.is_dumb_terminal and _types()
    command = pager() if person and wanted else ""
    if command:
        waiting = SafeConsole(stderr=True).status("...")
        with waiting, console.capture() as capture:
            yield
        text = capture.get()
        if text.count("\n") + bool(prompt) >= console.height:
            sys.stdout.flush()
            with signals.left_to_others():  # Ctrl+C is the pager's
                pydoc.pipepager(text, command)
            return
        print(text, end="", flush=True)
    else:
        yield
    if person and prompt:
        reply(prompt)
        print()


def pager() -> str:
    """The command that shows text by the page, or "" where there is none."""
    try:
        words = shlex.split(os.environ.get("PAGER", "less"))
    except ValueError:  # a quotation without end
        return ""
    if not words or not shutil.which(words[0]) or words[0] == "cat":
        return ""
    colours = ["-R"] if words[0].endswith("less") else []
    return shlex.join([*words, *colours])


def reply(prompt: str) -> str:
    """What a person types in answer, or "" where nothing can be read."""
    try:
        return input(prompt)
    except (EOFError, OSError, RuntimeError, UnicodeDecodeError):  # none, or no text
        print()
        return ""


def _types() -> bool:
    return sys.stdin is not None and sys.stdin.isatty()


class Answer(NamedTuple):
    """A digit, the ten probabilities beside it, and which digit was read.

    Shape: image (28, 28) uint8, probs (10,).
    """

    image: Tensor
    probs: Tensor
    label: int
    if_right: str = "the network reads {answer}, which is right"
    if_wrong: str = "the network reads {answer}, which is wrong: the label says {label}"

    def __rich_console__(self, console: Console, _: ConsoleOptions) -> Iterator[Text]:
        answer = int(self.probs.argmax())
        bars = [Text()] * 2 + [
            Text(f"  {digit}  {100 * prob:6.2f} % {_bar(console, prob)}", "dim")
            for digit, prob in enumerate(self.probs.tolist())
        ]
        bars[2 + answer].stylize("not dim bold green")
        for row, bar in zip(
            digit_rows(self.image, console), bars + [Text()] * 2, strict=True
        ):
            yield row + bar
        sentence = self.if_right if answer == self.label else self.if_wrong
        yield Text(sentence.format(answer=answer, label=self.label))


class SideBySide(NamedTuple):
    """Pictures, the next to the right of the one before.

    Those of whole numbers are digits, those of others have a sign. Captions, if any,
    stand below. Shape: (28, 28) each, uint8 or floating.
    """

    images: Iterable[Tensor]
    captions: Sequence[str] = ()

    def __rich_console__(self, console: Console, _: ConsoleOptions) -> Iterator[Table]:
        table = Table.grid(padding=(0, 4))
        rows = (
            (signed_rows if image.is_floating_point() else digit_rows)(image, console)
            for image in self.images
        )
        table.add_row(*map(Text("\n").join, rows))
        if self.captions:
            table.add_row(*self.captions)
        yield table


def digit_rows(image: Tensor, console: Console) -> list[Text]:
    """An image as rows of text, each of which shows two rows of pixels.

    Shape: (H, W) uint8, H even -> H / 2 rows of W characters.

    >>> import torch
    >>> image = torch.tensor([[255, 255, 0, 0], [255, 0, 255, 0]], dtype=torch.uint8)
    >>> [row.plain for row in digit_rows(image, Console(no_color=True))]
    ['█▀▄ ']
    """
    colour = console.color_system is not None and not console.no_color
    blocks = " .'#" if console.options.ascii_only else " ▄▀█"
    rows = []
    for upper, lower in zip(image[0::2].tolist(), image[1::2].tolist(), strict=True):
        row = Text()
        for above, below in zip(upper, lower, strict=True):
            if colour:
                style = f"rgb({above},{above},{above}) on rgb({below},{below},{below})"
                row.append("▀", style)
            else:
                row.append(blocks[2 * (above > 127) + (below > 127)])
        rows.append(row)
    return rows


def signed_rows(values: Tensor, console: Console) -> list[Text]:
    """Numbers around 0 as rows of text, each of which shows two rows of them.

    In colour, orange is above 0 and blue below; else `+` and `-`, and `#` and `=` where
    a number is above half of the largest. Shape: (H, W), H even -> H / 2 rows.

    >>> import torch
    >>> values = torch.tensor([[4.0, 1.0, 0.0, -2.0]] * 2)
    >>> [row.plain for row in signed_rows(values, Console(no_color=True))]
    ['#+ -']
    """
    shares = values / values.abs().max().clamp(min=1e-30)
    if console.color_system is not None and not console.no_color:
        both = zip(shares[0::2].tolist(), shares[1::2].tolist(), strict=True)
        return [Text.assemble(*map(_signed_block, *rows)) for rows in both]
    means = shares.unflatten(0, (-1, 2)).mean(1)
    levels = (means.abs() > 0.15).int() + (means.abs() > 0.5)
    signs = (levels * means.sign()).int() + 2
    return [Text("".join("=- +#"[sign] for sign in row)) for row in signs.tolist()]


def plural(count: int, noun: str) -> str:
    """A count and its noun.

    >>> plural(1, "thread"), plural(2, "thread")
    ('1 thread', '2 threads')
    """
    return f"{count:,} {noun}{'' if count == 1 else 's'}"


def tracked(names: Iterable[str], doing: str) -> Iterator[str]:
    """The names, with a bar on a terminal; elsewhere with a line for each done."""
    console = SafeConsole(stderr=True)
    if console.is_terminal:
        yield from track(list(names), doing, console=console, transient=True)
        return
    for name in names:
        start = time.perf_counter()
        yield name
        console.print(f"{doing}: {name}, {time.perf_counter() - start:.1f} s")


def _signed_block(above: float, below: float) -> tuple[str, str]:
    upper, lower = (
        f"rgb({max(0, 255 * x):.0f},{130 * abs(x):.0f},{max(0, -255 * x):.0f})"
        for x in (above, below)
    )
    return "▀", f"{upper} on {lower}"


def _bar(console: Console, prob: float) -> str:
    return ("#" if console.options.ascii_only else "█") * round(BAR * prob)
