"""Pictures in a terminal: a digit in half blocks, probabilities as bars."""

import codecs
import errno
import io
import sys
import time
from collections.abc import Iterable, Iterator
from typing import Any, NamedTuple

from rich.console import Console, ConsoleOptions
from rich.progress import track
from rich.table import Table
from rich.text import Text
from torch import Tensor

from torchbasics.command.errors import drop_stdout

BAR = 30  # columns of a bar that stands for 100 %
WIDTH = 88  # longer lines of prose are tiring to read


class SafeConsole(Console):
    """A console that outlives its reader (`| head`) and a full disk behind it.

    `lost` says that something could not be kept, which nobody chose.
    """

    lost = False

    def print(self, *objects: Any, **options: Any) -> None:
        """Print, or if that cannot be, print nothing from now on."""
        try:
            super().print(*objects, **options)
            self.file.flush()
        except OSError as error:
            self.lost = error.errno != errno.EPIPE
            self.on_broken_pipe()

    def on_broken_pipe(self) -> None:
        """What rich calls when nobody reads any more."""
        drop_stdout()
        self.quiet = True


PLAIN = dict(zip("✓✗\u2212·→…●○", "+x-*>.#o", strict=True))
"""What stands for a sign where the output's encoding has none."""


def _plain(error: UnicodeError) -> tuple[str, int]:
    assert isinstance(error, UnicodeEncodeError)
    return PLAIN.get(error.object[error.start], "?"), error.start + 1


codecs.register_error("plain", _plain)


def make_console() -> SafeConsole:
    """A console for prose: not too wide, no colour but what is asked for."""
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="plain")  # no letter may stop a lesson
    console = SafeConsole(highlight=False)
    console.width = min(console.width or WIDTH, WIDTH)
    return console


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
    """Digits, the next to the right of the one before. Shape: (N, 28, 28) uint8."""

    images: Tensor

    def __rich_console__(self, console: Console, _: ConsoleOptions) -> Iterator[Table]:
        table = Table.grid(padding=(0, 4))
        rows = (digit_rows(image, console) for image in self.images)
        table.add_row(*map(Text("\n").join, rows))
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
    blocks = " .'#" if is_ascii(console) else " ▄▀█"
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


def plural(count: int, noun: str) -> str:
    """A count and its noun.

    >>> plural(1, "thread"), plural(2, "thread")
    ('1 thread', '2 threads')
    """
    return f"{count:,} {noun}{'' if count == 1 else 's'}"


def tracked(names: Iterable[str], doing: str) -> Iterator[str]:
    """The names, with a bar on a terminal; elsewhere with a line for each done."""
    console = Console(stderr=True, highlight=False)
    if console.is_terminal:
        yield from track(list(names), doing, console=console, transient=True)
        return
    for name in names:
        start = time.perf_counter()
        yield name
        console.print(f"{doing}: {name}, {time.perf_counter() - start:.1f} s")


def is_ascii(console: Console) -> bool:
    """Whether block characters would not arrive."""
    return not console.encoding.lower().startswith("utf")


def _bar(console: Console, prob: float) -> str:
    return ("#" if is_ascii(console) else "█") * round(BAR * prob)
