"""A terminal: pictures in half blocks, probabilities as bars; pages, and replies."""

import os
import pydoc
import shlex
import shutil
import signal
import sys
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any, NamedTuple

from rich.console import Console, ConsoleOptions
from rich.progress import track
from rich.table import Table
from rich.text import Text
from torch import Tensor

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

    What fits stays, where there is a prompt, until Enter is typed. Only where a person
    sits at both ends: a file or a pipe gets all as it comes.
    """
    person = console.is_terminal and not console.is_dumb_terminal
    person = person and sys.stdin is not None and sys.stdin.isatty()
    command = pager() if person and wanted else ""
    if command:
        with SafeConsole(stderr=True).status("..."), console.capture() as capture:
            yield
        text = capture.get()
        if text.count("\n") + bool(prompt) >= console.height:
            sys.stdout.flush()
            before = signal.signal(signal.SIGINT, lambda *_: None)  # is the pager's
            try:
                pydoc.pipepager(text, command)
            finally:
                signal.signal(signal.SIGINT, before)
            return
        print(text, end="", flush=True)
    else:
        yield
    if person and prompt:
        reply(prompt)
        print()


def pager() -> str:
    """$PAGER, or less; "" where there is none."""
    command = os.environ.get("PAGER", "less")
    try:
        name = next(iter(shlex.split(command)), "")
    except ValueError:  # a quotation without end
        return ""
    if name == "cat" or not shutil.which(name):
        return ""
    return f"{command} -R" if name.endswith("less") else command  # -R: colours


def reply(prompt: str) -> str:
    """What a person types in answer, or "" where nothing can be read."""
    try:
        return input(prompt)
    except (EOFError, OSError, RuntimeError, UnicodeDecodeError):  # none, or no text
        print()
        return ""


class Answer(NamedTuple):
    """A digit, the ten probabilities beside it, and a sentence on which was read.

    Shape: image (28, 28) uint8, probs (10,).
    """

    image: Tensor
    probs: Tensor
    text: str

    def __rich_console__(self, console: Console, _: ConsoleOptions) -> Iterator[Text]:
        block = "#" if console.options.ascii_only else "█"
        bars = [Text()] * 2 + [
            Text(f"  {digit}  {100 * prob:6.2f} % {block * round(BAR * prob)}", "dim")
            for digit, prob in enumerate(self.probs.tolist())
        ]
        bars[2 + int(self.probs.argmax())].stylize("not dim bold green")
        for row, bar in zip(
            pixel_rows(self.image, console), bars + [Text()] * 2, strict=True
        ):
            yield row + bar
        yield Text(self.text)


class SideBySide(NamedTuple):
    """Pictures, the next to the right of the one before; captions, if any, below.

    Shape: (28, 28) each, as `pixel_rows` takes them.
    """

    images: Iterable[Tensor]
    captions: Sequence[str] = ()

    def __rich_console__(self, console: Console, _: ConsoleOptions) -> Iterator[Table]:
        table = Table.grid(padding=(0, 4))
        rows = (pixel_rows(image, console) for image in self.images)
        table.add_row(*map(Text("\n").join, rows))
        if self.captions:
            table.add_row(*self.captions)
        yield table


def pixel_rows(image: Tensor, console: Console) -> list[Text]:
    """A picture as rows of text, each of which shows two rows of pixels.

    Whole numbers are ink, 0 to 255. Others have a sign: in colour, orange is above 0
    and blue below; else `+` and `-`, and `#` and `=` where a number is above half of
    the largest. Shape: (H, W), H even -> H / 2 rows of W characters.

    >>> import torch
    >>> image = torch.tensor([[255, 255, 0, 0], [255, 0, 255, 0]], dtype=torch.uint8)
    >>> values = torch.tensor([[4.0, 1.0, 0.0, -2.0]] * 2)
    >>> [pixel_rows(one, Console(no_color=True))[0].plain for one in (image, values)]
    ['█▀▄ ', '#+ -']
    """
    has_sign = image.is_floating_point()
    shares = image / (image.abs().max().clamp(min=1e-30) if has_sign else 255)
    pairs = shares.unflatten(0, (-1, 2))  # (H / 2, 2, W)
    if console.color_system is not None and not console.no_color:
        shade = _orange_or_blue if has_sign else _grey
        cells = ([*zip(*pair, strict=True)] for pair in pairs.tolist())
        return [
            Text.assemble(*(("▀", f"{shade(a)} on {shade(b)}") for a, b in row))
            for row in cells
        ]
    if has_sign:
        means = pairs.mean(1)
        levels = (means.abs() > 0.15).int() + (means.abs() > 0.5)
        signs, codes = "=- +#", (levels * means.sign()).int() + 2
    else:
        signs = " .'#" if console.options.ascii_only else " ▄▀█"
        codes = 2 * (pairs[:, 0] > 0.5).int() + (pairs[:, 1] > 0.5)
    return [Text("".join(signs[code] for code in row)) for row in codes.tolist()]


def _grey(share: float) -> str:
    return f"rgb({255 * share:.0f},{255 * share:.0f},{255 * share:.0f})"


def _orange_or_blue(share: float) -> str:
    red, blue = max(0, 255 * share), max(0, -255 * share)
    return f"rgb({red:.0f},{130 * abs(share):.0f},{blue:.0f})"


def plural(count: int, noun: str) -> str:
    """A count and its noun.

    >>> plural(1, "thread"), plural(2, "thread")
    ('1 thread', '2 threads')
    """
    return f"{count:,} {noun}{'' if count == 1 else 's'}"


def tracked(names: Iterable[str], doing: str) -> Iterable[str]:
    """The names, with a bar on a terminal until all are done."""
    console = SafeConsole(stderr=True)
    hidden = not console.is_terminal
    return track([*names], doing, console=console, transient=True, disable=hidden)
